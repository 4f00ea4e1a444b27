/*
 * ahead.c
 *	  A fetch that nobody has asked for pages yet, whose first requests go out while
 *	  another one of the same query waits for its replies.
 *
 * What it sends is within the bounds of all: a slot of the server, the rate of the app,
 * and pages, which the scans of the query share as long as it is ahead.  It comes
 * after the one that waits, which sends first whatever it can; those ahead take turns,
 * a request each.  So it takes nothing that somebody wants.
 *
 * Who waits pumps it (tt_slots_follow_ahead).  What came is classified when it is
 * asked: until then it raises nothing, tries nothing again and knows of no second
 * page.  Nobody waits for its replies, so that they are not late (tt_fetch_leave()).
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

dlist_head tt_fetches = DLIST_STATIC_INIT(tt_fetches);

void
tt_fetch_of_query(TtFetch *fetch, const void *query)
{
	fetch->slots.query = query;
}

void
tt_fetch_ahead(TtFetch *fetch, int most)
{
	Assert(fetch->slots.query != NULL);
	fetch->ahead_most = Min(most, fetch->reading.options->concurrency);
	fetch->left_at = GetCurrentTimestamp();
	fetch->slots.ahead = true;
	fetch->slots.parked = true;
}

void
tt_ahead_end(TtFetch *fetch)
{
	fetch->slots.ahead = false;
	tt_http_unfollow(fetch->http);
}

/* One request, or what waited; whether it has one more. */
static bool
send_one(TtFetch *fetch, TimestampTz *wake)
{
	TtReading *reading = &fetch->reading;
	int		   before = reading->stats->prefetched;

	if (reading->njobs >= fetch->ahead_most && dlist_is_empty(&reading->waiting))
		return false;
	fetch->ahead_now = Min(reading->njobs + 1, fetch->ahead_most);
	*wake = tt_earlier(*wake, tt_jobs_send(fetch));
	fetch->slots.held = reading->njobs;

	/* it waits for nothing: neither for a slot nor for its turn */
	tt_slots_content(&fetch->slots);
	if (fetch->queued)
		tt_budget_give_way(&reading->budget);
	fetch->queued = false;
	fetch->budget_since = 0;
	if (reading->stats->prefetched == before)
		return false;
	tt_budget_watch(&reading->budget, false);
	tt_progress_note(fetch);
	return true;
}

TimestampTz
tt_ahead_send(TtFetch *fetch)
{
	TtReading  *reading = &fetch->reading;
	TimestampTz wake;
	bool		sent;

	if (fetch->slots.query == NULL || fetch->slots.starved || fetch->budget_since != 0)
		return 0;
	fetch->slots.held = reading->njobs + reading->nready + reading->nheld;
	do
	{
		dlist_iter iter;

		wake = 0;
		sent = false;
		dlist_foreach(iter, &tt_fetches)
		{
			TtFetch *other = dlist_container(TtFetch, node, iter.cur);

			if (other->slots.ahead && other->slots.query == fetch->slots.query)
				sent |= send_one(other, &wake);
		}
	} while (sent);
	return wake;
}
