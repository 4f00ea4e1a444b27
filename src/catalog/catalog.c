/*
 * catalog.c
 *	  The look-ups over the .def files.
 *
 * The tables are constant.  The state is what makes look-ups quick: sorted
 * indexes, made at first use and never changed after, and the list of columns
 * that was asked for last.  No PostgreSQL header.
 */
#include "catalog/catalog.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define ONE false
#define ARRAY true

enum
{
#define TT_SECOND_ID(id, ...) ID_##id,
#include "second_ids.def"
#undef TT_SECOND_ID
};

static const TtSecondId second_ids[] = {
#define TT_SECOND_ID(id, column, param, form, most, stream, path, usable, one, plural) \
	[ID_##id] = {column, param, form, most, stream, path, usable, one, plural},
#include "second_ids.def"
#undef TT_SECOND_ID
};

#define SECOND_NONE NULL
#define SECOND(id) &second_ids[ID_##id]

enum
{
#define TT_ENDPOINT(id, ...) EP_##id,
#include "endpoints.def"
#undef TT_ENDPOINT
};

static const TtEndpoint endpoints[] = {
#define TT_ENDPOINT(id, path, list_key, paging, page_size, max_rows, account, fields, hides, \
					status, second, rate) \
	[EP_##id] = {path, list_key, TT_PAGING_##paging, page_size, max_rows, TT_ACCOUNT_##account, \
	fields, TT_HIDES_##hides, status, second, rate},
#include "endpoints.def"
#undef TT_ENDPOINT
};

#define TT_REPORT_COLUMNS(id, columns) static const char core_##id[] = columns;
#include "report_columns.def"
#undef TT_REPORT_COLUMNS

/* what a stream's line says of time: grain and lifetime */
#define TIME_NONE TT_GRAIN_NONE, false
#define TIME_DAY TT_GRAIN_DAY, false
#define TIME_HOUR TT_GRAIN_HOUR, false
#define TIME_WEEK TT_GRAIN_WEEK, false
#define TIME_MONTH TT_GRAIN_MONTH, false
#define TIME_PERIOD TT_GRAIN_PERIOD, false
#define TIME_LIFETIME TT_GRAIN_NONE, true

#define IMPORT_ALL false
#define IMPORT_NAMED true

/* dimensions and level of reports, and what else is in the key, are filled in by prepare() */
static TtStream streams[] = {
#define TT_STREAM(name, seed, env, kind, ep, key, cursor, fixed, import, note) \
	{#name, seed, TT_##env, TT_KIND_##kind, &endpoints[EP_##ep], key, cursor, \
	{"", NULL, 0, 0, {0}, TIME_NONE}, NULL, fixed, IMPORT_##import, note},
#define TT_REPORT_STREAM(name, seed, env, type, lvl, dims, time, cursor, core, import, note) \
	{#name, seed, TT_##env, TT_KIND_REPORT, &endpoints[EP_REPORT], dims, cursor, \
	{#type, #lvl, 0, 0, {0}, TIME_##time}, core_##core, "", IMPORT_##import, note},
#define TT_OTHER_REPORT(name, seed, env, ep, dims, time, cursor, fixed, import, note) \
	{#name, seed, TT_##env, TT_KIND_REPORT, &endpoints[EP_##ep], dims, cursor, \
	{"", NULL, 0, 0, {0}, TIME_##time}, "", fixed, IMPORT_##import, note},
#include "streams.def"
#undef TT_STREAM
#undef TT_REPORT_STREAM
#undef TT_OTHER_REPORT
};

static const TtColumn columns[] = {
#define TT_COLUMN(stream, name, type, filter, param, flags, description, doubt) \
	TT_COLUMN_AT(stream, name, NULL, type, filter, param, flags, description, doubt)
#define TT_COLUMN_AT(stream, name, path, type, filter, param, flags, description, doubt) \
	{#stream, #name, TT_TYPE_##type, TT_FILTER_##filter, param, flags, description, doubt, path, \
	NULL},
#define TT_COLUMN_OF(stream, name, type, filter, param, flags, values, description, doubt) \
	{#stream, #name, TT_TYPE_##type, TT_FILTER_##filter, param, flags, description, doubt, NULL, \
	values},
#define CF_UNLISTED TT_CF_UNLISTED
#define CF_ALONE TT_CF_ALONE
#define CF_SIGNED_URL TT_CF_SIGNED_URL
#define CF_REQUIRED TT_CF_REQUIRED
#define CF_ASKED TT_CF_ASKED
#define CF_ADDITIVE TT_CF_ADDITIVE
#define CF_MEASURE TT_CF_MEASURE
#define CF_EACH TT_CF_EACH
#define CF_OPTIONAL TT_CF_OPTIONAL
#include "columns.def"
#undef TT_COLUMN
#undef TT_COLUMN_AT
#undef TT_COLUMN_OF
};

static const TtDimension dimensions[] = {
#define TT_DIMENSION(name, type, role, description, doubt) \
	{{NULL, #name, TT_TYPE_##type, TT_FILTER_NONE, "", 0, description, doubt, NULL, NULL}, \
	TT_##role},
#include "dimensions.def"
#undef TT_DIMENSION
};

static const struct
{
	const char *name;
	const char *dimension;
	int			days;
} grains[] = {
#define TT_GRAIN(grain, name, dimension, days) [TT_GRAIN_##grain] = {name, dimension, days},
#include "dimensions.def"
#undef TT_GRAIN
};

static const TtPeriodColumn period_columns[] = {
#define TT_PERIOD_COLUMN(grain, name, value, in_key, description) \
	{{NULL, #name, TT_TYPE_date, TT_FILTER_NONE, "", 0, description, "", NULL, NULL}, \
	TT_GRAIN_##grain, TT_PERIOD_##value, in_key},
#include "dimensions.def"
#undef TT_PERIOD_COLUMN
};

#define METRIC false
#define ATTRIBUTE true
#define ADDITIVE TT_ADDITIVE
#define NOT_ADDITIVE TT_NOT_ADDITIVE
#define NOT_IF_REACH TT_NOT_IF_REACH
#define LV_ALL TT_LV_ALL
#define LV_CAMPAIGN_DOWN TT_LV_CAMPAIGN_DOWN
#define LV_ADGROUP_DOWN TT_LV_ADGROUP_DOWN
#define LV_AD TT_LV_AD
#define LV_ADGROUP TT_LV_ADGROUP
#define LV_ADVERTISER TT_LV_ADVERTISER
#define MF_NOT_HOURLY TT_MF_NOT_HOURLY
#define MF_NOT_LIFETIME TT_MF_NOT_LIFETIME
#define MF_NO_EXTRA TT_MF_NO_EXTRA
#define MF_IMAGE_ONLY TT_MF_IMAGE_ONLY
#define MF_NOT_WITH_AD_ID TT_MF_NOT_WITH_AD_ID
#define MF_NOT_WITH_AD_ID_V2 TT_MF_NOT_WITH_AD_ID_V2
#define MF_SYNC_BASIC TT_MF_SYNC_BASIC
#define MF_UNIQUE TT_MF_UNIQUE
#define MF_ORDER TT_MF_ORDER
#define MF_MINIS_ONLY TT_MF_MINIS_ONLY
#define MF_BC_ONLY TT_MF_BC_ONLY
#define MF_DAY_ONLY TT_MF_DAY_ONLY
#define MF_DAYS TT_MF_DAYS

static const TtMetric metrics[] = {
#define TT_METRIC(name, type, kind, levels, audience, restrictions, additive, description, doubt) \
	{{NULL, #name, TT_TYPE_##type, TT_FILTER_NONE, "", 0, description, doubt, NULL, NULL}, \
	kind, levels, TT_##audience, restrictions, additive},
#include "metrics.def"
#undef TT_METRIC
};

static const TtReportFilter report_filters[] = {
#define TT_REPORT_FILTER(name, field, filter, levels, with, without) \
	{#name, field, TT_FILTER_##filter, levels, with, without},
#include "report_filters.def"
#undef TT_REPORT_FILTER
};

/* every table has it, also where the API's rows lack it */
static const TtColumn advertiser_id_column = {
	NULL, "advertiser_id", TT_TYPE_bigint, TT_FILTER_NONE, "", 0,
	"Ad account id", "", NULL, NULL
};
/* clang-format on */

#define lengthof_(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* by name, see find_column() */
static const TtColumn *metric_index[lengthof_(metrics)];
static const TtColumn *dimension_index[lengthof_(dimensions)];
static const TtColumn *column_index[lengthof_(columns)];

/* the streams, a bit each, among whose core columns a metric is */
static uint8_t core_streams[lengthof_(metrics)][(lengthof_(streams) + 7) / 8];

static bool prepared = false;

/* the list that tt_stream_column() was last asked for */
static struct
{
	const TtStream *stream;
	bool			all_metrics;
	int				n;
	const TtColumn *columns[1 + TT_MAX_DIMENSIONS + lengthof_(period_columns) +
							lengthof_(metrics) + lengthof_(columns)];
} last;

/* By name, the columns of one name by stream; metrics and dimensions have none. */
static int
compare_columns(const void *a, const void *b)
{
	const TtColumn *x = *(const TtColumn *const *) a;
	const TtColumn *y = *(const TtColumn *const *) b;
	int				order = strcmp(x->name, y->name);

	if (order != 0 || x->stream == NULL || y->stream == NULL)
		return order;
	return strcmp(x->stream, y->stream);
}

/* stream: NULL in the indexes of metrics and dimensions */
static const TtColumn *
find_column(const TtColumn *const *index, int n, const char *stream, const char *name)
{
	TtColumn			   wanted = {.stream = stream, .name = name};
	const TtColumn		  *key = &wanted;
	const TtColumn *const *found = bsearch(&key, index, n, sizeof(TtColumn *), compare_columns);

	return found != NULL ? *found : NULL;
}

/* Whether the stream is one of ours, and no report of the user's own. */
static bool
is_catalogued(const TtStream *stream)
{
	return stream >= streams && stream < streams + lengthof_(streams);
}

/*
 * The first element of a comma-separated list (NULL: empty), copied to buf;
 * returns the rest of the list, NULL if there was no element.
 */
static const char *
next_element(const char *list, char *buf, size_t size)
{
	size_t n = list != NULL ? strcspn(list, ",") : 0;

	if (n == 0 || n >= size)
		return NULL;
	memcpy(buf, list, n);
	buf[n] = '\0';
	return list[n] == ',' ? list + n + 1 : list + n;
}

/*
 * Cut the comma-separated key of a report stream into its dimensions; add what
 * else is in the key: what is asked for one by one, and what the grain adds.
 */
static void
prepare_report(TtStream *stream)
{
	static char			  names[lengthof_(streams)][128];
	static char			  keys[lengthof_(streams)][128];
	TtReport			 *report = &stream->report;
	char				 *p = names[stream - streams];
	char				 *key = keys[stream - streams];
	char				 *rest;
	const TtPeriodColumn *added;

	strncpy(p, stream->key, sizeof(names[0]) - 1);
	if (stream->endpoint->second != NULL)
		snprintf(key, sizeof(keys[0]), "%s,%s", stream->endpoint->second->column, stream->key);
	else
		strncpy(key, stream->key, sizeof(keys[0]) - 1);
	/* the first look-up comes here, from within a caller's own strtok(), perhaps */
	for (p = strtok_r(p, ",", &rest); p != NULL; p = strtok_r(NULL, ",", &rest))
		report->dimensions[report->ndimensions++] = p;
	for (int i = 0; (added = tt_period_column_at(report->grain, i)) != NULL; i++)
	{
		if (!added->in_key)
			continue;
		strncat(key, ",", sizeof(keys[0]) - strlen(key) - 1);
		strncat(key, added->column.name, sizeof(keys[0]) - strlen(key) - 1);
	}
	stream->key = key;
	report->level = tt_level_of(report->data_level);
}

/* Mark the metrics that are core columns of a report stream. */
static void
prepare_core(const TtStream *stream)
{
	char name[128];

	for (const char *p = stream->core_columns; (p = next_element(p, name, sizeof(name))) != NULL;)
	{
		const TtMetric *metric = tt_metric_find(name);

		if (metric != NULL)
			core_streams[metric - metrics][(stream - streams) / 8] |= 1 << (stream - streams) % 8;
	}
}

static void
prepare(void)
{
	if (prepared)
		return;
	prepared = true;
	for (int i = 0; i < lengthof_(metrics); i++)
		metric_index[i] = &metrics[i].column;
	for (int i = 0; i < lengthof_(dimensions); i++)
		dimension_index[i] = &dimensions[i].column;
	for (int i = 0; i < lengthof_(columns); i++)
		column_index[i] = &columns[i];
	qsort(metric_index, lengthof_(metrics), sizeof(TtColumn *), compare_columns);
	qsort(dimension_index, lengthof_(dimensions), sizeof(TtColumn *), compare_columns);
	qsort(column_index, lengthof_(columns), sizeof(TtColumn *), compare_columns);
	for (int i = 0; i < lengthof_(streams); i++)
	{
		if (streams[i].kind != TT_KIND_REPORT)
			continue;
		prepare_report(&streams[i]);
		prepare_core(&streams[i]);
	}
}

int
tt_stream_count(void)
{
	return lengthof_(streams);
}

const TtStream *
tt_stream_at(int i)
{
	prepare();
	return i >= 0 && i < lengthof_(streams) ? &streams[i] : NULL;
}

const TtStream *
tt_stream_find(const char *name)
{
	prepare();
	for (int i = 0; i < lengthof_(streams); i++)
		if (strcmp(streams[i].name, name) == 0)
			return &streams[i];
	return NULL;
}

const char *
tt_stream_kind_name(const TtStream *stream)
{
	switch (stream->kind)
	{
		case TT_KIND_ACCOUNT:
			return "account";
		case TT_KIND_ENTITY:
			return "entity";
		case TT_KIND_AUDIENCE:
			return "audience";
		case TT_KIND_ASSET:
			return "asset";
		case TT_KIND_REPORT:
			break;
	}
	return strcmp(stream->report.report_type, "AUDIENCE") == 0
			   ? "audience_report"
			   : "report";
}

const TtEndpoint *
tt_report_endpoint(void)
{
	return &endpoints[EP_REPORT];
}

bool
tt_stream_is_integrated(const TtStream *stream)
{
	return stream->kind == TT_KIND_REPORT && stream->endpoint == tt_report_endpoint();
}

const TtColumn *
tt_stream_required(const TtStream *stream, int i)
{
	for (int k = 0; k < lengthof_(columns); k++)
		if ((columns[k].flags & TT_CF_REQUIRED) && strcmp(columns[k].stream, stream->name) == 0 &&
			i-- == 0)
			return &columns[k];
	return NULL;
}

const TtColumn *
tt_stream_asked(const TtStream *stream, int i)
{
	for (int k = 0; k < lengthof_(columns); k++)
		if ((columns[k].flags & (TT_CF_REQUIRED | TT_CF_EACH | TT_CF_OPTIONAL)) &&
			strcmp(columns[k].stream, stream->name) == 0 && i-- == 0)
			return &columns[k];
	return NULL;
}

const char *
tt_stream_last_metric(const TtStream *stream)
{
	if (tt_stream_is_integrated(stream))
		return "spend";
	for (int i = 0; i < lengthof_(columns); i++)
		if ((columns[i].flags & TT_CF_ADDITIVE) && strcmp(columns[i].stream, stream->name) == 0)
			return columns[i].name;
	return "";
}

bool
tt_stream_knows_metric(const TtStream *stream, const char *name)
{
	return tt_stream_is_integrated(stream) ? tt_metric_find(name) != NULL
										   : tt_stream_find_column(stream, name) != NULL;
}

const TtMetric *
tt_metric_find(const char *name)
{
	prepare();
	/* the column is its first member */
	return (const TtMetric *) find_column(metric_index, lengthof_(metrics), NULL, name);
}

int
tt_metric_count(void)
{
	return lengthof_(metrics);
}

const TtMetric *
tt_metric_at(int i)
{
	return i >= 0 && i < lengthof_(metrics) ? &metrics[i] : NULL;
}

const TtDimension *
tt_dimension_find(const char *name)
{
	prepare();
	/* the column is its first member */
	return (const TtDimension *) find_column(dimension_index, lengthof_(dimensions), NULL, name);
}

bool
tt_report_has_dimension(const TtReport *report, const char *name)
{
	for (int i = 0; i < report->ndimensions; i++)
		if (strcmp(report->dimensions[i], name) == 0)
			return true;
	return false;
}

const char *
tt_grain_name(TtGrain grain)
{
	return grains[grain].name;
}

TtGrain
tt_grain_find(const char *name)
{
	for (int i = 0; i < lengthof_(grains); i++)
		if (strcmp(grains[i].name, name) == 0)
			return (TtGrain) i;
	return TT_GRAIN_NONE;
}

TtGrain
tt_grain_of_dimension(const char *name)
{
	for (int i = 0; i < lengthof_(grains); i++)
		if (grains[i].dimension != NULL && strcmp(grains[i].dimension, name) == 0)
			return (TtGrain) i;
	return TT_GRAIN_NONE;
}

int
tt_grain_days(TtGrain grain)
{
	return grains[grain].days;
}

bool
tt_report_has_time(const TtReport *report)
{
	return grains[report->grain].dimension != NULL;
}

bool
tt_report_by_period(const TtReport *report)
{
	return tt_period_column_at(report->grain, 0) != NULL;
}

const TtPeriodColumn *
tt_period_column_at(TtGrain grain, int i)
{
	for (int k = 0; k < lengthof_(period_columns); k++)
		if (period_columns[k].grain == grain && i-- == 0)
			return &period_columns[k];
	return NULL;
}

const TtPeriodColumn *
tt_period_column_find(TtGrain grain, const char *name)
{
	const TtPeriodColumn *column;

	for (int i = 0; (column = tt_period_column_at(grain, i)) != NULL; i++)
		if (strcmp(column->column.name, name) == 0)
			return column;
	return NULL;
}

const char *
tt_idle_metric(int i)
{
	static const char *const names[] = {"spend", "impressions", "clicks", "conversion",
										"real_time_conversion", "result", "real_time_result"};

	return i >= 0 && i < lengthof_(names) ? names[i] : NULL;
}

/* Whether AUDIENCE reports with these dimensions accept the metric. */
static bool
legal_for_audience(const TtMetric *metric, const TtReport *report)
{
	static const char *const beside[] = {"country_code", "hashtag", "audience_tags",
										 "purchase_intention"};
	bool					 ad_type = tt_report_has_dimension(report, "ad_type");

	switch (metric->audience)
	{
		case TT_AUD_NO:
			return false;
		case TT_AUD_AD_TYPE:
			return ad_type;
		case TT_AUD_COUNTRY:
			for (int i = 0; i < lengthof_(beside); i++)
				if (tt_report_has_dimension(report, beside[i]))
					return true;
			return ad_type;
		case TT_AUD_YES:
		case TT_AUD_MAYBE:
			break;
	}
	return true;
}

bool
tt_metric_legal(const TtMetric *metric, const TtReport *report)
{
	bool basic = strcmp(report->report_type, "BASIC") == 0;
	bool has_id = false;
	bool has_extra = false;

	for (int i = 0; i < report->ndimensions; i++)
	{
		const TtDimension *dim = tt_dimension_find(report->dimensions[i]);

		has_id |= dim != NULL && dim->role == TT_DIM_ID;
		has_extra |= dim == NULL || dim->role == TT_DIM_EXTRA;
	}
	if (report->level != 0 && (metric->levels & report->level) == 0)
		return false;
	if (metric->attribute && !has_id)
		return false;
	if (strcmp(report->report_type, "AUDIENCE") == 0 && !legal_for_audience(metric, report))
		return false;
	if ((metric->restrictions & TT_MF_NOT_HOURLY) && report->grain == TT_GRAIN_HOUR)
		return false;
	if ((metric->restrictions & TT_MF_NOT_LIFETIME) && report->lifetime)
		return false;
	if ((metric->restrictions & TT_MF_DAY_ONLY) && report->grain != TT_GRAIN_DAY)
		return false;
	if ((metric->restrictions & TT_MF_NO_EXTRA) && has_extra)
		return false;
	if ((metric->restrictions & TT_MF_IMAGE_ONLY) &&
		!tt_report_has_dimension(report, "image_id"))
		return false;
	if ((metric->restrictions & TT_MF_MINIS_ONLY) &&
		!tt_report_has_dimension(report, "minis_id"))
		return false;
	if ((metric->restrictions & TT_MF_BC_ONLY) && strcmp(report->report_type, "BC") != 0)
		return false;
	if ((metric->restrictions & TT_MF_NOT_WITH_AD_ID) &&
		tt_report_has_dimension(report, "ad_id"))
		return false;
	if ((metric->restrictions & TT_MF_NOT_WITH_AD_ID_V2) &&
		tt_report_has_dimension(report, "ad_id_v2"))
		return false;
	if ((metric->restrictions & TT_MF_SYNC_BASIC) &&
		!basic && strcmp(report->report_type, "TT_SHOP") != 0)
		return false;
	return true;
}

bool
tt_report_fills(const TtReport *report, const char *name)
{
	return strcmp(report->report_type, "AUDIENCE") == 0 && strcmp(name, "currency") == 0;
}

int
tt_level_of(const char *data_level)
{
	static const struct
	{
		const char *name;
		int			level;
	} levels[] = {
		{"AUCTION_ADVERTISER", TT_LV_ADVERTISER},
		{"AUCTION_CAMPAIGN", TT_LV_CAMPAIGN},
		{"AUCTION_ADGROUP", TT_LV_ADGROUP},
		{"AUCTION_AD", TT_LV_AD},
	};

	for (int i = 0; data_level != NULL && i < lengthof_(levels); i++)
		if (strcmp(levels[i].name, data_level) == 0)
			return levels[i].level;
	return 0;
}

const char *
tt_level_status_field(int level)
{
	switch (level)
	{
		case TT_LV_CAMPAIGN:
			return "campaign_status";
		case TT_LV_ADGROUP:
			return "adgroup_status";
		case TT_LV_AD:
			return "ad_status";
		default:
			return NULL;
	}
}

bool
tt_stream_hides_objects(const TtStream *stream)
{
	if (!tt_stream_is_integrated(stream))
		return stream->endpoint->hides == TT_HIDES_OBJECTS;
	return strcmp(stream->report.report_type, "BASIC") == 0 ||
		   strcmp(stream->report.report_type, "AUDIENCE") == 0 ||
		   strcmp(stream->report.report_type, "CATALOG") == 0;
}

int
tt_filter_limit(TtFilter filter)
{
	switch (filter)
	{
		case TT_FILTER_IDS20:
			return 20;
		case TT_FILTER_IDS:
		case TT_FILTER_TOP_IDS:
		case TT_FILTER_MUSIC_IDS:
		case TT_FILTER_ENUMS:
			return TT_MAX_IDS;
		case TT_FILTER_EQ:
		case TT_FILTER_PARAM:
		case TT_FILTER_ENUM:
			return 1;
		default:
			return 0;
	}
}

const TtReportFilter *
tt_report_filter(const TtReport *report, const char *name)
{
	if (strcmp(report->report_type, "BASIC") != 0 &&
		strcmp(report->report_type, "AUDIENCE") != 0)
		return NULL;
	for (int i = 0; i < lengthof_(report_filters); i++)
	{
		const TtReportFilter *filter = &report_filters[i];

		if (strcmp(filter->column, name) == 0 && (filter->levels & report->level) &&
			(filter->with[0] == '\0' || tt_report_has_dimension(report, filter->with)) &&
			(filter->without[0] == '\0' || !tt_report_has_dimension(report, filter->without)))
			return filter;
	}
	return NULL;
}

const char *
tt_report_id_filter(const TtReport *report, const char *name)
{
	const TtReportFilter *filter = tt_report_filter(report, name);

	return filter != NULL && filter->filter == TT_FILTER_IDS ? filter->field : NULL;
}

const char *
tt_type_name(TtType type)
{
	static const char *const names[] = {
		[TT_TYPE_bigint] = "bigint",
		[TT_TYPE_numeric] = "numeric",
		[TT_TYPE_text] = "text",
		[TT_TYPE_boolean] = "boolean",
		[TT_TYPE_date] = "date",
		[TT_TYPE_timestamp] = "timestamp",
		[TT_TYPE_timestamptz] = "timestamptz",
		[TT_TYPE_text_array] = "text[]",
		[TT_TYPE_jsonb] = "jsonb",
	};

	return names[type];
}

bool
tt_list_contains(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; p != NULL && *p != '\0';)
	{
		const char *end = strchr(p, ',');
		size_t		n = end != NULL ? (size_t) (end - p) : strlen(p);

		if (n == len && strncmp(p, name, n) == 0)
			return true;
		p = end != NULL ? end + 1 : NULL;
	}
	return false;
}

static const TtColumn *
listed_column(const TtStream *stream, const char *name)
{
	return find_column(column_index, lengthof_(columns), stream->name, name);
}

bool
tt_stream_asks(const TtStream *stream, const char *name)
{
	const TtSecondId *second = stream->endpoint->second;
	const TtColumn	 *column;

	prepare();
	/* of several, the rows tell which */
	if (second != NULL && second->most == 1 && strcmp(second->column, name) == 0)
		return true;
	column = listed_column(stream, name);
	return column != NULL && (column->flags & TT_CF_ASKED) != 0;
}

static const TtColumn *
dimension_column(const char *name)
{
	const TtDimension *dimension = tt_dimension_find(name);

	return dimension != NULL ? &dimension->column : NULL;
}

/* Dimensions of other reports that report/integrated/get has too need no line. */
static const TtColumn *
key_column(const TtStream *stream, const char *name)
{
	const TtColumn *column = listed_column(stream, name);

	return column == NULL && tt_report_has_dimension(&stream->report, name)
			   ? dimension_column(name)
			   : column;
}

static void
add_column(const TtColumn *column)
{
	if (column != NULL)
		last.columns[last.n++] = column;
}

/* The metrics of a report, without those that its key has already. */
static void
add_metric(const TtStream *stream, const TtMetric *metric)
{
	if (metric != NULL && strcmp(metric->column.name, "advertiser_id") != 0 &&
		!tt_report_has_dimension(&stream->report, metric->column.name))
		add_column(&metric->column);
}

static void
add_metrics(const TtStream *stream, bool all_metrics)
{
	char name[128];

	if (!all_metrics)
	{
		for (const char *p = stream->core_columns;
			 (p = next_element(p, name, sizeof(name))) != NULL;)
			add_metric(stream, tt_metric_find(name));
		return;
	}
	for (int i = 0; i < lengthof_(metrics); i++)
		if (tt_metric_legal(&metrics[i], &stream->report) ||
			tt_report_fills(&stream->report, metrics[i].column.name))
			add_metric(stream, &metrics[i]);
}

/* All columns of a stream, into last: IMPORT asks for one after the other. */
static void
list_columns(const TtStream *stream, bool all_metrics)
{
	const TtColumn		 *account = listed_column(stream, "advertiser_id");
	const TtPeriodColumn *period;
	char				  name[128];

	last.stream = stream;
	last.all_metrics = all_metrics;
	last.n = 0;
	add_column(account != NULL ? account : &advertiser_id_column);
	for (const char *p = stream->key; (p = next_element(p, name, sizeof(name))) != NULL;)
	{
		if (strcmp(name, "advertiser_id") != 0)
			add_column(tt_stream_is_integrated(stream) ? dimension_column(name)
													   : key_column(stream, name));
	}
	if (tt_stream_is_integrated(stream))
	{
		/* the rest of the key is among them */
		for (int i = 0; (period = tt_period_column_at(stream->report.grain, i)) != NULL; i++)
			add_column(&period->column);
		add_metrics(stream, all_metrics);
		return;
	}
	for (int i = 0; i < lengthof_(columns); i++)
		if (strcmp(columns[i].stream, stream->name) == 0 &&
			strcmp(columns[i].name, "advertiser_id") != 0 &&
			!tt_list_contains(stream->key, columns[i].name))
			add_column(&columns[i]);
}

const TtColumn *
tt_stream_column(const TtStream *stream, int i, bool all_metrics)
{
	prepare();
	/* the memory of a report of the user's own may be another's by now */
	if (stream != last.stream || all_metrics != last.all_metrics || !is_catalogued(stream))
		list_columns(stream, all_metrics);
	return i >= 0 && i < last.n ? last.columns[i] : NULL;
}

const TtColumn *
tt_stream_column_at_path(const TtStream *stream, const char *path)
{
	for (int i = 0; i < lengthof_(columns); i++)
		if (columns[i].path != NULL && strcmp(columns[i].path, path) == 0 &&
			strcmp(columns[i].stream, stream->name) == 0)
			return &columns[i];
	return NULL;
}

const TtColumn *
tt_stream_find_column(const TtStream *stream, const char *name)
{
	const TtPeriodColumn *period;
	const TtMetric		 *metric;

	prepare();
	if (strcmp(name, "advertiser_id") == 0)
	{
		const TtColumn *account = listed_column(stream, name);

		return account != NULL ? account : &advertiser_id_column;
	}
	if (!tt_stream_is_integrated(stream))
		return key_column(stream, name);
	if (tt_report_has_dimension(&stream->report, name))
		return dimension_column(name);
	period = tt_period_column_find(stream->report.grain, name);
	if (period != NULL)
		return &period->column;
	metric = tt_metric_find(name);
	if (metric == NULL || !is_catalogued(stream) ||
		(core_streams[metric - metrics][(stream - streams) / 8] &
		 1 << (stream - streams) % 8) == 0)
		return NULL;
	return &metric->column;
}
