/*
 * sums.c
 *	  A report by day or hour, seen as the report of the sums of its days.
 *
 * The same table, with the same columns, of another report: without time
 * dimension, of the same objects or of those above them.  Its rows are sums of
 * the rows of the days that are asked for, and may be added up further.
 */
#include "postgres.h"

#include "table/sums.h"

#include "lib/stringinfo.h"

#define METRICS "metrics."

static const struct
{
	int			level;
	const char *data_level;
	const char *dimension;
} levels[] = {
	{TT_LV_ADVERTISER, "AUCTION_ADVERTISER", "advertiser_id"},
	{TT_LV_CAMPAIGN, "AUCTION_CAMPAIGN", "campaign_id"},
	{TT_LV_ADGROUP, "AUCTION_ADGROUP", "adgroup_id"},
	{TT_LV_AD, "AUCTION_AD", "ad_id"},
};

/* attributes that are certainly the same in the rows of all objects below */
static const struct
{
	const char *name;
	int			level; /* whose attribute it is */
} of_above[] = {
	{"advertiser_id", TT_LV_ADVERTISER},
	{"advertiser_name", TT_LV_ADVERTISER},
	{"currency", TT_LV_ADVERTISER},
	{"campaign_id", TT_LV_CAMPAIGN},
	{"campaign_name", TT_LV_CAMPAIGN},
	{"objective_type", TT_LV_CAMPAIGN},
	{"adgroup_id", TT_LV_ADGROUP},
	{"adgroup_name", TT_LV_ADGROUP},
};

const char *
tt_sums_dimension(const TtTable *table)
{
	const TtReport *report = &table->stream->report;
	const char	   *id = NULL;

	for (int i = 0; i < report->ndimensions; i++)
	{
		const TtDimension *dimension = tt_dimension_find(report->dimensions[i]);

		if (dimension == NULL || dimension->role == TT_DIM_EXTRA)
			return NULL;
		if (dimension->role == TT_DIM_ID)
			id = report->dimensions[i];
	}
	return id;
}

int
tt_sums_column_level(const TtTable *table, AttrNumber attnum)
{
	const TtTableColumn *column = &table->columns[attnum - 1];
	int					 own = table->stream->report.level;

	if (column->dropped || column->is_day || column->is_hour)
		return 0;
	if (column->is_account)
		return TT_LV_ADVERTISER;
	if (column->in_key)
		return own;
	if (column->metric == NULL || !column->metric->attribute ||
		strcmp(column->path + strlen(METRICS), column->metric_name) != 0)
		return 0;
	for (int i = 0; i < lengthof(of_above); i++)
		if (strcmp(of_above[i].name, column->metric_name) == 0)
			return Min(of_above[i].level, own);
	return own;
}

bool
tt_sums_column_is_id(const TtTable *table, AttrNumber attnum)
{
	const TtTableColumn *column = &table->columns[attnum - 1];
	const TtDimension	*dimension;

	if (tt_sums_column_level(table, attnum) == 0)
		return false;
	if (column->is_account || column->in_key)
		return true;
	dimension = tt_dimension_find(column->metric_name);
	return dimension != NULL && dimension->role == TT_DIM_ID;
}

/* The id of the report's objects is a dimension there, and was an attribute here. */
static void
make_key(TtTableColumn *column, const char *dimension)
{
	if (column->metric_name == NULL || strcmp(column->metric_name, dimension) != 0)
		return;
	column->path = psprintf("dimensions.%s", dimension);
	column->listed = &tt_dimension_find(dimension)->column;
	column->metric = NULL;
	column->metric_name = NULL;
	column->in_key = true;
}

/* The columns that no row of sums has: asking for them would be a mistake. */
static void
leave_out_times(TtTable *table)
{
	int n = 0;

	for (int i = 0; i < table->nkeys; i++)
		if (strcmp(table->key_paths[i], "dimensions.stat_time_day") != 0 &&
			strcmp(table->key_paths[i], "dimensions.stat_time_hour") != 0)
			table->key_paths[n++] = table->key_paths[i];
	table->nkeys = n;
}

TtTable *
tt_table_sums(const TtTable *daily, int level)
{
	TtTable	 *table = palloc(sizeof(TtTable));
	TtStream *stream = palloc(sizeof(TtStream));
	TtReport *report = &stream->report;

	*stream = *daily->stream;
	*table = *daily;
	table->daily = daily;
	table->leaves_out_idle = true;
	table->stream = stream;
	report->grain = TT_GRAIN_NONE;
	report->ndimensions = 1;
	report->dimensions[0] = tt_sums_dimension(daily);
	table->columns = palloc(sizeof(TtTableColumn) * Max(daily->natts, 1));
	memcpy(table->columns, daily->columns, sizeof(TtTableColumn) * daily->natts);
	table->key_paths = palloc(sizeof(char *) * Max(daily->nkeys, 1));
	memcpy(table->key_paths, daily->key_paths, sizeof(char *) * daily->nkeys);
	leave_out_times(table);
	for (int i = 0; level != report->level && i < lengthof(levels); i++)
	{
		if (levels[i].level != level)
			continue;
		report->level = level;
		report->data_level = levels[i].data_level;
		report->dimensions[0] = levels[i].dimension;
		table->nkeys = 1;
		table->key_paths[0] = psprintf("dimensions.%s", levels[i].dimension);
		for (int k = 0; k < table->natts; k++)
			make_key(&table->columns[k], levels[i].dimension);
	}
	stream->key = report->dimensions[0];
	return table;
}
