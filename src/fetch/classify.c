/*
 * classify.c
 *	  Reply classification: what a reply means for the unit and the job it belongs to.
 *
 * A good page is checked against what its unit promised and queued; anything
 * else is tried again, asked differently, or raised (failure.c says which).  All
 * changes of a unit that depend on a reply are made here.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include <limits.h>

#include "budget/timeouts.h"
#include "common/hashfn.h"
#include "fetch/failure.h"
#include "options/settings.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

static int64 session_requests = 0;

static void
failure_init(TtFailure *failure, const TtFetch *fetch, const TtFetchJob *job,
			 const TtHttpReply *http, const TtReply *reply)
{
	memset(failure, 0, sizeof(*failure));
	failure->options = fetch->options;
	failure->table = fetch->table;
	failure->http = http;
	failure->reply = reply;
	failure->endpoint = fetch->query->stream->endpoint->path;
	failure->account = tt_unit_account(fetch, job->unit);
	failure->page = fetch->query->page_size > 0 ? job->page : 0;
	failure->dated = fetch->query->stream->kind == TT_KIND_REPORT &&
					 !fetch->query->stream->report.lifetime;
	failure->days = job->unit->unit.days;
	failure->tries = job->tries;
	failure->names = job->nnames;
	failure->ids = job->unit->unit.within != NULL ? job->unit->unit.within->nids
												  : job->unit->unit.values.n;
	failure->rows = job->unit->page_size;
	failure->handed_on = tt_unit_handed_on(job->unit);
}

/* The unit cannot be right: read it again once, if none of its rows left. */
static void
unit_mismatch(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure, const char *what)
{
	if (unit->reread || tt_unit_handed_on(unit))
		tt_failure_incomplete(failure, what);
	unit->reread = true;
	fetch->stats->retries++;
	tt_unit_restart(fetch, unit);
}

bool
tt_row_key(const TtFetch *fetch, const TtReply *reply, int row, uint64 *hash)
{
	bool any = false;

	*hash = 0;
	for (int i = 0; i < fetch->projection->nkeys; i++)
	{
		const TtValue *value = tt_reply_value(reply, row, i);
		uint64		   part = 0;

		if (value->kind > TT_VALUE_NULL)
		{
			any = true;
			part = hash_bytes_extended((const unsigned char *) value->text, value->length, 0);
		}
		*hash = hash_combine64(*hash, part);
	}
	if (fetch->hour_slot >= 0)
		*hash = tt_hour_tag(*hash, tt_reply_value(reply, row, fetch->hour_slot));
	return any;
}

/* Whether the keys of a page's rows are new to the unit, or may come again. */
static bool
keys_are_new(TtFetch *fetch, TtFetchUnit *unit, const TtReply *reply)
{
	bool all_new = true;

	for (int row = 0; row < reply->nrows && all_new; row++)
	{
		uint64 hash;

		if (tt_row_key(fetch, reply, row, &hash) && !tt_hour_is_none(fetch, reply, row))
			all_new = tt_key_set_add(unit->seen, hash) || tt_hour_repeats(unit, hash);
	}
	return all_new;
}

/* A list without pages that names something twice (an account held in two ways) means it once. */
static void
drop_repeated_rows(const TtFetch *fetch, TtReply *reply)
{
	TtKeySet *seen = tt_key_set_create(CurrentMemoryContext);
	int		  kept = 0;

	for (int row = 0; row < reply->nrows; row++)
	{
		uint64 hash;

		if (tt_row_key(fetch, reply, row, &hash) && !tt_key_set_add(seen, hash))
			continue;
		if (kept < row)
			memcpy(reply->values + (size_t) kept * reply->nslots,
				   reply->values + (size_t) row * reply->nslots,
				   sizeof(TtValue) * reply->nslots);
		kept++;
	}
	tt_key_set_free(seen);
	if (reply->total_number == reply->nrows)
		reply->total_number = kept;
	reply->nrows = kept;
}

/* How many pages a unit has, once its first page came. */
static void
unit_learn(TtFetch *fetch, TtFetchUnit *unit, const TtReply *reply)
{
	int page_size = unit->page_size;

	unit->known = true;
	unit->total = reply->has_page_info ? reply->total_number : -1;
	if (page_size == 0 || fetch->query->totals_only)
		return;
	/* a server may give smaller pages than were asked for */
	if (reply->has_page_info && reply->page_size > 0 && reply->page_size < page_size)
		page_size = (int) reply->page_size;
	if (unit->total >= 0)
		unit->pages = (int) Max(Min(unit->total / page_size +
										(unit->total % page_size != 0),
									INT_MAX),
								1);
	else if (reply->has_page_info && reply->total_page >= 0)
		unit->pages = (int) Max(Min(reply->total_page, INT_MAX), 1);
}

/* the column that names what a list holds, as the table calls it */
static const char *
key_column(const TtTable *table)
{
	for (int i = 0; i < table->natts && table->nkeys > 0; i++)
		if (!table->columns[i].dropped && strcmp(table->columns[i].path, table->key_paths[0]) == 0)
			return table->columns[i].name;
	return table->stream->key;
}

/*
 * A list as long as the API gives may be longer, and nobody knows what is
 * missing.  That is said before the last of its rows leaves, or at once where
 * all will be wanted.
 */
static void
check_row_limit(const TtFetch *fetch, const TtFetchJob *job, bool last, const TtFailure *failure)
{
	const TtFetchUnit *unit = job->unit;
	int				   max_rows = fetch->query->stream->endpoint->max_rows;
	int64			   bound = fetch->query->row_bound;

	if (max_rows == 0 || unit->total < max_rows ||
		(bound > 0 && bound < max_rows && !last &&
		 (int64) job->page * unit->page_size < max_rows))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("advertiser " INT64_FORMAT " has too many rows in foreign table \"%s\" for the TikTok API to list them all",
					failure->account, failure->table->name),
			 errdetail("TikTok lists only the newest %d of an account. Endpoint %s.", max_rows,
					   failure->endpoint),
			 errhint("Add a condition on %s, for example WHERE %s IN (...).",
					 quote_identifier(key_column(failure->table)),
					 quote_identifier(key_column(failure->table)))));
}

/*
 * Queue a page, and finish its unit if that was the last.  A join may be done
 * with the page, and its memory, before it finds that its parts do not fit: what
 * the error says of the request is kept.
 */
static void
hand_over(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure, MemoryContext context,
		  bool queued, bool last)
{
	TtReply	 *page = unconstify(TtReply *, failure->reply);
	TtReply	  head = *page;
	TtFailure own = *failure;

	own.reply = &head;
	if (queued && unit->join != NULL)
	{
		head.request_id = pstrdup(head.request_id);
		head.message = pstrdup(head.message);
		tt_join_add(fetch, unit, page, failure->page, context);
	}
	else if (queued)
		tt_unit_queue(fetch, unit, page, failure->page, context);
	if (last)
		tt_unit_finish(fetch, unit, &own);
}

/*
 * A good reply: check it, queue its rows, learn what else there is.  Returns
 * whether it was queued; if not, reply and context stay the caller's.
 */
static bool
page_arrived(TtFetch *fetch, TtFetchJob *job, const TtFailure *failure, TtReply *reply,
			 MemoryContext context)
{
	TtFetchUnit *unit = job->unit;
	bool		 queued;
	bool		 last;

	if (unit == fetch->probe.unit)
	{
		tt_probe_answer(fetch, true);
		return false;
	}
	tt_filters_answer(fetch, unit);
	if (reply->ads_throttled || failure->http->ads_throttled)
	{
		if (!fetch->query->cut_will_do)
		{
			tt_split_truncated(fetch, unit, failure);
			return false;
		}
		reply->ads_throttled = true;
	}
	if (unit->page_size == 0)
		drop_repeated_rows(fetch, reply);
	tt_strays_check(fetch, job, reply, failure);
	fetch->stats->pages++;
	fetch->stats->rows += reply->nrows;
	fetch->rows_arrived += reply->nrows;
	if (!unit->known)
		unit_learn(fetch, unit, reply);
	else if (reply->total_number >= 0 && unit->total >= 0 &&
			 reply->total_number != unit->total)
	{
		unit_mismatch(fetch, unit, failure, "the total number of rows changed between pages");
		return false;
	}
	tt_kin_check(fetch, unit, reply, failure);
	unit->rows += reply->nrows;
	if (fetch->query->totals_only)
		unit->rows = unit->total;
	/* without a total, the list ends at a page that is not full */
	else if (unit->total < 0 && unit->page_size > 0 && job->page == unit->pages &&
			 reply->nrows >= unit->page_size)
		unit->pages++;
	last = unit->jobs == 1 && unit->next_page > unit->pages;
	check_row_limit(fetch, job, last, failure);
	if (!keys_are_new(fetch, unit, reply) || (last && !tt_hour_settle(unit)))
	{
		unit_mismatch(fetch, unit, failure, "a row came twice");
		return false;
	}
	/* no page within the total is empty: the others need not be waited for */
	if ((last || reply->nrows == 0) && unit->total >= 0 && unit->rows != unit->total)
	{
		unit_mismatch(fetch, unit, failure,
					  psprintf(INT64_FORMAT " rows were promised, " INT64_FORMAT " came",
							   unit->total, unit->rows));
		return false;
	}
	tt_hour_leave_out(fetch, unit, reply);
	queued = reply->nrows > 0 || fetch->query->totals_only;
	tt_job_free(fetch, job);
	hand_over(fetch, unit, failure, context, queued, last);
	return queued;
}

/* Pages of an account that wait to be taken, also of finished units. */
static void
drop_ready_pages(TtFetch *fetch, int64 account)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &fetch->ready)
	{
		TtReadyPage *ready = dlist_container(TtReadyPage, queue_node, iter.cur);
		TtFetchUnit *unit = ready->unit;

		if (ready->page->account != account)
			continue;
		dlist_delete(&ready->node);
		dlist_delete(&ready->queue_node);
		fetch->nready--;
		tt_fetch_release(ready->page);
		pfree(ready);
		tt_unit_release(unit);
	}
}

static TtFetchUnit *
unit_of_account(TtFetch *fetch, int64 account)
{
	dlist_iter iter;

	dlist_foreach(iter, &fetch->active)
	{
		TtFetchUnit *unit = dlist_container(TtFetchUnit, node, iter.cur);

		if (tt_unit_account(fetch, unit) == account)
			return unit;
	}
	return NULL;
}

void
tt_account_give_up(TtFetch *fetch, int64 account)
{
	TtFetchUnit *unit;

	drop_ready_pages(fetch, account);
	tt_split_forget(fetch, account);
	while ((unit = unit_of_account(fetch, account)) != NULL)
		tt_unit_drop(fetch, unit);
}

/* on_advertiser_error skip: give the account up, or find out which it is. */
static void
unit_skip(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure)
{
	TtUnit first = *tt_unit_whole(unit);
	TtUnit second = first;
	int64  account = failure->account;

	if (!fetch->options->skip_failed_accounts || tt_snapshot_refresh || first.naccounts == 0)
		tt_failure_raise(failure);
	if (first.naccounts > 1)
	{
		first.naccounts /= 2;
		second.account += first.naccounts;
		second.naccounts -= first.naccounts;
		tt_unit_replace(fetch, unit, &first, &second);
		return;
	}
	if (fetch->served[first.account])
		tt_failure_warn_account(failure);
	tt_skip_note(fetch, failure, fetch->served[first.account]);
	tt_account_give_up(fetch, account);
}

static void
job_retry(TtFetch *fetch, TtFetchJob *job, int64 wait_ms, int64 penalty_ms)
{
	job->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_ms);
	dlist_delete(&job->node);
	dlist_push_tail(&fetch->waiting, &job->node);
	fetch->stats->retries++;
	fetch->stats->backoff_ms += wait_ms;
	if (penalty_ms > 0)
		tt_budget_penalty(&fetch->budget, penalty_ms);
}

static void
count_request(TtFetch *fetch, const TtFetchJob *job, const TtHttpReply *http,
			  const TtReply *reply, TtRemedy remedy, bool overdue)
{
	TtRequestCounters delta = {0};

	session_requests++;
	fetch->stats->requests++;
	fetch->stats->replies += reply != NULL && reply->has_code;
	fetch->stats->wire_bytes += http->wire_bytes;
	fetch->stats->body_bytes += http->length;
	delta.requests = 1;
	delta.retries = job->tries > 1;
	delta.wire_bytes = http->wire_bytes;
	delta.rows = reply != NULL && remedy == TT_REMEDY_NONE ? reply->nrows : 0;
	delta.errors = remedy != TT_REMEDY_NONE;
	delta.timeouts = overdue;
	tt_counters_add(&fetch->budget, fetch->query->stream->endpoint->path, &delta);
}

/*
 * A transfer is over, well or not.
 *
 * The reply and its memory context, the transfer with the HTTP reply, and the
 * failure that refers to them are owned here and end here, whatever is done about
 * them; only a page that was queued leaves with its context.  The job may be
 * gone after the switch.
 */
void
tt_job_done(TtFetch *fetch, TtFetchJob *job)
{
	TtTransfer	 *transfer = job->transfer;
	TtHttpReply	 *http = tt_transfer_reply(transfer);
	MemoryContext context = AllocSetContextCreate(fetch->context, "tiktok_fdw page",
												  ALLOCSET_DEFAULT_SIZES);
	TtReply		 *reply = NULL;
	const char	 *malformed = NULL;
	TtFailure	  failure;
	TtRemedy	  remedy;
	int64		  wait_ms;
	int64		  penalty_ms;
	bool		  queued = false;

	tt_budget_sent(&job->grant);
	job->transfer = NULL; /* released below, or with the client */
	if (http->outcome == TT_HTTP_OK)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		reply = tt_reply_parse(fetch->paths, http->body, http->length, &malformed);
		MemoryContextSwitchTo(old);
	}
	/* most of the time passed while the rows of another page were used: nobody's fault */
	if (http->outcome == TT_HTTP_TIMEOUT &&
		job->unattended_ms > (int64) fetch->options->timeout * 500)
	{
		http->overdue = false;
		job->tries--;
	}
	failure_init(&failure, fetch, job, http, reply);
	failure.malformed = malformed;
	if (tt_failure_overdue(&failure) || tt_failure_blocked(&failure))
	{
		int noted = tt_overdue_note(fetch, job, tt_failure_blocked(&failure));

		job->overdue++;
		failure.overdue = Max(job->overdue, noted);
	}
	tt_failure_account_set(failure.account);
	remedy = tt_failure_remedy(&failure, &wait_ms, &penalty_ms);
	tt_budget_answered(&job->grant, remedy == TT_REMEDY_NONE ? TT_BUDGET_ANSWER_GOOD
															 : TT_BUDGET_ANSWER_BAD);
	count_request(fetch, job, http, reply, remedy, tt_failure_overdue(&failure));
	elog(DEBUG1, "tiktok_fdw: %s, advertiser " INT64_FORMAT ", page %d: HTTP status %d, code " INT64_FORMAT ", %d rows",
		 failure.endpoint, failure.account, failure.page, http->status,
		 reply != NULL ? reply->code : -1, reply != NULL ? reply->nrows : 0);

	switch (remedy)
	{
		case TT_REMEDY_NONE:
			queued = page_arrived(fetch, job, &failure, reply, context);
			break;
		case TT_REMEDY_RETRY:
			if (failure.overdue > 0 && tt_unit_cut_slow(fetch, job->unit))
				break;
			job_retry(fetch, job, wait_ms, penalty_ms);
			break;
		case TT_REMEDY_ASK_LESS:
			tt_unit_cut(fetch, job->unit, &failure);
			break;
		case TT_REMEDY_PARAMETER:
			tt_parameter_refused(fetch, job, &failure);
			break;
		case TT_REMEDY_ACCOUNT:
			unit_skip(fetch, job->unit, &failure);
			break;
		default:
			tt_failure_raise(&failure);
	}
	/* the failure refers to both until here */
	if (!queued)
		MemoryContextDelete(context);
	tt_failure_account_set(0);
	tt_http_release(transfer);
}

void
tt_job_withhold(TtFetch *fetch, TtFetchJob *job)
{
	TtHttpReply http = {0};
	TtFailure	failure;

	http.outcome = TT_HTTP_TIMEOUT;
	strlcpy(http.error, "it did so twice within ten minutes, in this session or others",
			sizeof(http.error));
	failure_init(&failure, fetch, job, &http, NULL);
	failure.overdue = TT_TIMEOUTS_MOST;
	failure.names = fetch->query->send_names ? tt_unit_names(fetch->query, &job->unit->unit) : 0;
	tt_failure_account_set(failure.account);
	tt_unit_cut(fetch, job->unit, &failure);
	tt_failure_account_set(0);
}

/* Its reply, if any came, was not looked at. */
void
tt_job_count_given_up(TtFetch *fetch, const TtFetchJob *job)
{
	TtRequestCounters delta = {0};

	if (job->transfer == NULL || !job->sent)
		return;
	session_requests++;
	fetch->stats->requests++;
	delta.requests = 1;
	delta.retries = job->tries > 1;
	tt_counters_add(&fetch->budget, fetch->query->stream->endpoint->path, &delta);
}

int64
tt_fetch_session_requests(void)
{
	return session_requests;
}
