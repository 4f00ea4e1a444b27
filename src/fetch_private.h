/*
 * fetch_private.h
 *	  What fetch.c (units, jobs, sending) and fetch_judge.c (what a reply
 *	  means) share; nobody else includes it.
 */
#ifndef TT_FETCH_PRIVATE_H
#define TT_FETCH_PRIVATE_H

#include "postgres.h"

#include "budget.h"
#include "counters.h"
#include "fetch.h"
#include "fetch_lanes.h"
#include "fetch_seen.h"
#include "http.h"
#include "lib/ilist.h"
#include "utils/timestamp.h"

/* a unit that is being read */
typedef struct TtFetchUnit
{
	dlist_node node;
	TtUnit	   unit;
	bool	   plain;	  /* conditions were refused: ask without, but for a batched one */
	bool	   reread;	  /* was read again already */
	bool	   handed_on; /* some of its rows left */
	bool	   known;	  /* its first page came */
	bool	   finished;  /* read to its end: freed with its last page */
	int		   page_size;
	int64	   total;	  /* rows promised; -1: not told */
	int		   pages;	  /* known pages; grows where not told */
	int		   next_page; /* first page without a job */
	int		   jobs;	  /* jobs under way */
	int64	   rows;	  /* seen */
	TtSeen	  *seen;	  /* the keys of its rows: finds repeated ones */
	dlist_head ready;	  /* its pages that wait to be taken */
} TtFetchUnit;

typedef struct TtFetchJob
{
	dlist_node	  node; /* in fetch->waiting or fetch->flying */
	TtFetchUnit	 *unit;
	int			  page;
	int			  tries;  /* how often it was sent */
	int			  nnames; /* metrics asked for when it was sent */
	TimestampTz	  not_before;
	TtTransfer	 *transfer;
	bool		  granted; /* holds a grant not yet told as sent */
	TtBudgetGrant grant;
} TtFetchJob;

typedef struct TtReadyPage
{
	dlist_node	 node;		 /* in unit->ready */
	dlist_node	 queue_node; /* in fetch->ready */
	TtFetchUnit *unit;
	TtPage		*page;
} TtReadyPage;

struct TtFetch
{
	MemoryContext		  context;
	MemoryContextCallback callback;
	const TtTable		 *table;
	const TtOptions		 *options;
	TtQuery				 *query;
	const TtProjection	 *projection;
	TtPaths				 *paths;
	TtFetchStats		 *stats;
	TtHttp				 *http;
	TtLane				  lane; /* as the other scans of the backend see it */
	TtBudgetUser		  budget;
	TtUnits				 *units;
	int64				  next_unit; /* first unit not begun */
	dlist_head			  active;	 /* units being read */
	dlist_head			  waiting;	 /* jobs to send (again) */
	dlist_head			  flying;
	dlist_head			  ready;	 /* pages to take, in order of arrival */
	bool				  handed_on; /* some rows left */
	int					  njobs;
	int					  nready;
	int64				  rows_arrived; /* of this fetch */
	TimestampTz			  budget_until; /* the budget has nothing before; 0: ask it */
	TimestampTz			  budget_since; /* since when it is waited for; 0: it is not */
	int					  nskipped;		/* accounts given up */
	int64				 *skipped;
	bool				 *served; /* by account index: rows of it were handed on */
};

/* fetch.c */
extern int64		tt_unit_account(const TtFetch *fetch, const TtFetchUnit *unit);
extern TtFetchUnit *tt_unit_add(TtFetch *fetch, const TtUnit *spec);
extern void			tt_unit_clear(TtFetch *fetch, TtFetchUnit *unit);
extern void			tt_unit_restart(TtFetch *fetch, TtFetchUnit *unit);
extern void			tt_unit_finish(TtFetch *fetch, TtFetchUnit *unit);
extern void			tt_fetch_restart(TtFetch *fetch);
extern void			tt_job_free(TtFetch *fetch, TtFetchJob *job);

/* fetch_judge.c: a transfer is over, well or not */
extern void tt_job_done(TtFetch *fetch, TtFetchJob *job);

#endif /* TT_FETCH_PRIVATE_H */
