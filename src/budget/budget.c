/*
 * budget.c
 *	  The request budgets that the backends of the cluster share.
 *
 * The promise: at the API, no second has more than rate requests.  Kept by
 * sliding windows, one of the app and one of each owner of servers, counted in
 * slots of 5 ms over a little more than a second; the surplus absorbs what the
 * network shifts.  A request is granted first, but counts in the windows from
 * the moment it goes out: between the two (a connection may have to be made) it
 * counts as unsent, that is, always.
 *
 * A grant must end.  Callers say so with tt_budget_answered(); for those that
 * forget or die, each backend keeps a list of its grants, and what is on it at
 * the end of a transaction ends then.  kill -9 makes the postmaster set up
 * shared memory anew.
 *
 * Time-outs are counted in slots of 50 ms over a little more than ten seconds,
 * and so is what they are weighed against: good answers, and requests that are
 * not answered yet.  A request that is lost sight of leaves the last by itself.
 *
 * The queue: a backend that gets nothing is a waiter of its owner's share, in
 * the order of asking.  From the places before it and the window follows when
 * its turn comes, and it is told to ask again then; so nobody need be woken.  A
 * place that is not taken is given up a little after that time, and meanwhile
 * keeps no more than one request from being sent by others.
 *
 * In shared memory: a budget for each key, with a share for each owner, with its
 * waiters.  Budgets and shares leave when nobody has asked for a minute.  One
 * LWLock is held for a walk through them: no wait, no palloc, no catalog look-up
 * under it, and no ereport but for want of memory where entries are added.
 * tt_budget_answered() may be called from a reset callback of a memory context:
 * it uses addresses only that this backend has seen.
 */
#include "postgres.h"

#include "access/xact.h"
#include "budget/budget.h"
#include "budget/budget_window.h"
#include "budget/timeouts.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "shared/shared.h"
#include "utils/timestamp.h"

/* all times are in milliseconds of tt_window_now(); what is long is counted in so many of them */
#define LONG 10

/* time-outs, possible ones included, in a long window */
#define MAX_OVERDUE 9

/* higher rates count as this: a slot is 16 bits wide */
#define MAX_RATE 60000

/* how long a lower rate holds for others, and how long the idle are kept */
#define MEMORY_MS 60000

/* ask again after this long when it is not known when to */
#define ASK_AGAIN_MS 50

/* who waits for others looks this long after there is room, should they not come */
#define LOOK_AGAIN_MS 100

/* how much later than told a waiter may come */
#define LATE_MS 200

/* other owners' unsent grants count this long after their last */
#define UNSENT_MS 5000

/* the owner of superusers' servers */
#define SUPERUSERS InvalidOid

typedef struct Waiter
{
	dsa_pointer next;
	int			pid;
	int64		until; /* gives up its place then */
} Waiter;

typedef struct Share
{
	dsa_pointer next;
	Oid			owner;
	int			rate;	 /* the lowest within the last minute */
	int64		rate_at; /* when that rate was last used */
	Oid			rate_database;
	Oid			rate_server;
	int64		asked_at; /* when anyone asked last */
	int64		penalty_until;
	int64		last_grant; /* its number in the budget */
	int64		granted_at;
	int			unsent; /* granted, not yet sent: count always */
	int			open;	/* grants on the lists of backends */
	int			nwaiters;
	dsa_pointer waiters; /* in the order of their turns */
	TtWindow	window;
	TtWindow	overdue;	/* long: time-outs */
	TtWindow	good;		/* long: good answers */
	TtWindow	unanswered; /* long: sent, of backends that wait for answers */
	TtWindow	unwatched;	/* sent, of others: by when they left */
} Share;

typedef struct Budget
{
	dsa_pointer next;
	TtBudgetKey key;
	int64		grants;
	int64		closed_until; /* the memory before was lost just now */
	dsa_pointer shares;
	TtWindow	window;
} Budget;

/* a grant; budget and share stay where they are as long as it is open */
typedef struct Grant
{
	int64				number;
	const TtBudgetUser *user; /* for comparison only */
	Budget			   *budget;
	Share			   *share;
	TtAsked			   *asked;
	TtWindow		   *counted; /* in this window of the share, once it is sent */
	int64				slot;	 /* of that window */
} Grant;

static TtSharedTable *table = NULL;

/*
 * This backend's open grants.  malloc'ed, so that it can be looked at whatever
 * memory contexts go.
 */
static Grant *grants = NULL;
static int	  n_grants = 0;
static int	  max_grants = 0;

/* may be sent, as far as others that are the same go, but has no grant yet */
static TtAsked *asking = NULL;

static void at_transaction_end(XactEvent event, void *arg);

/* Before any lock is taken. */
static void
attach(void)
{
	if (table != NULL)
		return;
	table = tt_shared_table(TT_SHARED_BUDGETS);
	RegisterXactCallback(at_transaction_end, NULL);
}

/* ---------------------------------------------------------------------------
 * Budgets and shares; all functions up to "grants" are called with the lock held
 * ------------------------------------------------------------------------- */

static Share *
first_share(const Budget *budget)
{
	return tt_shared_at(&budget->shares);
}

static Share *
next_share(const Share *share)
{
	return tt_shared_at(&share->next);
}

static dsa_pointer *
chain_of(TtBudgetKey key)
{
	return &table->chains[key % TT_SHARED_CHAINS];
}

static Budget *
find_budget(TtBudgetKey key)
{
	Budget *budget = tt_shared_at(chain_of(key));

	while (budget != NULL && budget->key != key)
		budget = tt_shared_at(&budget->next);
	return budget;
}

static Share *
find_share(const Budget *budget, Oid owner)
{
	Share *share = first_share(budget);

	while (share != NULL && share->owner != owner)
		share = next_share(share);
	return share;
}

/* Let time pass: those who did not come lose their turn. */
static void
drop_late_waiters(Share *share, int64 now)
{
	dsa_pointer *link = &share->waiters;
	Waiter		*waiter;

	while ((waiter = tt_shared_at(link)) != NULL)
	{
		if (waiter->until >= now)
			link = &waiter->next;
		else
		{
			tt_shared_remove(link);
			share->nwaiters--;
		}
	}
}

/* Let time pass; shares that matter to nobody any more leave. */
static void
refresh(Budget *budget, int64 now)
{
	dsa_pointer *link = &budget->shares;
	Share		*share;

	tt_window_advance(&budget->window, now);
	while ((share = tt_shared_at(link)) != NULL)
	{
		tt_window_advance(&share->window, now);
		tt_window_advance(&share->overdue, now / LONG);
		tt_window_advance(&share->good, now / LONG);
		tt_window_advance(&share->unanswered, now / LONG);
		tt_window_advance(&share->unwatched, now);
		drop_late_waiters(share, now);
		if (share->open > 0 || share->nwaiters > 0 ||
			share->penalty_until > now || now - share->asked_at <= MEMORY_MS)
			link = &share->next;
		else
			tt_shared_remove(link);
	}
}

/*
 * How long nobody may know what was sent by those who lost their memory, in ms:
 * a window after the last of them.
 */
static int64
closed_for(void)
{
	int64 age = (GetCurrentTimestamp() - tt_shared_since()) / 1000;

	return Max(TT_WINDOW_MS - Max(age, 0), 0);
}

/*
 * Find or make; NULL: no memory.  Budgets that are met on the way and have no
 * share any more make room.
 */
static Budget *
get_budget(TtBudgetKey key, int64 now)
{
	dsa_pointer *link = chain_of(key);
	Budget		*budget = find_budget(key);

	if (budget != NULL)
		return budget;
	while ((budget = tt_shared_at(link)) != NULL)
	{
		refresh(budget, now);
		if (first_share(budget) != NULL)
			link = &budget->next;
		else
			tt_shared_remove(link);
	}
	budget = tt_shared_add(link, sizeof(Budget));
	if (budget != NULL)
	{
		budget->key = key;
		budget->closed_until = now + closed_for();
	}
	return budget;
}

/* Find or make, and let time pass; NULL: no memory. */
static Share *
get_share(Budget *budget, Oid owner, int64 now)
{
	Share *share = find_share(budget, owner);

	if (share == NULL)
	{
		share = tt_shared_add(&budget->shares, sizeof(Share));
		if (share == NULL)
			return NULL;
		share->owner = owner;
		share->rate = MAX_RATE;
		share->rate_at = now - MEMORY_MS - 1;
	}
	share->asked_at = now;
	refresh(budget, now);
	return share;
}

/* ---------------------------------------------------------------------------
 * Rates
 * ------------------------------------------------------------------------- */

static bool
has_rate(const Share *share, int64 now)
{
	return share != NULL && now - share->rate_at <= MEMORY_MS;
}

/* The lowest rate of an owner that was used within a minute. */
static void
use_rate(Share *share, const TtBudgetUser *user, int64 now)
{
	int rate = Max(1, Min(user->rate, MAX_RATE));

	if (rate > share->rate && has_rate(share, now))
		return;
	share->rate = rate;
	share->rate_at = now;
	share->rate_database = MyDatabaseId;
	share->rate_server = user->server;
}

/* Whose rate holds for a share: its own, or that of superusers. */
static Share *
rate_setter(const Budget *budget, Share *share, int64 now)
{
	Share *superusers = find_share(budget, SUPERUSERS);

	if (has_rate(superusers, now) &&
		(!has_rate(share, now) || superusers->rate < share->rate))
		return superusers;
	return share;
}

static int
app_rate(const Budget *budget, int64 now)
{
	int rate = 1;

	for (Share *share = first_share(budget); share != NULL; share = next_share(share))
	{
		if (has_rate(share, now))
			rate = Max(rate, rate_setter(budget, share, now)->rate);
	}
	return rate;
}

/* ---------------------------------------------------------------------------
 * Whose turn it is
 * ------------------------------------------------------------------------- */

/* The place of this backend among the waiters of a share: the last if it is new. */
static int
place_of(Share *share, dsa_pointer **link)
{
	int		place = 0;
	Waiter *waiter;

	*link = &share->waiters;
	while ((waiter = tt_shared_at(*link)) != NULL && waiter->pid != MyProcPid)
	{
		*link = &waiter->next;
		place++;
	}
	return place;
}

static int
count_owners(const Budget *budget)
{
	int n = 0;

	for (Share *share = first_share(budget); share != NULL; share = next_share(share))
		n++;
	return n;
}

/* Grants that may go out at any moment, as they count for a share. */
static int64
count_unsent(const Budget *budget, const Share *share, int64 now)
{
	int64 sum = 0;

	for (Share *other = first_share(budget); other != NULL; other = next_share(other))
	{
		/* connections that are not made must not keep strangers waiting */
		if (other == share || other->owner == SUPERUSERS ||
			now - other->granted_at <= UNSENT_MS)
			sum += other->unsent;
	}
	return sum;
}

static int64
penalty_of(const Budget *budget, const Share *share)
{
	const Share *superusers = find_share(budget, SUPERUSERS);

	return superusers == NULL ? share->penalty_until
							  : Max(share->penalty_until, superusers->penalty_until);
}

/* Requests that are not answered yet, as far as that is known. */
static int64
count_open(const Share *share)
{
	return share->unsent + tt_window_sum(&share->unanswered) + tt_window_sum(&share->unwatched);
}

/*
 * How many requests a share may have under way beyond those that it has, so that
 * even if all of them timed out there were no ten in ten seconds.
 */
static int64
room_for_overdue(const Budget *budget, const Share *share)
{
	const Share *superusers = find_share(budget, SUPERUSERS);
	int64		 overdue = tt_window_sum(&share->overdue);
	int64		 good = tt_window_sum(&share->good);
	int64		 open = count_open(share);

	if (superusers != NULL && superusers != share)
	{
		overdue += tt_window_sum(&superusers->overdue);
		good += tt_window_sum(&superusers->good);
		open += count_open(superusers);
	}
	return MAX_OVERDUE - overdue + (overdue == 0 ? good : 0) - open;
}

/* Among several owners none may have all of the rate granted and unsent. */
static bool
may_be_granted(const Budget *budget, const Share *share, int rate)
{
	int owners = count_owners(budget);

	return owners == 1 || share->unsent < Max(rate / owners, 1);
}

/* How many requests a share may send now, as far as its own rate goes. */
static int
room_of_share(const Budget *budget, Share *share, int64 now)
{
	int rate = rate_setter(budget, share, now)->rate;

	if (penalty_of(budget, share) > now || !may_be_granted(budget, share, rate))
		return 0;
	return (int) Max(Min(rate - tt_window_sum(&share->window) - share->unsent,
						 room_for_overdue(budget, share)),
					 0);
}

/* When it has room for one more after so many others, in ms. */
static int64
wait_for_share(const Budget *budget, Share *share, int others, int64 now)
{
	int	  rate = rate_setter(budget, share, now)->rate;
	int64 penalty = penalty_of(budget, share);

	if (penalty > now)
		return penalty - now;
	if (!may_be_granted(budget, share, rate) || room_for_overdue(budget, share) <= others)
		return TT_WINDOW_UNKNOWN;
	return tt_window_wait(&share->window, (int64) share->unsent + others, rate, now);
}

/*
 * How many requests come before that of a waiter at this place of a share:
 * owners send one after the other, the one first that did so least recently.
 */
static int
count_before(const Budget *budget, const Share *share, int place, int64 now)
{
	int before = place;

	for (Share *other = first_share(budget); other != NULL; other = next_share(other))
	{
		int n;

		if (other == share || other->nwaiters == 0)
			continue;
		n = Min(other->nwaiters, room_of_share(budget, other, now));
		before += Min(n, place);
		before += n > place && other->last_grant < share->last_grant;
	}
	return before;
}

/* When, in ms from now, this place has its turn; 0: now. */
static int64
wait_for_turn(Budget *budget, Share *share, int place, int64 now)
{
	int	  rate = app_rate(budget, now);
	int64 going = count_unsent(budget, share, now);
	int64 alone = Max(wait_for_share(budget, share, 0, now),
					  tt_window_wait(&budget->window, going, rate, now));
	int64 wait = Max(wait_for_share(budget, share, place, now),
					 tt_window_wait(&budget->window,
									going + count_before(budget, share, place, now), rate, now));

	if (budget->closed_until > now)
		return budget->closed_until - now;
	if (alone == TT_WINDOW_UNKNOWN)
		return ASK_AGAIN_MS;
	return Min(wait, alone + LOOK_AGAIN_MS);
}

/* 0: granted; otherwise when to ask again, -1: no memory. */
static int64
ask(Budget *budget, Share *share, const TtBudgetUser *user, int64 now)
{
	dsa_pointer *link;
	int			 place;
	int64		 wait;
	Waiter		*waiter;

	use_rate(share, user, now);
	place = place_of(share, &link);
	wait = wait_for_turn(budget, share, place, now);
	waiter = tt_shared_at(link);
	if (wait == 0)
	{
		if (waiter != NULL)
		{
			tt_shared_remove(link);
			share->nwaiters--;
		}
		share->unsent++;
		share->open++;
		share->last_grant = ++budget->grants;
		share->granted_at = now;
		return 0;
	}
	if (waiter == NULL)
	{
		waiter = tt_shared_add(link, sizeof(Waiter));
		if (waiter == NULL)
			return -1;
		waiter->pid = MyProcPid;
		share->nwaiters++;
	}
	waiter->until = now + wait + LATE_MS;
	return wait;
}

/* ---------------------------------------------------------------------------
 * Grants
 * ------------------------------------------------------------------------- */

TtBudgetKey
tt_budget_key(const char *app_id, const char *host, const char *token)
{
	TtBudgetKey key;

	if (app_id && app_id[0] != '\0')
		key = hash_bytes_extended((const unsigned char *) app_id, (int) strlen(app_id), 1);
	else
	{
		key = hash_bytes_extended((const unsigned char *) host, (int) strlen(host), 2);
		key = hash_bytes_extended((const unsigned char *) token, (int) strlen(token), key);
	}
	return key;
}

TtBudgetKey
tt_budget_endpoint_key(TtBudgetKey key, const char *endpoint)
{
	return hash_bytes_extended((const unsigned char *) endpoint, (int) strlen(endpoint), key);
}

static void
out_of_memory(void)
{
	ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
					errdetail("The request budget has no room in shared memory.")));
}

/* Room for one more on this backend's list, before any lock is taken. */
static void
reserve_grant(void)
{
	if (n_grants >= max_grants)
	{
		int	   max = Max(64, max_grants * 2);
		Grant *grown = realloc(grants, max * sizeof(Grant));

		if (grown == NULL)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
		grants = grown;
		max_grants = max;
	}
}

static void
stop_asking(void)
{
	tt_timeouts_end(asking, TT_BUDGET_ANSWER_BAD);
	asking = NULL;
}

TtBudgetReply
tt_budget_acquire(const TtBudgetUser *user, uint64 request, int timeout_ms, TtBudgetGrant *grant,
				  int *wait_ms)
{
	static int64	number = 0;
	Budget		   *budget;
	Share		   *share = NULL;
	int64			now;
	int64			wait = -1;
	TtTimeoutsReply may = TT_TIMEOUTS_ASK;

	attach();
	reserve_grant();
	stop_asking(); /* an error may have been caught since */

	if (request != TT_BUDGET_ANY)
		may = tt_timeouts_ask(user, request, timeout_ms, &asking);
	*wait_ms = 0;
	if (may != TT_TIMEOUTS_ASK)
		return may == TT_TIMEOUTS_WAIT ? TT_BUDGET_SAME : TT_BUDGET_OVER;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	now = tt_window_now(); /* with the lock held, or slots go backwards */
	budget = get_budget(user->key, now);
	if (budget != NULL)
		share = get_share(budget, user->owner, now);
	if (share != NULL)
		wait = ask(budget, share, user, now);
	LWLockRelease(&table->lock);

	if (wait != 0)
		stop_asking();
	if (wait < 0)
		out_of_memory();
	if (wait > 0)
	{
		*wait_ms = (int) Min(wait, INT_MAX);
		return TT_BUDGET_LATER;
	}

	grant->number = ++number;
	grants[n_grants].number = number;
	grants[n_grants].user = user;
	grants[n_grants].budget = budget;
	grants[n_grants].share = share;
	grants[n_grants].asked = asking;
	grants[n_grants].counted = NULL;
	asking = NULL;
	n_grants++;
	return TT_BUDGET_GRANTED;
}

void
tt_budget_give_way(const TtBudgetUser *user)
{
	Budget *budget;
	Share  *share = NULL;

	attach();
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	budget = find_budget(user->key);
	if (budget != NULL)
		share = find_share(budget, user->owner);
	if (share != NULL)
	{
		dsa_pointer *link;

		(void) place_of(share, &link);
		if (tt_shared_at(link) != NULL)
		{
			tt_shared_remove(link);
			share->nwaiters--;
		}
	}
	LWLockRelease(&table->lock);
}

static Grant *
find_grant(const TtBudgetGrant *grant)
{
	for (int i = n_grants - 1; i >= 0 && grant->number != 0; i--)
	{
		if (grants[i].number == grant->number)
			return &grants[i];
	}
	return NULL;
}

/* Count a grant that was sent among those without an answer; with the lock held. */
static void
count_unanswered(Grant *grant, bool watch, int64 now)
{
	Share *share = grant->share;

	if (grant->counted != NULL)
		tt_window_discount(grant->counted, grant->slot,
						   grant->counted == &share->unanswered ? now / LONG : now);
	grant->counted = watch ? &share->unanswered : &share->unwatched;
	tt_window_count(grant->counted, watch ? now / LONG : now);
	grant->slot = grant->counted->newest;
}

/* With the lock held. */
static void
mark_sent(Grant *grant, int64 now)
{
	tt_window_count(&grant->budget->window, now);
	tt_window_count(&grant->share->window, now);
	count_unanswered(grant, true, now);
	grant->share->unsent--;
}

void
tt_budget_sent(TtBudgetGrant *grant)
{
	Grant *sent = find_grant(grant);

	if (sent == NULL || sent->counted != NULL)
		return;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	mark_sent(sent, tt_window_now());
	LWLockRelease(&table->lock);
}

void
tt_budget_answered(TtBudgetGrant *grant, TtBudgetAnswer answer)
{
	Grant *found = find_grant(grant);
	Share *share;
	int64  now;

	grant->number = 0;
	if (found == NULL)
		return;
	share = found->share;
	/* what did not go out cannot time out */
	tt_timeouts_end(found->asked, found->counted != NULL ? answer : TT_BUDGET_ANSWER_BAD);

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	now = tt_window_now();
	if (found->counted == NULL)
		mark_sent(found, now);
	tt_window_discount(found->counted, found->slot,
					   found->counted == &share->unanswered ? now / LONG : now);
	if (answer == TT_BUDGET_ANSWER_GOOD)
		tt_window_count(&share->good, now / LONG);
	if (answer == TT_BUDGET_ANSWER_OVERDUE)
		tt_window_count(&share->overdue, now / LONG);
	share->open--;
	LWLockRelease(&table->lock);

	*found = grants[--n_grants];
}

void
tt_budget_watch(const TtBudgetUser *user, bool watch)
{
	bool locked = false;

	for (int i = 0; i < n_grants; i++)
	{
		if (grants[i].user == user)
			tt_timeouts_watch(grants[i].asked, watch);
	}
	for (int i = 0; i < n_grants; i++)
	{
		Grant *grant = &grants[i];

		if (grant->user != user || grant->counted == NULL ||
			(grant->counted == &grant->share->unanswered) == watch)
			continue;
		if (!locked)
			LWLockAcquire(&table->lock, LW_EXCLUSIVE);
		locked = true;
		count_unanswered(grant, watch, tt_window_now());
	}
	if (locked)
		LWLockRelease(&table->lock);
}

/*
 * No scan outlives its transaction, so grants that are still open are of scans
 * that died.  Whether their requests went out is not known: count them.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE ||
		event == XACT_EVENT_PARALLEL_PRE_COMMIT)
		return;
	stop_asking();
	while (n_grants > 0)
	{
		TtBudgetGrant grant = {grants[n_grants - 1].number};

		tt_budget_answered(&grant, TT_BUDGET_ANSWER_NONE);
	}
}

void
tt_budget_penalty(const TtBudgetUser *user, int64 ms)
{
	Budget *budget;
	Share  *share = NULL;
	int64	now;

	attach();
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	now = tt_window_now();
	budget = get_budget(user->key, now);
	if (budget != NULL)
		share = get_share(budget, user->owner, now);
	if (share != NULL)
		share->penalty_until = Max(share->penalty_until, now + ms);
	LWLockRelease(&table->lock);

	if (share == NULL)
		out_of_memory();
}

bool
tt_budget_rate(TtBudgetKey key, Oid owner, TtBudgetRate *rate)
{
	Budget *budget;
	Share  *share = NULL;
	int64	now;

	attach();
	LWLockAcquire(&table->lock, LW_SHARED);
	now = tt_window_now();
	budget = find_budget(key);
	if (budget != NULL)
		share = find_share(budget, owner);
	if (share != NULL && has_rate(share, now))
	{
		share = rate_setter(budget, share, now);
		rate->rate = share->rate;
		rate->database = share->rate_database;
		rate->server = share->rate_server;
	}
	else
		share = NULL;
	LWLockRelease(&table->lock);
	return share != NULL;
}
