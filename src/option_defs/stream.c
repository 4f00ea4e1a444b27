/*
 * stream.c
 *	  The stream a name stands for, and reports of the user's own making.
 *
 * Results are constant (the catalogue's) or live in the current memory context
 * (own reports).  Errors are those of DDL: they say what to write instead.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "option_defs/option_value.h"
#include "option_defs/stream.h"

/* A combination of options that makes no report: HV024. */
static void
invalid_report(const char *message, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					errmsg_internal("%s", message), errhint("%s", hint)));
}

/* The level an id dimension belongs to; NULL if the dimension is no id. */
static const char *
level_of_dimension(const char *name)
{
	static const struct
	{
		const char *name;
		const char *level;
	} levels[] = {
		{"advertiser_id", "AUCTION_ADVERTISER"},
		{"campaign_id", "AUCTION_CAMPAIGN"},
		{"adgroup_id", "AUCTION_ADGROUP"},
		{"ad_id", "AUCTION_AD"},
		{"ad_id_v2", "AUCTION_AD"},
	};

	for (size_t i = 0; i < lengthof(levels); i++)
		if (strcmp(levels[i].name, name) == 0)
			return levels[i].level;
	return NULL;
}

/*
 * Only rules that TikTok documents without doubt: it may allow more tomorrow
 * than is known today, and it says itself what it refuses.
 */
static void
check_report(const TtReport *report)
{
	bool		audience = strcmp(report->report_type, "AUDIENCE") == 0;
	const char *id = NULL;

	if (report->data_level == NULL &&
		tt_list_contains("BASIC,AUDIENCE,CATALOG", report->report_type))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"data_level\" is required for report type %s",
						report->report_type),
				 errhint("Add data_level, one of: %s.",
						 "AUCTION_ADVERTISER, AUCTION_CAMPAIGN, AUCTION_ADGROUP, AUCTION_AD")));
	if (strcmp(report->report_type, "TT_SHOP") == 0 && report->data_level != NULL &&
		!tt_list_contains("AUCTION_ADVERTISER,AUCTION_CAMPAIGN", report->data_level))
		invalid_report(psprintf("report type TT_SHOP has no data level %s", report->data_level),
					   "Set data_level to AUCTION_ADVERTISER or AUCTION_CAMPAIGN.");
	for (int i = 0; i < report->ndimensions; i++)
	{
		const char *name = report->dimensions[i];
		const char *level = level_of_dimension(name);

		if (level == NULL)
			continue;
		if (id != NULL)
			invalid_report(psprintf("a report cannot have both dimensions \"%s\" and \"%s\"", id,
									name),
						   "Name one id dimension; the ids above it are columns at the levels "
						   "below, such as metrics.campaign_id.");
		id = name;
		if (report->data_level != NULL && strcmp(report->data_level, level) != 0)
			invalid_report(psprintf("dimension \"%s\" does not fit data level %s", name,
									report->data_level),
						   psprintf("Set data_level to %s, or name another dimension.", level));
	}
	if (tt_report_has_dimension(report, "stat_time_day") &&
		tt_report_has_dimension(report, "stat_time_hour"))
		invalid_report("a report cannot have both dimensions \"stat_time_day\" and "
					   "\"stat_time_hour\"",
					   "Name one of them in the option dimensions.");
	if (audience && tt_report_has_dimension(report, "stat_time_hour"))
		invalid_report("report type AUDIENCE has no dimension \"stat_time_hour\"",
					   "Name stat_time_day in the option dimensions, or set report_type to BASIC.");
	if (audience && id == NULL)
		invalid_report("report type AUDIENCE needs an id dimension",
					   "Add advertiser_id, campaign_id, adgroup_id or ad_id to the option "
					   "dimensions.");
}

/*
 * A report by week, month or period: a sum over days, of which the API's rows
 * tell nothing, so there is no dimension of time.
 */
static void
check_grain(const TtReport *report, const char *grain)
{
	for (int i = 0; i < report->ndimensions; i++)
		if (tt_grain_of_dimension(report->dimensions[i]) != TT_GRAIN_NONE)
			invalid_report(psprintf("a report by %s cannot have dimension \"%s\"", grain,
									report->dimensions[i]),
						   psprintf("Leave \"%s\" out of the option dimensions, or leave out "
									"the option grain.",
									report->dimensions[i]));
	if (!tt_list_contains("BASIC,AUDIENCE", report->report_type))
		invalid_report(psprintf("report type %s cannot be read by %s", report->report_type, grain),
					   "Set report_type to BASIC or AUDIENCE, or leave out the option grain.");
}

/* The key: the dimensions, and what the grain adds. */
static char *
report_key(const TtReport *report)
{
	const TtPeriodColumn *added;
	StringInfoData		  key;

	initStringInfo(&key);
	for (int i = 0; i < report->ndimensions; i++)
		appendStringInfo(&key, "%s%s", i > 0 ? "," : "", report->dimensions[i]);
	for (int i = 0; (added = tt_period_column_at(report->grain, i)) != NULL; i++)
		if (added->in_key)
			appendStringInfo(&key, ",%s", added->column.name);
	return key.data;
}

const TtStream *
tt_stream_own_report(const char *report_type, const char *data_level,
					 List *dimensions, const char *grain)
{
	TtStream *stream = palloc0(sizeof(TtStream));
	TtReport *report = &stream->report;
	ListCell *lc;

	if (dimensions == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"dimensions\" is required for stream \"report\""),
				 errhint("Add OPTIONS (dimensions 'campaign_id,stat_time_day').")));
	report->report_type = report_type != NULL ? report_type : "BASIC";
	report->data_level = data_level;
	report->level = tt_level_of(data_level);
	foreach(lc, dimensions)
	{
		const char *name = lfirst(lc);

		report->dimensions[report->ndimensions++] = name;
		if (tt_grain_of_dimension(name) != TT_GRAIN_NONE)
			report->grain = tt_grain_of_dimension(name);
	}
	check_report(report);
	if (grain != NULL)
	{
		check_grain(report, grain);
		report->grain = tt_grain_find(grain);
	}
	stream->name = "report";
	stream->environments = TT_ENV_BOTH;
	stream->kind = TT_KIND_REPORT;
	stream->endpoint = tt_report_endpoint();
	stream->key = report_key(report);
	stream->core_columns = "";
	stream->note = "";
	return stream;
}

/* "ads_reports_daily", … : up to three streams of a similar name; NULL: none. */
static char *
similar_streams(const char *name)
{
	StringInfoData buf;
	int			   found = 0;

	initStringInfo(&buf);
	for (int distance = 0; distance <= 4; distance++)
	{
		for (int i = 0; i < tt_stream_count() && found < 3; i++)
		{
			const TtStream *stream = tt_stream_at(i);
			bool			same = pg_strcasecmp(name, stream->name) == 0 ||
						(stream->seed_name != NULL &&
						 pg_strcasecmp(name, stream->seed_name) == 0);

			if (distance != (same ? 0 : tt_name_distance(name, stream->name)))
				continue;
			appendStringInfo(&buf, "%s\"%s\"", found > 0 ? ", " : "", stream->name);
			found++;
		}
	}
	return found > 0 ? buf.data : NULL;
}

const TtStream *
tt_stream_get(const char *name)
{
	const TtStream *stream = tt_stream_find(name);
	char		   *similar;

	if (stream != NULL)
		return stream;
	similar = similar_streams(name);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("stream \"%s\" does not exist", name),
			 errhint("%s%s%sSELECT name FROM tiktok.streams lists all streams.",
					 similar != NULL ? "Perhaps you meant " : "", similar != NULL ? similar : "",
					 similar != NULL ? ". " : "")));
	return NULL; /* not reached */
}
