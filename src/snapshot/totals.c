/*
 * totals.c
 *	  What the rows of a report add up to, as the API says: how many there are, and
 *	  data.total_metrics, a small request for each account and window.
 *
 * A refresh compares this with what a snapshot holds, and reads no rows of an account
 * where it is the same.  So an account is left out of the answer as soon as anything
 * about it is not certain: a total that is missing or "-", a reply that was cut to
 * 20,000 ads.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "fetch/fetch.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "options/options.h"
#include "query/query.h"
#include "snapshot/snapshot_private.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

/* entry points; declared in sql/parts/46_probe.sql */
PG_FUNCTION_INFO_V1(tiktok_snapshot_totals_columns);
PG_FUNCTION_INFO_V1(tiktok_snapshot_totals);

/* metrics that one request may have: sums of parts of them cannot be put together */
#define MOST_METRICS 100

/* what the API says of an account */
typedef struct Totals
{
	bool   doubtful;
	int	   replies;
	int64  rows;
	Datum *sums; /* numeric, of each column */
} Totals;

/* "a report's rows have a day and one object each, or a day only" */
static bool
is_plain_daily(const TtStream *stream)
{
	static const char *const objects[] = {"advertiser_id", "campaign_id", "adgroup_id", "ad_id"};
	const TtReport			*report = &stream->report;
	int						 nobjects = 0;

	if (stream->kind != TT_KIND_REPORT || stream->endpoint != tt_report_endpoint() ||
		strcmp(report->report_type, "BASIC") != 0 || report->grain != TT_GRAIN_DAY ||
		report->data_level == NULL || strncmp(report->data_level, "AUCTION_", 8) != 0)
		return false;
	for (int i = 0; i < report->ndimensions; i++)
		for (int k = 0; k < (int) lengthof(objects); k++)
			nobjects += strcmp(report->dimensions[i], objects[k]) == 0;
	return nobjects <= 1 && report->ndimensions == nobjects + 1;
}

/*
 * The columns that can be compared, ascending: those whose values may be added up.
 * NIL if the API has no totals of such a report, or they would not tell enough.
 */
static List *
comparable(const TtTable *table, const TtOptions *options)
{
	static const char *const needed[] = {"spend", "impressions", "clicks"};
	int						 found = 0;
	List					*attrs = NIL;

	if (options->sandbox || !is_plain_daily(table->stream))
		return NIL;
	for (int i = 0; i < table->natts; i++)
	{
		const TtTableColumn *column = &table->columns[i];

		if (column->dropped || !tt_source_additive(column) || column->metric_name == NULL)
			continue;
		attrs = lappend_int(attrs, i + 1);
		for (int k = 0; k < (int) lengthof(needed); k++)
			if (strcmp(column->metric_name, needed[k]) == 0)
				found |= 1 << k;
	}
	if (found != (1 << lengthof(needed)) - 1 || list_length(attrs) > MOST_METRICS)
		return NIL;
	return attrs;
}

Datum
tiktok_snapshot_totals_columns(PG_FUNCTION_ARGS)
{
	Oid				 serverid;
	Relation		 rel = tt_source_open(PG_GETARG_OID(0), &serverid);
	TtTable			*table = tt_table_get(rel);
	TtOptions		*options = tt_options_get(serverid, table->relid, GetUserId(), false);
	List			*attrs = comparable(table, options);
	ArrayBuildState *names = NULL;
	ListCell		*lc;

	foreach(lc, attrs)
		names = accumArrayResult(names,
								 CStringGetTextDatum(table->columns[lfirst_int(lc) - 1].name),
								 false, TEXTOID, CurrentMemoryContext);
	relation_close(rel, NoLock);
	if (names == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(makeArrayResult(names, CurrentMemoryContext));
}

/* Add a reply up, or doubt its account. */
static void
add_reply(Totals *totals, const TtReply *reply, int nsums)
{
	totals->replies++;
	if (reply->ads_throttled || !reply->has_page_info || reply->total_number < 0 ||
		(reply->nrows != 1 && reply->total_number > 0))
		totals->doubtful = true;
	if (totals->doubtful || reply->total_number == 0)
		return; /* of no rows, "-" is as good as 0 */
	totals->rows += reply->total_number;
	for (int i = 0; i < nsums; i++)
	{
		const TtValue *value = tt_reply_value(reply, 0, i);
		Datum		   number;

		if ((value->kind != TT_VALUE_STRING && value->kind != TT_VALUE_NUMBER) ||
			value->text[strspn(value->text, "-+.0123456789eE")] != '\0' ||
			value->text[strcspn(value->text, "0123456789")] == '\0')
		{
			totals->doubtful = true;
			return;
		}
		number = DirectFunctionCall3(numeric_in, CStringGetDatum(value->text),
									 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
		totals->sums[i] = DirectFunctionCall2(numeric_add, totals->sums[i], number);
	}
}

/* The query of a scan of these accounts and days, for sums instead of rows; false: of nothing */
static bool
build_query(TtQuery *query, const TtTable *table, const TtOptions *options, const List *attrs,
			ArrayType *accounts, const TtDays *days)
{
	TtBounds bounds;
	Datum	*values;
	bool	*nulls;
	int		 n;

	deconstruct_array(accounts, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls,
					  &n);
	tt_bounds_init(&bounds);
	bounds.has_accounts = true;
	bounds.accounts = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			bounds.accounts[bounds.naccounts++] = DatumGetInt64(values[i]);
	bounds.has_lower = true;
	bounds.ranges[0] = *days;
	bounds.nothing = bounds.naccounts == 0 || days->from > days->to;
	tt_query_build(query, table, options, attrs, &bounds, true);
	query->sums_only = query->totals_only = true;
	query->cut_will_do = true; /* and is doubted */
	query->exact = true;
	query->page_size = 1;
	/* of kinds that are asked for apart, rows may come twice */
	return !bounds.nothing && query->nkinds <= 1;
}

/* Ask, and return what there is of each of the query's accounts. */
static Totals *
ask(const TtTable *table, const TtOptions *options, TtQuery *query, const List *attrs)
{
	int			 n = query->naccounts;
	int64		*accounts = query->accounts;
	Totals		*totals = palloc0(sizeof(Totals) * n);
	TtFetchStats stats = {0};
	TtProjection projection = {0};
	TtFetch		*fetch;
	TtPage		*page;
	bool		 finished;
	ListCell	*lc;

	projection.paths = palloc(sizeof(char *) * list_length(attrs));
	foreach(lc, attrs)
		projection.paths[projection.npaths++] = table->columns[lfirst_int(lc) - 1].metric_name;
	for (int i = 0; i < n; i++)
	{
		totals[i].sums = palloc(sizeof(Datum) * projection.npaths);
		for (int k = 0; k < projection.npaths; k++)
			totals[i].sums[k] = NumericGetDatum(int64_to_numeric(0));
	}
	stats.context = CurrentMemoryContext;
	fetch = tt_fetch_create(table, options, query, &projection, &stats);
	while ((page = tt_fetch_next(fetch, true, &finished)) != NULL)
	{
		for (int i = 0; i < n; i++)
			if (accounts[i] == page->account)
				add_reply(&totals[i], page->reply, projection.npaths);
		tt_fetch_release(page);
	}
	tt_fetch_end(fetch);
	/* in a refresh, leaving something out is an error; elsewhere it is no answer */
	if (stats.splits > 0 || stats.skipped_accounts > 0 || query->without != 0)
		for (int i = 0; i < n; i++)
			totals[i].doubtful = true;
	return totals;
}

/* tiktok._totals(source, accounts, first_day, last_day) */
Datum
tiktok_snapshot_totals(PG_FUNCTION_ARGS)
{
	Oid			   serverid;
	Relation	   rel = tt_source_open(PG_GETARG_OID(0), &serverid);
	TtTable		  *table = tt_table_get(rel);
	TtOptions	  *options = tt_options_get(serverid, table->relid, GetUserId(), true);
	TtDays		   days = {PG_GETARG_DATEADT(2), PG_GETARG_DATEADT(3)};
	List		  *attrs = comparable(table, options);
	ReturnSetInfo *result;
	TtQuery		   query;
	Totals		  *totals;

	tt_query_check_environment(table, options);
	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	if (attrs != NIL &&
		build_query(&query, table, options, attrs, PG_GETARG_ARRAYTYPE_P(1), &days))
	{
		int64 *accounts = query.accounts;
		int	   n = query.naccounts;

		totals = ask(table, options, &query, attrs);
		for (int i = 0; i < n; i++)
		{
			Datum values[3];
			bool  nulls[3] = {false, false, false};

			if (totals[i].doubtful || totals[i].replies == 0)
				continue;
			values[0] = Int64GetDatum(accounts[i]);
			values[1] = Int64GetDatum(totals[i].rows);
			values[2] = PointerGetDatum(construct_array(totals[i].sums, list_length(attrs),
														NUMERICOID, -1, false, TYPALIGN_INT));
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	relation_close(rel, NoLock);
	return (Datum) 0;
}
