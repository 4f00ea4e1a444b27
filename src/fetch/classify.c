/*
 * classify.c
 *	  Reply classification: what a reply means for the unit and the job it belongs to.
 *
 * failure/policy.c says what is to be done about it; here it is done: the page is
 * taken (page.c), or the request is sent again, cut (cut/), asked differently
 * (refused/), its account skipped, or an error raised.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include "budget/timeouts.h"
#include "options/settings.h"
#include "utils/memutils.h"

static void
failure_init(TtFailure *failure, const TtReading *reading, const TtFetchJob *job,
			 const TtHttpReply *http, const TtReply *reply)
{
	memset(failure, 0, sizeof(*failure));
	failure->options = reading->options;
	failure->table = reading->table;
	failure->http = http;
	failure->reply = reply;
	failure->endpoint = reading->query->stream->endpoint->path;
	failure->account = tt_unit_account(reading, job->unit);
	failure->owner = tt_unit_owner(reading->query, &job->unit->unit);
	failure->second = job->unit->unit.naccounts == 0 && failure->owner != 0
						  ? reading->query->stream->endpoint->second
						  : NULL;
	failure->page = reading->query->page_size > 0 ? job->page : 0;
	failure->dated = reading->query->stream->kind == TT_KIND_REPORT &&
					 !reading->query->stream->report.lifetime;
	failure->days = job->unit->unit.days;
	failure->tries = job->tries;
	failure->names = job->nnames;
	failure->ids = job->unit->unit.within != NULL ? job->unit->unit.within->nids
												  : job->unit->unit.values.n;
	failure->rows = job->unit->page_size;
	failure->handed_on = tt_unit_handed_on(job->unit);
}

void
tt_account_give_up(TtFetch *fetch, int64 account)
{
	tt_split_forget(&fetch->split, account);
	tt_reading_give_up(&fetch->reading, account);
}

/* on_advertiser_error skip: give the account (or Business Center) up, or find out which it is. */
static void
skip_account(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure)
{
	TtReading *reading = &fetch->reading;
	TtUnit	   first = *tt_unit_whole(unit);
	TtUnit	   second = first;
	bool	   served;

	if (!reading->options->skip_failed_accounts || tt_snapshot_refresh ||
		(first.naccounts == 0 && failure->second == NULL))
		tt_failure_raise(failure);
	if (first.naccounts > 1)
	{
		first.naccounts /= 2;
		second.account += first.naccounts;
		second.naccounts -= first.naccounts;
		tt_unit_replace(reading, unit, &first, &second);
		return;
	}
	served = reading->served[tt_unit_owner_index(&first)];
	if (served)
		tt_failure_warn_account(failure);
	tt_skip_note(reading->stats, failure, served);
	if (failure->second != NULL)
		tt_reading_give_up(reading, failure->owner);
	else
		tt_account_give_up(fetch, failure->account);
}

/* Ask without a parameter that is refused, if that can be. */
static void
leave_out_parameter(TtFetch *fetch, TtFetchJob *job, const TtFailure *failure)
{
	switch (tt_refused_parameter(&fetch->refused, job, failure))
	{
		case TT_REFUSED_ASKED_ANEW:
			break;
		case TT_REFUSED_START_OVER:
			tt_split_forget(&fetch->split, 0);
			tt_reading_start(&fetch->reading);
			break;
		case TT_REFUSED_FINAL:
			tt_failure_raise(failure);
	}
}

static void
send_again(TtFetch *fetch, TtFetchJob *job, int64 wait_ms, int64 penalty_ms)
{
	tt_job_postpone(&fetch->reading, job, wait_ms);
	fetch->reading.stats->retries++;
	fetch->reading.stats->backoff_ms += wait_ms;
	if (penalty_ms > 0)
		tt_budget_penalty(&fetch->reading.budget, penalty_ms);
}

static void
count_request(TtFetch *fetch, const TtFetchJob *job, const TtHttpReply *http,
			  const TtReply *reply, TtRemedy remedy, bool overdue)
{
	TtFetchStats	 *stats = fetch->reading.stats;
	TtRequestCounters delta = {0};

	stats->replies += reply != NULL && reply->has_code;
	stats->wire_bytes += http->wire_bytes;
	stats->body_bytes += http->length;
	delta.wire_bytes = http->wire_bytes;
	delta.rows = reply != NULL && remedy == TT_REMEDY_NONE ? reply->nrows : 0;
	delta.errors = remedy != TT_REMEDY_NONE;
	delta.timeouts = overdue;
	tt_job_count(&fetch->reading, job, &delta);
}

/* The reply of a transfer, in context; NULL if there is none, or *malformed says why. */
static TtReply *
parse_reply(const TtFetch *fetch, const TtHttpReply *http, MemoryContext context,
			const char **malformed)
{
	MemoryContext old;
	TtReply		 *reply;

	if (http->outcome != TT_HTTP_OK)
		return NULL;
	old = MemoryContextSwitchTo(context);
	reply = tt_reply_parse(fetch->paths, http->body, http->length, malformed);
	MemoryContextSwitchTo(old);
	return reply;
}

/* How often a report timed out by now, in all sessions. */
static void
look_up_timeouts(const TtReading *reading, const TtFetchJob *job, TtFailure *failure)
{
	int wait_ms = 0;
	int times = job->key == TT_BUDGET_ANY ? 0
										  : tt_timeouts_count(&reading->budget, job->key, &wait_ms);

	failure->overdue = Max(job->overdue, times);
	failure->again_s = (wait_ms + 999) / 1000;
}

/* A request was not answered in time, or is blocked since it was not. */
static void
note_overdue(const TtReading *reading, TtFetchJob *job, TtFailure *failure)
{
	bool blocked = tt_failure_blocked(failure);

	if (!blocked && !tt_failure_overdue(failure))
		return;
	tt_budget_answered(&job->grant,
					   blocked ? TT_BUDGET_ANSWER_BLOCKED : TT_BUDGET_ANSWER_OVERDUE);
	job->overdue += blocked ? TT_TIMEOUTS_MOST : 1;
	look_up_timeouts(reading, job, failure);
}

/* What the policy wants done; returns whether a page was queued, with its context. */
static bool
carry_out(TtFetch *fetch, TtFetchJob *job, TtRemedy remedy, int64 wait_ms, int64 penalty_ms,
		  const TtFailure *failure, MemoryContext context)
{
	TtReading *reading = &fetch->reading;

	switch (remedy)
	{
		case TT_REMEDY_NONE:
			return tt_page_arrived(fetch, job, failure, unconstify(TtReply *, failure->reply),
								   context);
		case TT_REMEDY_RETRY:
			if (failure->overdue == 0 || !tt_unit_cut_slow(reading, job->unit))
				send_again(fetch, job, wait_ms, penalty_ms);
			else
				reading->stats->retries++;
			return false;
		case TT_REMEDY_ASK_LESS:
			if (!tt_unit_cut(reading, job->unit, failure->overdue > 1))
				tt_failure_raise(failure);
			reading->stats->retries++;
			return false;
		case TT_REMEDY_PARAMETER:
			leave_out_parameter(fetch, job, failure);
			return false;
		case TT_REMEDY_ACCOUNT:
			skip_account(fetch, job->unit, failure);
			return false;
		default:
			tt_failure_raise(failure);
	}
}

/*
 * A transfer is over, well or not.
 *
 * The reply and its memory context, the transfer with the HTTP reply, and the
 * failure that refers to them are owned here and end here, whatever is done about
 * them; only a page that was queued leaves with its context.  The job may be
 * gone once the remedy was carried out.
 */
void
tt_job_done(TtFetch *fetch, TtFetchJob *job)
{
	TtTransfer	 *transfer = job->transfer;
	TtHttpReply	 *http = tt_transfer_reply(transfer);
	MemoryContext context = AllocSetContextCreate(fetch->context, "tiktok_fdw page",
												  ALLOCSET_DEFAULT_SIZES);
	const char	 *malformed = NULL;
	TtReply		 *reply;
	TtFailure	  failure;
	TtRemedy	  remedy;
	int64		  wait_ms;
	int64		  penalty_ms;

	tt_budget_sent(&job->grant);
	job->transfer = NULL; /* released below, or with the client */
	reply = parse_reply(fetch, http, context, &malformed);
	/* most of the time, or the end of it, passed while other rows were used: nobody's fault */
	if (http->outcome == TT_HTTP_TIMEOUT &&
		(job->lapsed || job->unattended_ms > (int64) fetch->reading.options->timeout * 500))
	{
		http->overdue = false;
		job->tries--;
	}
	failure_init(&failure, &fetch->reading, job, http, reply);
	failure.malformed = malformed;
	note_overdue(&fetch->reading, job, &failure);
	tt_failure_account_set(failure.account);
	remedy = tt_failure_remedy(&failure, &wait_ms, &penalty_ms);
	tt_budget_answered(&job->grant, remedy == TT_REMEDY_NONE ? TT_BUDGET_ANSWER_GOOD
															 : TT_BUDGET_ANSWER_BAD);
	count_request(fetch, job, http, reply, remedy, tt_failure_overdue(&failure));
	elog(DEBUG1, "tiktok_fdw: %s, advertiser " INT64_FORMAT ", page %d: HTTP status %d, code " INT64_FORMAT ", %d rows",
		 failure.endpoint, failure.account, failure.page, http->status,
		 reply != NULL ? reply->code : -1, reply != NULL ? reply->nrows : 0);

	/* the failure refers to reply and transfer until it is done */
	if (!carry_out(fetch, job, remedy, wait_ms, penalty_ms, &failure, context))
		MemoryContextDelete(context);
	tt_failure_account_set(0);
	tt_http_release(transfer);
}

void
tt_job_withhold(TtFetch *fetch, TtFetchJob *job)
{
	TtReading  *reading = &fetch->reading;
	TtHttpReply http = {0};
	TtFailure	failure;

	http.outcome = TT_HTTP_TIMEOUT;
	strlcpy(http.error, "it did so twice within ten minutes, in this session or others",
			sizeof(http.error));
	failure_init(&failure, reading, job, &http, NULL);
	look_up_timeouts(reading, job, &failure);
	failure.overdue = Max(failure.overdue, TT_TIMEOUTS_MOST);
	failure.names = reading->query->send_names ? tt_unit_names(reading->query, &job->unit->unit)
											   : 0;
	tt_failure_account_set(failure.account);
	if (!tt_unit_cut(reading, job->unit, true))
		tt_failure_raise(&failure);
	tt_failure_account_set(0);
}
