/*
 * table.c
 *	  A foreign table seen from the API: its stream, and for each column where
 *	  the value stands in a row and by which name it is asked for.
 *
 * Works on the relation's descriptor and options alone.  Everything lives in
 * the current memory context, except what the catalogue has (constant).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "options.h"
#include "table.h"

#define DIMENSIONS "dimensions."
#define METRICS	   "metrics."

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Where the API puts a value that has this name. */
static char *
default_path(const TtStream *stream, const char *name)
{
	if (stream->kind != TT_KIND_REPORT)
		return pstrdup(name);
	return psprintf("%s%s",
					tt_report_has_dimension(&stream->report, name) ? DIMENSIONS : METRICS,
					name);
}

/* The name at the end of a path that is the default one of some column. */
static const char *
listed_name(const TtStream *stream, const char *path)
{
	if (stream->kind != TT_KIND_REPORT)
		return path;
	if (has_prefix(path, DIMENSIONS))
		return path + strlen(DIMENSIONS);
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
	char *name;

	if (!has_prefix(column->path, METRICS) || column->is_account)
		return;
	name = pstrdup(column->path + strlen(METRICS));
	name[strcspn(name, ".")] = '\0'; /* a value inside the metric's */
	column->metric_name = name;
	column->metric = tt_metric_find(name);
}

/* The catalogue's column, if the value stands where the catalogue says. */
static const TtColumn *
find_listed(const TtStream *stream, const char *path)
{
	const char *name = listed_name(stream, path);
	char	   *expected = default_path(stream, name);

	if (name[0] == '\0' || strcmp(expected, path) != 0)
		return NULL;
	/* own reports may have dimensions that the catalogue does not know */
	if (tt_report_has_dimension(&stream->report, name))
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

static void
describe_column(const TtTable *table, Form_pg_attribute attribute, TtTableColumn *column)
{
	const TtStream *stream = table->stream;
	const char	   *path;

	column->name = pstrdup(NameStr(attribute->attname));
	column->type = getBaseType(attribute->atttypid);
	path = tt_options_column_path(table->relid, attribute->attnum);
	if (path == NULL && strchr(column->name, '.') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("column \"%s\" of foreign table %s needs the option \"path\"",
						column->name, table->name),
				 errdetail("Its name contains a dot, which separates the names of a path."),
				 errhint("ALTER FOREIGN TABLE %s ALTER COLUMN %s OPTIONS (path '...');",
						 table->name, quote_identifier(column->name))));
	column->path = path != NULL ? pstrdup(path) : default_path(stream, column->name);
	column->is_account =
		strcmp(column->path, default_path(stream, "advertiser_id")) == 0;
	if (stream->kind == TT_KIND_REPORT)
	{
		check_report_path(table, column);
		find_metric(table, column);
		column->is_day = strcmp(column->path, DIMENSIONS "stat_time_day") == 0;
		column->is_hour = strcmp(column->path, DIMENSIONS "stat_time_hour") == 0;
	}
	column->listed = find_listed(stream, column->path);
	column->in_key = column->is_account || is_key(table, column->path);
}

/*
 * The paths of the key, without advertiser_id: within one account it
 * distinguishes nothing.  If it is all the key there is, it is what remains.
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
		if (strcmp(name, "advertiser_id") != 0)
			table->key_paths[table->nkeys++] = default_path(table->stream, name);
	}
	if (table->nkeys == 0)
		table->key_paths[table->nkeys++] = default_path(table->stream, "advertiser_id");
}

TtTable *
tt_table_get(Relation rel)
{
	TupleDesc desc = RelationGetDescr(rel);
	TtTable	 *table = palloc0(sizeof(TtTable));

	table->relid = RelationGetRelid(rel);
	table->name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
											 RelationGetRelationName(rel));
	table->stream = tt_options_stream(table->relid);
	table->buying_types = tt_options_buying_types(table->relid);
	describe_key(table);
	table->natts = desc->natts;
	table->columns = palloc0(Max(desc->natts, 1) * sizeof(TtTableColumn));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		TtTableColumn	 *column = &table->columns[i];

		column->dropped = attribute->attisdropped || attribute->attgenerated != '\0';
		if (!column->dropped)
			describe_column(table, attribute, column);
	}
	return table;
}
