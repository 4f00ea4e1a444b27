/*
 * budget.h
 *	  What the backends of the cluster share: the request budget of each app,
 *	  penalties met by any of them, and request counters.
 *
 * In shared memory, without preloading: GetNamedDSMSegment() from 17 on, a
 * corner of the main segment before.  No lock is held while waiting; nothing
 * here waits.
 */
#ifndef TT_BUDGET_H
#define TT_BUDGET_H

#include "postgres.h"

#include "utils/timestamp.h"

/* whose budget it is: a hash, never a secret itself */
typedef uint64 TtBudgetKey;

/* by app_id; without one by host and token */
extern TtBudgetKey tt_budget_key(const char *app_id, const char *host,
								 const char *token);

/*
 * A grant counts against the rate until it is sent; saying so again does
 * nothing.  Grants that are still open at the end of the transaction count as
 * sent then.
 */
typedef struct TtBudgetGrant
{
	TtBudgetKey key;
	int64		slot; /* its number in this backend */
} TtBudgetGrant;

/*
 * Ask to send one request now.  Returns 0 and fills *grant, or the number of
 * milliseconds after which to ask again (at least 1).  rate: this server's
 * rate_limit; servers of one key that disagree get the lowest that was used
 * within the last minute.  In no second are more than rate requests sent.
 */
extern int tt_budget_acquire(TtBudgetKey key, int rate, TtBudgetGrant *grant);

/*
 * The granted request goes out only now (after connect, TLS): count it from
 * now on, so that the limit holds where the API counts.
 */
extern void tt_budget_sent(TtBudgetGrant *grant);

/* Nobody sends with this key for the next ms milliseconds. */
extern void tt_budget_penalty(TtBudgetKey key, int64 ms);

/* counters per database, server and endpoint; see tiktok.stat_requests */
typedef struct TtRequestCounters
{
	int64 requests; /* sent, tries again included */
	int64 retries;
	int64 throttled_ms; /* waited for the budget or a penalty */
	int64 wire_bytes;
	int64 rows;	  /* in replies */
	int64 errors; /* replies and transfers that failed */
} TtRequestCounters;

/* Add to the counters; silently does nothing when the table is full. */
extern void tt_budget_count(Oid serverid, const char *endpoint,
							const TtRequestCounters *delta);

#endif /* TT_BUDGET_H */
