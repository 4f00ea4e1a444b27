/*
 * check.c
 *	  tiktok.check(server): the "Save & Test" of a connector.
 *
 * Each step runs in a subtransaction, so that an error becomes a row with its
 * message and hint.  Steps go through the same code as a scan: options,
 * accounts and fetch; pages hold one row, and nothing is tried again more than
 * once.  A step that others stand on ends the check when it fails.
 */
#include "postgres.h"

#include "check/check.h"

#include "accounts/accounts.h"
#include "check/ask.h"
#include "fetch/fetch.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "options/hosts.h"
#include "options/options.h"
#include "query/query.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* accounts whose data is asked for */
#define MAX_ACCOUNTS_CHECKED 5

typedef struct Check
{
	ReturnSetInfo *result;
	int			   steps;
	Oid			   serverid;
	TtOptions	  *options;
	TtFetchStats   stats;
	int			   naccounts;
	int64		  *accounts;
	int64		   account; /* of the present step */
} Check;

/* a step: returns its detail, or raises */
typedef char *(*CheckStep)(Check *check);

static void
add_row(Check *check, const char *name, bool ok, const char *detail, const char *hint)
{
	Datum values[5];
	bool  nulls[5] = {false, false, false, false, false};

	values[0] = Int32GetDatum(++check->steps);
	values[1] = CStringGetTextDatum(name);
	values[2] = BoolGetDatum(ok);
	values[3] = CStringGetTextDatum(detail);
	nulls[4] = hint == NULL;
	values[4] = hint != NULL ? CStringGetTextDatum(hint) : (Datum) 0;
	tuplestore_putvalues(check->result->setResult, check->result->setDesc, values, nulls);
}

/* A step that is tried, and its detail if it goes well. */
typedef struct Trial
{
	Check	 *check;
	CheckStep step;
	char	 *detail;
} Trial;

static void
run_trial(void *arg)
{
	Trial *trial = arg;

	trial->detail = trial->step(trial->check);
}

/* Runs a step; returns its error, or NULL and *detail. */
static ErrorData *
try_step(Check *check, CheckStep step, char **detail)
{
	Trial	   trial = {check, step, NULL};
	ErrorData *error = tt_ask_try(run_trial, &trial);

	*detail = trial.detail;
	return error;
}

/* A row for what a step found; returns whether it went well. */
static bool
report_step(Check *check, const char *name, const char *detail, const ErrorData *error)
{
	if (error == NULL)
		add_row(check, name, true, detail, NULL);
	else
		add_row(check, name, false,
				error->detail != NULL ? psprintf("%s (%s)", error->message, error->detail)
									  : error->message,
				error->hint);
	return error == NULL;
}

static bool
run_step(Check *check, const char *name, CheckStep step)
{
	char	  *detail;
	ErrorData *error = try_step(check, step, &detail);

	return report_step(check, name, detail, error);
}

static char *
check_options(Check *check)
{
	TtOptions *options = tt_options_get(check->serverid, InvalidOid, GetUserId(), false);

	check->options = options;
	return psprintf("%s, %s, %d requests per second, %d in flight",
					options->sandbox ? "sandbox" : "production", options->base_url,
					options->rate_limit, options->concurrency);
}

static char *
check_host(Check *check)
{
	tt_options_check_host(check->options);
	return psprintf("\"%s\" may be asked", check->options->host);
}

static char *
check_mapping(Check *check)
{
	TtOptions *options = tt_options_get(check->serverid, InvalidOid, GetUserId(), true);

	check->options = options;
	options->max_retries = Min(options->max_retries, 2);
	options->skip_failed_accounts = false; /* a refused one is a finding */
	return options->app_id != NULL && options->secret != NULL
			   ? "access_token, app_id and secret are set"
		   : options->ncenters > 0 && options->naccounts == 0
			   ? "access_token is set; the accounts are those of option bc_id"
			   : "access_token is set; without app_id and secret, accounts must be named";
}

/* One small request; returns how many rows the API has for it, -1: unknown. */
static int64
ask(Check *check, const char *stream_name, int64 account)
{
	TtTable *table = tt_ask_table(tt_stream_find(stream_name));
	TtBounds bounds;
	TtQuery	 query;
	TtFetch *fetch;
	TtPage	*page;
	TtDays	 today;
	bool	 finished;
	int64	 total = 0;

	tt_bounds_init(&bounds);
	tt_query_build(&query, table, check->options, NIL, &bounds, false);
	query.naccounts = 1;
	query.accounts = &account;
	today.to = tt_query_last_day();
	today.from = today.to - 1;
	query.nranges = 1;
	query.ranges = &today;
	query.page_size = Min(query.page_size, 1);
	query.totals_only = true;
	fetch = tt_fetch_create(table, check->options, &query,
							tt_query_projection(table, NIL), &check->stats);
	/* a page of each kind of objects */
	while ((page = tt_fetch_next(fetch, true, &finished)) != NULL)
	{
		total += page->reply->has_page_info ? page->reply->total_number : page->reply->nrows;
		tt_fetch_release(page);
	}
	tt_fetch_end(fetch);
	return total;
}

/*
 * Connection, TLS and token show in the first request.  Looking the accounts
 * up is one that needs no account; otherwise the first named one is asked for.
 */
static char *
check_token(Check *check)
{
	TtOptions *options = check->options;

	check->naccounts = options->naccounts;
	check->accounts = options->accounts;
	if (options->naccounts > 0)
		ask(check, options->sandbox ? "campaigns" : "advertisers", options->accounts[0]);
	else
		check->naccounts = tt_accounts_get(tt_ask_table(tt_stream_find("advertiser_ids")),
										   options, &check->stats, &check->accounts);
	return "the token is accepted";
}

static char *
check_accounts(Check *check)
{
	StringInfoData buf;

	tt_accounts_require(check->options, check->naccounts);
	initStringInfo(&buf);
	appendStringInfo(&buf, "%d from %s: ", check->naccounts,
					 check->options->naccounts > 0	? "option advertiser_ids"
					 : check->options->ncenters > 0 ? "option bc_id"
													: "the token");
	for (int i = 0; i < check->naccounts && i < MAX_ACCOUNTS_CHECKED; i++)
		appendStringInfo(&buf, "%s" INT64_FORMAT, i > 0 ? ", " : "", check->accounts[i]);
	if (check->naccounts > MAX_ACCOUNTS_CHECKED)
		appendStringInfo(&buf, ", and %d more", check->naccounts - MAX_ACCOUNTS_CHECKED);
	return buf.data;
}

static char *
check_entities(Check *check)
{
	int64 total = ask(check, "campaigns", check->account);

	return psprintf("advertiser " INT64_FORMAT ": " INT64_FORMAT " campaigns",
					check->account, total);
}

/* Their endpoints are granted apart from those of campaigns and reports. */
static char *
check_images(Check *check)
{
	int64 total = ask(check, "creative_assets_images", check->account);

	return psprintf("advertiser " INT64_FORMAT ": " INT64_FORMAT " images",
					check->account, total);
}

static char *
check_videos(Check *check)
{
	int64 total = ask(check, "creative_assets_videos", check->account);

	return psprintf("advertiser " INT64_FORMAT ": " INT64_FORMAT " videos",
					check->account, total);
}

static char *
check_audiences(Check *check)
{
	int64 total = ask(check, "audiences", check->account);

	return psprintf("advertiser " INT64_FORMAT ": " INT64_FORMAT " audiences",
					check->account, total);
}

static char *
check_report(Check *check)
{
	const char *stream = check->options->sandbox ? "campaigns_reports_daily"
												 : "advertisers_reports_daily";
	int64		total = ask(check, stream, check->account);

	return psprintf("advertiser " INT64_FORMAT ": " INT64_FORMAT " rows of %s for the last two days (none is no error)",
					check->account, total, stream);
}

/*
 * Connecting and being let in show in the same request; whoever answers with
 * an envelope was reached.
 */
static bool
check_connection(Check *check)
{
	char	  *detail;
	ErrorData *error = try_step(check, check_token, &detail);

	if (check->stats.replies == 0 && check->stats.requests > 0)
		return report_step(check, "connection", detail, error);
	if (check->stats.replies > 0)
		add_row(check, "connection", true,
				psprintf("\"%s\" answers%s", check->options->host,
						 strncmp(check->options->base_url, "https:", 6) == 0
							 ? " over TLS"
							 : ", without TLS"),
				NULL);
	return report_step(check, "token", detail, error);
}

static void
check_all(Check *check)
{
	if (!run_step(check, "options", check_options) ||
		!run_step(check, "host allowed", check_host) ||
		!run_step(check, "user mapping", check_mapping) ||
		!check_connection(check) ||
		!run_step(check, "accounts", check_accounts))
		return;
	for (int i = 0; i < check->naccounts && i < MAX_ACCOUNTS_CHECKED; i++)
	{
		check->account = check->accounts[i];
		run_step(check, "entities", check_entities);
		run_step(check, "report", check_report);
		if (check->options->sandbox)
			continue; /* it need not have the others */
		run_step(check, "images", check_images);
		run_step(check, "videos", check_videos);
		run_step(check, "audiences", check_audiences);
	}
}

Datum
tt_check(FunctionCallInfo fcinfo)
{
	ForeignServer *server = tt_ask_server(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Check		   check = {0};

	InitMaterializedSRF(fcinfo, 0);
	check.result = (ReturnSetInfo *) fcinfo->resultinfo;
	check.serverid = server->serverid;
	check_all(&check);
	return (Datum) 0;
}
