/*
 * option_table.c
 *	  All there is to know of an option stands in one table, a line each.
 *
 * The validator and the reader of what is in effect both go through it, so what
 * DDL accepts is what a scan understands.
 */
#include "postgres.h"

#include "option_defs/option_table.h"

#define KB INT64CONST(1024)
#define MB (1024 * KB)

/* ---- which streams take an option ----------------------------------------- */

static bool
is_own_report(const TtStream *stream)
{
	return strcmp(stream->name, "report") == 0;
}

static bool
is_by_period(const TtStream *stream)
{
	return tt_report_by_period(&stream->report);
}

static bool
has_dates(const TtStream *stream)
{
	return stream->kind == TT_KIND_REPORT && !stream->report.lifetime;
}

static bool
hides_deleted(const TtStream *stream)
{
	if (!tt_stream_is_integrated(stream))
		return stream->endpoint->hides != TT_HIDES_NOTHING;
	return tt_stream_hides_objects(stream) &&
		   tt_level_status_field(stream->report.level) != NULL;
}

static bool
has_pages(const TtStream *stream)
{
	return stream->endpoint->max_page_size > 0;
}

static bool
has_totals(const TtStream *stream)
{
	return stream->endpoint->paging == TT_PAGING_PAGES;
}

static const TtOptionLimit own_report = {is_own_report, "only stream \"report\" takes it"};
static const TtOptionLimit by_period = {
	is_by_period, "only reports by week, month or period take it"};
static const TtOptionLimit dated = {has_dates, "the stream is not read by date"};
static const TtOptionLimit deleted = {
	hides_deleted,
	"campaigns, ad_groups, ads and reports about them (BASIC, AUDIENCE, CATALOG) take it"};
static const TtOptionLimit of_objects = {
	tt_stream_hides_objects,
	"campaigns, ad_groups, ads and BASIC, AUDIENCE and CATALOG reports take it"};
static const TtOptionLimit paged = {has_pages, "the API gives this stream in one piece"};
static const TtOptionLimit counted = {has_totals, "the API does not say how many rows it has"};

/* ---- the table ------------------------------------------------------------ */

#define OPT(field) offsetof(TtOptionSet, o.field)
#define OWN(field) offsetof(TtOptionSet, field)

/* To add an option: a line here, and its field in TtOptions. */
const TtOptionDef tt_option_table[] = {
	/* servers */
	{"environment", IN_SERVER, V_EITHER, OPT(sandbox),
	 .about = "which of TikTok's two APIs", .words = "production,sandbox"},
	{"api_url", IN_SERVER, V_API_URL, OPT(base_url),
	 .about = "base URL of the API", .flags = HIDDEN},
	{"advertiser_ids", IN_SERVER | IN_TABLE, V_ACCOUNTS, OPT(accounts),
	 .about = "ad accounts that the tables hold"},
	{"bc_id", IN_SERVER, V_CENTERS, OPT(centers),
	 .about = "Business Centers whose ad accounts are asked where nothing names any"},
	{"start_date", IN_SERVER | IN_TABLE, V_DATE, OPT(start_date),
	 .about = "first day that report tables hold", .only = &dated},
	{"include_deleted", IN_SERVER | IN_TABLE, V_BOOL, OPT(include_deleted),
	 .about = "whether deleted objects are rows too", .initial = true, .only = &deleted},
	{"include_promote", IN_SERVER | IN_TABLE, V_BOOL, OPT(include_promote),
	 .about = "whether Promote campaigns are rows too", .initial = true, .only = &of_objects},
	{"buying_types", IN_SERVER | IN_TABLE, V_WORDS, OPT(buying_types),
	 .about = "how the campaigns that are rows are bought", .initial = TT_BUYING_ALL,
	 .words = "AUCTION,RESERVATION_RF,RESERVATION_TOP_VIEW", .only = &of_objects},
	{"page_size", IN_SERVER | IN_TABLE, V_INTEGER, OPT(page_size),
	 .about = "rows per request", .min = 1, .max = 1000, .only = &paged},
	{"analyze", IN_SERVER | IN_TABLE, V_EITHER, OPT(analyze_totals),
	 .about = "what ANALYZE reads", .words = "rows,totals", .only = &counted},
	{"concurrency", IN_SERVER, V_INTEGER, OPT(concurrency),
	 .about = "requests in flight per scan", .min = 1, .max = 100, .initial = 8},
	{"rate_limit", IN_SERVER, V_INTEGER, OPT(rate_limit),
	 .about = "requests per second of all sessions together", .min = 1, .max = 1000},
	{"timeout", IN_SERVER, V_SECONDS, OPT(timeout),
	 .about = "time for a request", .min = 1, .max = 3600, .initial = 60},
	{"connect_timeout", IN_SERVER, V_SECONDS, OPT(connect_timeout),
	 .about = "time for a connection", .min = 1, .max = 600, .initial = 10},
	{"max_retries", IN_SERVER, V_INTEGER, OPT(max_retries),
	 .about = "tries again per request", .min = 0, .max = 100, .initial = 7},
	{"max_response_size", IN_SERVER, V_BYTES, OPT(max_response_size),
	 .about = "largest response accepted", .min = KB, .max = 1024 * MB, .initial = 64 * MB},
	{"on_advertiser_error", IN_SERVER, V_EITHER, OPT(skip_failed_accounts),
	 .about = "what an ad account that the API refuses costs", .words = "fail,skip"},
	{"ca_file", IN_SERVER, V_FILE, OPT(ca_file),
	 .about = "certificates to trust", .flags = SUPERUSER},
	{"proxy", IN_SERVER, V_PROXY, OPT(proxy),
	 .about = "HTTP proxy", .flags = SUPERUSER | HIDDEN},

	/* user mappings */
	{"access_token", IN_MAPPING, V_CREDENTIAL, OPT(access_token),
	 .about = "access token of the Marketing API", .flags = SECRET},
	{"app_id", IN_MAPPING, V_CREDENTIAL, OPT(app_id),
	 .about = "id of the developer app"},
	{"secret", IN_MAPPING, V_CREDENTIAL, OPT(secret),
	 .about = "secret of the developer app", .flags = SECRET},

	/* foreign tables */
	{"stream", IN_TABLE, V_STREAM, OWN(stream),
	 .about = "what the table shows"},
	{"report_type", IN_TABLE, V_WORD, OWN(report_type),
	 .about = "kind of a report of your own", .only = &own_report,
	 .words = "BASIC,AUDIENCE,PLAYABLE_MATERIAL,CATALOG,TT_SHOP"},
	{"data_level", IN_TABLE, V_WORD, OWN(data_level),
	 .about = "level of a report of your own", .only = &own_report,
	 .words = "AUCTION_ADVERTISER,AUCTION_CAMPAIGN,AUCTION_ADGROUP,AUCTION_AD"},
	{"dimensions", IN_TABLE, V_DIMENSIONS, OWN(dimensions),
	 .about = "dimensions of a report of your own", .only = &own_report},
	{"grain", IN_TABLE, V_WORD, OWN(grain),
	 .about = "what a row of a report of your own covers", .only = &own_report,
	 .words = "week,month,period"},
	{"include_idle", IN_TABLE, V_BOOL, OPT(include_idle),
	 .about = "whether rows of nothing but zeros are rows too", .only = &by_period},

	/* columns of foreign tables */
	{"path", IN_COLUMN, V_PATH, OWN(path),
	 .about = "where the value stands in a row of the API"},
};

const int tt_option_count = lengthof(tt_option_table);

const TtOptionDef *
tt_option_find(const char *name)
{
	for (size_t i = 0; i < lengthof(tt_option_table); i++)
		if (strcmp(tt_option_table[i].name, name) == 0)
			return &tt_option_table[i];
	return NULL;
}
