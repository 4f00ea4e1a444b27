/*
 * progress.c
 *	  What a fetch is doing, for those who look (tiktok.stat_activity).
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

/* Whether a job of it waits for others that are the same. */
static bool
waits_for_same(const TtReading *reading)
{
	const dlist_node *head = &reading->waiting.head;
	TimestampTz		  now = GetCurrentTimestamp();

	for (const dlist_node *node = head->next; node != head; node = node->next)
	{
		const TtFetchJob *job = dlist_container(TtFetchJob, node, unconstify(dlist_node *, node));

		if (job->ask_at > now)
			return true;
	}
	return false;
}

static TtWaiting
waiting_for(const TtFetch *fetch)
{
	if (fetch->slots.ahead || fetch->slots.parked)
		return TT_WAITING_QUERY;
	if (fetch->budget_since != 0)
		return waits_for_same(&fetch->reading) ? TT_WAITING_SAME : TT_WAITING_RATE;
	if (fetch->slots.starved)
		return TT_WAITING_SLOT;
	if (tt_http_running(fetch->http) == 0 && fetch->reading.njobs > 0)
		return TT_WAITING_PAUSE;
	return TT_WAITING_REPLY;
}

/* Requests that are to come: of pages that are known of, and one of each unit at least. */
static int64
to_come(const TtReading *reading)
{
	const dlist_node *head = &reading->active.head;
	int64			  n = reading->units->count - reading->next_unit + reading->njobs;

	for (const dlist_node *node = head->next; node != head; node = node->next)
	{
		const TtFetchUnit *unit = dlist_container(TtFetchUnit, node,
												  unconstify(dlist_node *, node));

		n += Max(unit->pages - unit->next_page + 1, 0);
	}
	return n;
}

void
tt_progress_note(TtFetch *fetch)
{
	const TtReading *reading = &fetch->reading;
	TtProgress		 progress;

	if (fetch->activity == NULL)
		return;
	progress.waiting = waiting_for(fetch);
	progress.requests = reading->stats->requests;
	progress.in_flight = tt_http_running(fetch->http);
	progress.planned = progress.requests + to_come(reading);
	progress.rows = reading->stats->rows;
	tt_activity_note(fetch->activity, &progress);
}

void
tt_progress_end(TtFetch *fetch)
{
	tt_activity_end(fetch->activity);
	fetch->activity = NULL;
}
