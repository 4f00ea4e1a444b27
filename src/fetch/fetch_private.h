/*
 * fetch_private.h
 *	  What the files of this folder share; nobody else includes it.
 *
 * fetch.c: a page after the other.  send.c: jobs become requests.  classify.c: what
 * a reply means.  page.c: a good one.  ahead.c: before anybody asks.  progress.c: for
 * those who look.
 */
#ifndef TT_FETCH_PRIVATE_H
#define TT_FETCH_PRIVATE_H

#include "postgres.h"

#include "activity/activity.h"
#include "cut/cut.h"
#include "failure/failure.h"
#include "fetch/fetch.h"
#include "slots/slots.h"
#include "refused/refused.h"
#include "units/units.h"
#include "utils/timestamp.h"
#include "wire/http.h"

struct TtFetch
{
	MemoryContext		  context;
	MemoryContextCallback callback;
	TtPaths				 *paths;
	TtHttp				 *http;
	TtSlots				  slots;   /* as the other scans of the backend see it */
	TtReading			  reading; /* units, jobs, pages */
	TtRefused			  refused;
	TtSplit				  split;
	TtFetch				 *list;			/* of ids, that is being read for it; NULL: none */
	TtFetch				 *report;		/* for which it reads a list; NULL: it is no list */
	bool				  list_wakes;	/* what happens to it wakes this one */
	int64				  rows_arrived; /* of this fetch */
	dlist_node			  node;			/* in the backend's list of fetches */
	bool				  listed;
	TtActivity			 *activity;		/* as others see it; NULL: they do not, or no longer */
	int					  ahead_most;	/* requests that it may send ahead, and */
	int					  ahead_now;	/* how many of them in this round */
	TimestampTz			  left_at;		/* since when nobody looks after it; 0: somebody does */
	TimestampTz			  budget_until; /* the budget has nothing before; 0: ask it */
	bool				  queued;		/* it has a turn there, or had */
	TimestampTz			  budget_since; /* since when it is waited for; 0: it is not */
};

/* all of this backend */
extern dlist_head tt_fetches;

/*
 * send.c.  jobs_send: send what may be sent now; returns when to look again, 0: on
 * events only.  tell_sent: count in the budget what went out; must not ereport.
 */
extern TimestampTz tt_jobs_send(TtFetch *fetch);
extern void		   tt_jobs_tell_sent(TtFetch *fetch);

/* the earlier of two times, of which 0 is none */
extern TimestampTz tt_earlier(TimestampTz a, TimestampTz b);

/*
 * ahead.c.  send: those of the same query that are ahead send what they may beside
 * this one, which waits; returns when to do so again, 0: on events only.  end: it is
 * asked for pages from now on.
 */
extern TimestampTz tt_ahead_send(TtFetch *fetch);
extern void		   tt_ahead_end(TtFetch *fetch);

/* progress.c: how far it is, and what it waits for; that it is over.  Do not ereport. */
extern void tt_progress_note(TtFetch *fetch);
extern void tt_progress_end(TtFetch *fetch);

/* classify.c: a transfer is over, well or not; the job may be gone then */
extern void tt_job_done(TtFetch *fetch, TtFetchJob *job);

/*
 * A job that is not sent, since its request timed out twice, here or elsewhere:
 * cut its unit, or raise.  The job is gone then.
 */
extern void tt_job_withhold(TtFetch *fetch, TtFetchJob *job);

/* no row of an account is read any more, and those that wait are dropped */
extern void tt_account_give_up(TtFetch *fetch, int64 account);

/*
 * page.c: a good reply.  Its rows are checked and queued, what else there is is
 * learned.  Returns whether it was queued; if not, reply and context stay the
 * caller's.
 */
extern bool tt_page_arrived(TtFetch *fetch, TtFetchJob *job, const TtFailure *failure,
							TtReply *reply, MemoryContext context);

#endif /* TT_FETCH_PRIVATE_H */
