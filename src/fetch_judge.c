/*
 * fetch_judge.c
 *	  What a reply means for the unit and the job it belongs to.
 *
 * A good page is checked against what its unit promised and queued; anything
 * else is tried again, asked differently, or raised (fault.c says which).  All
 * changes of a unit that depend on a reply are made here.
 */
#include "postgres.h"

#include "fetch_private.h"

#include <ctype.h>
#include <limits.h>

#include "common/hashfn.h"
#include "fault.h"
#include "utils/formatting.h"
#include "utils/memutils.h"

/* a report needs a metric: this one, when those that were wanted are refused */
#define LAST_METRIC "spend"

static int64 session_requests = 0;

static void
fault_init(TtFault *fault, const TtFetch *fetch, const TtFetchJob *job,
		   const TtHttpReply *http, const TtReply *reply)
{
	memset(fault, 0, sizeof(*fault));
	fault->options = fetch->options;
	fault->table = fetch->table;
	fault->http = http;
	fault->reply = reply;
	fault->endpoint = fetch->query->stream->endpoint->path;
	fault->account = tt_unit_account(fetch, job->unit);
	fault->page = fetch->query->page_size > 0 ? job->page : 0;
	fault->dated = fetch->query->stream->kind == TT_KIND_REPORT &&
				   !fetch->query->stream->report.lifetime;
	fault->days = job->unit->unit.days;
	fault->tries = job->tries;
}

/* The unit cannot be right: read it again once, if none of its rows left. */
static void
unit_mismatch(TtFetch *fetch, TtFetchUnit *unit, const TtFault *fault, const char *what)
{
	if (unit->reread || unit->handed_on)
		tt_fault_incomplete(fault, what);
	unit->reread = true;
	fetch->stats->retries++;
	tt_unit_restart(fetch, unit);
}

/* The key of a row as a hash; false if the row has none. */
static bool
key_hash(const TtFetch *fetch, const TtReply *reply, int row, uint64 *hash)
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
	return any;
}

/*
 * Whether the keys of a page's rows are new to the unit.  When clocks go back
 * an hour comes twice, and TikTok does not say how it reports that: a key that
 * an hourly page itself repeats is taken for it.
 */
static bool
keys_are_new(TtFetch *fetch, TtFetchUnit *unit, const TtReply *reply)
{
	bool	hourly = fetch->query->stream->report.grain == TT_GRAIN_HOUR;
	TtSeen *page = hourly ? tt_seen_create(fetch->context) : NULL;
	bool	all_new = true;

	for (int row = 0; row < reply->nrows && all_new; row++)
	{
		uint64 hash;

		if (!key_hash(fetch, reply, row, &hash) || (hourly && !tt_seen_add(page, hash)))
			continue;
		all_new = tt_seen_add(unit->seen, hash);
	}
	if (hourly)
		tt_seen_free(page);
	return all_new;
}

/* A list without pages that names something twice (an account held in two ways) means it once. */
static void
drop_repeated_rows(const TtFetch *fetch, TtReply *reply)
{
	TtSeen *seen = tt_seen_create(CurrentMemoryContext);
	int		kept = 0;

	for (int row = 0; row < reply->nrows; row++)
	{
		uint64 hash;

		if (key_hash(fetch, reply, row, &hash) && !tt_seen_add(seen, hash))
			continue;
		if (kept < row)
			memcpy(reply->values + (size_t) kept * reply->nslots,
				   reply->values + (size_t) row * reply->nslots,
				   sizeof(TtValue) * reply->nslots);
		kept++;
	}
	tt_seen_free(seen);
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

static void
check_row_limit(const TtFetch *fetch, const TtFetchUnit *unit, const TtFault *fault)
{
	int max_rows = fetch->query->stream->endpoint->max_rows;

	if (max_rows > 0 && (int64) unit->pages * unit->page_size > max_rows &&
		unit->total > max_rows)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("advertiser " INT64_FORMAT " has " INT64_FORMAT " rows in foreign table \"%s\", the TikTok API lists at most %d",
						fault->account, unit->total, fault->table->name, max_rows),
				 errhint("Add a condition on an id.")));
}

/* A page waits to be taken, and owns its context from now on. */
static void
queue_page(TtFetch *fetch, TtFetchUnit *unit, const TtFault *fault, TtReply *reply,
		   MemoryContext context)
{
	TtReadyPage *ready = MemoryContextAllocZero(fetch->context, sizeof(TtReadyPage));

	ready->unit = unit;
	ready->page = MemoryContextAlloc(context, sizeof(TtPage));
	ready->page->reply = reply;
	ready->page->account = fault->account;
	ready->page->number = fault->page;
	ready->page->context = context;
	dlist_push_tail(&unit->ready, &ready->node);
	dlist_push_tail(&fetch->ready, &ready->queue_node);
	fetch->nready++;
}

/*
 * A good reply: check it, queue its rows, learn what else there is.  Returns
 * whether it was queued; if not, reply and context stay the caller's.
 */
static bool
page_arrived(TtFetch *fetch, TtFetchJob *job, const TtFault *fault, TtReply *reply,
			 MemoryContext context)
{
	TtFetchUnit *unit = job->unit;
	bool		 queued;
	bool		 last;

	if (reply->ads_throttled || fault->http->ads_throttled)
		tt_fault_truncated(fault);
	if (unit->page_size == 0)
		drop_repeated_rows(fetch, reply);
	fetch->stats->pages++;
	fetch->stats->rows += reply->nrows;
	fetch->rows_arrived += reply->nrows;
	if (!unit->known)
	{
		unit_learn(fetch, unit, reply);
		check_row_limit(fetch, unit, fault);
	}
	else if (reply->total_number >= 0 && unit->total >= 0 &&
			 reply->total_number != unit->total)
	{
		unit_mismatch(fetch, unit, fault, "the total number of rows changed between pages");
		return false;
	}
	unit->rows += reply->nrows;
	if (fetch->query->totals_only)
		unit->rows = unit->total;
	/* without a total, the list ends at a page that is not full */
	else if (unit->total < 0 && unit->page_size > 0 && job->page == unit->pages &&
			 reply->nrows >= unit->page_size)
		unit->pages++;
	last = unit->jobs == 1 && unit->next_page > unit->pages;
	if (!keys_are_new(fetch, unit, reply) || (last && !tt_seen_settle(unit->seen)))
	{
		unit_mismatch(fetch, unit, fault, "a row came twice");
		return false;
	}
	/* no page within the total is empty: the others need not be waited for */
	if ((last || reply->nrows == 0) && unit->total >= 0 && unit->rows != unit->total)
	{
		unit_mismatch(fetch, unit, fault,
					  psprintf(INT64_FORMAT " rows were promised, " INT64_FORMAT " came",
							   unit->total, unit->rows));
		return false;
	}
	queued = reply->nrows > 0 || fetch->query->totals_only;
	if (queued)
		queue_page(fetch, unit, fault, reply, context);
	tt_job_free(fetch, job);
	if (last)
		tt_unit_finish(fetch, unit);
	return queued;
}

/* Read the two halves of a unit's days instead. */
static void
unit_halve(TtFetch *fetch, TtFetchUnit *unit, const TtFault *fault)
{
	TtUnit first = unit->unit;
	TtUnit second = unit->unit;
	bool   plain = unit->plain;

	if (fetch->query->stream->report.grain == TT_GRAIN_NONE || !fault->dated ||
		first.days.from >= first.days.to || unit->handed_on)
		tt_fault_raise(fault);
	first.days.to = first.days.from + (first.days.to - first.days.from) / 2;
	second.days.from = first.days.to + 1;
	tt_unit_clear(fetch, unit);
	tt_unit_finish(fetch, unit);
	tt_unit_add(fetch, &first)->plain = plain;
	tt_unit_add(fetch, &second)->plain = plain;
	fetch->stats->retries++;
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
		if (unit->finished && dlist_is_empty(&unit->ready))
			pfree(unit);
	}
}

/* on_advertiser_error skip: give the account up, or find out which it is. */
static void
unit_skip(TtFetch *fetch, TtFetchUnit *unit, const TtFault *fault)
{
	TtUnit			   first = unit->unit;
	TtUnit			   second = unit->unit;
	int64			   account = fault->account;
	bool			   plain = unit->plain;
	dlist_mutable_iter iter;

	if (!fetch->options->skip_failed_accounts || tt_snapshot_refresh || first.naccounts == 0)
		tt_fault_raise(fault);
	if (first.naccounts > 1)
	{
		first.naccounts /= 2;
		second.account += first.naccounts;
		second.naccounts -= first.naccounts;
		tt_unit_clear(fetch, unit);
		tt_unit_finish(fetch, unit);
		tt_unit_add(fetch, &first)->plain = plain;
		tt_unit_add(fetch, &second)->plain = plain;
		return;
	}
	tt_fault_warn_account(fault, fetch->served[first.account]);
	drop_ready_pages(fetch, account);
	fetch->skipped[fetch->nskipped++] = account;
	fetch->stats->skipped_accounts++;
	dlist_foreach_modify(iter, &fetch->active)
	{
		TtFetchUnit *other = dlist_container(TtFetchUnit, node, iter.cur);

		if (tt_unit_account(fetch, other) != account)
			continue;
		tt_unit_clear(fetch, other);
		tt_unit_finish(fetch, other);
	}
}

/* whether text names a word that is not part of a longer one */
static bool
names_word(const char *message, const char *word, bool *quoted)
{
	size_t n = strlen(word);

	*quoted = false;
	for (const char *p = strstr(message, word); p != NULL; p = strstr(p + 1, word))
	{
		char before = p > message ? p[-1] : ' ';
		char after = p[n];

		if (isalnum((unsigned char) before) || before == '_' ||
			isalnum((unsigned char) after) || after == '_')
			continue;
		*quoted = before != '\0' && strchr("'\"`[", before) != NULL;
		return true;
	}
	return false;
}

/*
 * What a message says before it lists what is valid ("metrics.2: Must be one
 * of: spend, ..."): the names of that list are not refused.
 */
static const char *
before_valid_names(const char *message)
{
	static const char *const lists[] = {
		"be one of", "not one of", "expected one of", "valid metrics", "valid values",
		"valid fields", "valid options", "supported metrics", "supported values",
		"supported fields", "allowed metrics", "allowed values", "allowed fields",
		"available metrics", "permitted values", "choose from"};
	char *text = pstrdup(message);
	char *lower = asc_tolower(message, strlen(message));

	for (int i = 0; i < lengthof(lists); i++)
		for (char *p = strstr(lower, lists[i]); p != NULL; p = strstr(p + 1, lists[i]))
		{
			/* "invalid metrics: cpm", "not supported metrics: cpm" */
			if ((p > lower && isalnum((unsigned char) p[-1])) ||
				(p - lower >= 4 && strncmp(p - 4, "not ", 4) == 0))
				continue;
			text[p - lower] = '\0';
			break;
		}
	return text;
}

/*
 * A metric that the catalogue knows and the API refuses is no longer asked
 * for, and reads as NULL.  Returns whether there was one, and whether rows were
 * to come in its order.  A name that is an ordinary word ("result") counts only
 * if the message speaks of metrics.
 */
static bool
drop_refused_metrics(TtFetch *fetch, TtFetchJob *job, const TtFault *fault,
					 bool *order_gone)
{
	TtQuery	   *query = fetch->query;
	const char *message = fault->reply->message;
	bool		about_metrics = strstr(message, "metric") != NULL ||
						 strstr(message, "Metric") != NULL;
	const char *refusal;
	int			kept = 0;
	int			before = query->nnames;

	*order_gone = false;
	if (query->stream->kind != TT_KIND_REPORT || !query->send_names || tt_snapshot_refresh)
		return false;
	/* what is asked for when all else is refused: nothing is left to drop */
	if (before == 1 && strcmp(query->names[0], LAST_METRIC) == 0 && job->nnames == 1)
		return false;
	refusal = before_valid_names(message);
	for (int i = 0; i < before; i++)
	{
		const char *name = query->names[i];
		bool		quoted;

		if (!names_word(refusal, name, &quoted) || tt_metric_find(name) == NULL ||
			!(about_metrics || quoted || strchr(name, '_') != NULL))
		{
			query->names[kept++] = name;
			continue;
		}
		/* without it all its values are NULL, and any order of them is right */
		if (query->order_field != NULL && strcmp(query->order_field, name) == 0)
		{
			if (job->unit->handed_on)
				tt_fault_raise(fault);
			query->order_field = NULL;
			*order_gone = true;
		}
		ereport(WARNING,
				(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
				 errmsg("the TikTok API refuses metric \"%s\" for foreign table \"%s\"; it reads as NULL",
						name, fault->table->name),
				 errdetail("The API says: %s", tt_redact(fault->options, message))));
	}
	query->nnames = kept;
	if (kept == 0)
		query->names[query->nnames++] = LAST_METRIC;
	/* another job may have dropped it already: then just ask again */
	return kept < before || job->nnames > before;
}

/*
 * A field that the catalogue knows and the API refuses by name: ask for whole
 * rows instead.  Returns whether that may help.
 */
static bool
drop_refused_fields(TtFetch *fetch, TtFetchJob *job, const TtFault *fault)
{
	TtQuery	   *query = fetch->query;
	const char *message = fault->reply->message;

	if (query->stream->kind == TT_KIND_REPORT || job->nnames == 0)
		return false;
	for (int i = 0; i < query->nnames && query->send_names; i++)
	{
		bool quoted;

		if (names_word(message, query->names[i], &quoted) &&
			(quoted || strchr(query->names[i], '_') != NULL ||
			 strstr(message, "field") != NULL))
			query->send_names = false;
	}
	return !query->send_names;
}

/*
 * What was thought to be enough rows may not be: conditions or the order are
 * gone.  Units that begin (again) from now on read whole pages.
 */
static void
forget_row_bound(TtFetch *fetch)
{
	fetch->query->row_bound = 0;
	fetch->query->page_size = tt_query_page_size(fetch->query->stream, fetch->options);
}

/* Rows in any order: the scan sees order_refused, and sorts. */
static bool
drop_order(TtFetch *fetch, TtFetchUnit *unit)
{
	if (fetch->query->order_field == NULL || unit->handed_on)
		return false;
	fetch->query->order_field = NULL;
	fetch->query->order_refused = true;
	fetch->stats->retries++;
	tt_unit_restart(fetch, unit);
	return true;
}

/*
 * Ask without the conditions, where they are rechecked.  One that is cut into
 * batches stays as long as it may: each batch without it would give all rows.
 * If it is what is refused, everything is asked for again in one piece.
 */
static bool
drop_conditions(TtFetch *fetch, TtFetchUnit *unit)
{
	TtQuery *query = fetch->query;
	bool	 batched = fetch->units->nbatches > 1;

	if (query->nconditions == 0 || query->exact || unit->handed_on)
		return false;
	if (!unit->plain && query->nconditions > batched)
	{
		unit->plain = true;
		forget_row_bound(fetch);
		tt_unit_restart(fetch, unit);
	}
	else if (batched && !fetch->handed_on)
	{
		forget_row_bound(fetch);
		query->nconditions = 0;
		tt_fetch_restart(fetch);
	}
	else
		return false;
	fetch->stats->retries++;
	return true;
}

/*
 * A refused parameter: metrics, fields, the order and conditions can be left
 * out, if need be one after the other; otherwise it is an error.
 */
static void
parameter_refused(TtFetch *fetch, TtFetchJob *job, const TtFault *fault)
{
	const char *message = fault->reply->message;
	bool		order_gone;

	if ((strstr(message, "order_field") != NULL || strstr(message, "order_type") != NULL) &&
		drop_order(fetch, job->unit))
		return;
	if (drop_refused_metrics(fetch, job, fault, &order_gone) ||
		drop_refused_fields(fetch, job, fault))
	{
		if (order_gone)
		{
			forget_row_bound(fetch);
			tt_unit_restart(fetch, job->unit);
			return;
		}
		job->tries = 0;
		dlist_delete(&job->node);
		dlist_push_head(&fetch->waiting, &job->node);
		return;
	}
	if (!drop_conditions(fetch, job->unit) && !drop_order(fetch, job->unit))
		tt_fault_raise(fault);
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
			  const TtReply *reply, TtRemedy remedy)
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
	tt_counters_add(&fetch->budget, fetch->query->stream->endpoint->path, &delta);
}

/*
 * A transfer is over, well or not.
 *
 * The reply and its memory context, the transfer with the HTTP reply, and the
 * fault that refers to them are owned here and end here, whatever is done about
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
	TtFault		  fault;
	TtRemedy	  remedy;
	int64		  wait_ms;
	int64		  penalty_ms;
	bool		  queued = false;

	if (job->granted)
		tt_budget_sent(&job->grant);
	job->granted = false;
	job->transfer = NULL; /* released below, or with the lane */
	if (http->outcome == TT_HTTP_OK)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		reply = tt_reply_parse(fetch->paths, http->body, http->length, &malformed);
		MemoryContextSwitchTo(old);
	}
	fault_init(&fault, fetch, job, http, reply);
	fault.malformed = malformed;
	tt_fault_account_set(fault.account);
	remedy = tt_fault_remedy(&fault, &wait_ms, &penalty_ms);
	count_request(fetch, job, http, reply, remedy);
	elog(DEBUG1, "tiktok_fdw: %s, advertiser " INT64_FORMAT ", page %d: HTTP status %d, code " INT64_FORMAT ", %d rows",
		 fault.endpoint, fault.account, fault.page, http->status,
		 reply != NULL ? reply->code : -1, reply != NULL ? reply->nrows : 0);

	switch (remedy)
	{
		case TT_REMEDY_NONE:
			queued = page_arrived(fetch, job, &fault, reply, context);
			break;
		case TT_REMEDY_RETRY:
			job_retry(fetch, job, wait_ms, penalty_ms);
			break;
		case TT_REMEDY_ASK_LESS:
			unit_halve(fetch, job->unit, &fault);
			break;
		case TT_REMEDY_PARAMETER:
			parameter_refused(fetch, job, &fault);
			break;
		case TT_REMEDY_ACCOUNT:
			unit_skip(fetch, job->unit, &fault);
			break;
		default:
			tt_fault_raise(&fault);
	}
	/* the fault refers to both until here */
	if (!queued)
		MemoryContextDelete(context);
	tt_fault_account_set(0);
	tt_http_release(transfer);
}

int64
tt_fetch_session_requests(void)
{
	return session_requests;
}
