/*
 * conflict_search.c
 *	  Finding out which metric the API refuses, when it does not say.
 *
 * "Conflict occurs. The input params including metrics and dimensions have no
 * relation." names nobody.  So requests of one row find the shortest run of the
 * metrics, from the first, that is refused (log2 n of them): its last metric
 * does not go with the dimensions, or with the metrics before it, and is no
 * longer asked for.  The search's unit is alone: what waits for the answer is not
 * sent in the meantime; if it is refused again, there is another one to be found.
 */
#include "postgres.h"

#include "refused/refused_private.h"

/* names of the slice of which n are not refused */
static int
prefix_length(const TtQuery *query, int first, int n)
{
	int length = 0;

	for (; n > 0; length++)
		n -= !query->refused[first + length];
	return length;
}

/* Ask for the run between what goes and what does not. */
static void
ask(TtRefused *refused)
{
	TtConflictSearch *search = &refused->search;
	TtFetchUnit		 *unit = refused->reading->alone;

	search->asked = search->good + (search->bad - search->good) / 2;
	unit->unit.names.n = prefix_length(refused->reading->query, unit->unit.names.first,
									   search->asked);
	tt_unit_restart(refused->reading, unit);
}

bool
tt_conflict_search_start(TtRefused *refused, TtFetchJob *job, const char *message)
{
	TtReading		 *reading = refused->reading;
	TtConflictSearch *search = &refused->search;
	TtUnit			  spec = job->unit->unit;
	TtFetchUnit		  like = *job->unit;

	if (search->useless)
		return false;
	if (reading->alone == NULL)
	{
		strlcpy(search->message, message, sizeof(search->message));
		search->good = -1;
		search->bad = tt_unit_names(reading->query, &spec);
		/* not even the least is known to go: that is a run of none */
		spec.names.n = 0;
		like.max_rows = 1;
		reading->alone = tt_unit_begin(reading, &spec, &like);
		ask(refused);
	}
	tt_job_block(reading, job);
	return true;
}

bool
tt_conflict_search_of(const TtRefused *refused, const TtFetchUnit *unit)
{
	return unit == refused->reading->alone;
}

void
tt_conflict_search_answered(TtRefused *refused, bool good)
{
	TtReading		 *reading = refused->reading;
	TtConflictSearch *search = &refused->search;
	int				  first = reading->alone->unit.names.first;

	reading->stats->retries++;
	if (good)
		search->good = search->asked;
	else
		search->bad = search->asked;
	if (search->bad - search->good > 1)
	{
		ask(refused);
		return;
	}
	if (search->bad == 0)
		search->useless = true; /* no metric's fault */
	else
		tt_metric_refused(reading,
						  first + prefix_length(reading->query, first, search->bad) - 1,
						  search->message);
	tt_unit_drop(reading, reading->alone);
}
