/*
 * send.c
 *	  Jobs become requests: which unit is next, when its job may be sent, and how.
 *
 * Up to "concurrency" requests of a scan are in flight; a job waits for that, for
 * the slots of the backend and for the budget of the app.  The URL and the
 * headers of a request have secrets, and are wiped.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include "common/hashfn.h"

/* of what waits for others that are the same: when it is asked for again */
#define FIRST_PAUSE_MS 20
#define LAST_PAUSE_MS  200

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
	TtQuery query = *fetch->reading.query;
	TtUnits units = *fetch->reading.units;

	query.page_size = job->unit->page_size;
	if (job->unit->plain)
		leave_out_conditions(&query, &units, &job->unit->unit);
	if (!tt_request_params(&query, &units, &job->unit->unit, job->page, params))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return psprintf("%s%s%s%s", fetch->reading.options->base_url, query.stream->endpoint->path,
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
hash_text(const char *text, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) text, (int) strlen(text), seed);
}

/*
 * What tells a job's request from others, also from those of other sessions.  Only
 * reports are blocked for their time-outs: of anything else there may be any number.
 */
static uint64
job_key(const TtFetch *fetch, const TtFetchJob *job)
{
	TtParams params;
	char	*url;
	uint64	 key;

	if (fetch->reading.query->stream->kind != TT_KIND_REPORT)
		return TT_BUDGET_ANY;
	url = job_request(fetch, job, &params);
	key = hash_combine64(hash_text(url, 0), hash_text(fetch->reading.options->access_token, 1));
	if (params.body != NULL)
		key = hash_combine64(key, hash_text(params.body, 2));
	free_request(url, &params);
	return key != TT_BUDGET_ANY ? key : 1;
}

static void
job_send(TtFetch *fetch, TtFetchJob *job)
{
	TtReading	 *reading = &fetch->reading;
	TtFetchStats *stats = reading->stats;
	TtParams	  params;
	char		 *url = job_request(fetch, job, &params);
	char		 *token = psprintf("Access-Token: %s", reading->options->access_token);
	const char	 *headers[] = {token, NULL};

	job->tries++;
	job->sent = false;
	job->started = GetCurrentTimestamp();
	job->unattended_ms = 0;
	job->lapsed = false;
	job->pause_ms = 0;
	job->ask_at = 0;
	job->nnames = reading->query->send_names ? tt_unit_names(reading->query, &job->unit->unit) : 0;
	job->transfer = tt_http_start(fetch->http, url, params.body, headers, job);
	explicit_bzero(token, strlen(token));
	pfree(token);
	free_request(url, &params);
	dlist_delete(&job->node);
	dlist_push_tail(&reading->flying, &job->node);
	stats->prefetched += fetch->slots.ahead;
	stats->peak_in_flight = Max(stats->peak_in_flight,
								tt_http_running(fetch->http));
}

/* Whether what is under way may be all that the caller wants. */
static bool
bound_reached(const TtFetch *fetch)
{
	const TtReading *reading = &fetch->reading;
	const TtQuery	*query = reading->query;

	if (reading->njobs + reading->nready == 0)
		return false;
	/* pages that come in order must be asked for in order */
	if (query->order_field != NULL)
		return true;
	return query->row_bound > 0 &&
		   fetch->rows_arrived + (int64) reading->njobs * Max(query->page_size, 1) >=
			   query->row_bound;
}

/* Whether one more job may be begun. */
static bool
may_begin(TtFetch *fetch)
{
	const TtReading *reading = &fetch->reading;

	if (reading->njobs >= reading->options->concurrency || bound_reached(fetch))
		return false;
	fetch->slots.held = reading->njobs + reading->nready + reading->nheld;
	if (fetch->slots.ahead)
		return fetch->slots.held < fetch->ahead_now && tt_slots_may_hold_ahead(&fetch->slots);
	/* pages that wait for other parts would wait for ever without a request */
	if (reading->nheld > 0 && reading->njobs + reading->nready == 0)
		fetch->slots.held = 0;
	return tt_slots_may_hold(&fetch->slots);
}

/* Go on to the next unit of the query, begun; NULL: it has nothing, or waits to be split. */
static TtFetchUnit *
take_next_unit(TtFetch *fetch)
{
	TtReading *reading = &fetch->reading;
	TtQuery	  *query = reading->query;
	TtUnit	   spec = tt_units_get(reading->units, query, reading->next_unit++);

	if (tt_skip_known(reading->stats, tt_unit_owner(query, &spec), spec.naccounts == 0))
		return NULL;
	if (tt_unit_is_vain(query, &spec) || tt_split_before(&fetch->split, &spec))
		return NULL;
	return tt_unit_begin(reading, &spec, NULL);
}

/*
 * The next unit that is to be asked for, begun; NULL: none now, and what will make
 * one possible is under way.  So those that wait are looked at after each unit of
 * the query that joins them: its list of ids may be known already.
 */
static TtFetchUnit *
begin_next_unit(TtFetch *fetch)
{
	TtReading	*reading = &fetch->reading;
	TtFetchUnit *unit = tt_split_begin_next(&fetch->split);

	/* what is split has more units than the query: few of them wait */
	while (unit == NULL && reading->next_unit < reading->units->count &&
		   fetch->split.nwaiting < reading->options->concurrency)
	{
		unit = take_next_unit(fetch);
		if (unit == NULL)
			unit = tt_split_begin_next(&fetch->split);
	}
	return unit;
}

/* A unit that is being read, of which a page can be asked for; NULL: none. */
static TtFetchUnit *
unit_with_next_page(TtReading *reading)
{
	dlist_iter iter;

	dlist_foreach(iter, &reading->active)
	{
		TtFetchUnit *unit = dlist_container(TtFetchUnit, node, iter.cur);

		if (tt_unit_has_next_page(unit) && !tt_unit_runs_ahead(unit))
			return unit;
	}
	return NULL;
}

/* A job for the next page or unit, if the concurrency allows; false: none. */
static bool
add_next_job(TtFetch *fetch)
{
	TtReading	*reading = &fetch->reading;
	TtFetchUnit *unit = reading->alone;

	if (unit != NULL)
	{
		/* nothing else until it is known what to ask for */
		if (unit->jobs > 0)
			return false;
	}
	else
	{
		if (!may_begin(fetch))
			return false;
		unit = unit_with_next_page(reading);
		if (unit == NULL)
			unit = begin_next_unit(fetch);
	}
	if (unit == NULL)
		return false;
	tt_job_add(reading, unit);
	return true;
}

/* The budget gave what was waited for. */
static void
count_budget_wait(TtFetch *fetch, TimestampTz now)
{
	TtRequestCounters delta = {0};

	if (fetch->budget_since == 0)
		return;
	delta.throttled_ms = (now - fetch->budget_since) / 1000;
	fetch->reading.stats->throttled_ms += delta.throttled_ms;
	tt_counters_add(&fetch->reading.budget, fetch->reading.query->stream->endpoint->path, &delta);
	fetch->budget_since = 0;
}

/* The same is under way: it is asked less and less often whether it still is. */
static void
wait_for_same(TtFetchJob *job, TimestampTz now)
{
	job->pause_ms = job->pause_ms == 0 ? FIRST_PAUSE_MS : Min(job->pause_ms * 2, LAST_PAUSE_MS);
	job->ask_at = TimestampTzPlusMilliseconds(now, job->pause_ms);
}

/* Whether the budget lets a job go now; otherwise *later says when to ask. */
static TtBudgetReply
ask_budget(TtFetch *fetch, TtFetchJob *job, TimestampTz now, TimestampTz *later)
{
	TtReading	 *reading = &fetch->reading;
	TtBudgetReply reply = TT_BUDGET_LATER;
	int			  wait_ms;

	if (job->ask_at > now)
	{
		*later = job->ask_at;
		return TT_BUDGET_SAME;
	}
	if (fetch->budget_until <= now)
	{
		job->key = job_key(fetch, job);
		reply = tt_budget_acquire(&reading->budget, job->key, reading->options->timeout * 1000,
								  &job->grant, &wait_ms);
		if (reply == TT_BUDGET_LATER)
			fetch->budget_until = TimestampTzPlusMilliseconds(now, wait_ms);
		if (reply == TT_BUDGET_SAME)
			wait_for_same(job, now);
		*later = job->ask_at;
		if (reply == TT_BUDGET_LATER || reply == TT_BUDGET_GRANTED)
			fetch->queued = reply == TT_BUDGET_LATER;
	}
	if (reply == TT_BUDGET_LATER)
		*later = fetch->budget_until;
	if ((reply == TT_BUDGET_LATER || reply == TT_BUDGET_SAME) && fetch->budget_since == 0)
		fetch->budget_since = now;
	return reply;
}

TimestampTz
tt_earlier(TimestampTz a, TimestampTz b)
{
	return a == 0 ? b : b == 0 ? a
							   : Min(a, b);
}

TimestampTz
tt_jobs_send(TtFetch *fetch)
{
	TtReading		  *reading = &fetch->reading;
	TimestampTz		   now = GetCurrentTimestamp();
	TimestampTz		   wake = 0;
	bool			   held_back = false;
	dlist_mutable_iter iter;

again:
	while (add_next_job(fetch))
		;
	dlist_foreach_modify(iter, &reading->waiting)
	{
		TtFetchJob *job = dlist_container(TtFetchJob, node, iter.cur);
		TimestampTz later = 0;

		if (reading->alone != NULL && job->unit != reading->alone)
			continue;
		if (job->not_before > now)
		{
			wake = tt_earlier(wake, job->not_before);
			continue;
		}
		if (!tt_slots_may_send(&fetch->slots))
			return wake;
		tt_slots_content(&fetch->slots);
		/* its jobs are gone then, and others are there */
		if (tt_unit_cut_before_asking(reading, job->unit))
			goto again;
		switch (ask_budget(fetch, job, now, &later))
		{
			case TT_BUDGET_GRANTED:
				job_send(fetch, job);
				break;
			case TT_BUDGET_LATER:
				return tt_earlier(wake, later);
			case TT_BUDGET_SAME:
				wake = tt_earlier(wake, later);
				held_back = true;
				break;
			case TT_BUDGET_OVER:
				/* nobody has asked for what that raises */
				if (fetch->slots.ahead)
					return wake;
				tt_job_withhold(fetch, job);
				goto again;
		}
	}
	if (!held_back)
		count_budget_wait(fetch, now);
	/* nothing of it may take the turn that it waited for */
	if (fetch->queued)
		tt_budget_give_way(&reading->budget);
	fetch->queued = false;
	if (reading->njobs > 0)
		tt_slots_content(&fetch->slots);
	return wake;
}

void
tt_jobs_tell_sent(TtFetch *fetch)
{
	TtTransfer *transfer;

	while ((transfer = tt_http_next_sent(fetch->http)) != NULL)
	{
		TtFetchJob *job = tt_transfer_arg(transfer);

		job->sent = true;
		tt_budget_sent(&job->grant);
	}
}
