/*
 * fetch_lanes.c
 *	  What the scans of one backend share.
 *
 * "concurrency" bounds the requests in flight to a server, however many scans
 * of one backend go there: the arms of an async Append, the sides of a join,
 * open cursors.  Nothing is counted up and down, so nothing can be lost: the
 * requests in flight are those of the lanes that live, and a lane leaves by
 * the reset callback of its fetch.
 *
 * Waiting for others needs care, because only one scan of a backend runs at a
 * time: the requests of a scan that is not asked for rows stand still.  So who
 * waits pumps the others (tt_lane_pump_others), which moves bytes and raises
 * nothing; what came is judged when its own scan goes on.
 *
 * Memory: jobs and pages of one scan never exceed the concurrency by more than
 * two, and those of the arms of an async Append do not together.  An arm that has nothing and
 * waited in vain may have one page nevertheless: rather that than stand still.
 *
 * Nothing here blocks or ereports.
 */
#include "postgres.h"

#include "fetch_lanes.h"

#define FIRST_PATIENCE 2 /* ms */
#define LAST_PATIENCE  100
#define IN_VAIN		   20 /* ms without a page before one is allowed */

static dlist_head lanes = DLIST_STATIC_INIT(lanes);

void
tt_lane_enter(TtLane *lane)
{
	lane->patience = FIRST_PATIENCE;
	dlist_push_tail(&lanes, &lane->node);
	lane->entered = true;
}

void
tt_lane_leave(TtLane *lane)
{
	if (!lane->entered)
		return;
	dlist_delete(&lane->node);
	lane->entered = false;
	tt_lane_landed(lane);
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
ahead(const TtLane *lane)
{
	return Min(lane->concurrency / 4, 2);
}

/* What another lane has of what this one shares with it. */
static int
used(const TtLane *lane, const TtLane *other, Bound bound)
{
	if (bound == REQUESTS)
		return tt_http_running(other->http);
	return other->beside == lane->beside ? other->held : 0;
}

/*
 * Whether a lane may have one more of what all lanes of its server share.  One
 * that has its share gives way to those that starve with less.
 */
static bool
has_room(const TtLane *lane, Bound bound)
{
	int		   mine = used(lane, lane, bound);
	int		   sum = 0;
	int		   nlanes = 1;
	bool	   give_way = false;
	dlist_iter iter;

	dlist_foreach(iter, &lanes)
	{
		TtLane *other = dlist_container(TtLane, node, iter.cur);
		bool	starves = other->starved && !other->parked &&
					   (bound == REQUESTS || other->beside == lane->beside);
		int n;

		if (other->serverid != lane->serverid)
			continue;
		n = used(lane, other, bound);
		sum += n;
		if (other == lane)
			continue;
		nlanes += n > 0 || starves;
		give_way |= starves && n < mine;
	}
	if (sum >= lane->concurrency + (bound == PAGES ? ahead(lane) : 0))
		return false;
	return !give_way || mine < Max(lane->concurrency / nlanes, 1);
}

static void
starve(TtLane *lane)
{
	if (!lane->starved)
		lane->starved_since = GetCurrentTimestamp();
	lane->starved = true;
}

bool
tt_lane_may_hold(TtLane *lane)
{
	if (lane->held >= lane->concurrency + ahead(lane))
		return false;
	if (lane->beside == NULL || has_room(lane, PAGES))
		return true;
	if (lane->held > 0)
		return false;
	if (lane->starved &&
		GetCurrentTimestamp() >= TimestampTzPlusMilliseconds(lane->starved_since, IN_VAIN))
		return true;
	starve(lane);
	return false;
}

bool
tt_lane_may_send(TtLane *lane)
{
	if (has_room(lane, REQUESTS))
		return true;
	starve(lane);
	return false;
}

void
tt_lane_content(TtLane *lane)
{
	lane->starved = false;
	lane->patience = FIRST_PATIENCE;
}

void
tt_lane_landed(TtLane *lane)
{
	TimestampTz now = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &lanes)
	{
		TtLane *other = dlist_container(TtLane, node, iter.cur);

		if (other == lane || !other->starved || other->serverid != lane->serverid)
			continue;
		if (now == 0)
			now = GetCurrentTimestamp();
		other->wake = now;
		tt_http_wake_at(other->http, now);
	}
}

void
tt_lane_wait(TtLane *lane, TimestampTz wake)
{
	if (lane->starved)
	{
		TimestampTz again = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), lane->patience);

		wake = wake == 0 ? again : Min(wake, again);
		lane->patience = Min(lane->patience * 2, LAST_PATIENCE);
	}
	lane->wake = wake;
	tt_http_wake_at(lane->http, wake);
}

void
tt_lane_pump_others(TtLane *lane)
{
	TimestampTz now = GetCurrentTimestamp();
	dlist_iter	iter;

	dlist_foreach(iter, &lanes)
	{
		TtLane *other = dlist_container(TtLane, node, iter.cur);

		if (other == lane)
			continue;
		if (tt_http_running(other->http) > 0)
		{
			tt_http_pump(other->http);
			/* its descriptor may have lost what made it readable */
			if (tt_http_in_flight(other->http) > tt_http_running(other->http) ||
				(other->wake != 0 && other->wake <= now))
				tt_http_wake_at(other->http, now);
		}
		other->tell_sent(other->arg);
	}
}
