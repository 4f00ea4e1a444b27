/*
 * completeness.c
 *	  tiktok.completeness(): why the sums of two reports differ.
 *
 * Of each account, the sums of a period at every level, as the API gives them
 * unasked; and what is missing to the account's own sum, by reason.  A level's
 * sum is one request that asks for data.total_metrics instead of rows; what is
 * hidden by default is asked for by itself, a request for each reason, and only
 * where something is missing.  What no filter shows was cut off, if the API
 * says so, or is of unknown reason.
 *
 * A request names no more than one origin and one buying type, so it does not
 * matter whether the API takes several at once.  Periods of more than a request
 * may have are asked for in pieces: sums of different days may be added.
 */
#include "postgres.h"

#include "check/completeness.h"

#include "accounts/accounts.h"
#include "check/ask.h"
#include "fetch/fetch.h"
#include "funcapi.h"
#include "query/option_bounds.h"
#include "miscadmin.h"
#include "options/options.h"
#include "query/query.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

/* days that a report without time dimension may cover */
#define MAX_DAYS 365

/* requests that a period may take; nobody wants centuries but by mistake */
#define MAX_PIECES 20

#define CUT_NOTE "the account has 20,000 ads or more, and the API counts the newest only; tables ask campaign by campaign where they can"

typedef struct Level
{
	const char *name;
	const char *report_type;
	const char *data_level;
	int			level;
	int			ndimensions;
	const char *dimensions[2];
	bool		hides; /* objects, unless they are asked for */
} Level;

static const Level levels[] = {
	{"advertiser", "BASIC", "AUCTION_ADVERTISER", TT_LV_ADVERTISER, 1, {"advertiser_id"}, false},
	{"campaign", "BASIC", "AUCTION_CAMPAIGN", TT_LV_CAMPAIGN, 1, {"campaign_id"}, true},
	{"ad group", "BASIC", "AUCTION_ADGROUP", TT_LV_ADGROUP, 1, {"adgroup_id"}, true},
	{"ad", "BASIC", "AUCTION_AD", TT_LV_AD, 1, {"ad_id"}, true},
	{"country", "AUDIENCE", "AUCTION_ADVERTISER", TT_LV_ADVERTISER, 2, {"advertiser_id", "country_code"}, false},
};

/* what a report leaves out unless it is asked for, in the order of the rows */
typedef struct Hidden
{
	const char *reason;
	bool		deleted;	 /* ask for deleted objects, too */
	const char *origin;		 /* only what has this origin */
	const char *buying_type; /* only what was bought so */
	const char *note;
} Hidden;

static const Hidden nothing_asked = {0};

static const Hidden hidden[] = {
	{"deleted", true, NULL, NULL, "deleted objects; in the tables with include_deleted (the default)"},
	{"Promote", true, "PROMOTE", NULL, "Promote objects; in the tables with include_promote (the default)"},
	{"TopView", true, NULL, "RESERVATION_TOP_VIEW", "TopView objects; in the tables with RESERVATION_TOP_VIEW in buying_types (the default)"},
};

typedef struct Sums
{
	Datum spend; /* numeric */
	int64 impressions;
	int64 clicks;
	bool  cut; /* the API says that it did not look at all ads */
} Sums;

/* what a level gives of an account, and what it lacks */
typedef struct Found
{
	Sums  unasked;
	Sums  parts[lengthof(hidden)];
	char *refused[lengthof(hidden)]; /* why a part could not be asked for */
	Sums  rest;						 /* to the account's own sum */
	bool  cut;
} Found;

typedef struct State
{
	ReturnSetInfo *result;
	TtOptions	  *options;
	TtFetchStats   stats;
	TtDays		   days;
	int			   naccounts;
	int64		  *accounts;
	bool		  *refused;					/* of each account: the API does not answer for it */
	Found		  *found[lengthof(levels)]; /* of each account */
} State;

/* a request for each of some accounts and each piece of the period */
typedef struct Question
{
	State		 *state;
	const Level	 *level;
	const Hidden *asked;
	const bool	 *of; /* for which accounts */
	Sums		 *sums;
	int			 *answers; /* of each account */
} Question;

static Datum
add(Datum a, Datum b)
{
	return DirectFunctionCall2(numeric_add, a, b);
}

static Sums
no_sums(void)
{
	Sums sums = {0};

	sums.spend = NumericGetDatum(int64_to_numeric(0));
	return sums;
}

static Sums
difference(const Sums *a, const Sums *b)
{
	Sums sums = {0};

	sums.spend = DirectFunctionCall2(numeric_sub, a->spend, b->spend);
	sums.impressions = a->impressions - b->impressions;
	sums.clicks = a->clicks - b->clicks;
	return sums;
}

static bool
is_nothing(const Sums *sums)
{
	return sums->impressions == 0 && sums->clicks == 0 &&
		   DatumGetBool(DirectFunctionCall2(numeric_eq, sums->spend, no_sums().spend));
}

/* The reply's numbers added to *sums.  One that is none (a row's "-") counts as 0. */
static void
add_row(Sums *sums, const TtReply *reply, int row, int first, bool must_be_there)
{
	const TtValue *spend = tt_reply_value(reply, row, first);
	int64		   counts[2] = {0, 0};
	bool		   is_number = spend->text != NULL && strcmp(spend->text, "-") != 0;
	bool		   all = is_number;

	for (int i = 0; i < 2; i++)
		all &= tt_reply_int(tt_reply_value(reply, row, first + 1 + i), &counts[i]);
	if (!all && must_be_there)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("malformed reply from the TikTok API: it has no sums of spend, impressions and clicks")));
	if (is_number)
		sums->spend = add(sums->spend, DirectFunctionCall3(numeric_in, CStringGetDatum(spend->text),
														   ObjectIdGetDatum(InvalidOid),
														   Int32GetDatum(-1)));
	sums->impressions += counts[0];
	sums->clicks += counts[1];
}

static int
account_index(const State *state, int64 account)
{
	for (int i = 0; i < state->naccounts; i++)
		if (state->accounts[i] == account)
			return i;
	elog(ERROR, "reply for an account that was not asked for");
}

/* What a request of the question asks for, without its days. */
static void
build_query(const Question *question, TtQuery *query, TtStream *stream, TtKind *kind)
{
	static const char *names[] = {"spend", "impressions", "clicks"};
	const Level		  *level = question->level;
	const Hidden	  *asked = question->asked;
	const State		  *state = question->state;

	memset(stream, 0, sizeof(*stream));
	stream->name = "report";
	stream->environments = TT_ENV_PRODUCTION;
	stream->kind = TT_KIND_REPORT;
	stream->endpoint = tt_report_endpoint();
	stream->key = level->dimensions[level->ndimensions - 1];
	stream->core_columns = "";
	stream->note = "";
	stream->report.report_type = level->report_type;
	stream->report.data_level = level->data_level;
	stream->report.level = level->level;
	stream->report.ndimensions = level->ndimensions;
	for (int i = 0; i < level->ndimensions; i++)
		stream->report.dimensions[i] = level->dimensions[i];
	stream->report.grain = TT_GRAIN_NONE;

	memset(query, 0, sizeof(*query));
	query->stream = stream;
	query->accounts = palloc(sizeof(int64) * state->naccounts);
	for (int i = 0; i < state->naccounts; i++)
		if (question->of[i])
			query->accounts[query->naccounts++] = state->accounts[i];
	query->nnames = lengthof(names);
	query->names = names;
	query->refused = palloc0(sizeof(bool) * lengthof(names));
	query->send_names = true;
	query->include_deleted = asked->deleted;
	query->exact = true;
	query->cut_will_do = true;
	query->sums_only = query->totals_only = strcmp(level->report_type, "BASIC") == 0;
	query->page_size = query->sums_only ? 1 : stream->endpoint->max_page_size;

	memset(kind, 0, sizeof(*kind));
	kind->norigins = asked->origin != NULL;
	kind->origins = (const char **) &asked->origin;
	kind->nbuying_types = asked->buying_type != NULL;
	kind->buying_types = (const char **) &asked->buying_type;
	if (kind->norigins > 0 || kind->nbuying_types > 0)
	{
		query->nkinds = 1;
		query->kinds = kind;
	}
}

/* Add up what the API says of one piece of the period. */
static void
ask_days(const Question *question, TtQuery *query)
{
	static const char *const sums_of[] = {"spend", "impressions", "clicks"};
	static const char *const rows_of[] = {"dimensions.country_code", "metrics.spend",
										  "metrics.impressions", "metrics.clicks"};
	TtTable					 table = {.name = "tiktok.completeness", .stream = query->stream};
	TtProjection			 projection = {0};
	bool					 sums_only = query->sums_only;
	TtFetch					*fetch;
	TtPage					*page;
	bool					 finished;

	projection.nkeys = sums_only ? 0 : 1;
	projection.npaths = projection.nkeys + lengthof(sums_of);
	projection.paths = (const char **) (sums_only ? sums_of : rows_of);
	fetch = tt_fetch_create(&table, question->state->options, query, &projection,
							&question->state->stats);
	while ((page = tt_fetch_next(fetch, true, &finished)) != NULL)
	{
		const TtReply *reply = page->reply;
		int			   account = account_index(question->state, page->account);

		if (sums_only && reply->nrows == 0 && reply->total_number > 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("malformed reply from the TikTok API: it has no total_metrics")));
		/* an account without rows has none to add up: "-" is nothing then */
		for (int row = 0; row < reply->nrows; row++)
			add_row(&question->sums[account], reply, row, projection.nkeys,
					sums_only && reply->total_number > 0);
		question->sums[account].cut |= reply->ads_throttled;
		question->answers[account]++;
		tt_fetch_release(page);
	}
	tt_fetch_end(fetch);
}

/* How many requests the period takes for an account. */
static int
pieces(const State *state)
{
	return (state->days.to - state->days.from) / MAX_DAYS + 1;
}

static void
ask(void *arg)
{
	Question *question = arg;
	State	 *state = question->state;
	TtStream  stream;
	TtKind	  kind;
	TtQuery	  query;

	build_query(question, &query, &stream, &kind);
	for (int i = 0; i < pieces(state) && query.naccounts > 0; i++)
	{
		TtDays days;

		days.from = state->days.from + i * MAX_DAYS;
		days.to = Min(days.from + MAX_DAYS - 1, state->days.to);
		query.nranges = 1;
		query.ranges = &days;
		ask_days(question, &query);
	}
	/* without its filter it was another question */
	if (query.without != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the TikTok API refuses filter \"%s\"",
						(query.without & TT_OPTION_FILTER_ORIGINS) ? "campaign_system_origins"
						: (query.without & TT_OPTION_FILTER_BUYING)
							? "buying_type"
							: tt_level_status_field(question->level->level))));
}

static Question
question_of(State *state, const Level *level, const Hidden *asked, const bool *of)
{
	Question question = {state, level, asked, of, NULL, NULL};

	question.sums = palloc(sizeof(Sums) * state->naccounts);
	for (int i = 0; i < state->naccounts; i++)
		question.sums[i] = no_sums();
	question.answers = palloc0(sizeof(int) * state->naccounts);
	return question;
}

/*
 * Ask for one kind of what a level hides.  A filter that the API refuses leaves
 * the kind unknown, and the rest as it is.
 */
static void
ask_hidden(State *state, int level, int part, bool *of)
{
	Question   question = question_of(state, &levels[level], &hidden[part], of);
	ErrorData *error = tt_ask_try(ask, &question);

	if (error != NULL && error->sqlerrcode != ERRCODE_INVALID_PARAMETER_VALUE)
		ReThrowError(error);
	for (int i = 0; i < state->naccounts; i++)
	{
		Found *found = &state->found[level][i];
		Sums  *sums = &question.sums[i];

		if (!of[i])
			continue;
		found->parts[part] = no_sums();
		found->refused[part] = error != NULL ? error->message : NULL;
		if (error != NULL)
			continue;
		found->cut |= sums->cut;
		/* deleted objects come with the others, all else by itself */
		found->parts[part] = part == 0 ? difference(sums, &found->unasked) : *sums;
		found->rest = difference(&found->rest, &found->parts[part]);
	}
}

static void
ask_level(State *state, int level)
{
	bool	*of = palloc(sizeof(bool) * state->naccounts);
	Question question = question_of(state, &levels[level], &nothing_asked, of);

	for (int i = 0; i < state->naccounts; i++)
		of[i] = !state->refused[i];
	ask(&question);
	state->found[level] = palloc0(sizeof(Found) * state->naccounts);
	for (int i = 0; i < state->naccounts; i++)
	{
		Found *found = &state->found[level][i];

		/* an account that is skipped on the way says nothing from there on */
		if (question.answers[i] < pieces(state) && strcmp(levels[level].report_type, "BASIC") == 0)
			state->refused[i] = true;
		found->unasked = question.sums[i];
		found->cut = found->unasked.cut;
		found->rest = difference(&state->found[0][i].unasked, &found->unasked);
		of[i] = !state->refused[i] && !is_nothing(&found->rest);
	}
	for (int part = 0; levels[level].hides && part < lengthof(hidden); part++)
		ask_hidden(state, level, part, of);
}

static void
put_row(const State *state, int64 account, const char *level, const char *reason,
		const Sums *sums, const char *note)
{
	Datum values[7] = {0};
	bool  nulls[7] = {false, true, true, true, true, true, true};

	values[0] = Int64GetDatum(account);
	if ((nulls[1] = level == NULL) == false)
		values[1] = CStringGetTextDatum(level);
	if ((nulls[2] = reason == NULL) == false)
		values[2] = CStringGetTextDatum(reason);
	if (sums != NULL)
	{
		nulls[3] = nulls[4] = nulls[5] = false;
		values[3] = sums->spend;
		values[4] = Int64GetDatum(sums->impressions);
		values[5] = Int64GetDatum(sums->clicks);
	}
	if ((nulls[6] = note == NULL) == false)
		values[6] = CStringGetTextDatum(note);
	tuplestore_putvalues(state->result->setResult, state->result->setDesc, values, nulls);
}

/* What a level has of an account; then, by reason, what the account has and it has not. */
static void
put_level(const State *state, int account_number, int level_number)
{
	const Level *level = &levels[level_number];
	const Found *found = &state->found[level_number][account_number];
	int64		 account = state->accounts[account_number];
	bool		 whole_cut = state->found[0][account_number].cut;
	bool		 country = level->ndimensions > 1;

	put_row(state, account, level->name, NULL, &found->unasked, NULL);
	if (found->cut && level_number == 0)
	{
		put_row(state, account, level->name, "20,000 cut", NULL, CUT_NOTE);
		return;
	}
	for (int part = 0; part < lengthof(hidden); part++)
	{
		if (found->refused[part] != NULL)
			put_row(state, account, level->name, hidden[part].reason, NULL,
					psprintf("not known: %s", found->refused[part]));
		else if (found->parts[part].spend != 0 && !is_nothing(&found->parts[part]))
			put_row(state, account, level->name, hidden[part].reason, &found->parts[part],
					hidden[part].note);
	}
	/* where the account's own sum is cut, too, equal sums do not mean that nothing is missing */
	if (found->cut)
		put_row(state, account, level->name, "20,000 cut",
				whole_cut && is_nothing(&found->rest) ? NULL : &found->rest, CUT_NOTE);
	else if (!is_nothing(&found->rest))
		put_row(state, account, level->name, country ? "no country" : "unknown", &found->rest,
				country ? "the API attributes it to no country"
						: "the API does not tell why");
}

static void
find_accounts(State *state, bool one, int64 account)
{
	const TtOptions *options = state->options;

	if (one)
	{
		if (options->naccounts > 0 && !tt_option_bounds_account(options, account))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("advertiser " INT64_FORMAT " is not in option advertiser_ids of server \"%s\"",
							account, options->server_name)));
		state->naccounts = 1;
		state->accounts = palloc(sizeof(int64));
		state->accounts[0] = account;
		return;
	}
	state->naccounts = options->naccounts;
	state->accounts = options->accounts;
	if (state->naccounts == 0)
		state->naccounts = tt_accounts_get(tt_ask_table(tt_stream_find("advertiser_ids")),
										   options, &state->stats, &state->accounts);
	tt_accounts_require(options, state->naccounts);
}

static void
check_arguments(FunctionCallInfo fcinfo, State *state)
{
	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("server, since and until must not be null")));
	state->days.from = PG_GETARG_DATEADT(1);
	state->days.to = PG_GETARG_DATEADT(2);
	if (DATE_NOT_FINITE(state->days.from) || DATE_NOT_FINITE(state->days.to) ||
		state->days.from > state->days.to)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("since must be a day that is not after until")));
	if ((int64) state->days.to - state->days.from >= MAX_DAYS * MAX_PIECES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("from since to until are more than %d days", MAX_DAYS * MAX_PIECES)));
}

Datum
tt_completeness(FunctionCallInfo fcinfo)
{
	State		   state = {0};
	ForeignServer *server;

	check_arguments(fcinfo, &state);
	server = tt_ask_server(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	state.options = tt_options_get(server->serverid, InvalidOid, GetUserId(), true);
	if (state.options->sandbox)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("TikTok's sandbox has no reports of accounts to compare with")));
	/* one account that is refused does not hide what the others lack */
	state.options->skip_failed_accounts = true;
	InitMaterializedSRF(fcinfo, 0);
	state.result = (ReturnSetInfo *) fcinfo->resultinfo;
	state.stats.context = CurrentMemoryContext;
	find_accounts(&state, !PG_ARGISNULL(3), PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3));
	state.refused = palloc0(sizeof(bool) * Max(state.naccounts, 1));
	for (int level = 0; level < lengthof(levels); level++)
		ask_level(&state, level);
	tt_warnings_tell(&(TtTable){.name = "tiktok.completeness"}, &state.stats);
	for (int i = 0; i < state.naccounts; i++)
	{
		if (state.refused[i])
			put_row(&state, state.accounts[i], NULL, NULL, NULL,
					"the API refuses this account: see the WARNING");
		for (int level = 0; level < lengthof(levels) && !state.refused[i]; level++)
			put_level(&state, i, level);
	}
	return (Datum) 0;
}
