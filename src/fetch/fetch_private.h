/*
 * fetch_private.h
 *	  What the files of this room share; nobody else includes it.
 *
 * fetch.c: units, jobs, sending.  classify.c: what a reply means.
 * refused.c, filters.c, cut.c: asking for something else, for
 * less.  split.c: asking for some of the ads.  kin.c: no row twice where
 * kinds of objects are asked for apart.  overdue.c: which requests took too
 * long.
 */
#ifndef TT_FETCH_PRIVATE_H
#define TT_FETCH_PRIVATE_H

#include "postgres.h"

#include "budget/budget.h"
#include "budget/counters.h"
#include "fetch/failure.h"
#include "fetch/fetch.h"
#include "fetch/slots.h"
#include "fetch/key_set.h"
#include "wire/http.h"
#include "lib/ilist.h"
#include "utils/timestamp.h"

/* metrics that one request may have */
#define TT_MAX_METRICS 100

typedef struct TtJoin TtJoin;

/* a unit that is being read, or a part of one */
typedef struct TtFetchUnit
{
	dlist_node node;
	TtUnit	   unit;
	bool	   plain;	  /* conditions were refused: ask without, but for a batched one */
	bool	   reread;	  /* was read again already */
	bool	   handed_on; /* some of its rows left */
	bool	   known;	  /* its first page came */
	bool	   slow;	  /* it was cut because it took too long */
	bool	   finished;  /* read to its end: freed with its last page */
	TtJoin	  *join;	  /* of which it is a part; NULL: it is all there is */
	int		   part;
	int		   trial;	  /* tries without filters of options; 0: none */
	int		   max_names; /* metrics that one request may have */
	int		   max_rows;  /* rows of a page, where the usual took too long; 0: the usual */
	int		   page_size;
	int64	   total;	  /* rows promised; -1: not told */
	int		   pages;	  /* known pages; grows where not told */
	int		   next_page; /* first page without a job */
	int		   jobs;	  /* jobs under way */
	int64	   rows;	  /* seen */
	uint64	   first_key; /* that fetch->firsts has of it; 0: none */
	TtKeySet  *seen;	  /* the keys of its rows: finds repeated ones */
	bool	   hourly;	  /* hour.c: keys may come twice */
	TtKeySet  *again;	  /* keys that did; NULL: none */
	int		   again_hour;
	int64	   hourless; /* rows without an hour, left out */
	dlist_head ready;	 /* its pages that wait to be taken */
} TtFetchUnit;

typedef struct TtFetchJob
{
	dlist_node	  node; /* in fetch->waiting or fetch->flying */
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
	int64		  unattended_ms; /* that nobody looked after it, while rows were used */
} TtFetchJob;

typedef struct TtReadyPage
{
	dlist_node	 node;		 /* in unit->ready */
	dlist_node	 queue_node; /* in fetch->ready */
	TtFetchUnit *unit;
	TtPage		*page;
} TtReadyPage;

/* a search for a metric that the API refuses without naming it */
typedef struct TtProbe
{
	TtFetchUnit *unit;	  /* asks for the first metrics of a unit; NULL: no search */
	int			 asked;	  /* how many */
	int			 good;	  /* so many go together */
	int			 bad;	  /* so many do not */
	bool		 useless; /* not even the least went */
	char		 message[256];
	dlist_head	 blocked; /* jobs that wait for what is found */
} TtProbe;

/* truncated reports that are split, see split.c */
typedef struct TtSplit
{
	dlist_head lists;	/* of ids to split by */
	dlist_head waiting; /* units that wait for one */
	int		   nwaiting;
} TtSplit;

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
	TtSlots				  slots; /* as the other scans of the backend see it */
	TtBudgetUser		  budget;
	TtUnits				 *units;
	int64				  next_unit; /* first unit not begun */
	dlist_head			  active;	 /* units being read */
	dlist_head			  waiting;	 /* jobs to send (again) */
	dlist_head			  flying;
	dlist_head			  ready;		/* pages to take, in order of arrival */
	bool				  handed_on;	/* some rows left */
	bool				  kindred;		/* an account has units of several kinds */
	dlist_head			  kin;			/* what finished ones gave: kin.c */
	char				  refusal[256]; /* how the API refused one of them */
	int					  njobs;
	int					  nready;
	int					  nheld;	/* pages that wait for another part of their unit */
	int					  max_days; /* of a unit; more turned out to be too much */
	int					  max_values;
	int					  max_names;
	TtProbe				  probe;
	struct HTAB			 *firsts; /* units by the key of their first row; NULL: none */
	TtSplit				  split;
	int64				  rows_arrived; /* of this fetch */
	TimestampTz			  parked_at;	/* since when nobody looks after it */
	TimestampTz			  budget_until; /* the budget has nothing before; 0: ask it */
	TimestampTz			  budget_since; /* since when it is waited for; 0: it is not */
	int					  hour_slot;	/* the hour's among the keys; -1: none */
	int					  nidle;		/* values by which rows are left out; 0: none is */
	int					 *idle_slots;
	bool				 *served; /* by account index: rows of it were handed on */
};

/* units.c */
extern int64 tt_unit_account(const TtFetch *fetch, const TtFetchUnit *unit);

/* what tells the rows of one period from those of another; 0: they tell it themselves */
extern uint64  tt_unit_period_hash(const TtFetch *fetch, const TtFetchUnit *unit);
extern void	   tt_job_free(TtFetch *fetch, TtFetchJob *job);
extern TtPage *tt_unit_take(TtFetch *fetch);
extern void	   tt_unit_queue(TtFetch *fetch, TtFetchUnit *unit, TtReply *reply, int number,
							 MemoryContext context);
extern void	   tt_unit_release(TtFetchUnit *unit);

/* forget the keys of its rows; closes files */
extern void tt_unit_forget(TtFetchUnit *unit);

/* the unit of which it is a part, or itself; whether some of its rows left */
extern const TtUnit *tt_unit_whole(const TtFetchUnit *unit);
extern bool			 tt_unit_handed_on(const TtFetchUnit *unit);

/*
 * Read a unit, in parts where it needs them; returns the first.  like: a unit
 * (NULL: none) whose place it takes, and whose history it keeps.
 */
extern TtFetchUnit *tt_unit_begin(TtFetch *fetch, const TtUnit *spec, const TtFetchUnit *like);

/*
 * These three may free the unit.  restart: read it again.  drop: give it up,
 * with all its parts.  finish: it was read to its end; failure says of what
 * request, should its parts not fit together.
 */
extern void tt_unit_restart(TtFetch *fetch, TtFetchUnit *unit);
extern void tt_unit_drop(TtFetch *fetch, TtFetchUnit *unit);
extern void tt_unit_finish(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure);
extern void tt_fetch_restart(TtFetch *fetch);

/* join.c: what the parts of a unit say of a row is put together */
extern TtJoin		*tt_join_create(TtFetch *fetch, const TtUnit *whole);
extern void			 tt_join_enter(TtJoin *join, TtFetchUnit *unit);
extern int			 tt_join_parts(const TtJoin *join);
extern TtFetchUnit	*tt_join_part(const TtJoin *join, int part);
extern const TtUnit *tt_join_whole(const TtJoin *join);

/* a page of a part came; owns its context from now on */
extern void tt_join_add(TtFetch *fetch, TtFetchUnit *unit, TtReply *reply, int number,
						MemoryContext context);

/* a part was read to its end: ERROR if it was the last and rows are left over */
extern void tt_join_leave(TtFetchUnit *unit, const TtFailure *failure);
extern void tt_join_free(TtFetch *fetch, TtJoin *join);

/* classify.c: a transfer is over, well or not */
extern void tt_job_done(TtFetch *fetch, TtFetchJob *job);

/*
 * A job that is not sent, since its request timed out twice, here or elsewhere:
 * cut its unit, or raise.  The job is gone then.
 */
extern void tt_job_withhold(TtFetch *fetch, TtFetchJob *job);

/* Count a request that was sent and that nobody waits for any more. */
extern void tt_job_count_given_up(TtFetch *fetch, const TtFetchJob *job);

/*
 * hour.c.  slot: where an hourly report has the hour.  tag: the hash of a
 * key that has the hour in it.  repeats: a key was there before; whether it may
 * come again.  settle: all rows came; whether none was there too often.
 */
extern int	  tt_hour_slot(const TtFetch *fetch);
extern uint64 tt_hour_tag(uint64 hash, const TtValue *value);
extern bool	  tt_hour_repeats(TtFetchUnit *unit, uint64 hash);
extern bool	  tt_hour_settle(TtFetchUnit *unit);

/* the row's hour is "-"; leave such rows out, and count them */
extern bool tt_hour_is_none(const TtFetch *fetch, const TtReply *reply, int row);
extern void tt_hour_leave_out(const TtFetch *fetch, TtFetchUnit *unit, TtReply *reply);

/*
 * idle.c.  init: by which values of a row it counts as idle.  leave_out: such rows
 * of a page that is complete, if the query does not want them.
 */
extern void tt_idle_init(TtFetch *fetch);
extern void tt_idle_leave_out(TtFetch *fetch, TtReply *reply);

/*
 * told.c.  note: an account is skipped; told: the user knows it already.
 * skip_accounts: the query leaves out those that are.
 */
extern void tt_skip_note(TtFetch *fetch, const TtFailure *failure, bool told);
extern bool tt_skip_known(const TtFetchStats *stats, int64 account);
extern void tt_skip_accounts(const TtFetch *fetch);

/* the key of a row as a hash; false if the row has none */
extern bool tt_row_key(const TtFetch *fetch, const TtReply *reply, int row, uint64 *hash);

/*
 * strays.c: ERROR if a row of the page was not asked for, or came with
 * another unit already.  forget: the unit is read again, or given up.
 */
extern void tt_strays_check(TtFetch *fetch, const TtFetchJob *job, const TtReply *reply,
							const TtFailure *failure);
extern void tt_strays_forget(TtFetch *fetch, TtFetchUnit *unit);
extern void tt_strays_forget_all(TtFetch *fetch);

/* no row of an account is read any more, and those that wait are dropped */
extern void tt_account_give_up(TtFetch *fetch, int64 account);

/* refused.c: ask without what is refused, or raise */
extern void tt_parameter_refused(TtFetch *fetch, TtFetchJob *job, const TtFailure *failure);

/*
 * Rows come in any order from now on, before any of them left: the scan sees
 * order_refused, and sorts.
 */
extern void tt_order_lose(TtFetch *fetch);

/*
 * Metric i of the query reads as NULL from now on, with a WARNING; ERROR in a
 * refresh, or if the catalogue does not know it.
 */
extern void tt_metric_refused(TtFetch *fetch, int i, const char *message);

/* whether a message has a word; quoted: in quotation marks */
extern bool tt_names_word(const char *message, const char *word, bool *quoted);

/* What was thought to be enough rows may not be. */
extern void tt_forget_row_bound(TtFetch *fetch);

/*
 * filters.c: warn of filters that are known to be refused; ask without
 * one that a message names; without one after the other, when it names nothing.
 * These two may free the unit; false: nothing can be left out.
 */
extern void tt_filters_tell(TtFetch *fetch);
extern bool tt_filter_refused(TtFetch *fetch, TtFetchUnit *unit, const char *message);
extern bool tt_filters_try(TtFetch *fetch, TtFetchUnit *unit, const char *message);

/* a unit was answered, maybe because of what it was asked for without */
extern void tt_filters_answer(TtFetch *fetch, TtFetchUnit *unit);

/*
 * kin.c: ERROR if a page has a row of a unit of another kind.  keep: a unit
 * is finished, but its keys are needed.  forget: none is.
 */
extern void tt_kin_check(TtFetch *fetch, const TtFetchUnit *unit, const TtReply *reply,
						 const TtFailure *failure);
extern void tt_kin_keep(TtFetch *fetch, TtFetchUnit *unit);
extern void tt_kin_forget(TtFetch *fetch);

/* probe.c: look for the metric; false: it is no metric's fault */
extern bool tt_probe_start(TtFetch *fetch, TtFetchJob *job, const char *message);

/* the probe was answered, or refused */
extern void tt_probe_answer(TtFetch *fetch, bool good);

/* it is no longer there: what waits for it is asked for again */
extern void tt_probe_cancel(TtFetch *fetch);

/* cut.c: read two units in place of one; smaller ones, or raise */
extern void tt_unit_replace(TtFetch *fetch, TtFetchUnit *unit, const TtUnit *first,
							const TtUnit *second);
extern void tt_unit_cut(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure);

/* Cut it once more, if it was cut because it took too long; false: it was not. */
extern bool tt_unit_cut_slow(TtFetch *fetch, TtFetchUnit *unit);

/*
 * Cut the unit of a job that is about to be sent, if it is known to be too much:
 * the job is gone then.
 */
extern bool tt_unit_cut_unasked(TtFetch *fetch, const TtFetchJob *job);

/*
 * overdue.c: what tells a request from others.  note: a job's was not answered in
 * time, or is blocked since it was not; returns how often in the last ten minutes.
 */
extern uint64 tt_overdue_key(const TtFetch *fetch, const char *url, const char *body);
extern int	  tt_overdue_note(const TtFetch *fetch, TtFetchJob *job, bool blocked);

/*
 * split.c: a unit's reply was truncated; frees the unit.  ERROR if there is
 * nothing to split it by.
 */
extern void tt_split_truncated(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure);

/* Whether a unit not begun yet is to be split: then it waits for its ids. */
extern bool tt_split_before(TtFetch *fetch, const TtUnit *spec);

/* Begin units in place of one that waited, whose ids are known; NULL: none. */
extern TtFetchUnit *tt_split_begin_next(TtFetch *fetch);

/*
 * Go on with a list of ids, if units wait for one: true when it is known, and
 * they can begin; else it is to be looked at again at *wake.
 */
extern bool tt_split_advance(TtFetch *fetch, TimestampTz *wake);

/* No unit of the account (0: of any) waits any more. */
extern void tt_split_forget(TtFetch *fetch, int64 account);
extern void tt_split_end(TtFetch *fetch);

#endif /* TT_FETCH_PRIVATE_H */
