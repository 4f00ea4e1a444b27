/*
 * fetch.h
 *	  A scan's requests under way: paging, concurrency, tries again, totals.
 */
#ifndef TT_FETCH_H
#define TT_FETCH_H

#include "postgres.h"

#include "failure/stats.h"
#include "options/options.h"
#include "query/query.h"
#include "reply/reply.h"
#include "request/request.h"
#include "table/table.h"

typedef struct TtFetch TtFetch;

/* a page whose rows may be handed on; free it with tt_fetch_release() */
typedef struct TtPage
{
	TtReply *reply;
	int64	 account; /* 0: several, or none */
	int		 number;  /* 0: the endpoint does not page */

	/* by TtPeriodValue: days that the rows are of, YYYY-MM-DD; NULL: they tell it */
	const char *period[TT_PERIOD_VALUES];

	/* what was asked for, by TtTableColumn.asked; NULL: nothing that columns show */
	const char *const *asked;
	MemoryContext	   context; /* of reply */
} TtPage;

/*
 * Prepare to work off a query; sends nothing yet.  query, projection, table
 * and options must outlive the fetch, which lives in a child of the current
 * memory context.  stats is added to, also by later fetches.
 */
extern TtFetch *tt_fetch_create(const TtTable *table, const TtOptions *options,
								TtQuery *query, const TtProjection *projection,
								TtFetchStats *stats);

/*
 * The next page, in the order of arrival.  Without one: NULL, and *finished
 * tells whether there will be none.  wait: block (interruptibly) until either.
 * Raises what makes the answer incomplete or wrong.
 */
extern TtPage *tt_fetch_next(TtFetch *fetch, bool wait, bool *finished);

/*
 * Scans that run side by side and name the same thing (the arms of an Append)
 * share the bound on pages.  NULL: this one has a bound of its own.
 */
extern void tt_fetch_share(TtFetch *fetch, const void *with);

/*
 * Scans of one query start together (ahead.c).  Of which query a fetch is; and that it
 * may send up to so many requests before it is asked for pages, while others of
 * the query wait for theirs.  Sends nothing yet, and raises nothing before it is asked.
 */
extern void tt_fetch_of_query(TtFetch *fetch, const void *query);
extern void tt_fetch_ahead(TtFetch *fetch, int most);

/* readable when tt_fetch_next(…, false, …) may get on */
extern int tt_fetch_fd(const TtFetch *fetch);

/*
 * Who asks without waiting says whether somebody waits for its descriptor from now
 * on, or for none of this backend's: what comes meanwhile is not late then.
 */
extern void tt_fetch_watch(TtFetch *fetch);
extern void tt_fetch_leave(void);

extern void tt_fetch_release(TtPage *page);

/* requests that this session has sent so far, tries again included */
extern int64 tt_fetch_session_requests(void);

/* Abort what is under way, free everything. */
extern void tt_fetch_end(TtFetch *fetch);

#endif /* TT_FETCH_H */
