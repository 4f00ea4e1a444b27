/*
 * units.h
 *	  A query being read: its units, the jobs under way for them, and the pages
 *	  that wait to be taken.
 *
 * Units begin, begin again and end here; jobs wait here to be sent.  Who sends
 * them (fetch/), and who asks for something else (refused/) or for less (cut/)
 * because of what the API answers, is not known here.
 *
 * Ownership: everything lives in reading->context.  A page that waits owns its
 * context; temporary files (verify/key_set.c) are closed by tt_reading_end(), and
 * by the resource owner when the query failed.
 */
#ifndef TT_UNITS_H
#define TT_UNITS_H

#include "postgres.h"

#include "budget/budget.h"
#include "budget/counters.h"
#include "failure/stats.h"
#include "lib/ilist.h"
#include "options/options.h"
#include "query/query.h"
#include "reply/reply.h"
#include "request/request.h"
#include "table/table.h"
#include "utils/timestamp.h"
#include "verify/verify.h"
#include "wire/http.h"

/* metrics that one request may have */
#define TT_MAX_METRICS 100

/* the parts of a unit that asks for more metrics: parts.c */
typedef struct TtParts TtParts;

/* a unit that is being read, or a part of one */
typedef struct TtFetchUnit
{
	dlist_node node; /* in reading->active, until it is finished */
	TtUnit	   unit;
	bool	   plain;	  /* conditions were refused: ask without, but for a batched one */
	bool	   reread;	  /* was read again already */
	bool	   handed_on; /* some of its rows left */
	bool	   known;	  /* its first page came */
	bool	   slow;	  /* it was cut because it took too long */
	bool	   finished;  /* read to its end: freed with its last page */
	TtParts	  *parts;	  /* of which it is one; NULL: it is all there is */
	int		   part;
	int		   trial;	  /* tries without filters of options; 0: none */
	int		   max_names; /* metrics that one request may have */
	int		   max_rows;  /* rows of a page, where the usual took too long; 0: the usual */
	int		   page_size;
	int64	   total;	  /* rows promised; -1: not told */
	int		   pages;	  /* known pages; grows where not told */
	int		   next_page; /* first page without a job */
	int		   jobs;	  /* jobs under way */
	int64	   nrows;	  /* that came */
	TtUnitRows rows;	  /* what is known of them */
	int64	   hourless;  /* rows without an hour, left out */
	dlist_head ready;	  /* its pages that wait to be taken */
} TtFetchUnit;

/* one request for one page of one unit */
typedef struct TtFetchJob
{
	dlist_node	  node; /* in reading->waiting, blocked or flying */
	TtFetchUnit	 *unit;
	int			  page;
	int			  tries;   /* how often it was sent */
	int			  overdue; /* how often it was not answered in time */
	uint64		  key;	   /* of the request that was sent last */
	int			  nnames;  /* metrics asked for when it was sent */
	bool		  sent;	   /* it went out, this time */
	TimestampTz	  not_before;
	TtTransfer	 *transfer;
	TtBudgetGrant grant;		 /* until it is answered */
	TimestampTz	  started;		 /* when it was sent last */
	int64		  unattended_ms; /* since, that nobody looked after it, while rows were used */
	bool		  lapsed;		 /* its time was over while nobody did */
	int			  pause_ms;		 /* until it is asked whether the same may go; 0: at once */
	TimestampTz	  ask_at;		 /* that is, then */
} TtFetchJob;

/* a page that waits to be taken; lives in its own context */
typedef struct TtReadyPage
{
	dlist_node	  node;		  /* in unit->ready */
	dlist_node	  queue_node; /* in reading->ready */
	TtFetchUnit	 *unit;
	int64		  account; /* 0: several, or none */
	int64		  owner;   /* of tt_unit_owner() */
	int			  number;
	const char	 *period[TT_PERIOD_VALUES]; /* as in TtPage */
	const char	**asked;					/* likewise */
	TtReply		 *reply;
	MemoryContext context;
} TtReadyPage;

typedef struct TtReading
{
	MemoryContext		  context;
	const TtTable		 *table;
	const TtOptions		 *options;
	TtQuery				 *query;
	TtFetchStats		 *stats;
	TtBudgetUser		  budget; /* of its requests */
	TtVerify			  verify;
	TtUnits				 *units;	 /* malloc'ed: tt_reading_free_units() */
	int64				  next_unit; /* first unit not begun */
	dlist_head			  active;	 /* units being read */
	dlist_head			  waiting;	 /* jobs to send (again) */
	dlist_head			  flying;
	dlist_head			  blocked;	 /* jobs that wait until no unit is alone */
	TtFetchUnit			 *alone;	 /* no other is asked for as long as it is; NULL: none */
	dlist_head			  ready;	 /* pages to take, in order of arrival */
	bool				  handed_on; /* some rows left */
	int					  nidle;	 /* values by which rows are left out; 0: none is */
	int					 *idle_slots;
	int					  nsummed; /* columns that are added up: they must have a value */
	const TtTableColumn **summed;
	bool				 *served; /* by tt_unit_owner_index(): rows of it were handed on */
	int					  njobs;
	int					  nready;
	int					  nheld;	/* pages that wait for another part of their unit */
	int					  max_days; /* of a unit; more turned out to be too much */
	int					  max_values;
	int					  max_names;
} TtReading;

/* ---- reading.c: the whole query ---- */

/*
 * Prepare to read it; its context is the current one, the others outlive it.  The
 * caller sets the budget.
 */
extern void tt_reading_init(TtReading *reading, const TtTable *table, const TtOptions *options,
							TtQuery *query, const TtProjection *projection,
							TtFetchStats *stats);

/*
 * Cut the query into units, without accounts that are skipped; those that were
 * begun are dropped, of which no row may have left.
 */
extern void tt_reading_start(TtReading *reading);

/* No row of an account is read any more, and those that wait are dropped. */
extern void tt_reading_give_up(TtReading *reading, int64 owner);

/* free_units: all that is not palloc'ed; may be called from a reset callback. */
extern void tt_reading_end(TtReading *reading);
extern void tt_reading_free_units(TtReading *reading);

/* ---- units.c: one of its units ---- */

/* its account; 0: several, or none */
static inline int64
tt_unit_account(const TtReading *reading, const TtFetchUnit *unit)
{
	return unit->unit.naccounts == 1 ? reading->query->accounts[unit->unit.account] : 0;
}

/*
 * Whom the API may refuse, and the others not: a unit's account, or what it names where
 * the endpoint names no account, and that number it is.  0, -1: several, or none.
 */
static inline int64
tt_unit_owner(const TtQuery *query, const TtUnit *unit)
{
	if (unit->naccounts == 1)
		return query->accounts[unit->account];
	return unit->naccounts == 0 && unit->second.n == 1
			   ? strtoll(query->second[unit->second.first].id, NULL, 10)
			   : 0;
}

static inline int
tt_unit_owner_index(const TtUnit *unit)
{
	return unit->naccounts == 1							 ? unit->account
		   : unit->naccounts == 0 && unit->second.n == 1 ? unit->second.first
														 : -1;
}

/* the unit of which it is a part, or itself; whether some of its rows left */
extern const TtUnit *tt_unit_whole(const TtFetchUnit *unit);
extern bool			 tt_unit_handed_on(const TtFetchUnit *unit);

/* whether a page of it is known of and has no job yet */
extern bool tt_unit_has_next_page(const TtFetchUnit *unit);

/* whether another part of the same unit is behind, and should go first */
extern bool tt_unit_runs_ahead(const TtFetchUnit *unit);

/*
 * Read a unit, in parts where it needs them; returns the first.  like: a unit
 * (NULL: none) whose place it takes, and whose history it keeps.
 */
extern TtFetchUnit *tt_unit_begin(TtReading *reading, const TtUnit *spec,
								  const TtFetchUnit *like);

/*
 * These may free the unit.  restart: read it again.  drop: give it up, with all
 * its parts.  replace: read two in place of it.  finish: it was read to its end;
 * false if it was the last part, and the rows of the parts do not fit together.
 */
extern void tt_unit_restart(TtReading *reading, TtFetchUnit *unit);
extern void tt_unit_drop(TtReading *reading, TtFetchUnit *unit);
extern void tt_unit_replace(TtReading *reading, TtFetchUnit *unit, const TtUnit *first,
							const TtUnit *second);
extern bool tt_unit_finish(TtReading *reading, TtFetchUnit *unit);

/*
 * A page of it came, and owns its context from now on: it waits to be taken, or
 * for the other parts of its unit.
 */
extern void tt_unit_add_page(TtReading *reading, TtFetchUnit *unit, TtReply *reply, int number,
							 MemoryContext context);

/* left_out.c: rows that the scan does not want leave a page; they are counted. */
extern void tt_unit_leave_out_rows(const TtReading *reading, TtFetchUnit *unit,
								   TtReply *reply);

/*
 * Rows come in any order from now on, before any of them left: the scan sees
 * order_refused, and sorts.
 */
extern void tt_order_lose(TtReading *reading);

/*
 * What was thought to be enough rows may not be: conditions or the order are
 * gone.  Units that begin (again) from now on read whole pages.
 */
extern void tt_row_bound_forget(TtReading *reading);

/* ---- jobs.c ---- */

/* for the next page of a unit; it waits to be sent */
extern void tt_job_add(TtReading *reading, TtFetchUnit *unit);

/* Send it again: after a pause; at once, and as if for the first time. */
extern void tt_job_postpone(TtReading *reading, TtFetchJob *job, int64 wait_ms);
extern void tt_job_renew(TtReading *reading, TtFetchJob *job);

/* Send it again when the unit that is alone is gone. */
extern void tt_job_block(TtReading *reading, TtFetchJob *job);

/* Aborts its request, if there is one. */
extern void tt_job_free(TtReading *reading, TtFetchJob *job);

/* Count the request that was sent for it; delta: what else is known of that. */
extern void tt_job_count(TtReading *reading, const TtFetchJob *job, TtRequestCounters *delta);

/* requests that this session has sent so far, tries again included */
extern int64 tt_jobs_of_session(void);

/* ---- pages.c ---- */

/*
 * The page that waits longest is handed on; it ends with its context.  Its unit may
 * be gone then.
 */
extern TtReadyPage *tt_page_take(TtReading *reading);

#endif /* TT_UNITS_H */
