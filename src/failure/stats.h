/*
 * stats.h
 *	  Numbers of a scan, as EXPLAIN ANALYZE shows them, what it left out, and the
 *	  warnings at its end (warnings.c).
 */
#ifndef TT_STATS_H
#define TT_STATS_H

#include "postgres.h"

#include "failure/failure.h"
#include "table/table.h"

typedef struct TtSkipped TtSkipped;

/* added to by each fetch of a scan */
typedef struct TtFetchStats
{
	int64 requests; /* sent, tries again included */
	int64 replies;	/* with an envelope, good or bad */
	int64 pages;	/* good replies */
	int64 rows;
	int64 retries;
	int64 backoff_ms;	/* waits before tries again */
	int64 throttled_ms; /* waits for the rate budget */
	int64 wire_bytes;
	int64 body_bytes;		/* decoded */
	int64 skipped_accounts; /* and what else was skipped: */
	int64 skipped_second;	/* what requests name where the endpoint names no account */
	int64 idle;				/* rows left out: nothing but zeros */
	int64 splits;			/* of units whose reports were truncated, or would be */
	int	  peak_in_flight;
	int	  prefetched; /* of the requests sent: before the scan was asked for rows */

	MemoryContext context;		 /* of what is kept of accounts; NULL: the first fetch's */
	TtSkipped	 *skipped[2];	 /* accounts, second ids: not asked again; NULL: none */
	int64		  hourless_rows; /* left out */
	bool		  told_metrics;	 /* of those that were refused before the scan */
	int			  told_filters;	 /* TT_OPTION_FILTER_*: the user knows of them */
} TtFetchStats;

/* An account, or second id, is skipped from now on; told: the user knows it already. */
extern void tt_skip_note(TtFetchStats *stats, const TtFailure *failure, bool told);

/* whether it is */
extern bool tt_skip_known(const TtFetchStats *stats, int64 owner, bool second);

/*
 * The end of a scan: a WARNING each for the accounts that were skipped, and for
 * the rows that were left out.
 */
extern void tt_warnings_tell(const TtTable *table, TtFetchStats *stats);

#endif /* TT_STATS_H */
