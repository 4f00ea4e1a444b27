/*
 * timeouts.c
 *	  Which requests were not answered in time, or are under way, in all backends.
 *
 * In shared memory, a mark for each request under way, for each time-out of the
 * last minutes and for requests that were answered well just now, in chains by
 * request.  Who adds one removes those of its chain that matter to nobody any
 * more; in a chain that is full, the owner that has most loses one: first what was
 * answered well, then the oldest time-out.  So who asks for much loses its own.
 *
 * A mark that has a backend is that backend's, which keeps its address, and
 * nobody else removes it.  budget.c sees that it ends with its grant, at the end
 * of the transaction at the latest.  To end it, only the mark itself is written:
 * a reset callback may do that.
 *
 * The lock is held for walks through one chain: no wait, no palloc, no catalog
 * look-up under it.
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

/* good answers count this long after the last of them */
#define GOOD_MS 10000

/* marks of a chain */
#define MOST 64

struct TtAsked
{
	dsa_pointer next;
	TtBudgetKey key;
	uint64		request;
	Oid			owner;
	int			pid;	  /* who waits for the answer; 0: it ended */
	int			timeouts; /* as so many it counts; 0: it is under way, or none */
	int64		late;	  /* under way: it would have timed out by then, and was noted */
	int64		until;	  /* it counts, under way or as time-outs */
	int			good;	  /* good answers before */
	int64		good_until;
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
	return mark->pid != 0 && mark->until > now;
}

static bool
is_over(const TtAsked *mark, int64 now)
{
	return mark->pid == 0 && mark->until <= now && mark->good_until <= now;
}

/* What matters to nobody leaves a chain; returns how many marks are left. */
static int
tidy(dsa_pointer *link, int64 now)
{
	int		 n = 0;
	TtAsked *mark;

	while ((mark = tt_shared_at(link)) != NULL)
	{
		if (is_over(mark, now))
		{
			tt_shared_remove(link);
			table->entries--;
			continue;
		}
		n++;
		link = &mark->next;
	}
	return n;
}

/* How many marks an owner has in a chain that could go. */
static int
count_ended(dsa_pointer *chain, Oid owner)
{
	int n = 0;

	for (const TtAsked *mark = tt_shared_at(chain); mark != NULL; mark = tt_shared_at(&mark->next))
		n += mark->pid == 0 && mark->owner == owner;
	return n;
}

/* One mark of the owner that has most leaves a chain. */
static void
make_room(dsa_pointer *chain)
{
	dsa_pointer *first = NULL;
	TtAsked		*mark;
	int			 most = 0;
	Oid			 owner = InvalidOid;

	for (mark = tt_shared_at(chain); mark != NULL; mark = tt_shared_at(&mark->next))
	{
		int n = count_ended(chain, mark->owner);

		if (n > most)
			owner = mark->owner;
		most = Max(most, n);
	}
	for (dsa_pointer *link = chain; (mark = tt_shared_at(link)) != NULL; link = &mark->next)
	{
		/* what was answered well has until 0 */
		if (mark->pid == 0 && mark->owner == owner &&
			(first == NULL || mark->until < ((TtAsked *) tt_shared_at(first))->until))
			first = link;
	}
	if (first != NULL)
	{
		tt_shared_remove(first);
		table->entries--;
	}
}

/* What is known of a request. */
typedef struct Known
{
	int	  timeouts;
	int	  under_way;
	int	  good;
	int64 until[TT_TIMEOUTS_MOST]; /* the time-outs that count longest, the longest first */
} Known;

static Known
know(const TtBudgetUser *user, uint64 request, int64 now)
{
	const TtAsked *mark = tt_shared_at(chain_of(user->key, request));
	Known		   known = {0};

	for (; mark != NULL; mark = tt_shared_at(&mark->next))
	{
		if (!concerns(mark, user, request))
			continue;
		known.under_way += is_under_way(mark, now);
		if (mark->good_until > now)
			known.good += mark->good;
		for (int i = 0; i < mark->timeouts && mark->until > now; i++)
		{
			known.timeouts++;
			known.until[1] = Max(known.until[1], Min(known.until[0], mark->until));
			known.until[0] = Max(known.until[0], mark->until);
		}
	}
	return known;
}

/* The user's mark of a request that was answered well, to go on with; NULL: none. */
static TtAsked *
reuse(const TtBudgetUser *user, uint64 request)
{
	TtAsked *mark = tt_shared_at(chain_of(user->key, request));

	while (mark != NULL && (mark->request != request || mark->key != user->key ||
							mark->owner != user->owner || mark->pid != 0 || mark->timeouts > 0))
		mark = tt_shared_at(&mark->next);
	return mark;
}

static TtAsked *
add(const TtBudgetUser *user, uint64 request, int timeout_ms, int64 now)
{
	dsa_pointer *chain = chain_of(user->key, request);
	int			 n = tidy(chain, now);
	TtAsked		*mark = reuse(user, request);

	if (mark == NULL)
	{
		if (n >= MOST)
			make_room(chain);
		mark = tt_shared_add(chain, sizeof(TtAsked));
		if (mark == NULL)
			return NULL; /* a want of memory costs what is known, no query */
		table->entries++;
		mark->key = user->key;
		mark->request = request;
		mark->owner = user->owner;
	}
	mark->pid = MyProcPid;
	mark->late = now + timeout_ms + LATE_MS;
	mark->until = mark->late;
	return mark;
}

/* ---------------------------------------------------------------------------
 * Without
 * ------------------------------------------------------------------------- */

TtTimeoutsReply
tt_timeouts_ask(const TtBudgetUser *user, uint64 request, int timeout_ms, TtAsked **asked)
{
	TtTimeoutsReply reply = TT_TIMEOUTS_ASK;
	Known			known;
	int64			now;

	attach();
	*asked = NULL;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	now = tt_window_now();
	known = know(user, request, now);
	if (known.timeouts >= TT_TIMEOUTS_MOST)
		reply = TT_TIMEOUTS_OVER;
	else if (known.timeouts + known.under_way >=
			 TT_TIMEOUTS_MOST + (known.timeouts == 0 ? known.good : 0))
		reply = TT_TIMEOUTS_WAIT;
	else
		*asked = add(user, request, timeout_ms, now);
	LWLockRelease(&table->lock);
	return reply;
}

static int
timeouts_of(TtBudgetAnswer answer)
{
	switch (answer)
	{
		case TT_BUDGET_ANSWER_OVERDUE:
			return 1;
		case TT_BUDGET_ANSWER_BLOCKED:
			return TT_TIMEOUTS_MOST;
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
	asked->timeouts = timeouts_of(answer);
	asked->until = asked->timeouts > 0 ? now + REMEMBERED_MS : 0;
	if (answer == TT_BUDGET_ANSWER_GOOD)
	{
		asked->good = asked->good_until > now ? asked->good + 1 : 1;
		asked->good_until = now + GOOD_MS;
	}
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
	/* its time is over since it was sent, whoever waited; then it ends at once */
	asked->until = watch ? Max(asked->late, now + LATE_MS) : now + UNWATCHED_MS;
	LWLockRelease(&table->lock);
}

int
tt_timeouts_count(const TtBudgetUser *user, uint64 request, int *wait_ms)
{
	Known known;
	int64 now;

	attach();
	LWLockAcquire(&table->lock, LW_SHARED);
	now = tt_window_now();
	known = know(user, request, now);
	LWLockRelease(&table->lock);
	*wait_ms = (int) Max(known.until[TT_TIMEOUTS_MOST - 1] - now, 0);
	return known.timeouts;
}
