/*
 * fetch.c
 *	  A scan's requests under way.
 *
 * The units of a query are worked off with up to "concurrency" requests in
 * flight.  A job is one request for one page of one unit; a page that came
 * waits in a queue until the scan takes it.  Jobs and waiting pages together
 * never exceed the concurrency, which bounds memory.
 *
 * Ownership: everything lives in fetch->context.  Its reset callback gives
 * unsent grants back to the budget; the lane's own callback (http.c) aborts
 * transfers.  Nothing blocks except tt_http_wait(), and no lock is held there.
 */
#include "postgres.h"

#include "fetch.h"

#include <ctype.h>
#include <limits.h>

#include "budget.h"
#include "common/hashfn.h"
#include "fault.h"
#include "http.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* keys seen in a unit, as 64-bit hashes: finds rows that the API repeats */
typedef struct SeenKey
{
	uint64		hash;
	char		status;
} SeenKey;

#define SH_PREFIX seen
#define SH_ELEMENT_TYPE SeenKey
#define SH_KEY_TYPE uint64
#define SH_KEY hash
#define SH_HASH_KEY(tb, key) ((uint32) (key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* a unit that is being read */
typedef struct Unit
{
	dlist_node	node;
	TtUnit		unit;
	bool		plain;			/* its conditions were refused: ask without */
	bool		reread;			/* was read again already */
	bool		handed_on;		/* some of its rows left */
	bool		known;			/* its first page came */
	int64		total;			/* rows promised; -1: not told */
	int			pages;			/* known pages; grows where not told */
	int			next_page;		/* first page without a job */
	int			jobs;			/* jobs under way */
	int64		rows;			/* seen */
	seen_hash  *seen;
	dlist_head	ready;			/* its pages that wait to be taken */
} Unit;

typedef struct Job
{
	dlist_node	node;			/* in fetch->waiting or fetch->flying */
	Unit	   *unit;
	int			page;
	int			tries;			/* how often it was sent */
	int			nnames;			/* metrics asked for when it was sent */
	TimestampTz not_before;
	TtTransfer *transfer;
	bool		granted;		/* holds a grant not yet told as sent */
	TtBudgetGrant grant;
} Job;

typedef struct ReadyPage
{
	dlist_node	node;			/* in unit->ready */
	dlist_node	queue_node;		/* in fetch->ready */
	Unit	   *unit;
	TtPage	   *page;
} ReadyPage;

struct TtFetch
{
	MemoryContext context;
	MemoryContextCallback callback;
	const TtTable *table;
	const TtOptions *options;
	TtQuery    *query;
	const TtProjection *projection;
	TtPaths    *paths;
	TtFetchStats *stats;
	TtHttp	   *http;
	TtBudgetKey budget;
	TtUnits    *units;
	int64		next_unit;		/* first unit not begun */
	dlist_head	active;			/* units being read */
	dlist_head	waiting;		/* jobs to send (again) */
	dlist_head	flying;
	dlist_head	ready;			/* pages to take, in order of arrival */
	int			njobs;
	int			nready;
	int64		rows_arrived;	/* of this fetch */
	TimestampTz budget_until;	/* the budget has nothing before; 0: ask it */
	TimestampTz budget_since;	/* since when it is waited for; 0: it is not */
	int			nskipped;		/* accounts given up */
	int64	   *skipped;
};

static int64 session_requests = 0;

static void release_resources(void *arg);
static void unit_restart(TtFetch *fetch, Unit *unit);

TtFetch *
tt_fetch_create(const TtTable *table, const TtOptions *options, TtQuery *query,
				const TtProjection *projection, TtFetchStats *stats)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tiktok_fdw fetch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TtFetch    *fetch = palloc0(sizeof(TtFetch));
	TtHttpOptions http = {0};

	fetch->context = context;
	fetch->table = table;
	fetch->options = options;
	fetch->query = query;
	fetch->projection = projection;
	fetch->stats = stats;
	dlist_init(&fetch->active);
	dlist_init(&fetch->waiting);
	dlist_init(&fetch->flying);
	dlist_init(&fetch->ready);
	fetch->callback.func = release_resources;
	fetch->callback.arg = fetch;
	MemoryContextRegisterResetCallback(context, &fetch->callback);

	fetch->paths = tt_paths_create(query->stream->endpoint->list_key,
								   projection->npaths, projection->paths);
	fetch->units = tt_units_create(query);
	if (fetch->units == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	fetch->budget = tt_budget_key(options->app_id, options->host, options->access_token);
	fetch->skipped = palloc(sizeof(int64) * Max(query->naccounts, 1));
	http.timeout_ms = options->timeout * 1000;
	http.connect_timeout_ms = options->connect_timeout * 1000;
	http.max_response_size = options->max_response_size;
	http.ca_file = options->ca_file;
	http.proxy = options->proxy;
	http.allow_http = strncmp(options->base_url, "http://", 7) == 0;
	http.user_agent = "tiktok_fdw/" TT_VERSION " (PostgreSQL " PG_VERSION ")";
	fetch->http = tt_http_create(&http, context);
	MemoryContextSwitchTo(old);
	return fetch;
}

/* Reset callback: runs at the end, an error included, and must not ereport. */
static void
release_resources(void *arg)
{
	TtFetch    *fetch = arg;
	dlist_iter	iter;

	dlist_foreach(iter, &fetch->flying)
	{
		Job		   *job = dlist_container(Job, node, iter.cur);

		/* it may be on its way: rather count one too many */
		if (job->granted)
			tt_budget_sent(&job->grant);
		job->granted = false;
	}
	tt_units_free(fetch->units);
	fetch->units = NULL;
}

void
tt_fetch_end(TtFetch *fetch)
{
	MemoryContextDelete(fetch->context);
}

static int64
unit_account(const TtFetch *fetch, const Unit *unit)
{
	return unit->unit.naccounts == 1 ? fetch->query->accounts[unit->unit.account] : 0;
}

static void
fault_init(TtFault *fault, const TtFetch *fetch, const Job *job,
		   const TtHttpReply *http, const TtReply *reply)
{
	memset(fault, 0, sizeof(*fault));
	fault->options = fetch->options;
	fault->table = fetch->table;
	fault->http = http;
	fault->reply = reply;
	fault->endpoint = fetch->query->stream->endpoint->path;
	fault->account = unit_account(fetch, job->unit);
	fault->page = fetch->query->page_size > 0 ? job->page : 0;
	fault->dated = fetch->query->stream->kind == TT_KIND_REPORT &&
		!fetch->query->stream->report.lifetime;
	fault->days = job->unit->unit.days;
	fault->tries = job->tries;
}

static bool
account_skipped(const TtFetch *fetch, int64 account)
{
	for (int i = 0; i < fetch->nskipped; i++)
		if (fetch->skipped[i] == account)
			return true;
	return false;
}

static Unit *
unit_add(TtFetch *fetch, const TtUnit *spec)
{
	Unit	   *unit = MemoryContextAllocZero(fetch->context, sizeof(Unit));

	unit->unit = *spec;
	dlist_init(&unit->ready);
	dlist_push_tail(&fetch->active, &unit->node);
	unit_restart(fetch, unit);
	return unit;
}

static void
job_free(TtFetch *fetch, Job *job)
{
	if (job->granted)
		tt_budget_sent(&job->grant);
	if (job->transfer != NULL)
		tt_http_release(job->transfer);
	dlist_delete(&job->node);
	job->unit->jobs--;
	fetch->njobs--;
	pfree(job);
}

static void
job_add(TtFetch *fetch, Unit *unit)
{
	Job		   *job = MemoryContextAllocZero(fetch->context, sizeof(Job));

	job->unit = unit;
	job->page = unit->next_page++;
	unit->jobs++;
	fetch->njobs++;
	dlist_push_tail(&fetch->waiting, &job->node);
}

static void
drop_jobs(TtFetch *fetch, dlist_head *list, const Unit *unit)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, list)
	{
		Job		   *job = dlist_container(Job, node, iter.cur);

		if (job->unit == unit)
			job_free(fetch, job);
	}
}

/* Forget what came of a unit and what is under way for it. */
static void
unit_clear(TtFetch *fetch, Unit *unit)
{
	drop_jobs(fetch, &fetch->waiting, unit);
	drop_jobs(fetch, &fetch->flying, unit);
	while (!dlist_is_empty(&unit->ready))
	{
		ReadyPage  *ready = dlist_container(ReadyPage, node, dlist_pop_head_node(&unit->ready));

		dlist_delete(&ready->queue_node);
		fetch->nready--;
		tt_fetch_release(ready->page);
		pfree(ready);
	}
	if (unit->seen != NULL)
		seen_destroy(unit->seen);
	unit->seen = NULL;
}

static void
unit_restart(TtFetch *fetch, Unit *unit)
{
	unit_clear(fetch, unit);
	unit->known = false;
	unit->total = -1;
	unit->pages = 1;
	unit->next_page = 1;
	unit->rows = 0;
	unit->seen = seen_create(fetch->context, 64, NULL);
}

/* A unit is over; its pages may still wait to be taken. */
static void
unit_finish(TtFetch *fetch, Unit *unit)
{
	Assert(unit->jobs == 0);
	if (unit->seen != NULL)
		seen_destroy(unit->seen);
	unit->seen = NULL;
	dlist_delete(&unit->node);
	if (dlist_is_empty(&unit->ready))
		pfree(unit);
	else
		unit->known = false;	/* freed with its last page */
}

/* The unit cannot be right: read it again once, if none of its rows left. */
static void
unit_mismatch(TtFetch *fetch, Unit *unit, const TtFault *fault, const char *what)
{
	if (unit->reread || unit->handed_on)
		tt_fault_incomplete(fault, what);
	unit->reread = true;
	fetch->stats->retries++;
	unit_restart(fetch, unit);
}

/* Whether the keys of a page's rows are new to the unit. */
static bool
keys_are_new(TtFetch *fetch, Unit *unit, const TtReply *reply)
{
	for (int row = 0; row < reply->nrows; row++)
	{
		uint64		hash = 0;
		bool		found = false;
		bool		any = false;

		for (int i = 0; i < fetch->projection->nkeys; i++)
		{
			const TtValue *value = tt_reply_value(reply, row, i);

			any |= value->kind > TT_VALUE_NULL;
			hash = hash_combine64(hash, value->kind > TT_VALUE_NULL ?
								  hash_bytes_extended((const unsigned char *) value->text,
													  value->length, 0) : 0);
		}
		if (!any)
			continue;
		seen_insert(unit->seen, hash, &found);
		if (found)
			return false;
	}
	return true;
}

/* How many pages a unit has, once its first page came. */
static void
unit_learn(TtFetch *fetch, Unit *unit, const TtReply *reply)
{
	int			page_size = fetch->query->page_size;

	unit->known = true;
	unit->total = reply->has_page_info ? reply->total_number : -1;
	if (page_size == 0 || fetch->query->totals_only)
		return;
	/* a server may give smaller pages than were asked for */
	if (reply->has_page_info && reply->page_size > 0 && reply->page_size < page_size)
		page_size = (int) reply->page_size;
	if (unit->total >= 0)
		unit->pages = (int) Max(Min((unit->total + page_size - 1) / page_size, INT_MAX), 1);
	else if (reply->has_page_info && reply->total_page >= 0)
		unit->pages = (int) Max(Min(reply->total_page, INT_MAX), 1);
}

static void
check_row_limit(const TtFetch *fetch, const Unit *unit, const TtFault *fault)
{
	int			max_rows = fetch->query->stream->endpoint->max_rows;

	if (max_rows > 0 && (int64) unit->pages * fetch->query->page_size > max_rows &&
		unit->total > max_rows)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("advertiser " INT64_FORMAT " has " INT64_FORMAT " rows in foreign table \"%s\", the TikTok API lists at most %d",
						fault->account, unit->total, fault->table->name, max_rows),
				 errhint("Add a condition on an id.")));
}

/* A good reply: check it, queue its rows, learn what else there is. */
static void
page_arrived(TtFetch *fetch, Job *job, const TtFault *fault, TtReply *reply,
			 MemoryContext context)
{
	Unit	   *unit = job->unit;
	ReadyPage  *ready;
	bool		last;

	if (reply->ads_throttled || fault->http->ads_throttled)
		tt_fault_truncated(fault);
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
		MemoryContextDelete(context);
		unit_mismatch(fetch, unit, fault, "the total number of rows changed between pages");
		return;
	}
	unit->rows += reply->nrows;
	if (fetch->query->totals_only)
		unit->rows = unit->total;
	/* without a total, the list ends at a page that is not full */
	else if (unit->total < 0 && fetch->query->page_size > 0 && job->page == unit->pages &&
		reply->nrows >= fetch->query->page_size)
		unit->pages++;
	last = unit->jobs == 1 && unit->next_page > unit->pages;
	if (!keys_are_new(fetch, unit, reply))
	{
		MemoryContextDelete(context);
		unit_mismatch(fetch, unit, fault, "a row came twice");
		return;
	}
	if (last && unit->total >= 0 && unit->rows != unit->total)
	{
		const char *what = psprintf(INT64_FORMAT " rows were promised, " INT64_FORMAT " came",
									unit->total, unit->rows);

		MemoryContextDelete(context);
		unit_mismatch(fetch, unit, fault, what);
		return;
	}
	if (reply->nrows > 0 || fetch->query->totals_only)
	{
		ready = MemoryContextAllocZero(fetch->context, sizeof(ReadyPage));
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
	else
		MemoryContextDelete(context);
	job_free(fetch, job);
	if (last)
		unit_finish(fetch, unit);
}

/* Read the two halves of a unit's days instead. */
static void
unit_halve(TtFetch *fetch, Unit *unit, const TtFault *fault)
{
	TtUnit		first = unit->unit;
	TtUnit		second = unit->unit;
	bool		plain = unit->plain;

	if (fetch->query->stream->report.grain == TT_GRAIN_NONE || !fault->dated ||
		first.days.from >= first.days.to || unit->handed_on)
		tt_fault_raise(fault);
	first.days.to = first.days.from + (first.days.to - first.days.from) / 2;
	second.days.from = first.days.to + 1;
	unit_clear(fetch, unit);
	unit_finish(fetch, unit);
	unit_add(fetch, &first)->plain = plain;
	unit_add(fetch, &second)->plain = plain;
	fetch->stats->retries++;
}

/* on_advertiser_error skip: give the account up, or find out which it is. */
static void
unit_skip(TtFetch *fetch, Unit *unit, const TtFault *fault)
{
	TtUnit		first = unit->unit;
	TtUnit		second = unit->unit;
	int64		account = fault->account;
	dlist_mutable_iter iter;

	if (!fetch->options->skip_failed_accounts || tt_snapshot_refresh || first.naccounts == 0)
		tt_fault_raise(fault);
	if (first.naccounts > 1)
	{
		first.naccounts /= 2;
		second.account += first.naccounts;
		second.naccounts -= first.naccounts;
		unit_clear(fetch, unit);
		unit_finish(fetch, unit);
		unit_add(fetch, &first);
		unit_add(fetch, &second);
		return;
	}
	tt_fault_warn_account(fault);
	fetch->skipped[fetch->nskipped++] = account;
	fetch->stats->skipped_accounts++;
	dlist_foreach_modify(iter, &fetch->active)
	{
		Unit	   *other = dlist_container(Unit, node, iter.cur);

		if (unit_account(fetch, other) != account)
			continue;
		unit_clear(fetch, other);
		unit_finish(fetch, other);
	}
}

/* whether text names a word that is not part of a longer one */
static bool
names_word(const char *message, const char *word, bool *quoted)
{
	size_t		n = strlen(word);

	*quoted = false;
	for (const char *p = strstr(message, word); p != NULL; p = strstr(p + 1, word))
	{
		char		before = p > message ? p[-1] : ' ';
		char		after = p[n];

		if (isalnum((unsigned char) before) || before == '_' ||
			isalnum((unsigned char) after) || after == '_')
			continue;
		*quoted = before != '\0' && strchr("'\"`[", before) != NULL;
		return true;
	}
	return false;
}

/*
 * A metric that the catalogue knows and the API refuses is no longer asked
 * for, and reads as NULL.  Returns whether there was one.  A name that is an
 * ordinary word ("result") counts only if the message speaks of metrics.
 */
static bool
drop_refused_metrics(TtFetch *fetch, Job *job, const TtFault *fault)
{
	TtQuery    *query = fetch->query;
	const char *message = fault->reply->message;
	bool		about_metrics = strstr(message, "metric") != NULL ||
		strstr(message, "Metric") != NULL;
	int			kept = 0;
	int			before = query->nnames;

	if (query->stream->kind != TT_KIND_REPORT || !query->send_names || tt_snapshot_refresh)
		return false;
	for (int i = 0; i < before; i++)
	{
		const char *name = query->names[i];
		bool		quoted;

		if (!names_word(message, name, &quoted) || tt_metric_find(name) == NULL ||
			!(about_metrics || quoted || strchr(name, '_') != NULL))
		{
			query->names[kept++] = name;
			continue;
		}
		ereport(WARNING,
				(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
				 errmsg("the TikTok API refuses metric \"%s\" for foreign table \"%s\"; it reads as NULL",
						name, fault->table->name),
				 errdetail("The API says: %s", tt_redact(fault->options, message))));
	}
	query->nnames = kept;
	if (kept == 0)
		query->names[query->nnames++] = "spend";
	/* another job may have dropped it already: then just ask again */
	return kept < before || job->nnames > before;
}

/*
 * A refused parameter: a metric can be left out, and so can conditions, since
 * they are rechecked; otherwise it is an error.
 */
static void
parameter_refused(TtFetch *fetch, Job *job, const TtFault *fault)
{
	Unit	   *unit = job->unit;

	if (drop_refused_metrics(fetch, job, fault))
	{
		job->tries = 0;
		dlist_delete(&job->node);
		dlist_push_head(&fetch->waiting, &job->node);
		return;
	}
	if (fetch->query->nconditions == 0 || unit->plain || unit->handed_on ||
		fetch->units->nbatches > 1)
		tt_fault_raise(fault);
	unit->plain = true;
	fetch->stats->retries++;
	unit_restart(fetch, unit);
}

static void
job_retry(TtFetch *fetch, Job *job, int64 wait_ms, int64 penalty_ms)
{
	job->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_ms);
	dlist_delete(&job->node);
	dlist_push_tail(&fetch->waiting, &job->node);
	fetch->stats->retries++;
	fetch->stats->backoff_ms += wait_ms;
	if (penalty_ms > 0)
		tt_budget_penalty(fetch->budget, penalty_ms);
}

static void
count_request(TtFetch *fetch, const Job *job, const TtHttpReply *http,
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
	tt_budget_count(fetch->options->serverid, fetch->query->stream->endpoint->path, &delta);
}

/* A transfer is over, well or not. */
static void
job_done(TtFetch *fetch, Job *job)
{
	TtTransfer *transfer = job->transfer;
	TtHttpReply *http = tt_transfer_reply(transfer);
	MemoryContext context = AllocSetContextCreate(fetch->context, "tiktok_fdw page",
												  ALLOCSET_DEFAULT_SIZES);
	TtReply    *reply = NULL;
	const char *malformed = NULL;
	TtFault		fault;
	TtRemedy	remedy;
	int64		wait_ms;
	int64		penalty_ms;

	if (job->granted)
		tt_budget_sent(&job->grant);
	job->granted = false;
	job->transfer = NULL;		/* released below, or with the lane */
	if (http->outcome == TT_HTTP_OK)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		reply = tt_reply_parse(fetch->paths, http->body, http->length, &malformed);
		MemoryContextSwitchTo(old);
	}
	fault_init(&fault, fetch, job, http, reply);
	fault.malformed = malformed;
	remedy = tt_fault_remedy(&fault, &wait_ms, &penalty_ms);
	count_request(fetch, job, http, reply, remedy);
	elog(DEBUG1, "tiktok_fdw: %s, advertiser " INT64_FORMAT ", page %d: HTTP status %d, code " INT64_FORMAT ", %d rows",
		 fault.endpoint, fault.account, fault.page, http->status,
		 reply != NULL ? reply->code : -1, reply != NULL ? reply->nrows : 0);

	if (remedy == TT_REMEDY_NONE)
		page_arrived(fetch, job, &fault, reply, context);
	else
	{
		switch (remedy)
		{
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
		MemoryContextDelete(context);
	}
	tt_http_release(transfer);
}

static void
job_send(TtFetch *fetch, Job *job)
{
	const TtOptions *options = fetch->options;
	TtQuery		query = *fetch->query;
	TtParams	params;
	char	   *url;
	char	   *token = psprintf("Access-Token: %s", options->access_token);
	const char *headers[] = {token, NULL};

	if (job->unit->plain)
		query.nconditions = 0;
	if (!tt_request_params(&query, fetch->units, &job->unit->unit, job->page, &params))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	url = psprintf("%s%s%s%s", options->base_url, query.stream->endpoint->path,
				   params.query[0] != '\0' ? "?" : "", params.query);
	job->tries++;
	job->nnames = query.nnames;
	job->transfer = tt_http_start(fetch->http, url, params.body, headers, job);
	explicit_bzero(url, strlen(url));
	explicit_bzero(token, strlen(token));
	pfree(url);
	pfree(token);
	tt_params_free(&params);
	dlist_delete(&job->node);
	dlist_push_tail(&fetch->flying, &job->node);
	fetch->stats->peak_in_flight = Max(fetch->stats->peak_in_flight,
									   tt_http_in_flight(fetch->http));
}

/* Whether what is under way may be all that the caller wants. */
static bool
bound_reached(const TtFetch *fetch)
{
	const TtQuery *query = fetch->query;

	return query->row_bound > 0 && fetch->njobs + fetch->nready > 0 &&
		fetch->rows_arrived + (int64) fetch->njobs * Max(query->page_size, 1) >=
		query->row_bound;
}

/* A job for the next page or unit, if the concurrency allows; false: none. */
static bool
add_next_job(TtFetch *fetch)
{
	dlist_iter	iter;

	if (fetch->njobs + fetch->nready >= fetch->options->concurrency ||
		bound_reached(fetch))
		return false;
	dlist_foreach(iter, &fetch->active)
	{
		Unit	   *unit = dlist_container(Unit, node, iter.cur);

		if (unit->next_page <= (unit->known ? unit->pages : 1))
		{
			job_add(fetch, unit);
			return true;
		}
	}
	while (fetch->next_unit < fetch->units->count)
	{
		TtUnit		spec = tt_units_get(fetch->units, fetch->query, fetch->next_unit++);

		if (spec.naccounts == 1 &&
			account_skipped(fetch, fetch->query->accounts[spec.account]))
			continue;
		job_add(fetch, unit_add(fetch, &spec));
		return true;
	}
	return false;
}

/* Send what may be sent now; returns when to look again, 0: on events only. */
static TimestampTz
send_jobs(TtFetch *fetch)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz wake = 0;
	dlist_mutable_iter iter;

	while (add_next_job(fetch))
		;
	dlist_foreach_modify(iter, &fetch->waiting)
	{
		Job		   *job = dlist_container(Job, node, iter.cur);
		int			wait_ms;

		if (job->not_before > now)
		{
			wake = wake == 0 ? job->not_before : Min(wake, job->not_before);
			continue;
		}
		if (fetch->budget_until <= now)
		{
			wait_ms = tt_budget_acquire(fetch->budget, fetch->options->rate_limit,
										&job->grant);
			if (wait_ms == 0)
			{
				job->granted = true;
				job_send(fetch, job);
				continue;
			}
			fetch->budget_until = TimestampTzPlusMilliseconds(now, wait_ms);
		}
		if (fetch->budget_since == 0)
			fetch->budget_since = now;
		return wake == 0 ? fetch->budget_until : Min(wake, fetch->budget_until);
	}
	if (fetch->budget_since != 0)
	{
		TtRequestCounters delta = {0};

		delta.throttled_ms = (now - fetch->budget_since) / 1000;
		fetch->stats->throttled_ms += delta.throttled_ms;
		tt_budget_count(fetch->options->serverid, fetch->query->stream->endpoint->path,
						&delta);
		fetch->budget_since = 0;
	}
	return wake;
}

static void
take_events(TtFetch *fetch)
{
	TtTransfer *transfer;

	while ((transfer = tt_http_next_sent(fetch->http)) != NULL)
	{
		Job		   *job = tt_transfer_arg(transfer);

		if (job->granted)
			tt_budget_sent(&job->grant);
		job->granted = false;
	}
	while ((transfer = tt_http_next_done(fetch->http)) != NULL)
		job_done(fetch, tt_transfer_arg(transfer));
}

TtPage *
tt_fetch_next(TtFetch *fetch, bool wait, bool *finished)
{
	*finished = false;
	for (;;)
	{
		TimestampTz wake;

		CHECK_FOR_INTERRUPTS();
		take_events(fetch);
		wake = send_jobs(fetch);
		tt_http_wake_at(fetch->http, wake);
		if (!dlist_is_empty(&fetch->ready))
		{
			ReadyPage  *ready = dlist_container(ReadyPage, queue_node,
												dlist_pop_head_node(&fetch->ready));
			TtPage	   *page = ready->page;
			Unit	   *unit = ready->unit;

			dlist_delete(&ready->node);
			fetch->nready--;
			unit->handed_on = true;
			pfree(ready);
			if (unit->seen == NULL && dlist_is_empty(&unit->ready))
				pfree(unit);	/* it was finished before */
			return page;
		}
		if (fetch->njobs == 0 && fetch->next_unit >= fetch->units->count)
		{
			*finished = true;
			return NULL;
		}
		if (!wait)
			return NULL;
		tt_http_wait(fetch->http, fetch->budget_since != 0);
	}
}

int64
tt_fetch_session_requests(void)
{
	return session_requests;
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
