/*
 * table.c
 *	  A foreign table seen from the API: its stream, and for each column where
 *	  the value stands in a row and by which name it is asked for.
 *
 * Works on the relation's descriptor and options alone.  Everything lives in
 * the current memory context, except what the catalogue has (constant): it is
 * that of a description kept by table_cache.c, so nothing is left lying there.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "options/options.h"
#include "table/table_private.h"

#define DIMENSIONS "dimensions."
#define METRICS	   "metrics."

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The object of a row in which the API puts a value that has this name. */
static const char *
section(const TtStream *stream, const char *name)
{
	if (stream->kind != TT_KIND_REPORT || tt_stream_asks(stream, name) ||
		tt_period_column_find(stream->report.grain, name) != NULL)
		return "";
	return tt_report_has_dimension(&stream->report, name) ? DIMENSIONS : METRICS;
}

/* Where the API puts a value that has this name. */
static char *
default_path(const TtStream *stream, const char *name)
{
	const TtColumn *listed = NULL;
	const char	   *prefix = section(stream, name);
	size_t			length = strlen(prefix);
	char		   *path;

	if (stream->kind != TT_KIND_REPORT)
		listed = tt_stream_find_column(stream, name);
	if (listed != NULL && listed->path != NULL)
		return pstrdup(listed->path);
	path = palloc(length + strlen(name) + 1);
	strcpy(path, prefix);
	strcpy(path + length, name);
	return path;
}

static bool
is_default_path(const TtStream *stream, const char *path, const char *name)
{
	const char *prefix = section(stream, name);

	return has_prefix(path, prefix) && strcmp(path + strlen(prefix), name) == 0;
}

/* The name at the end of a path that is the default one of some column. */
static const char *
listed_name(const TtStream *stream, const char *path)
{
	if (stream->kind != TT_KIND_REPORT)
		return path;
	if (has_prefix(path, DIMENSIONS))
		return path + strlen(DIMENSIONS);
	if (tt_period_column_find(stream->report.grain, path) != NULL || tt_stream_asks(stream, path))
		return path;
	return has_prefix(path, METRICS) ? path + strlen(METRICS) : "";
}

/*
 * A report's rows hold nothing but the two objects, and of dimensions only
 * those of the report: any other path would read as NULL for ever.
 */
static void
check_report_path(const TtTable *table, const TtTableColumn *column)
{
	const TtReport *report = &table->stream->report;
	const char	   *name = listed_name(table->stream, column->path);

	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("column \"%s\" of foreign table %s has path \"%s\", which no report has",
						column->name, table->name, column->path),
				 errhint("Set it to metrics.NAME: ALTER FOREIGN TABLE %s ALTER COLUMN %s "
						 "OPTIONS (SET path 'metrics.spend');",
						 table->name, quote_identifier(column->name))));
	if (has_prefix(column->path, DIMENSIONS) && !tt_report_has_dimension(report, name) &&
		!(strcmp(name, "interest_category_v2") == 0 &&
		  tt_report_has_dimension(report, "interest_category")))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("column \"%s\" of foreign table %s has path \"%s\", which is no "
						"dimension of its report",
						column->name, table->name, column->path),
				 errhint("The dimensions of the report are: %s.", table->stream->key)));
}

/* The metric to ask for, if the path leads to one. */
static void
find_metric(const TtTable *table, TtTableColumn *column)
{
	const char *name;

	if (!has_prefix(column->path, METRICS) || column->is_account)
		return;
	name = column->path + strlen(METRICS);
	if (strchr(name, '.') != NULL)
		name = pnstrdup(name, strcspn(name, ".")); /* a value inside the metric's */
	column->metric_name = name;
	column->metric = tt_stream_is_integrated(table->stream) ? tt_metric_find(name) : NULL;
}

/* The catalogue's column, if the value stands where the catalogue says. */
static const TtColumn *
find_listed(const TtStream *stream, const char *path)
{
	const char	   *name = listed_name(stream, path);
	const TtColumn *elsewhere = tt_stream_column_at_path(stream, path);

	if (elsewhere != NULL)
		return elsewhere;
	if (name[0] == '\0' || !is_default_path(stream, path, name))
		return NULL;
	/* own reports may have dimensions that the catalogue does not know */
	if (tt_stream_is_integrated(stream) && tt_report_has_dimension(&stream->report, name))
	{
		const TtDimension *dimension = tt_dimension_find(name);

		return dimension != NULL ? &dimension->column : NULL;
	}
	return tt_stream_find_column(stream, name);
}

static bool
is_key(const TtTable *table, const char *path)
{
	for (int i = 0; i < table->nkeys; i++)
		if (strcmp(table->key_paths[i], path) == 0)
			return true;
	return false;
}

/* Which of the values that a request asks for a column shows; -1: none. */
static int
asked_number(const TtStream *stream, const TtTableColumn *column)
{
	const TtColumn *required;

	if (!tt_stream_asks(stream, column->path))
		return -1;
	if (column->is_second)
		return 0;
	for (int i = 0; (required = tt_stream_asked(stream, i)) != NULL; i++)
		if (required == column->listed)
			return i + 1;
	return -1;
}

static void
describe_column(const TtTable *table, Form_pg_attribute attribute, const char *path,
				TtTableColumn *column)
{
	const TtStream *stream = table->stream;

	column->name = pstrdup(NameStr(attribute->attname));
	column->type = getBaseType(attribute->atttypid);
	if (path == NULL && strchr(column->name, '.') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("column \"%s\" of foreign table %s needs the option \"path\"",
						column->name, table->name),
				 errdetail("Its name contains a dot, which separates the names of a path."),
				 errhint("ALTER FOREIGN TABLE %s ALTER COLUMN %s OPTIONS (path '...');",
						 table->name, quote_identifier(column->name))));
	column->path = path != NULL ? path : default_path(stream, column->name);
	column->is_account = is_default_path(stream, column->path, "advertiser_id");
	column->is_second = stream->endpoint->second != NULL &&
						is_default_path(stream, column->path, stream->endpoint->second->column);
	if (stream->kind == TT_KIND_REPORT)
	{
		check_report_path(table, column);
		find_metric(table, column);
		if (column->metric_name != NULL && tt_report_fills(&stream->report, column->metric_name))
		{
			column->is_currency = true;
			column->metric_name = NULL;
		}
		column->period = tt_period_column_find(stream->report.grain, column->path);
		column->is_day = strcmp(column->path, DIMENSIONS "stat_time_day") == 0 ||
						 (column->period != NULL && column->period->value == TT_PERIOD_FROM &&
						  stream->report.grain != TT_GRAIN_PERIOD);
		column->is_hour = strcmp(column->path, DIMENSIONS "stat_time_hour") == 0;
	}
	column->listed = find_listed(stream, column->path);
	column->asked = asked_number(stream, column);
	column->in_key = column->is_account || is_key(table, column->path) ||
					 (column->asked >= 0 && tt_list_contains(stream->key, column->path)) ||
					 (column->period != NULL && column->period->in_key);
}

/*
 * The paths of the key, without advertiser_id: within one account it
 * distinguishes nothing; nor, within one request, does what all its rows have in common.
 * If it is all the key there is, it is what remains.
 */
static void
describe_key(TtTable *table)
{
	char *names = pstrdup(table->stream->key);
	int	  room = 1;

	for (char *p = names; *p != '\0'; p++)
		room += *p == ',';
	table->key_paths = palloc(room * sizeof(char *));
	for (char *name = strtok(names, ","); name != NULL; name = strtok(NULL, ","))
	{
		if (strcmp(name, "advertiser_id") != 0 && !tt_stream_asks(table->stream, name) &&
			tt_period_column_find(table->stream->report.grain, name) == NULL)
			table->key_paths[table->nkeys++] = default_path(table->stream, name);
	}
	if (table->nkeys == 0)
		table->key_paths[table->nkeys++] = default_path(table->stream, "advertiser_id");
}

static int
compare_metrics(const void *a, const void *b)
{
	const TtTableColumn *x = *(const TtTableColumn *const *) a;
	const TtTableColumn *y = *(const TtTableColumn *const *) b;
	int					 order = strcmp(x->metric_name, y->metric_name);

	return order != 0 ? order : (x > y) - (x < y);
}

/* Tell the columns that ask for the same metric. */
static void
match_metrics(TtTable *table)
{
	TtTableColumn **asking = palloc(sizeof(TtTableColumn *) * Max(table->natts, 1));
	int				n = 0;

	for (int i = 0; i < table->natts; i++)
		if (table->columns[i].metric_name != NULL)
			asking[n++] = &table->columns[i];
	qsort(asking, n, sizeof(TtTableColumn *), compare_metrics);
	for (int i = 0; i < n; i++)
	{
		bool same = i > 0 && strcmp(asking[i]->metric_name, asking[i - 1]->metric_name) == 0;

		asking[i]->metric_number = same ? asking[i - 1]->metric_number
										: (int) (asking[i] - table->columns);
	}
	pfree(asking);
}

void
tt_table_describe(Relation rel, TtTable *table)
{
	TupleDesc	 desc = RelationGetDescr(rel);
	const char **paths;

	table->relid = RelationGetRelid(rel);
	table->stream = tt_options_stream(table->relid);
	table->leaves_out_idle = tt_report_by_period(&table->stream->report) &&
							 !tt_options_include_idle(table->relid);
	describe_key(table);
	table->natts = desc->natts;
	table->columns = palloc0(Max(desc->natts, 1) * sizeof(TtTableColumn));
	paths = tt_options_column_paths(table->relid, desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		TtTableColumn	 *column = &table->columns[i];

		column->dropped = attribute->attisdropped || attribute->attgenerated != '\0';
		if (!column->dropped)
			describe_column(table, attribute, paths[i], column);
	}
	pfree(paths);
	match_metrics(table);
}
