/*
 * slots.c
 *	  Concurrency slots: what the scans of one backend share.
 *
 * "concurrency" bounds the requests in flight to a server, however many scans
 * of one backend go there: the arms of an async Append, the sides of a join,
 * open cursors.  Nothing is counted up and down, so nothing can be lost: the
 * requests in flight are those of the scans that live, and a scan leaves by
 * the reset callback of its fetch.
 *
 * Waiting for others needs care, because only one scan of a backend runs at a
 * time: the requests of a scan that is not asked for rows stand still.  So who
 * waits pumps the others (tt_slots_pump_others), which moves bytes and raises
 * nothing; what came is classified when its own scan goes on.
 *
 * Memory: jobs and pages of one scan never exceed the concurrency by more than
 * two, and those of the arms of an async Append do not together.  An arm that has nothing and
 * waited in vain may have one page nevertheless: rather that than stand still.  A scan
 * that is ahead begins nothing by which those of its query would exceed it together.
 *
 * Nothing here blocks or ereports.
 */
#include "postgres.h"

#include "slots/slots.h"

#define FIRST_PATIENCE 2 /* ms */
#define LAST_PATIENCE  100
#define IN_VAIN		   20 /* ms without a page before one is allowed */
#define LOOK_AHEAD	   5  /* ms until those ahead that cannot wake us are looked at */

static dlist_head all = DLIST_STATIC_INIT(all);

void
tt_slots_enter(TtSlots *slots)
{
	slots->patience = FIRST_PATIENCE;
	dlist_push_tail(&all, &slots->node);
	slots->entered = true;
}

void
tt_slots_leave(TtSlots *slots)
{
	if (!slots->entered)
		return;
	dlist_delete(&slots->node);
	slots->entered = false;
	tt_slots_landed(slots);
}

/* what a bound is on */
typedef enum Bound
{
	REQUESTS,
	PAGES
} Bound;

/*
 * Pages that may wait beside a full number of requests, so that these go on
 * while rows are used.  Who asks for few requests wants few in vain, too.
 */
static int
ahead(const TtSlots *slots)
{
	return Min(slots->concurrency / 4, 2);
}

/* What another scan has of what this one shares with it. */
static int
used(const TtSlots *slots, const TtSlots *other, Bound bound)
{
	if (bound == REQUESTS)
		return tt_http_running(other->http);
	return other->beside == slots->beside ? other->held : 0;
}

/*
 * Whether a scan may have one more of what all scans of its server share.  One
 * that has its share gives way to those that starve with less.
 */
static bool
has_room(const TtSlots *slots, Bound bound)
{
	int		   mine = used(slots, slots, bound);
	int		   sum = 0;
	int		   nscans = 1;
	bool	   give_way = false;
	dlist_iter iter;

	dlist_foreach(iter, &all)
	{
		TtSlots *other = dlist_container(TtSlots, node, iter.cur);
		bool	 starves = other->starved && !other->parked &&
					   (bound == REQUESTS || other->beside == slots->beside);
		int n;

		if (other->serverid != slots->serverid)
			continue;
		n = used(slots, other, bound);
		sum += n;
		if (other == slots)
			continue;
		nscans += n > 0 || starves;
		give_way |= starves && n < mine;
	}
	if (sum >= slots->concurrency + (bound == PAGES ? ahead(slots) : 0))
		return false;
	return !give_way || mine < Max(slots->concurrency / nscans, 1);
}

static void
starve(TtSlots *slots)
{
	if (!slots->starved)
		slots->starved_since = GetCurrentTimestamp();
	slots->starved = true;
}

bool
tt_slots_may_hold(TtSlots *slots)
{
	if (slots->held >= slots->concurrency + ahead(slots))
		return false;
	if (slots->beside == NULL || has_room(slots, PAGES))
		return true;
	if (slots->held > 0)
		return false;
	if (slots->starved &&
		GetCurrentTimestamp() >= TimestampTzPlusMilliseconds(slots->starved_since, IN_VAIN))
		return true;
	starve(slots);
	return false;
}

bool
tt_slots_may_hold_ahead(const TtSlots *slots)
{
	int		   sum = 0;
	dlist_iter iter;

	dlist_foreach(iter, &all)
	{
		TtSlots *other = dlist_container(TtSlots, node, iter.cur);

		if (other->query == slots->query)
			sum += other->held;
	}
	return sum < slots->concurrency + ahead(slots);
}

bool
tt_slots_may_send(TtSlots *slots)
{
	if (has_room(slots, REQUESTS))
		return true;
	starve(slots);
	return false;
}

void
tt_slots_content(TtSlots *slots)
{
	slots->starved = false;
	slots->patience = FIRST_PATIENCE;
}

void
tt_slots_landed(TtSlots *slots)
{
	TimestampTz now = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &all)
	{
		TtSlots *other = dlist_container(TtSlots, node, iter.cur);

		if (other == slots || !other->starved || other->serverid != slots->serverid)
			continue;
		if (now == 0)
			now = GetCurrentTimestamp();
		other->wake = now;
		tt_http_wake_at(other->http, now);
	}
}

void
tt_slots_wait(TtSlots *slots, TimestampTz wake)
{
	if (slots->starved)
	{
		TimestampTz again = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), slots->patience);

		wake = wake == 0 ? again : Min(wake, again);
		slots->patience = Min(slots->patience * 2, LAST_PATIENCE);
	}
	slots->wake = wake;
	tt_http_wake_at(slots->http, wake);
}

bool
tt_slots_follow_ahead(TtSlots *slots)
{
	bool	   any = false;
	dlist_iter iter;

	dlist_foreach(iter, &all)
	{
		TtSlots *other = dlist_container(TtSlots, node, iter.cur);

		if (other == slots || !other->ahead)
			continue;
		/* when all has come, its descriptor tells nothing that matters */
		if (tt_http_running(other->http) == 0)
		{
			tt_http_unfollow(other->http);
			continue;
		}
		any = true;
		if (!tt_http_follow(slots->http, other->http))
		{
			TimestampTz soon = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOOK_AHEAD);

			if (slots->wake == 0 || slots->wake > soon)
				tt_http_wake_at(slots->http, slots->wake = soon);
		}
	}
	return any;
}

void
tt_slots_pump_others(TtSlots *slots)
{
	TimestampTz now = GetCurrentTimestamp();
	dlist_iter	iter;

	dlist_foreach(iter, &all)
	{
		TtSlots *other = dlist_container(TtSlots, node, iter.cur);

		if (other == slots)
			continue;
		if (tt_http_running(other->http) > 0)
		{
			tt_http_pump(other->http);
			/* its descriptor may have lost what made it readable, if somebody waits for it */
			if (!other->ahead &&
				(tt_http_in_flight(other->http) > tt_http_running(other->http) ||
				 (other->wake != 0 && other->wake <= now)))
				tt_http_wake_at(other->http, now);
		}
		other->tell_sent(other->arg);
	}
}
