/*
 * query.c
 *	  What a scan asks for.
 *
 * Turns the table, the options in effect, the columns used and the bounds
 * found in the WHERE clause into one TtQuery.  No network, no state.
 * Everything is allocated in the current memory context.
 */
#include "postgres.h"

#include "query/query_private.h"

#include "query/option_bounds.h"
#include "table/refusals.h"
#include "options/settings.h"
#include "qual/days.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* names that are asked for although no column is read: for evidence, or to judge rows by */
#define MAX_OTHER_NAMES 16

TtDay
tt_query_last_day(void)
{
	TimestampTz now = GetCurrentTimestamp();

	return (TtDay) (now / USECS_PER_DAY) + 1;
}

/* Whether a name is among the first n of the query's. */
static bool
is_among(const TtQuery *query, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(query->names[i], name) == 0)
			return true;
	return false;
}

static void
add_name(TtQuery *query, const char *name)
{
	if (!is_among(query, query->nnames, name))
		query->names[query->nnames++] = name;
}

/* Metrics to ask a report for: those of the columns read. */
static void
build_metrics(TtQuery *query, const TtTable *table, const List *attrs)
{
	const TtReport *report = &table->stream->report;
	bool		   *asked = palloc0(sizeof(bool) * Max(table->natts, 1));
	int				nidle;
	ListCell	   *lc;

	query->send_names = true;
	if (table->leaves_out_idle)
		for (int i = 0; tt_idle_metric(i) != NULL; i++)
			add_name(query, tt_idle_metric(i));
	nidle = query->nnames;
	foreach(lc, attrs)
	{
		const TtTableColumn *column = &table->columns[lfirst_int(lc) - 1];

		if (column->metric_name == NULL || asked[column->metric_number])
			continue;
		/* the API tells it unasked, and knows no metric of that name */
		if (column->listed != NULL && (column->listed->flags & TT_CF_UNLISTED))
			continue;
		/* the API certainly refuses it: the column reads as NULL */
		if (column->metric != NULL &&
			(((column->metric->restrictions & TT_MF_NOT_WITH_AD_ID) &&
			  !tt_metric_legal(column->metric, report)) ||
			 ((column->metric->restrictions & TT_MF_NOT_WITH_AD_ID_V2) &&
			  tt_report_has_dimension(report, "ad_id_v2"))))
			continue;
		asked[column->metric_number] = true;
		if (!is_among(query, nidle, column->metric_name))
			query->names[query->nnames++] = column->metric_name;
	}
	if (query->nnames > 0)
		return;
	/* no metric wanted: the cheapest, where it is certain to exist */
	if (strcmp(report->report_type, "BASIC") == 0 ||
		strcmp(report->report_type, "AUDIENCE") == 0 || !tt_stream_is_integrated(table->stream))
		add_name(query, tt_stream_last_metric(table->stream));
	else
		query->send_names = false;
}

/* The top-level field of a path, NULL if "fields" may not name it. */
static const char *
field_of(const TtTable *table, const char *path)
{
	char		   *field = pstrdup(path);
	char		   *dot = strchr(field, '.');
	const TtColumn *listed;

	if (dot != NULL)
		*dot = '\0';
	listed = tt_stream_find_column(table->stream, field);
	if (listed == NULL || (listed->flags & (TT_CF_UNLISTED | TT_CF_ALONE)))
		return NULL;
	return field;
}

const char *
tt_query_account_path(const TtStream *stream)
{
	switch (stream->kind)
	{
		case TT_KIND_ACCOUNT:
		case TT_KIND_ENTITY:
			return "advertiser_id";
		case TT_KIND_REPORT:
			if (!tt_stream_is_integrated(stream))
				break;
			return tt_report_has_dimension(&stream->report, "advertiser_id")
					   ? "dimensions.advertiser_id"
					   : "metrics.advertiser_id";
		case TT_KIND_AUDIENCE: /* these can be shared, */
		case TT_KIND_ASSET:	   /* and say whose they are */
			break;
	}
	return NULL;
}

/*
 * What a row is asked for so that it shows whether it belongs to its request
 * (verify/belongs.c).
 */
static void
add_evidence(TtQuery *query, const TtOptions *options)
{
	if (query->stream->kind != TT_KIND_ENTITY)
		return;
	add_name(query, "advertiser_id");
	if (query->stream->endpoint->hides != TT_HIDES_NOTHING && !options->include_deleted &&
		!options->sandbox)
		add_name(query, "secondary_status");
}

/*
 * Fields to ask a list for.  A column that "fields" may not name needs the
 * whole row.
 */
static void
build_fields(TtQuery *query, const TtTable *table, const TtOptions *options,
			 const List *attrs)
{
	ListCell *lc;

	if (!table->stream->endpoint->has_fields)
		return;
	for (int i = 0; i < table->nkeys; i++)
		add_name(query, table->key_paths[i]);
	foreach(lc, attrs)
	{
		const TtTableColumn *column = &table->columns[lfirst_int(lc) - 1];
		const char			*field = field_of(table, column->path);

		if (column->is_account && table->stream->kind != TT_KIND_ACCOUNT)
			continue; /* known from the request */
		if (column->asked >= 0)
			continue; /* likewise */
		if (field == NULL)
		{
			query->nnames = 0;
			return;
		}
		add_name(query, field);
	}
	add_evidence(query, options);
	query->send_names = true;
}

static void
missing_bound(const TtTable *table)
{
	const char			 *column = NULL;
	const TtReport		 *report = &table->stream->report;
	const TtPeriodColumn *period = tt_period_column_at(report->grain, 0);
	const char			 *name = period != NULL					  ? period->column.name
								 : report->grain == TT_GRAIN_HOUR ? "stat_time_hour"
																  : "stat_time_day";
	const char			 *first = report->grain == TT_GRAIN_HOUR   ? "current_date - 1"
								  : report->grain == TT_GRAIN_DAY  ? "current_date - 7"
								  : report->grain == TT_GRAIN_WEEK ? "current_date - 28"
																   : "current_date - 92";

	for (int i = 0; i < table->natts; i++)
		if (!table->columns[i].dropped &&
			(table->columns[i].is_day || table->columns[i].is_hour))
			column = table->columns[i].name;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
			 errmsg("foreign table \"%s\" needs a lower bound for \"%s\"",
					table->name, column != NULL ? column : name),
			 period != NULL
				 ? errdetail("Each %s is a request for each account, so the first must be known.",
							 tt_grain_name(report->grain))
				 : errdetail("A report by day or hour is read in windows, so the first day must be known."),
			 column != NULL ? errhint("Add a condition such as WHERE %s >= %s, or set the option start_date of the foreign table or its server.",
									  quote_identifier(column), first)
							: errhint("Add a column %s to the foreign table, or set the option start_date of the foreign table or its server.",
									  name)));
}

/* What a value of a column looks like, for a hint. */
static const char *
sample_value(const TtColumn *column)
{
	switch (column->type)
	{
		case TT_TYPE_bigint:
			return "1234567890";
		case TT_TYPE_date:
			return "current_date - 1";
		default:
			return "'...'";
	}
}

/* What a table calls a listed column; NULL: it has none. */
static const char *
name_of_listed(const TtTable *table, const TtColumn *listed)
{
	for (int i = 0; i < table->natts; i++)
		if (!table->columns[i].dropped && table->columns[i].listed == listed)
			return quote_identifier(table->columns[i].name);
	return NULL;
}

/* Columns that the API has to be told a value of, and no condition does. */
static void
missing_required(const TtTable *table, const List *missing)
{
	StringInfoData names;
	StringInfoData clause;
	ListCell	  *lc;

	initStringInfo(&names);
	initStringInfo(&clause);
	foreach(lc, missing)
	{
		const TtColumn *listed = lfirst(lc);
		const char	   *name = name_of_listed(table, listed);

		if (name == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
					 errmsg("foreign table %s has no column \"%s\"", table->name, listed->name),
					 errhint("ALTER FOREIGN TABLE %s ADD COLUMN %s %s;", table->name,
							 listed->name, tt_type_name(listed->type))));
		appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? " and " : "", name);
		appendStringInfo(&clause, "%s%s = %s", clause.len > 0 ? " AND " : "", name,
						 sample_value(listed));
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
			 errmsg("foreign table %s needs a value of %s", table->name, names.data),
			 errdetail("Endpoint %s has to be told; it gives nothing without.",
					   table->stream->endpoint->path),
			 errhint("Add a condition such as WHERE %s; IN, = ANY and join columns will do, too.",
					 clause.data)));
}

static void
build_required(TtQuery *query, const TtTable *table, TtBounds *bounds, bool need_bound)
{
	TtCondition *required;
	List		*missing;

	query->nrequired = tt_bounds_required(bounds, table, &required, &missing);
	query->required = required;
	for (int i = 0; i < query->nrequired; i++)
		if (required[i].nvalues == 0)
			bounds->nothing = true;
	if (missing != NIL && need_bound && !bounds->nothing)
		missing_required(table, missing);
}

/* ---- weeks, months, periods --------------------------------------------------- */

/*
 * A period is asked for as a whole or not at all: what the API counts in a part
 * of it cannot be added to the rest.  So a period that begins before what the
 * table holds (option start_date) is left out, and one that goes on is asked for
 * up to the last day there is, which its column covered_to tells.
 */

/* Weeks or months that begin on the days that conditions leave. */
static int
calendar_periods(const TtTable *table, const TtBounds *bounds, bool has_start, TtDay start,
				 TtDay last_day, TtDays **periods)
{
	TtDays *days;
	TtDays *found;
	int		n = tt_bounds_days(bounds, table->stream, has_start, start, last_day, &days);

	if (n <= 0)
		return n;
	n = tt_periods(table->stream->report.grain, days, n, &found);
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	*periods = palloc(sizeof(TtDays) * Max(n, 1));
	memcpy(*periods, found, sizeof(TtDays) * n);
	free(found);
	return n;
}

/* The stream that has the same rows by month, as what to write in a hint. */
static const char *
monthly_twin(const TtTable *table)
{
	const TtReport *own = &table->stream->report;

	for (int i = 0; i < tt_stream_count(); i++)
	{
		const TtStream *stream = tt_stream_at(i);
		const TtReport *report = &stream->report;

		if (stream->kind == TT_KIND_REPORT && report->grain == TT_GRAIN_MONTH &&
			strcmp(report->report_type, own->report_type) == 0 && report->level == own->level &&
			report->ndimensions == own->ndimensions &&
			tt_report_has_dimension(report, own->dimensions[0]))
			return psprintf("stream \"%s\"", stream->name);
	}
	return "a table of the same report with the option grain 'month'";
}

static void
check_length(const TtTable *table, TtDays period)
{
	int64 length = (int64) period.to - period.from + 1;
	char  from[16];
	char  to[16];

	if (length <= TT_UNDATED_DAYS)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("foreign table %s cannot be asked for a period of more than %d days",
					table->name, TT_UNDATED_DAYS),
			 errdetail("%s to %s are " INT64_FORMAT " days. The TikTok API counts no longer period, and the counts of two cannot be added.",
					   tt_day_format(period.from, from), tt_day_format(period.to, to), length),
			 errhint("Ask for at most %d days, or for one month after the other from %s.",
					 TT_UNDATED_DAYS, monthly_twin(table))));
}

/* Each first day with each last one. */
static int
own_periods(const TtTable *table, const TtOptions *options, const TtBounds *bounds,
			TtDay last_day, TtDays **periods)
{
	const TtDaySet *firsts = &bounds->first_days;
	const TtDaySet *lasts = &bounds->last_days;
	int				n = 0;

	*periods = NULL;
	if (bounds->nothing)
		return 0;
	if (!firsts->given || !lasts->given)
		return -1;
	*periods = palloc(sizeof(TtDays) * Max(firsts->n * lasts->n, 1));
	for (int i = 0; i < firsts->n; i++)
		for (int k = 0; k < lasts->n; k++)
		{
			TtDays period = {firsts->days[i], lasts->days[k]};

			if (period.to < period.from || period.from > last_day || period.to < TT_FIRST_DAY ||
				(options->has_start_date && period.from < options->start_date))
				continue;
			check_length(table, period);
			(*periods)[n++] = period;
		}
	return n;
}

static int
find_periods(const TtTable *table, const TtOptions *options, const TtBounds *bounds,
			 TtDay last_day, TtDays **periods)
{
	if (table->stream->report.grain == TT_GRAIN_PERIOD)
		return own_periods(table, options, bounds, last_day, periods);
	return calendar_periods(table, bounds, options->has_start_date, options->start_date, last_day,
							periods);
}

static int
assume_periods(const TtTable *table, const TtBounds *bounds, TtDay last_day,
			   TtDays **periods)
{
	TtGrain grain = table->stream->report.grain;
	TtDay	first = tt_period_begin(grain, last_day - TT_ASSUMED_DAYS + 1);

	if (grain != TT_GRAIN_PERIOD)
		return calendar_periods(table, bounds, true, first, last_day, periods);
	*periods = palloc(sizeof(TtDays));
	(*periods)[0].from = last_day - TT_ASSUMED_DAYS + 1;
	(*periods)[0].to = last_day;
	return 1;
}

/* What the table calls the column of a value; NULL: it has none. */
static const char *
period_column(const TtTable *table, TtPeriodValue value)
{
	for (int i = 0; i < table->natts; i++)
		if (!table->columns[i].dropped && table->columns[i].period != NULL &&
			table->columns[i].period->value == value)
			return table->columns[i].name;
	return NULL;
}

static void
missing_period(const TtTable *table, const TtBounds *bounds)
{
	bool		from_given = bounds->first_days.given;
	bool		to_given = bounds->last_days.given;
	const char *from = period_column(table, TT_PERIOD_FROM);
	const char *to = period_column(table, TT_PERIOD_TO);

	if (from == NULL || to == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
				 errmsg("foreign table %s has no column \"%s\"", table->name,
						from == NULL ? "start_date" : "end_date"),
				 errhint("ALTER FOREIGN TABLE %s ADD COLUMN %s date;", table->name,
						 from == NULL ? "start_date" : "end_date")));
	from = quote_identifier(from);
	to = quote_identifier(to);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
			 errmsg("foreign table %s needs to know the period", table->name),
			 errdetail("The API counts over the days that it is asked for, so \"%s\" and \"%s\" must each be equal to something.",
					   from, to),
			 from_given || to_given
				 ? errhint("Add a condition such as %s = %s.", from_given ? to : from,
						   from_given ? "current_date - 1" : "current_date - 28")
				 : errhint("Add conditions such as WHERE %s = current_date - 28 AND %s = current_date - 1.",
						   from, to)));
}

/* ---- days ------------------------------------------------------------------- */

static void
build_periods(TtQuery *query, const TtTable *table, const TtOptions *options,
			  TtBounds *bounds, bool need_bound)
{
	query->nranges = find_periods(table, options, bounds, query->last_day, &query->ranges);
	if (query->nranges < 0 && !need_bound)
		query->nranges = assume_periods(table, bounds, query->last_day, &query->ranges);
	if (query->nranges == 0)
		bounds->nothing = true;
	if (query->nranges >= 0)
		return;
	if (table->stream->report.grain == TT_GRAIN_PERIOD)
		missing_period(table, bounds);
	missing_bound(table);
}

static void
build_days(TtQuery *query, const TtTable *table, const TtOptions *options,
		   TtBounds *bounds, bool need_bound)
{
	TtDay last_day = tt_query_last_day();

	if (table->daily != NULL)
	{
		/* the days of which the rows are sums */
		table = table->daily;
		query->adds_up = true;
	}
	if (table->stream->kind != TT_KIND_REPORT || table->stream->report.lifetime)
		return;
	query->last_day = last_day;
	if (tt_report_by_period(&table->stream->report))
	{
		build_periods(query, table, options, bounds, need_bound);
		return;
	}
	query->nranges = tt_bounds_days(bounds, table->stream, options->has_start_date,
									options->start_date, last_day, &query->ranges);
	if (query->nranges == 0)
		bounds->nothing = true;
	if (query->nranges >= 0)
		return;
	if (need_bound)
		missing_bound(table);
	query->nranges = tt_bounds_days(bounds, table->stream, true,
									last_day - TT_ASSUMED_DAYS + 1, last_day,
									&query->ranges);
}

double
tt_query_times(const TtQuery *query)
{
	double days = 0;

	if (tt_report_by_period(&query->stream->report))
		return Max(query->nranges, 1);
	if (!tt_report_has_time(&query->stream->report))
		return 1;
	for (int i = 0; i < query->nranges; i++)
		days += (double) query->ranges[i].to - query->ranges[i].from + 1;
	return Max(days, 1);
}

int
tt_query_page_size(const TtStream *stream, const TtOptions *options)
{
	int most = stream->endpoint->max_page_size;

	return options->page_size > 0 ? Min(options->page_size, most) : most;
}

void
tt_query_build(TtQuery *query, const TtTable *table, const TtOptions *options,
			   const List *attrs, TtBounds *bounds, bool need_bound)
{
	memset(query, 0, sizeof(*query));
	query->stream = table->stream;
	query->leave_out_idle = table->leaves_out_idle;
	query->names = palloc(sizeof(char *) * (list_length(attrs) + table->nkeys + MAX_OTHER_NAMES));
	if (table->stream->kind == TT_KIND_REPORT)
		build_metrics(query, table, attrs);
	else
		build_fields(query, table, options, attrs);
	build_days(query, table, options, bounds, need_bound);
	build_required(query, table, bounds, need_bound);
	query->nconditions = tt_bounds_conditions(bounds, &query->conditions);
	query->naccounts = tt_option_bounds_accounts(options, bounds, &query->accounts);
	if (bounds->has_accounts && query->naccounts == 0)
		bounds->nothing = true;
	query->include_deleted = options->include_deleted;
	query->refused = palloc0(sizeof(bool) * (query->nnames + 1));
	/* a refresh asks anyway: it must not take silence for an answer */
	for (int i = 0; i < query->nnames && !tt_snapshot_refresh; i++)
		query->refused[i] = tt_table_refusal_known(table, query->names[i]);
	tt_query_kinds(query, table, options);
	query->page_size = tt_query_page_size(table->stream, options);
	query->app_id = options->app_id;
	query->secret = options->secret;
}

/* A value that no column needs, unless there is one that does. */
static void
add_path(TtProjection *projection, const char *path)
{
	for (int i = 0; path != NULL && i < projection->npaths; i++)
		if (strcmp(projection->paths[i], path) == 0)
			return;
	if (path != NULL)
		projection->paths[projection->npaths++] = path;
}

TtProjection *
tt_query_projection(const TtTable *table, const List *attrs)
{
	TtProjection *projection = palloc0(sizeof(TtProjection));
	ListCell	 *lc;

	projection->nkeys = table->nkeys;
	projection->paths = palloc(sizeof(char *) *
							   (table->nkeys + list_length(attrs) + MAX_OTHER_NAMES));
	for (int i = 0; i < table->nkeys; i++)
		projection->paths[projection->npaths++] = table->key_paths[i];
	projection->slots = palloc(sizeof(int) * Max(table->natts, 1));
	for (int i = 0; i < table->natts; i++)
		projection->slots[i] = -1;
	foreach(lc, attrs)
	{
		int attnum = lfirst_int(lc);

		projection->slots[attnum - 1] = projection->npaths;
		projection->paths[projection->npaths++] = table->columns[attnum - 1].path;
	}
	add_path(projection, tt_query_account_path(table->stream));
	if (table->stream->endpoint->hides != TT_HIDES_NOTHING)
		add_path(projection, "secondary_status");
	for (int i = 0; table->leaves_out_idle && tt_idle_metric(i) != NULL;
		 i++)
		add_path(projection, psprintf("metrics.%s", tt_idle_metric(i)));
	return projection;
}

void
tt_query_check_environment(const TtTable *table, const TtOptions *options)
{
	int here = options->sandbox ? TT_ENV_SANDBOX : TT_ENV_PRODUCTION;

	if ((table->stream->environments & here) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
				 errmsg("TikTok's sandbox has no stream \"%s\"", table->stream->name),
				 errdetail("Foreign table \"%s\" belongs to server \"%s\", whose environment is sandbox.",
						   table->name, options->server_name),
				 errhint("Import it from a server with environment 'production'.")));
}
