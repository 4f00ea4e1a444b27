/*
 * describe.c
 *	  The catalogue as people read it: in the views of schema tiktok and in the
 *	  reference, so that the two cannot differ.
 *
 * No state, no PostgreSQL header.
 */
#include "schema/describe.h"

#include <stdio.h>
#include <string.h>

typedef struct BitName
{
	int			bit;
	const char *name;
} BitName;

/* Element i of those of names whose bit is set; the last name is NULL. */
static const char *
set_element(const BitName *names, int set, int i)
{
	for (; names->name != NULL; names++)
		if ((set & names->bit) != 0 && i-- == 0)
			return names->name;
	return NULL;
}

const char *
tt_describe_environment(int environments, int i)
{
	static const BitName names[] = {
		{TT_ENV_PRODUCTION, "production"}, {TT_ENV_SANDBOX, "sandbox"}, {0, NULL}};

	return set_element(names, environments, i);
}

const char *
tt_describe_level(int levels, int i)
{
	static const BitName names[] = {{TT_LV_ADVERTISER, "AUCTION_ADVERTISER"},
									{TT_LV_CAMPAIGN, "AUCTION_CAMPAIGN"},
									{TT_LV_ADGROUP, "AUCTION_ADGROUP"},
									{TT_LV_AD, "AUCTION_AD"},
									{0, NULL}};

	return set_element(names, levels, i);
}

const char *
tt_describe_restriction(int restrictions, int i)
{
	static const BitName names[] = {{TT_MF_NOT_HOURLY, "not with stat_time_hour"},
									{TT_MF_NOT_LIFETIME, "not in lifetime reports"},
									{TT_MF_NO_EXTRA, "only id and time dimensions"},
									{TT_MF_IMAGE_ONLY, "only with dimension image_id"},
									{TT_MF_NOT_WITH_AD_ID, "not with dimension ad_id"},
									{TT_MF_NOT_WITH_AD_ID_V2, "not with dimension ad_id_v2"},
									{TT_MF_SYNC_BASIC, "only BASIC and TT_SHOP reports"},
									{TT_MF_UNIQUE, "counts people"},
									{TT_MF_MINIS_ONLY, "only with dimension minis_id"},
									{TT_MF_BC_ONLY, "only BC reports"},
									{TT_MF_DAY_ONLY, "only with stat_time_day"},
									{0, NULL}};

	return set_element(names, restrictions, i);
}

const char *
tt_describe_audience(TtAudience audience)
{
	switch (audience)
	{
		case TT_AUD_NO:
			return "no";
		case TT_AUD_YES:
			return "yes";
		case TT_AUD_COUNTRY:
			return "with country_code, ad_type, hashtag, audience_tags or purchase_intention";
		case TT_AUD_AD_TYPE:
			return "with ad_type";
		case TT_AUD_MAYBE:
			break;
	}
	return "unsure";
}

const char *
tt_describe_additive_unless(TtAdditive additive)
{
	return additive == TT_NOT_IF_REACH ? "optimization_goal = REACH" : NULL;
}

const char *
tt_describe_paging(const TtStream *stream)
{
	switch (stream->endpoint->paging)
	{
		case TT_PAGING_PAGES:
			return "pages";
		case TT_PAGING_CURSOR:
			return "cursor";
		case TT_PAGING_OBJECT:
			return "object";
		case TT_PAGING_NONE:
			break;
	}
	return NULL;
}

const char *
tt_describe_import(const TtStream *stream)
{
	if (stream->seed_name != NULL)
		return "core";
	return stream->named_only ? "named" : "all";
}

const char *
tt_describe_pushdown(const TtStream *stream, const TtColumn *column)
{
	const TtPeriodColumn *period;

	if (strcmp(column->name, "advertiser_id") == 0)
		return stream->endpoint->account_param == TT_ACCOUNT_ONE ||
					   stream->endpoint->account_param == TT_ACCOUNT_MANY
				   ? "=, IN"
				   : NULL;
	if (stream->endpoint->second != NULL &&
		strcmp(stream->endpoint->second->column, column->name) == 0)
		return "=, IN";
	if (stream->kind == TT_KIND_REPORT)
	{
		if (strcmp(column->name, "stat_time_day") == 0 ||
			strcmp(column->name, "stat_time_hour") == 0)
			return "=, <, <=, >, >=, BETWEEN, IN";
		period = tt_period_column_find(stream->report.grain, column->name);
		if (period != NULL && period->in_key)
			return stream->report.grain == TT_GRAIN_PERIOD ? "=, IN" : "=, <, <=, >, >=, BETWEEN, IN";
	}
	if (tt_stream_is_integrated(stream))
		return tt_report_filter(&stream->report, column->name) != NULL ? "=, IN" : NULL;
	if (column->flags & (TT_CF_REQUIRED | TT_CF_OPTIONAL))
		return "=, IN";
	switch (column->filter)
	{
		case TT_FILTER_NONE:
			break;
		case TT_FILTER_IDS:
		case TT_FILTER_IDS20:
		case TT_FILTER_TOP_IDS:
		case TT_FILTER_MUSIC_IDS:
		case TT_FILTER_ENUMS:
		case TT_FILTER_ENUM:
			return "=, IN";
		case TT_FILTER_EQ:
		case TT_FILTER_PARAM:
			return "=";
		case TT_FILTER_CREATED:
			return "=, <, <=, >, >=, BETWEEN";
		case TT_FILTER_MODIFIED:
			return "=, >, >=";
	}
	return NULL;
}

const char *
tt_describe_path(const TtStream *stream, const TtColumn *column, char *buf)
{
	if (tt_stream_asks(stream, column->name))
		return NULL;
	if (stream->kind != TT_KIND_REPORT)
	{
		/* advertiser_id that is no column of the stream: from the request */
		if (column->path != NULL)
			return column->path;
		return column->stream != NULL ? column->name : NULL;
	}
	if (tt_report_has_dimension(&stream->report, column->name))
		snprintf(buf, 128, "dimensions.%s", column->name);
	else if (strcmp(column->name, "advertiser_id") == 0 ||
			 tt_report_fills(&stream->report, column->name) ||
			 tt_period_column_find(stream->report.grain, column->name) != NULL)
		return NULL;
	else
		snprintf(buf, 128, "metrics.%s", column->name);
	return buf;
}
