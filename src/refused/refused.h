/*
 * refused.h
 *	  Asking differently: what the API refuses is left out, where the rows stay right.
 *
 * Metrics, fields, the order, conditions, filters that options add: if need be one
 * after the other.  What is left out is told by a WARNING where it may be missed,
 * and remembered for the session (table/refusals.h).
 */
#ifndef TT_REFUSED_H
#define TT_REFUSED_H

#include "postgres.h"

#include "failure/failure.h"
#include "units/units.h"

#define TT_REFUSED_MESSAGE 256

/* the search for a metric that is refused without being named: conflict_search.c */
typedef struct TtConflictSearch
{
	int	 asked;	  /* how many metrics of a unit, its first ones */
	int	 good;	  /* so many go together */
	int	 bad;	  /* so many do not */
	bool useless; /* not even the least went */
	char message[TT_REFUSED_MESSAGE];
} TtConflictSearch;

typedef struct TtRefused
{
	TtReading		*reading;
	TtConflictSearch search;
	char			 message[TT_REFUSED_MESSAGE]; /* that named no filter: filters.c */
} TtRefused;

typedef enum TtRefusedVerdict
{
	TT_REFUSED_ASKED_ANEW, /* the job or its unit is asked for again, or is gone */
	TT_REFUSED_START_OVER, /* the query is another one: tt_reading_start() */
	TT_REFUSED_FINAL	   /* nothing can be left out */
} TtRefusedVerdict;

/*
 * Before anything is asked for: warns of what is known to be refused (ERROR in a
 * refresh of a snapshot).  The reading outlives *refused.
 */
extern void tt_refused_init(TtRefused *refused, TtReading *reading);

/* A job was answered that one of its parameters is invalid: ask without it. */
extern TtRefusedVerdict tt_refused_parameter(TtRefused *refused, TtFetchJob *job,
											 const TtFailure *failure);

/*
 * A unit was answered well, maybe because of what it was asked for without.  True:
 * it was asked for only to find that out; it may be gone, and its rows are of no
 * use.
 */
extern bool tt_refused_answered(TtRefused *refused, TtFetchUnit *unit);

#endif /* TT_REFUSED_H */
