/*
 * fetch.c
 *	  A scan's requests under way.
 *
 * The units of a query are worked off with up to "concurrency" requests in
 * flight.  A job is one request for one page of one unit; a page that came
 * waits in a queue until the scan takes it.  Their number is
 * bounded, and so is memory; what several scans of one
 * backend may have in flight together is in slots.c.
 *
 * Ownership: everything lives in fetch->context.  Its reset callback counts
 * unsent grants as sent; the client's own callback (http.c) aborts transfers.
 * Temporary files (key_set.c) are closed by tt_fetch_end(), and by the
 * resource owner when the query failed: a callback cannot know which it is.
 * Nothing blocks except tt_http_wait(), and no lock is held there.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include "miscadmin.h"
#include "utils/memutils.h"

static void release_resources(void *arg);
static void tell_sent(void *arg);

/* What is known to be refused is not asked for; the user is told once a scan. */
static void
tell_refused(const TtFetch *fetch)
{
	const TtQuery *query = fetch->query;

	if (fetch->stats->told_metrics || query->stream->kind != TT_KIND_REPORT)
		return;
	fetch->stats->told_metrics = true;
	for (int i = 0; i < query->nnames; i++)
		if (query->refused[i])
			ereport(WARNING,
					(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
					 errmsg("the TikTok API refuses metric \"%s\" for foreign table \"%s\"; it reads as NULL",
							query->names[i], fetch->table->name),
					 errdetail("It was refused in this session, and is not asked for again.")));
}

TtFetch *
tt_fetch_create(const TtTable *table, const TtOptions *options, TtQuery *query,
				const TtProjection *projection, TtFetchStats *stats)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tiktok_fdw fetch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TtFetch		 *fetch = palloc0(sizeof(TtFetch));
	TtHttpOptions http = {0};

	if (stats->context == NULL)
		stats->context = old;
	fetch->context = context;
	fetch->table = table;
	fetch->options = options;
	fetch->query = query;
	fetch->projection = projection;
	fetch->stats = stats;
	fetch->max_days = PG_INT32_MAX;
	fetch->max_values = PG_INT32_MAX;
	fetch->max_names = TT_MAX_METRICS;
	dlist_init(&fetch->active);
	dlist_init(&fetch->waiting);
	dlist_init(&fetch->flying);
	dlist_init(&fetch->ready);
	dlist_init(&fetch->probe.blocked);
	dlist_init(&fetch->split.lists);
	dlist_init(&fetch->split.waiting);
	dlist_init(&fetch->kin);
	fetch->kindred = query->nkinds > 1;
	fetch->callback.func = release_resources;
	fetch->callback.arg = fetch;
	MemoryContextRegisterResetCallback(context, &fetch->callback);

	tell_refused(fetch);
	tt_filters_tell(fetch);
	if (query->sums_only)
		fetch->paths = tt_paths_create_single("total_metrics", projection->npaths,
											  projection->paths);
	else
		fetch->paths = tt_paths_create(query->stream->endpoint->list_key,
									   projection->npaths, projection->paths);
	fetch->hour_slot = tt_hour_slot(fetch);
	tt_idle_init(fetch);
	tt_skip_accounts(fetch);
	fetch->units = tt_units_create(query);
	if (fetch->units == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	fetch->budget.key = tt_budget_key(options->app_id, options->host, options->access_token);
	fetch->budget.owner = options->server_owner_is_superuser ? InvalidOid : options->server_owner;
	fetch->budget.server = options->serverid;
	fetch->budget.rate = options->rate_limit;
	fetch->served = palloc0(sizeof(bool) * Max(query->naccounts, 1));
	http.timeout_ms = options->timeout * 1000;
	http.connect_timeout_ms = options->connect_timeout * 1000;
	http.max_response_size = options->max_response_size;
	http.ca_file = options->ca_file;
	http.proxy = options->proxy;
	http.allow_http = strncmp(options->base_url, "http://", 7) == 0;
	http.user_agent = "tiktok_fdw/" TT_VERSION " (PostgreSQL " PG_VERSION ")";
	fetch->http = tt_http_create(&http, context);
	fetch->slots.serverid = options->serverid;
	fetch->slots.concurrency = options->concurrency;
	fetch->slots.http = fetch->http;
	fetch->slots.tell_sent = tell_sent;
	fetch->slots.arg = fetch;
	tt_slots_enter(&fetch->slots);
	MemoryContextSwitchTo(old);
	return fetch;
}

/* Reset callback: runs at the end, an error included, and must not ereport. */
static void
release_resources(void *arg)
{
	TtFetch	  *fetch = arg;
	dlist_iter iter;

	tt_slots_leave(&fetch->slots);
	dlist_foreach(iter, &fetch->flying)
	{
		TtFetchJob *job = dlist_container(TtFetchJob, node, iter.cur);

		/* it may be on its way: rather count one too many */
		tt_budget_answered(&job->grant, TT_BUDGET_ANSWER_NONE);
	}
	tt_units_free(fetch->units);
	fetch->units = NULL;
}

void
tt_fetch_end(TtFetch *fetch)
{
	dlist_iter iter;

	tt_split_end(fetch);
	dlist_foreach(iter, &fetch->flying)
		tt_job_count_given_up(fetch, dlist_container(TtFetchJob, node, iter.cur));
	/* temporary files: the resource owner has them after an error only */
	dlist_foreach(iter, &fetch->active)
	{
		TtFetchUnit *unit = dlist_container(TtFetchUnit, node, iter.cur);

		tt_unit_forget(unit);
	}
	tt_kin_forget(fetch);
	MemoryContextDelete(fetch->context);
}

static void
job_add(TtFetch *fetch, TtFetchUnit *unit)
{
	TtFetchJob *job = MemoryContextAllocZero(fetch->context, sizeof(TtFetchJob));

	job->unit = unit;
	job->page = unit->next_page++;
	unit->jobs++;
	fetch->njobs++;
	dlist_push_tail(&fetch->waiting, &job->node);
}

/*
 * What a request leaves out whose conditions were refused: all but the one
 * that tells its unit from the next.
 */
static void
leave_out_conditions(TtQuery *query, TtUnits *units, const TtUnit *unit)
{
	query->nconditions = 0;
	if (!tt_unit_cut_by_values(query, units, unit))
		return;
	query->conditions += units->batched;
	query->nconditions = 1;
	units->batched = 0;
}

/* The URL of a request; both it and params contain secrets. */
static char *
job_request(const TtFetch *fetch, const TtFetchJob *job, TtParams *params)
{
	TtQuery query = *fetch->query;
	TtUnits units = *fetch->units;

	query.page_size = job->unit->page_size;
	if (job->unit->plain)
		leave_out_conditions(&query, &units, &job->unit->unit);
	if (!tt_request_params(&query, &units, &job->unit->unit, job->page, params))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return psprintf("%s%s%s%s", fetch->options->base_url, query.stream->endpoint->path,
					params->query[0] != '\0' ? "?" : "", params->query);
}

static void
free_request(char *url, TtParams *params)
{
	explicit_bzero(url, strlen(url));
	pfree(url);
	tt_params_free(params);
}

static uint64
job_key(const TtFetch *fetch, const TtFetchJob *job)
{
	TtParams params;
	char	*url = job_request(fetch, job, &params);
	uint64	 key = tt_overdue_key(fetch, url, params.body);

	free_request(url, &params);
	return key;
}

static void
job_send(TtFetch *fetch, TtFetchJob *job)
{
	TtParams	params;
	char	   *url = job_request(fetch, job, &params);
	char	   *token = psprintf("Access-Token: %s", fetch->options->access_token);
	const char *headers[] = {token, NULL};

	job->tries++;
	job->sent = false;
	job->unattended_ms = 0;
	job->nnames = fetch->query->send_names ? tt_unit_names(fetch->query, &job->unit->unit) : 0;
	job->transfer = tt_http_start(fetch->http, url, params.body, headers, job);
	explicit_bzero(token, strlen(token));
	pfree(token);
	free_request(url, &params);
	dlist_delete(&job->node);
	dlist_push_tail(&fetch->flying, &job->node);
	fetch->stats->peak_in_flight = Max(fetch->stats->peak_in_flight,
									   tt_http_running(fetch->http));
}

/* Whether what is under way may be all that the caller wants. */
static bool
bound_reached(const TtFetch *fetch)
{
	const TtQuery *query = fetch->query;

	/* pages that come in order must be asked for in order */
	if (query->order_field != NULL && fetch->njobs + fetch->nready > 0)
		return true;
	return query->row_bound > 0 && fetch->njobs + fetch->nready > 0 &&
		   fetch->rows_arrived + (int64) fetch->njobs * Max(query->page_size, 1) >=
			   query->row_bound;
}

static bool
has_next_page(const TtFetchUnit *unit)
{
	return unit->next_page <= (unit->known ? unit->pages : 1);
}

/* Whether another part of the same unit is behind, and should go first. */
static bool
runs_ahead(const TtFetchUnit *unit)
{
	for (int i = 0; unit->join != NULL && i < tt_join_parts(unit->join); i++)
	{
		const TtFetchUnit *part = tt_join_part(unit->join, i);

		if (!part->finished && part->next_page < unit->next_page && has_next_page(part))
			return true;
	}
	return false;
}

/* A job for the next page or unit, if the concurrency allows; false: none. */
static bool
add_next_job(TtFetch *fetch)
{
	dlist_iter	 iter;
	TtFetchUnit *probe = fetch->probe.unit;
	TtFetchUnit *split;

	/* nothing else until it is known what to ask for */
	if (probe != NULL)
	{
		if (probe->jobs > 0)
			return false;
		job_add(fetch, probe);
		return true;
	}
	if (fetch->njobs >= fetch->options->concurrency || bound_reached(fetch))
		return false;
	fetch->slots.held = fetch->njobs + fetch->nready + fetch->nheld;
	/* pages that wait for other parts would wait for ever without a request */
	if (fetch->nheld > 0 && fetch->njobs + fetch->nready == 0)
		fetch->slots.held = 0;
	if (!tt_slots_may_hold(&fetch->slots))
		return false;
	dlist_foreach(iter, &fetch->active)
	{
		TtFetchUnit *unit = dlist_container(TtFetchUnit, node, iter.cur);

		if (has_next_page(unit) && !runs_ahead(unit))
		{
			job_add(fetch, unit);
			return true;
		}
	}
	if ((split = tt_split_begin_next(fetch)) != NULL)
	{
		job_add(fetch, split);
		return true;
	}
	/* what is split has more units than the query: few of them wait */
	while (fetch->next_unit < fetch->units->count &&
		   fetch->split.nwaiting < fetch->options->concurrency)
	{
		TtUnit spec = tt_units_get(fetch->units, fetch->query, fetch->next_unit++);

		if (spec.naccounts == 1 &&
			tt_skip_known(fetch->stats, fetch->query->accounts[spec.account]))
			continue;
		if (tt_unit_is_vain(fetch->query, &spec) || tt_split_before(fetch, &spec))
			continue;
		job_add(fetch, tt_unit_begin(fetch, &spec, NULL));
		return true;
	}
	return false;
}

/* The budget gave what was waited for. */
static void
count_budget_wait(TtFetch *fetch, TimestampTz now)
{
	TtRequestCounters delta = {0};

	if (fetch->budget_since == 0)
		return;
	delta.throttled_ms = (now - fetch->budget_since) / 1000;
	fetch->stats->throttled_ms += delta.throttled_ms;
	tt_counters_add(&fetch->budget, fetch->query->stream->endpoint->path, &delta);
	fetch->budget_since = 0;
}

/* Whether the budget lets a job go now; otherwise *later says when to ask. */
static TtBudgetReply
ask_budget(TtFetch *fetch, TtFetchJob *job, TimestampTz now, TimestampTz *later)
{
	TtBudgetReply reply = TT_BUDGET_LATER;
	int			  wait_ms;

	if (fetch->budget_until <= now)
	{
		job->key = job_key(fetch, job);
		reply = tt_budget_acquire(&fetch->budget, job->key, fetch->options->timeout * 1000,
								  &job->grant, &wait_ms);
		*later = TimestampTzPlusMilliseconds(now, wait_ms);
		if (reply == TT_BUDGET_LATER)
			fetch->budget_until = *later;
	}
	if (reply == TT_BUDGET_LATER)
		*later = fetch->budget_until;
	if ((reply == TT_BUDGET_LATER || reply == TT_BUDGET_SAME) && fetch->budget_since == 0)
		fetch->budget_since = now;
	return reply;
}

static TimestampTz
earlier(TimestampTz a, TimestampTz b)
{
	return a == 0 ? b : b == 0 ? a
							   : Min(a, b);
}

/* Send what may be sent now; returns when to look again, 0: on events only. */
static TimestampTz
send_jobs(TtFetch *fetch)
{
	TimestampTz		   now = GetCurrentTimestamp();
	TimestampTz		   wake = 0;
	bool			   held_back = false;
	dlist_mutable_iter iter;

again:
	while (add_next_job(fetch))
		;
	dlist_foreach_modify(iter, &fetch->waiting)
	{
		TtFetchJob *job = dlist_container(TtFetchJob, node, iter.cur);
		TimestampTz later = 0;

		if (fetch->probe.unit != NULL && job->unit != fetch->probe.unit)
			continue;
		if (job->not_before > now)
		{
			wake = earlier(wake, job->not_before);
			continue;
		}
		if (!tt_slots_may_send(&fetch->slots))
			return wake;
		tt_slots_content(&fetch->slots);
		/* its jobs are gone then, and others are there */
		if (tt_unit_cut_unasked(fetch, job))
			goto again;
		switch (ask_budget(fetch, job, now, &later))
		{
			case TT_BUDGET_GRANTED:
				job_send(fetch, job);
				break;
			case TT_BUDGET_LATER:
				return earlier(wake, later);
			case TT_BUDGET_SAME:
				wake = earlier(wake, later);
				held_back = true;
				break;
			case TT_BUDGET_OVER:
				tt_job_withhold(fetch, job);
				goto again;
		}
	}
	if (!held_back)
		count_budget_wait(fetch, now);
	if (fetch->njobs > 0)
		tt_slots_content(&fetch->slots);
	return wake;
}

/* Count in the budget what went out; must not ereport. */
static void
tell_sent(void *arg)
{
	TtFetch	   *fetch = arg;
	TtTransfer *transfer;

	while ((transfer = tt_http_next_sent(fetch->http)) != NULL)
	{
		TtFetchJob *job = tt_transfer_arg(transfer);

		job->sent = true;
		tt_budget_sent(&job->grant);
	}
}

static void
take_events(TtFetch *fetch)
{
	TtTransfer *transfer;
	bool		landed = false;

	tell_sent(fetch);
	while ((transfer = tt_http_next_done(fetch->http)) != NULL)
	{
		/* first: judging may free the job, and may raise */
		tell_sent(fetch);
		tt_job_done(fetch, tt_transfer_arg(transfer));
		landed = true;
		/* the next goes out before others are judged: that takes a while */
		(void) send_jobs(fetch);
		tt_http_pump(fetch->http);
	}
	tell_sent(fetch);
	if (landed)
		tt_slots_landed(&fetch->slots);
}

static TtPage *
take_page(TtFetch *fetch)
{
	TtReadyPage *ready = dlist_container(TtReadyPage, queue_node,
										 dlist_head_node(&fetch->ready));

	if (ready->page->reply->nrows > 0 || fetch->query->totals_only)
	{
		ready->unit->handed_on = true;
		fetch->handed_on = true;
	}
	if (ready->unit->unit.naccounts == 1)
		fetch->served[ready->unit->unit.account] = true;
	return tt_unit_take(fetch);
}

/* Until the next call: what was started goes out, and others may pump us. */
static void
park(TtFetch *fetch)
{
	if (tt_http_running(fetch->http) > 0)
		tt_http_pump(fetch->http);
	tell_sent(fetch);
	tt_budget_watch(&fetch->budget, false);
	fetch->slots.held = fetch->njobs + fetch->nready + 1;
	fetch->slots.parked = true;
	fetch->parked_at = GetCurrentTimestamp();
}

/* Back from where the rows were used: the page that was handed on is gone. */
static void
unpark(TtFetch *fetch)
{
	int64	   ms = (GetCurrentTimestamp() - fetch->parked_at) / 1000;
	dlist_iter iter;

	fetch->slots.parked = false;
	tt_budget_watch(&fetch->budget, true);
	dlist_foreach(iter, &fetch->flying)
		dlist_container(TtFetchJob, node, iter.cur)->unattended_ms += ms;
	tt_slots_landed(&fetch->slots);
}

TtPage *
tt_fetch_next(TtFetch *fetch, bool wait, bool *finished)
{
	*finished = false;
	if (fetch->slots.parked)
		unpark(fetch);
	for (;;)
	{
		TimestampTz wake;

		CHECK_FOR_INTERRUPTS();
		take_events(fetch);
		do
			wake = send_jobs(fetch);
		while (tt_split_advance(fetch, &wake));
		tt_slots_wait(&fetch->slots, wake);
		if (!dlist_is_empty(&fetch->ready))
		{
			TtPage *page = take_page(fetch);

			park(fetch);
			return page;
		}
		if (dlist_is_empty(&fetch->active) && fetch->split.nwaiting == 0 &&
			fetch->next_unit >= fetch->units->count)
		{
			fetch->slots.held = 0;
			tt_slots_content(&fetch->slots);
			tt_slots_landed(&fetch->slots);
			*finished = true;
			return NULL;
		}
		if (fetch->slots.starved || fetch->budget_since != 0)
			tt_slots_pump_others(&fetch->slots);
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
