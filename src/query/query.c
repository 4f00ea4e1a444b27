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
#include "utils/builtins.h"
#include "utils/timestamp.h"

TtDay
tt_query_last_day(void)
{
	TimestampTz now = GetCurrentTimestamp();

	return (TtDay) (now / USECS_PER_DAY) + 1;
}

static bool
names_contain(const TtQuery *query, const char *name)
{
	for (int i = 0; i < query->nnames; i++)
		if (strcmp(query->names[i], name) == 0)
			return true;
	return false;
}

static void
add_name(TtQuery *query, const char *name)
{
	if (!names_contain(query, name))
		query->names[query->nnames++] = name;
}

/* Metrics to ask a report for: those of the columns read. */
static void
build_metrics(TtQuery *query, const TtTable *table, const List *attrs)
{
	const TtReport *report = &table->stream->report;
	bool		   *asked = palloc0(sizeof(bool) * Max(table->natts, 1));
	ListCell	   *lc;

	query->send_names = true;
	foreach(lc, attrs)
	{
		const TtTableColumn *column = &table->columns[lfirst_int(lc) - 1];

		if (column->metric_name == NULL || asked[column->metric_number])
			continue;
		/* the API certainly refuses it: the column reads as NULL */
		if (column->metric != NULL &&
			(column->metric->restrictions & TT_MF_NOT_WITH_AD_ID) &&
			!tt_metric_legal(column->metric, report))
			continue;
		asked[column->metric_number] = true;
		query->names[query->nnames++] = column->metric_name;
	}
	if (query->nnames > 0)
		return;
	/* no metric wanted: the cheapest, where it is certain to exist */
	if (strcmp(report->report_type, "BASIC") == 0 ||
		strcmp(report->report_type, "AUDIENCE") == 0)
		add_name(query, "spend");
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
 * (verify/unasked.c).
 */
static void
add_evidence(TtQuery *query, const TtOptions *options)
{
	if (query->stream->kind != TT_KIND_ENTITY)
		return;
	add_name(query, "advertiser_id");
	if (query->stream->endpoint->hides_deleted && !options->include_deleted &&
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
	const char *column = NULL;
	const char *name = table->stream->report.grain == TT_GRAIN_HOUR
						   ? "stat_time_hour"
						   : "stat_time_day";

	for (int i = 0; i < table->natts; i++)
		if (!table->columns[i].dropped &&
			(table->columns[i].is_day || table->columns[i].is_hour))
			column = table->columns[i].name;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
			 errmsg("foreign table \"%s\" needs a lower bound for \"%s\"",
					table->name, column != NULL ? column : name),
			 errdetail("A report by day or hour is read in windows, so the first day must be known."),
			 column != NULL ? errhint("Add a condition such as WHERE %s >= %s, or set the option start_date of the foreign table or its server.",
									  quote_identifier(column),
									  table->stream->report.grain == TT_GRAIN_HOUR
										  ? "current_date - 1"
										  : "current_date - 7")
							: errhint("Add a column %s to the foreign table, or set the option start_date of the foreign table or its server.",
									  name)));
}

static void
build_days(TtQuery *query, const TtTable *table, const TtOptions *options,
		   TtBounds *bounds, bool need_bound)
{
	TtDay last_day = tt_query_last_day();

	if (table->stream->kind != TT_KIND_REPORT || table->stream->report.lifetime)
		return;
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
	query->names = palloc(sizeof(char *) * (list_length(attrs) + table->nkeys + 3));
	if (table->stream->kind == TT_KIND_REPORT)
		build_metrics(query, table, attrs);
	else
		build_fields(query, table, options, attrs);
	build_days(query, table, options, bounds, need_bound);
	query->nconditions = tt_bounds_conditions(bounds, &query->conditions);
	query->naccounts = tt_option_bounds_accounts(options, bounds, &query->accounts);
	if (bounds->has_accounts && query->naccounts == 0)
		bounds->nothing = true;
	query->include_deleted = options->include_deleted;
	query->refused = palloc0(sizeof(bool) * (query->nnames + 1));
	/* a refresh asks anyway: it must not take silence for an answer */
	for (int i = 0; i < query->nnames && !tt_snapshot_refresh; i++)
		query->refused[i] = tt_refusal_known(table->relid, query->names[i]);
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
	projection->paths = palloc(sizeof(char *) * (table->nkeys + list_length(attrs) + 2));
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
	if (table->stream->endpoint->hides_deleted)
		add_path(projection, "secondary_status");
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
