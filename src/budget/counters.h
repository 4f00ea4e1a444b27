/*
 * counters.h
 *	  Counters of requests per database, server and endpoint, of all backends;
 *	  see tiktok.stat_requests.
 */
#ifndef TT_COUNTERS_H
#define TT_COUNTERS_H

#include "postgres.h"

#include "budget/budget.h"

typedef struct TtRequestCounters
{
	int64 requests; /* sent, tries again included */
	int64 retries;
	int64 throttled_ms; /* waited for the budget or a penalty */
	int64 wire_bytes;
	int64 rows;		/* in replies */
	int64 errors;	/* replies and transfers that failed */
	int64 timeouts; /* of these: not answered in time */
} TtRequestCounters;

/* Add to the counters of user's server. */
extern void tt_counters_add(const TtBudgetUser *user, const char *endpoint,
							const TtRequestCounters *delta);

#endif /* TT_COUNTERS_H */
