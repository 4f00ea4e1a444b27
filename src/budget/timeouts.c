/*
 * timeouts.c
 *	  Which requests were not answered in time, or are under way, in all backends.
 *
 * In shared memory, a mark for each request under way and for each time-out of
 * the last minutes, in chains by request.  Who adds one removes those of its
 * chain that matter to nobody any more; of more than MOST in all, the oldest
 * time-outs go.
 *
 * A mark that has a backend is that backend's, which keeps its address, and
 * nobody else removes it.  budget.c sees that it ends with its grant, at the end
 * of the transaction at the latest.  To end it, only the mark itself is written:
 * a reset callback may do that.
 *
 * The lock is held for a walk through a chain (all chains, where there are too
 * many marks): no wait, no palloc, no catalog look-up under it.
 */
#include "postgres.h"

#include "budget/timeouts.h"

#include "budget/budget_window.h"
#include "miscadmin.h"
#include "shared/shared.h"

/* all times are in milliseconds of tt_window_now() */
#define REMEMBERED_MS (11 * 60 * 1000)

/* after its time-out a request may be under way this long until it is noted */
#define LATE_MS 1000

/* one whose backend does not wait for it */
#define UNWATCHED_MS 1000

/* "at length": a quarter of the time that an answer has, or this */
#define LENGTH_MS 5000

#define MOST 4096

struct TtAsked
{
	dsa_pointer next;
	TtBudgetKey key;
	uint64		request;
	Oid			owner;
	int			pid;	  /* who waits for the answer; 0: it ended */
	int			timeouts; /* as so many it counts; 0: it is under way, or nothing */
	bool		watched;
	int			timeout_ms;
	int64		since; /* it is waited for since then, without a break */
	int64		until; /* it counts */
};

static TtSharedTable *table = NULL;

static void
attach(void)
{
	if (table == NULL)
		table = tt_shared_table(TT_SHARED_TIMEOUTS);
}

/* ---------------------------------------------------------------------------
 * With the lock held
 * ------------------------------------------------------------------------- */

static dsa_pointer *
chain_of(TtBudgetKey key, uint64 request)
{
	return &table->chains[(key ^ request) % TT_SHARED_CHAINS];
}

/* Whether a mark is of this request, and counts for this user. */
static bool
concerns(const TtAsked *mark, const TtBudgetUser *user, uint64 request)
{
	return mark->request == request && mark->key == user->key &&
		   (mark->owner == user->owner || mark->owner == InvalidOid);
}

static bool
is_under_way(const TtAsked *mark, int64 now)
{
	if (mark->pid == 0)
		return false;
	if (mark->pid == MyProcPid)
		return mark->watched && now - mark->since < UNWATCHED_MS;
	return mark->until > now;
}

/* What matters to nobody leaves a chain; what of the rest was over first? */
static dsa_pointer *
tidy(dsa_pointer *link, int64 now)
{
	dsa_pointer *oldest = NULL;
	int64		 until = PG_INT64_MAX;
	TtAsked		*mark;

	while ((mark = tt_shared_at(link)) != NULL)
	{
		if (mark->pid == 0 && mark->until <= now)
		{
			tt_shared_remove(link);
			table->entries--;
			continue;
		}
		if (mark->pid == 0 && mark->until < until)
		{
			until = mark->until;
			oldest = link;
		}
		link = &mark->next;
	}
	return oldest;
}

static void
make_room(int64 now)
{
	dsa_pointer *oldest = NULL;

	for (int i = 0; i < TT_SHARED_CHAINS; i++)
	{
		dsa_pointer *link = tidy(&table->chains[i], now);

		if (link != NULL &&
			(oldest == NULL || ((TtAsked *) tt_shared_at(link))->until <
								   ((TtAsked *) tt_shared_at(oldest))->until))
			oldest = link;
	}
	if (table->entries >= MOST && oldest != NULL)
	{
		tt_shared_remove(oldest);
		table->entries--;
	}
}

static int
count(const TtBudgetUser *user, uint64 request, int64 now, int *under_way)
{
	const TtAsked *mark = tt_shared_at(chain_of(user->key, request));
	int			   timeouts = 0;

	*under_way = 0;
	for (; mark != NULL; mark = tt_shared_at(&mark->next))
	{
		if (!concerns(mark, user, request))
			continue;
		*under_way += is_under_way(mark, now);
		if (mark->pid == 0 && mark->until > now)
			timeouts += mark->timeouts;
	}
	return timeouts;
}

static TtAsked *
add(const TtBudgetUser *user, uint64 request, int timeout_ms, int64 now)
{
	TtAsked *mark;

	tidy(chain_of(user->key, request), now);
	if (table->entries >= MOST)
		make_room(now);
	mark = tt_shared_add(chain_of(user->key, request), sizeof(TtAsked));
	if (mark == NULL)
		return NULL; /* a want of memory costs what is known, no query */
	table->entries++;
	mark->key = user->key;
	mark->request = request;
	mark->owner = user->owner;
	mark->pid = MyProcPid;
	mark->watched = true;
	mark->timeout_ms = timeout_ms;
	mark->since = now;
	mark->until = now + timeout_ms + LATE_MS;
	return mark;
}

/* ---------------------------------------------------------------------------
 * Without
 * ------------------------------------------------------------------------- */

TtTimeoutsReply
tt_timeouts_ask(const TtBudgetUser *user, uint64 request, int timeout_ms, TtAsked **asked)
{
	TtTimeoutsReply reply = TT_TIMEOUTS_ASK;
	int				under_way;
	int				timeouts;
	int64			now;

	attach();
	*asked = NULL;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	now = tt_window_now();
	timeouts = count(user, request, now, &under_way);
	if (timeouts >= TT_TIMEOUTS_MOST)
		reply = TT_TIMEOUTS_OVER;
	else if (timeouts + under_way >= TT_TIMEOUTS_MOST)
		reply = TT_TIMEOUTS_WAIT;
	else
		*asked = add(user, request, timeout_ms, now);
	LWLockRelease(&table->lock);
	return reply;
}

static int
timeouts_of(const TtAsked *asked, TtBudgetAnswer answer, int64 now)
{
	switch (answer)
	{
		case TT_BUDGET_ANSWER_OVERDUE:
			return 1;
		case TT_BUDGET_ANSWER_BLOCKED:
			return TT_TIMEOUTS_MOST;
		case TT_BUDGET_ANSWER_NONE:
			return asked->watched &&
				   now - asked->since >= Min(asked->timeout_ms / 4, LENGTH_MS);
		default:
			return 0;
	}
}

void
tt_timeouts_end(TtAsked *asked, TtBudgetAnswer answer)
{
	int64 now;

	if (asked == NULL)
		return;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	now = tt_window_now();
	asked->timeouts = timeouts_of(asked, answer, now);
	asked->until = asked->timeouts > 0 ? now + REMEMBERED_MS : 0;
	asked->pid = 0;
	LWLockRelease(&table->lock);
}

void
tt_timeouts_watch(TtAsked *asked, bool watch)
{
	int64 now;

	if (asked == NULL)
		return;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	now = tt_window_now();
	asked->watched = watch;
	asked->since = now;
	asked->until = now + (watch ? asked->timeout_ms + LATE_MS : UNWATCHED_MS);
	LWLockRelease(&table->lock);
}

int
tt_timeouts_count(const TtBudgetUser *user, uint64 request)
{
	int under_way;
	int timeouts;

	attach();
	LWLockAcquire(&table->lock, LW_SHARED);
	timeouts = count(user, request, tt_window_now(), &under_way);
	LWLockRelease(&table->lock);
	return timeouts;
}
