/*
 * cut.h
 *	  Asking for less: units that are too much for a request, or for a report, are
 *	  read in smaller ones.
 *
 * Each row still comes from exactly one request (or, of metrics, from one request
 * for each of them).
 */
#ifndef TT_CUT_H
#define TT_CUT_H

#include "postgres.h"

#include "failure/failure.h"
#include "lib/ilist.h"
#include "units/units.h"

/* ---- cut.c: too large, or too slow ---- */

/*
 * Read smaller units in place of one; slow: it took too long.  False: some of its
 * rows left, or it is the least that can be asked for.
 */
extern bool tt_unit_cut(TtReading *reading, TtFetchUnit *unit, bool slow);

/* Cut it once more, if it was cut because it took too long; false: it was not. */
extern bool tt_unit_cut_slow(TtReading *reading, TtFetchUnit *unit);

/*
 * Cut a unit that is about to be asked for, if it is known to be too much: its
 * jobs are gone then.
 */
extern bool tt_unit_cut_before_asking(TtReading *reading, TtFetchUnit *unit);

/* ---- split.c, id_lists.c: reports of more ads than a report covers ---- */

/* rows of a page of a list of ids */
typedef void (*TtListSink)(void *arg, const TtReply *reply);

/*
 * How a list of ids is read, without waiting: by whoever has the means to send.
 * begin: of the account with this index in the query; all of it outlives the list.
 * read: hand on the pages that are there; whether that was the last.
 */
typedef struct TtListReader
{
	void *(*begin)(void *arg, int account, const TtTable *table, TtQuery *query,
				   const TtProjection *projection);
	bool (*read)(void *list, TtListSink sink, void *sink_arg);
	void (*end)(void *list);
	void *arg;
} TtListReader;

typedef struct TtSplit
{
	TtReading	*reading;
	TtListReader reader;
	dlist_head	 lists;	  /* of ids to split by */
	dlist_head	 waiting; /* units that wait for one */
	int			 nwaiting;
} TtSplit;

typedef enum TtSplitState
{
	TT_SPLIT_IDLE,	  /* no unit waits for a list */
	TT_SPLIT_READING, /* look at it again soon */
	TT_SPLIT_READY,	  /* a list is known: units can begin */
	TT_SPLIT_REFUSED  /* a list's account is skipped: it is to be given up */
} TtSplitState;

/* reading outlives it */
extern void tt_split_init(TtSplit *split, TtReading *reading, const TtListReader *reader);

/*
 * A unit's reply was truncated; frees the unit.  ERROR if there is nothing to
 * split it by.
 */
extern void tt_split_truncated(TtSplit *split, TtFetchUnit *unit, const TtFailure *failure);

/* Whether a unit not begun yet is to be split: then it waits for its ids. */
extern bool tt_split_before(TtSplit *split, const TtUnit *spec);

/* Begin units in place of one that waited, whose ids are known; NULL: none. */
extern TtFetchUnit *tt_split_begin_next(TtSplit *split);

/* Go on with a list of ids, if units wait for one. */
extern TtSplitState tt_split_advance(TtSplit *split, int64 *refused_account);

/* No unit of the account (0: of any) waits any more. */
extern void tt_split_forget(TtSplit *split, int64 account);

/* Ends the lists that are being read. */
extern void tt_split_end(TtSplit *split);

#endif /* TT_CUT_H */
