/*
 * refused_private.h
 *	  What may be refused: metrics and filters, and how a message names them.
 */
#ifndef TT_REFUSED_PRIVATE_H
#define TT_REFUSED_PRIVATE_H

#include "refused/refused.h"

/*
 * wording.c.  names_word: whether a message has a word that is not part of a
 * longer one; quoted: in quotation marks.  before_valid: what it says before it
 * lists what is valid; palloc'ed.
 */
extern bool		   tt_message_names(const char *message, const char *word, bool *quoted);
extern const char *tt_message_before_valid(const char *message);

/* metrics.c: warn of metrics that are known to be refused. */
extern void tt_metrics_tell(const TtReading *reading);

/*
 * Metric i of the query reads as NULL from now on, with a WARNING; ERROR in a
 * refresh, of sums, or if the catalogue does not know it.
 */
extern void tt_metric_refused(TtReading *reading, int i, const char *message);

/* filters.c: warn of filters that are known to be refused. */
extern void tt_filters_tell(TtReading *reading);

/*
 * Ask without a filter that the message names; without one after the other, when
 * it names nothing.  Both may free the unit; false: nothing can be left out.
 */
extern bool tt_filter_refused(TtRefused *refused, TtFetchUnit *unit, const char *message);
extern bool tt_filters_try(TtRefused *refused, TtFetchUnit *unit, const char *message);

/* A unit was answered, maybe because of the filters it was asked for without. */
extern void tt_filters_answered(TtRefused *refused, TtFetchUnit *unit);

/*
 * conflict_search.c.  start: look for the metric; false: it is no metric's fault.
 * of: whether a unit is only the search's.  answered: it was, well or not.
 */
extern bool tt_conflict_search_start(TtRefused *refused, TtFetchJob *job, const char *message);
extern bool tt_conflict_search_of(const TtRefused *refused, const TtFetchUnit *unit);
extern void tt_conflict_search_answered(TtRefused *refused, bool good);

#endif /* TT_REFUSED_PRIVATE_H */
