/*
 * fetch.c
 *	  A scan's requests under way: from the query to one page after the other.
 *
 * The units of a query are worked off with up to "concurrency" requests in
 * flight (send.c).  What came is classified (classify.c); a page waits in a queue
 * until the scan takes it.  Their number is bounded, and so is memory; what several
 * scans of one backend may have in flight together is in slots/.
 *
 * Ownership: everything lives in fetch->context.  Its reset callback counts
 * unsent grants as sent; the client's own callback (http.c) aborts transfers.
 * Temporary files are closed by tt_fetch_end(), and by the resource owner when the
 * query failed: a callback cannot know which it is.
 * Nothing blocks except tt_http_wait(), and no lock is held there.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#define LIST_PATIENCE 5 /* ms until a list of ids that cannot wake us is looked at again */

/* ---- lists of ids are read by fetches of their own (TtListReader) ----------- */

static void *
begin_list(void *arg, int account, const TtTable *table, TtQuery *query,
		   const TtProjection *projection)
{
	TtFetch	  *fetch = arg;
	TtReading *reading = &fetch->reading;
	TtFetch	  *list = tt_fetch_create(table, reading->options, query, projection,
									  reading->stats);

	Assert(fetch->list == NULL); /* one after the other */
	list->reading.served[0] = reading->served[account];
	list->report = fetch;
	fetch->list = list;
	fetch->list_wakes = tt_http_follow(fetch->http, list->http);
	return list;
}

static bool
read_list(void *list, TtListSink sink, void *sink_arg)
{
	TtPage *page;
	bool	finished;

	while ((page = tt_fetch_next(list, false, &finished)) != NULL)
	{
		sink(sink_arg, page->reply);
		tt_fetch_release(page);
	}
	return finished;
}

static void
end_list(void *arg)
{
	TtFetch *list = arg;

	tt_http_unfollow(list->http);
	list->report->list = NULL;
	tt_fetch_end(list);
}

/* Go on with a list: true if units can begin now, or others are there. */
static bool
advance_list(TtFetch *fetch, TimestampTz *wake)
{
	int64		 refused;
	TtSplitState state = tt_split_advance(&fetch->split, &refused);

	tt_fetch_watch(fetch); /* pages of it were for us: nobody left */
	switch (state)
	{
		case TT_SPLIT_READY:
			return true;
		case TT_SPLIT_REFUSED:
			tt_account_give_up(fetch, refused);
			return true;
		case TT_SPLIT_READING:
			/* it may have pumped us: nothing else tells of what came then */
			if (tt_http_in_flight(fetch->http) > tt_http_running(fetch->http))
				*wake = GetCurrentTimestamp();
			else if (!fetch->list_wakes)
				*wake = tt_earlier(*wake, TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
																	  LIST_PATIENCE));
			return false;
		default:
			return false;
	}
}

/* ---- beginning and end ------------------------------------------------------ */

static void
tell_sent(void *fetch)
{
	tt_jobs_tell_sent(fetch);
}

/* Reset callback: runs at the end, an error included, and must not ereport. */
static void
release_resources(void *arg)
{
	TtFetch	  *fetch = arg;
	dlist_iter iter;

	tt_slots_leave(&fetch->slots);
	tt_progress_end(fetch);
	if (fetch->listed)
		dlist_delete(&fetch->node);
	dlist_foreach(iter, &fetch->reading.flying)
	{
		TtFetchJob *job = dlist_container(TtFetchJob, node, iter.cur);

		/* it may be on its way: rather count one too many */
		tt_budget_answered(&job->grant, TT_BUDGET_ANSWER_NONE);
	}
	tt_reading_free_units(&fetch->reading);
}

/* The client, and how much of what is shared it may use. */
static void
set_up_client(TtFetch *fetch, const TtOptions *options)
{
	const TtEndpoint *endpoint = fetch->reading.query->stream->endpoint;
	TtBudgetUser	 *budget = &fetch->reading.budget;
	TtHttpOptions	  http = {0};

	budget->key = tt_budget_key(options->app_id, options->host, options->access_token);
	budget->owner = options->server_owner_is_superuser ? InvalidOid : options->server_owner;
	budget->server = options->serverid;
	budget->rate = options->rate_limit;
	if (endpoint->rate > 0)
	{
		budget->key = tt_budget_endpoint_key(budget->key, endpoint->path);
		budget->rate = Min(budget->rate, endpoint->rate);
	}
	http.timeout_ms = options->timeout * 1000;
	http.connect_timeout_ms = options->connect_timeout * 1000;
	http.max_response_size = options->max_response_size;
	http.ca_file = options->ca_file;
	http.proxy = options->proxy;
	http.allow_http = strncmp(options->base_url, "http://", 7) == 0;
	http.user_agent = "tiktok_fdw/" TT_VERSION " (PostgreSQL " PG_VERSION ")";
	fetch->http = tt_http_create(&http, fetch->context);
	fetch->slots.serverid = options->serverid;
	fetch->slots.concurrency = options->concurrency;
	fetch->slots.http = fetch->http;
	fetch->slots.tell_sent = tell_sent;
	fetch->slots.arg = fetch;
	tt_slots_enter(&fetch->slots);
	dlist_push_tail(&tt_fetches, &fetch->node);
	fetch->listed = true;
}

TtFetch *
tt_fetch_create(const TtTable *table, const TtOptions *options, TtQuery *query,
				const TtProjection *projection, TtFetchStats *stats)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tiktok_fdw fetch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TtFetch		 *fetch = palloc0(sizeof(TtFetch));
	TtListReader  lists = {begin_list, read_list, end_list, fetch};

	if (stats->context == NULL)
		stats->context = old;
	fetch->context = context;
	tt_reading_init(&fetch->reading, table, options, query, projection, stats);
	fetch->callback.func = release_resources;
	fetch->callback.arg = fetch;
	MemoryContextRegisterResetCallback(context, &fetch->callback);

	tt_refused_init(&fetch->refused, &fetch->reading);
	tt_split_init(&fetch->split, &fetch->reading, &lists);
	if (query->sums_only || query->stream->endpoint->paging == TT_PAGING_OBJECT)
		fetch->paths = tt_paths_create_single(query->sums_only ? "total_metrics" : NULL,
											  projection->npaths, projection->paths);
	else
		fetch->paths = tt_paths_create(query->stream->endpoint->list_key,
									   projection->npaths, projection->paths);
	tt_reading_start(&fetch->reading);
	set_up_client(fetch, options);
	fetch->activity = tt_activity_begin(options->serverid, table->relid);
	MemoryContextSwitchTo(old);
	return fetch;
}

void
tt_fetch_end(TtFetch *fetch)
{
	tt_split_end(&fetch->split);
	/* temporary files: the resource owner has them after an error only */
	tt_reading_end(&fetch->reading);
	MemoryContextDelete(fetch->context);
}

/* ---- a page after the other ------------------------------------------------- */

static void
take_events(TtFetch *fetch)
{
	TtTransfer *transfer;
	bool		landed = false;

	tt_jobs_tell_sent(fetch);
	while ((transfer = tt_http_next_done(fetch->http)) != NULL)
	{
		/* first: classifying may free the job, and may raise */
		tt_jobs_tell_sent(fetch);
		tt_job_done(fetch, tt_transfer_arg(transfer));
		landed = true;
		/* the next goes out before others are classified: that takes a while */
		(void) tt_jobs_send(fetch);
		tt_http_pump(fetch->http);
	}
	tt_jobs_tell_sent(fetch);
	if (landed)
		tt_slots_landed(&fetch->slots);
}

/* The page that waits longest; its rows are with the scan's user from now on. */
static TtPage *
take_page(TtReading *reading)
{
	TtReadyPage *ready = tt_page_take(reading);
	TtPage		*page = MemoryContextAlloc(ready->context, sizeof(TtPage));

	page->reply = ready->reply;
	page->account = ready->account;
	page->number = ready->number;
	memcpy(page->period, ready->period, sizeof(page->period));
	page->asked = ready->asked;
	page->context = ready->context;
	return page;
}

void
tt_fetch_leave(void)
{
	TimestampTz now = GetCurrentTimestamp();
	dlist_iter	iter;

	dlist_foreach(iter, &tt_fetches)
	{
		TtFetch *fetch = dlist_container(TtFetch, node, iter.cur);

		if (fetch->left_at != 0)
			continue;
		fetch->left_at = now;
		tt_budget_watch(&fetch->reading.budget, false);
	}
}

void
tt_fetch_watch(TtFetch *fetch)
{
	TimestampTz now = GetCurrentTimestamp();
	int			timeout_ms = fetch->reading.options->timeout * 1000;
	dlist_iter	iter;

	if (fetch->left_at == 0)
		return;
	dlist_foreach(iter, &fetch->reading.flying)
	{
		TtFetchJob *job = dlist_container(TtFetchJob, node, iter.cur);

		/* one that is ahead sends after it was left */
		job->unattended_ms += (now - Max(fetch->left_at, job->started)) / 1000;
		job->lapsed |= TimestampTzPlusMilliseconds(job->started, timeout_ms) <= now;
	}
	fetch->left_at = 0;
	tt_budget_watch(&fetch->reading.budget, true);
}

/*
 * Until the next call: what was started goes out, and others may pump us.  The
 * rows are used now, and no request of this backend is looked after meanwhile.
 */
static void
park(TtFetch *fetch)
{
	if (tt_http_running(fetch->http) > 0)
		tt_http_pump(fetch->http);
	tt_jobs_tell_sent(fetch);
	tt_fetch_leave();
	fetch->slots.held = fetch->reading.njobs + fetch->reading.nready + 1;
	fetch->slots.parked = true;
	tt_progress_note(fetch);
	/* it goes on when we do, and by itself then */
	if (fetch->list != NULL && !fetch->list->slots.parked)
		park(fetch->list);
}

/* Back from where the rows were used: the page that was handed on is gone. */
static void
unpark(TtFetch *fetch)
{
	fetch->slots.parked = false;
	tt_slots_landed(&fetch->slots);
}

TtPage *
tt_fetch_next(TtFetch *fetch, bool wait, bool *finished)
{
	TtReading *reading = &fetch->reading;

	*finished = false;
	if (fetch->slots.ahead)
		tt_ahead_end(fetch);
	tt_fetch_watch(fetch);
	if (fetch->slots.parked)
		unpark(fetch);
	for (;;)
	{
		TimestampTz wake;

		CHECK_FOR_INTERRUPTS();
		take_events(fetch);
		do
			wake = tt_jobs_send(fetch);
		while (advance_list(fetch, &wake));
		wake = tt_earlier(wake, tt_ahead_send(fetch));
		tt_slots_wait(&fetch->slots, wake);
		if (!dlist_is_empty(&reading->ready))
		{
			TtPage *page = take_page(reading);

			park(fetch);
			return page;
		}
		if (dlist_is_empty(&reading->active) && fetch->split.nwaiting == 0 &&
			reading->next_unit >= reading->units->count)
		{
			fetch->slots.held = 0;
			tt_slots_content(&fetch->slots);
			tt_slots_landed(&fetch->slots);
			tt_progress_end(fetch);
			*finished = true;
			return NULL;
		}
		if (tt_slots_follow_ahead(&fetch->slots) || fetch->slots.starved ||
			fetch->budget_since != 0)
			tt_slots_pump_others(&fetch->slots);
		tt_progress_note(fetch);
		if (!wait)
			return NULL;
		tt_http_wait(fetch->http, fetch->budget_since != 0);
	}
}

void
tt_fetch_share(TtFetch *fetch, const void *with)
{
	fetch->slots.beside = with;
}

int
tt_fetch_fd(const TtFetch *fetch)
{
	return tt_http_fd(fetch->http);
}

void
tt_fetch_release(TtPage *page)
{
	MemoryContextDelete(page->context);
}

int64
tt_fetch_session_requests(void)
{
	return tt_jobs_of_session();
}
