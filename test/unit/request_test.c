/*
 * request_test.c
 *	  The parameters of the requests of a query, read back by jansson.
 *
 * Prints TAP.
 */
#include "queries.h"
#include "tap.h"

/* The parameters of one page of a unit, as one sorted JSON text. */
static void
check_unit(TtQuery query, const TtUnits *units, TtUnit unit, int page, const char *expected,
		   const char *what)
{
	TtParams params;
	json_t	*object;
	json_t	*wanted = json_loads(expected, 0, NULL);
	char	*text = NULL;

	if (wanted == NULL)
	{
		printf("Bail out! not JSON: %s\n", expected);
		exit(1);
	}
	if (!tt_request_params(&query, units, &unit, page, &params))
	{
		printf("Bail out! out of memory\n");
		exit(1);
	}
	object = parse_query(params.query);
	if (object != NULL)
		text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	ok(params.body == NULL && object != NULL && json_equal(object, wanted), "%s", what);
	if (object == NULL || !json_equal(object, wanted))
		printf("# got %s\n# of %s\n", text != NULL ? text : "nothing", params.query);
	free(text);
	json_decref(object);
	json_decref(wanted);
	tt_params_free(&params);
}

static void
check_params(TtQuery query, int64_t i, int page, const char *expected, const char *what)
{
	TtUnits *units = tt_units_create(&query);

	check_unit(query, units, tt_units_get(units, &query, i), page, expected, what);
	tt_units_free(units);
}

static void
test_report_params(void)
{
	TtQuery		query = query_of("ads_reports_daily", 2);
	TtDays		range = {9643, 9677};
	const char *metrics[] = {"spend", "impressions"};
	TtCondition condition;

	query.nranges = 1;
	query.ranges = &range;
	query.nnames = 2;
	query.names = metrics;
	query.send_names = true;
	check_params(query, 0, 1,
				 "{\"advertiser_id\":\"7002238017842757633\",\"report_type\":\"BASIC\","
				 "\"data_level\":\"AUCTION_AD\",\"dimensions\":[\"ad_id\",\"stat_time_day\"],"
				 "\"metrics\":[\"spend\",\"impressions\"],\"start_date\":\"2026-06-26\","
				 "\"end_date\":\"2026-06-30\",\"filtering\":[{\"field_name\":\"ad_status\","
				 "\"filter_type\":\"IN\",\"filter_value\":\"[\\\"STATUS_ALL\\\"]\"}],"
				 "\"page\":\"1\",\"page_size\":\"1000\"}",
				 "a report: the newest window first");
	query.include_deleted = false;
	query.page_size = 7;
	condition = condition_of(TT_FILTER_IDS, "ad_ids", 2);
	query.nconditions = 1;
	query.conditions = &condition;
	check_params(query, 3, 12,
				 "{\"advertiser_id\":\"7002238017842757634\",\"report_type\":\"BASIC\","
				 "\"data_level\":\"AUCTION_AD\",\"dimensions\":[\"ad_id\",\"stat_time_day\"],"
				 "\"metrics\":[\"spend\",\"impressions\"],\"start_date\":\"2026-05-27\","
				 "\"end_date\":\"2026-06-25\",\"filtering\":[{\"field_name\":\"ad_ids\","
				 "\"filter_type\":\"IN\",\"filter_value\":\"[\\\"1714125042508817\\\","
				 "\\\"1714125042508818\\\"]\"}],\"page\":\"12\",\"page_size\":\"7\"}",
				 "a report: second account, older window, ids, page 12");

	query = query_of("ads_reports_lifetime", 1);
	query.nnames = 1;
	query.names = metrics;
	query.send_names = true;
	query.order_field = "spend";
	query.descending = true;
	check_params(query, 0, 1,
				 "{\"advertiser_id\":\"7002238017842757633\",\"report_type\":\"BASIC\","
				 "\"data_level\":\"AUCTION_AD\",\"dimensions\":[\"ad_id\"],"
				 "\"metrics\":[\"spend\"],\"query_lifetime\":\"true\","
				 "\"order_field\":\"spend\",\"order_type\":\"DESC\",\"filtering\":[{"
				 "\"field_name\":\"ad_status\",\"filter_type\":\"IN\","
				 "\"filter_value\":\"[\\\"STATUS_ALL\\\"]\"}],\"page\":\"1\","
				 "\"page_size\":\"1000\"}",
				 "a lifetime report has no dates; an order");
}

static void
test_audience_params(void)
{
	TtQuery		query = query_of("ads_audience_reports_by_country_daily", 1);
	TtDays		range = {9677, 9677};
	const char *metrics[] = {"spend"};

	query.nranges = 1;
	query.ranges = &range;
	query.nnames = 1;
	query.names = metrics;
	query.send_names = true;
	check_params(query, 0, 1,
				 "{\"advertiser_id\":\"7002238017842757633\",\"report_type\":\"AUDIENCE\","
				 "\"data_level\":\"AUCTION_AD\","
				 "\"dimensions\":[\"ad_id\",\"stat_time_day\",\"country_code\"],"
				 "\"metrics\":[\"spend\"],\"start_date\":\"2026-06-30\","
				 "\"end_date\":\"2026-06-30\",\"filtering\":[{"
				 "\"field_name\":\"ad_status\",\"filter_type\":\"IN\","
				 "\"filter_value\":\"[\\\"STATUS_ALL\\\"]\"}],"
				 "\"page\":\"1\",\"page_size\":\"1000\"}",
				 "an audience report has its level's own status filter");
	query.without = TT_OPTION_FILTER_STATUS;
	check_params(query, 0, 1,
				 "{\"advertiser_id\":\"7002238017842757633\",\"report_type\":\"AUDIENCE\","
				 "\"data_level\":\"AUCTION_AD\","
				 "\"dimensions\":[\"ad_id\",\"stat_time_day\",\"country_code\"],"
				 "\"metrics\":[\"spend\"],\"start_date\":\"2026-06-30\","
				 "\"end_date\":\"2026-06-30\","
				 "\"page\":\"1\",\"page_size\":\"1000\"}",
				 "unless the API refuses it");
}

/* A CATALOG report, made of options, asks for all kinds as the others do. */
static void
test_catalog_report(void)
{
	static const struct
	{
		int			level;
		const char *data_level;
		const char *dimension;
		const char *status; /* NULL: the level has none */
	} levels[] = {
		{TT_LV_ADVERTISER, "AUCTION_ADVERTISER", "advertiser_id", NULL},
		{TT_LV_CAMPAIGN, "AUCTION_CAMPAIGN", "campaign_id", "campaign_status"},
		{TT_LV_ADGROUP, "AUCTION_ADGROUP", "adgroup_id", "adgroup_status"},
		{TT_LV_AD, "AUCTION_AD", "ad_id", "ad_status"},
	};
	const char *metrics[] = {"spend"};
	const char *types[] = {"AUCTION", "RESERVATION_RF", "RESERVATION_TOP_VIEW"};
	const char *origins[] = {"TT_ADS_PLATFORM", "PROMOTE"};
	TtKind		kind = {3, types, 2, origins, 0, 0};
	TtDays		range = {9677, 9677};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
	{
		TtQuery	 query = query_of("ads_reports_daily", 1);
		TtStream stream = *query.stream;
		TtReport report = {"CATALOG", levels[i].data_level, levels[i].level, 2, {levels[i].dimension, "stat_time_day"}, TT_GRAIN_DAY, false};
		char	 status[160] = "";
		char	 what[80];
		char	 expected[1024];

		stream.report = report;
		query.stream = &stream;
		query.nranges = 1;
		query.ranges = &range;
		query.nnames = 1;
		query.names = metrics;
		query.send_names = true;
		query.nkinds = 1;
		query.kinds = &kind;
		if (levels[i].status != NULL)
			snprintf(status, sizeof(status),
					 "{\"field_name\":\"%s\",\"filter_type\":\"IN\","
					 "\"filter_value\":\"[\\\"STATUS_ALL\\\"]\"},",
					 levels[i].status);
		snprintf(expected, sizeof(expected),
				 "{\"advertiser_id\":\"7002238017842757633\",\"report_type\":\"CATALOG\","
				 "\"data_level\":\"%s\",\"dimensions\":[\"%s\",\"stat_time_day\"],"
				 "\"metrics\":[\"spend\"],\"start_date\":\"2026-06-30\","
				 "\"end_date\":\"2026-06-30\",\"filtering\":[%s"
				 "{\"field_name\":\"buying_type\",\"filter_type\":\"IN\","
				 "\"filter_value\":\"[\\\"AUCTION\\\",\\\"RESERVATION_RF\\\","
				 "\\\"RESERVATION_TOP_VIEW\\\"]\"},"
				 "{\"field_name\":\"campaign_system_origins\",\"filter_type\":\"IN\","
				 "\"filter_value\":\"[\\\"TT_ADS_PLATFORM\\\",\\\"PROMOTE\\\"]\"}],"
				 "\"page\":\"1\",\"page_size\":\"1000\"}",
				 levels[i].data_level, levels[i].dimension, status);
		snprintf(what, sizeof(what), "a CATALOG report at %s", levels[i].data_level);
		check_params(query, 0, 1, expected, what);
	}
}

static void
test_sums(void)
{
	TtQuery		query = query_of("campaigns_reports_lifetime", 1);
	const char *metrics[] = {"spend"};
	const char *origins[] = {"PROMOTE"};
	TtKind		kind = {0, NULL, 1, origins, 0, 0};

	query.nnames = 1;
	query.names = metrics;
	query.send_names = true;
	query.include_deleted = false;
	query.totals_only = query.sums_only = true;
	query.page_size = 1;
	query.nkinds = 1;
	query.kinds = &kind;
	check_params(query, 0, 1,
				 "{\"advertiser_id\":\"7002238017842757633\",\"report_type\":\"BASIC\","
				 "\"data_level\":\"AUCTION_CAMPAIGN\",\"dimensions\":[\"campaign_id\"],"
				 "\"metrics\":[\"spend\"],\"enable_total_metrics\":\"true\","
				 "\"query_lifetime\":\"true\",\"filtering\":[{"
				 "\"field_name\":\"campaign_system_origins\",\"filter_type\":\"IN\","
				 "\"filter_value\":\"[\\\"PROMOTE\\\"]\"}],\"page\":\"1\","
				 "\"page_size\":\"1\"}",
				 "the sums of all rows, of one kind");
}

static void
test_filter_params(void)
{
	TtQuery		query = query_of("campaigns", 1);
	const char *strange[] = {"a&b=c d%\"\\\xc3\xa9\n"};
	const char *times[] = {"2026-01-01 00:00:00", ""};
	const char *flag[] = {"true"};
	const char *types[] = {"RESERVATION_TOP_VIEW"};
	TtKind		kind = {1, types, 0, NULL, 0, 0};
	TtCondition condition;

	condition = condition_of(TT_FILTER_EQ, "campaign_name", 1);
	condition.values = strange;
	query.nconditions = 1;
	query.conditions = &condition;
	check_params(query, 0, 1,
				 "{\"advertiser_id\":\"7002238017842757633\",\"filtering\":{"
				 "\"campaign_name\":\"a&b=c d%\\\"\\\\\xc3\xa9\\n\","
				 "\"primary_status\":\"STATUS_ALL\"},"
				 "\"page\":\"1\",\"page_size\":\"1000\"}",
				 "characters that mean something in a URL and in JSON");
	condition = condition_of(TT_FILTER_CREATED, "", 2);
	condition.values = times;
	query.nkinds = 1;
	query.kinds = &kind;
	query.include_deleted = false;
	check_params(query, 0, 1,
				 "{\"advertiser_id\":\"7002238017842757633\",\"filtering\":{"
				 "\"creation_filter_start_time\":\"2026-01-01 00:00:00\","
				 "\"buying_types\":[\"RESERVATION_TOP_VIEW\"],"
				 "\"primary_status\":\"STATUS_NOT_DELETE\"},\"page\":\"1\",\"page_size\":\"1000\"}",
				 "a creation filter with one end; buying types");
	condition = condition_of(TT_FILTER_EQ, "split_test_enabled", 1);
	condition.type = TT_JSON_BOOL;
	condition.values = flag;
	query.nkinds = 0;
	check_params(query, 0, 1,
				 "{\"advertiser_id\":\"7002238017842757633\",\"filtering\":{"
				 "\"split_test_enabled\":true,\"primary_status\":\"STATUS_NOT_DELETE\"},"
				 "\"page\":\"1\",\"page_size\":\"1000\"}",
				 "a boolean is one in JSON too");
}

static void
test_other_params(void)
{
	TtQuery		query;
	TtCondition condition;

	query = query_of("creative_assets_music", 1);
	condition = condition_of(TT_FILTER_MUSIC_IDS, "music_ids", 1);
	query.nconditions = 1;
	query.conditions = &condition;
	check_params(query, 0, 1,
				 "{\"advertiser_id\":\"7002238017842757633\",\"filtering\":{"
				 "\"music_ids\":[\"1714125042508817\"]},\"search_type\":\"SEARCH_BY_MUSIC_ID\","
				 "\"page\":\"1\",\"page_size\":\"1000\"}",
				 "music by its id");

	query = query_of("audiences", 1);
	condition = condition_of(TT_FILTER_TOP_IDS, "custom_audience_ids", 1);
	query.nconditions = 1;
	query.conditions = &condition;
	check_params(query, 0, 1,
				 "{\"advertiser_id\":\"7002238017842757633\","
				 "\"custom_audience_ids\":[\"1714125042508817\"],\"page\":\"1\","
				 "\"page_size\":\"100\"}",
				 "ids beside the filtering");

	query = query_of("advertiser_ids", 0);
	query.app_id = "7000000000000000001";
	query.secret = "s&t";
	check_params(query, 0, 1, "{\"app_id\":\"7000000000000000001\",\"secret\":\"s&t\"}",
				 "the list of accounts");

	query = query_of("advertisers", 2);
	check_params(query, 0, 1,
				 "{\"advertiser_ids\":[\"7002238017842757633\",\"7002238017842757634\"]}",
				 "several accounts in one request");
}

/* What a unit can be cut by: metrics, ids of a batch, ids of its own. */
/* a list that is read by cursor: from the beginning, and on from where a page ended */
static void
test_cursor(void)
{
	TtEndpoint endpoint = *query_of("audiences", 1).stream->endpoint;
	TtStream   stream = *query_of("audiences", 1).stream;
	TtQuery	   query = query_of("audiences", 1);
	TtUnits	  *units;
	TtUnit	   unit;

	endpoint.paging = TT_PAGING_CURSOR;
	stream.endpoint = &endpoint;
	query.stream = &stream;
	query.page_size = 20;
	units = tt_units_create(&query);
	unit = tt_units_get(units, &query, 0);
	check_unit(query, units, unit, 1, "{\"advertiser_id\": \"7002238017842757633\", \"count\": \"20\"}",
			   "a list by cursor begins without one");
	unit.cursor = "17\"x";
	check_unit(query, units, unit, 2,
			   "{\"advertiser_id\": \"7002238017842757633\", \"count\": \"20\", \"cursor\": \"17\\\"x\"}",
			   "and goes on where the page before says, without a page's number");
	tt_units_free(units);
}

static void
test_cut_units(void)
{
	TtQuery		query = query_of("ads_reports_lifetime", 1);
	const char *metrics[] = {"spend", "reach", "clicks"};
	bool		refused[] = {false, true, false};
	const char *types[] = {"AUCTION", "RESERVATION_TOP_VIEW"};
	const char *origins[] = {"TT_ADS_PLATFORM", "PROMOTE"};
	const char *ids[] = {"7", "8"};
	TtKind		kind = {2, types, 2, origins, 0, 0};
	TtWithin	within = {"campaign_ids", 2, ids};
	TtCondition condition = condition_of(TT_FILTER_IDS, "ad_ids", 150);
	TtUnits	   *units;
	TtUnit		unit;

	query.names = metrics;
	query.nnames = 3;
	query.send_names = true;
	query.refused = refused;
	query.include_deleted = false;
	query.nconditions = 1;
	query.conditions = &condition;
	units = tt_units_create(&query);
	unit = tt_units_get(units, &query, 1);
	ok(unit.values.first == 100 && unit.values.n == 50, "the second batch of 150 ids");
	unit.values.first = 1;
	unit.values.n = 1;
	check_unit(query, units, unit, 1,
			   "{\"advertiser_id\":\"7002238017842757633\",\"report_type\":\"BASIC\","
			   "\"data_level\":\"AUCTION_AD\",\"dimensions\":[\"ad_id\"],"
			   "\"metrics\":[\"spend\",\"clicks\"],\"query_lifetime\":\"true\",\"filtering\":[{"
			   "\"field_name\":\"ad_ids\",\"filter_type\":\"IN\","
			   "\"filter_value\":\"[\\\"1714125042508818\\\"]\"}],\"page\":\"1\","
			   "\"page_size\":\"1000\"}",
			   "one id of a batch; a refused metric is left out");
	ok(tt_unit_names(&query, &unit) == 2, "two of three metrics are asked for");
	unit.names.first = 1;
	unit.names.n = 1;
	unit.within = &within;
	query.nkinds = 1;
	query.kinds = &kind;
	query.nconditions = 0;
	check_unit(query, units, unit, 1,
			   "{\"advertiser_id\":\"7002238017842757633\",\"report_type\":\"BASIC\","
			   "\"data_level\":\"AUCTION_AD\",\"dimensions\":[\"ad_id\"],"
			   "\"metrics\":[\"spend\"],\"query_lifetime\":\"true\",\"filtering\":[{"
			   "\"field_name\":\"buying_type\",\"filter_type\":\"IN\","
			   "\"filter_value\":\"[\\\"AUCTION\\\",\\\"RESERVATION_TOP_VIEW\\\"]\"},{"
			   "\"field_name\":\"campaign_system_origins\",\"filter_type\":\"IN\","
			   "\"filter_value\":\"[\\\"TT_ADS_PLATFORM\\\",\\\"PROMOTE\\\"]\"},{"
			   "\"field_name\":\"campaign_ids\",\"filter_type\":\"IN\","
			   "\"filter_value\":\"[\\\"7\\\",\\\"8\\\"]\"}],\"page\":\"1\","
			   "\"page_size\":\"1000\"}",
			   "kinds of objects, ids of its own; where all metrics are refused, spend");
	tt_units_free(units);
}

/* The unit's ids are those of a condition on the same parameter, or some of them. */
static void
test_cut_list_units(void)
{
	TtQuery		query = query_of("ad_groups", 1);
	const char *types[] = {"AUCTION", "RESERVATION_TOP_VIEW"};
	const char *origins[] = {"TT_ADS_PLATFORM", "PROMOTE"};
	const char *ids[] = {"7", "8"};
	TtKind		kind = {2, types, 2, origins, 0, 0};
	TtWithin	within = {"campaign_ids", 2, ids};
	TtCondition condition = condition_of(TT_FILTER_IDS, "campaign_ids", 3);
	TtUnits	   *units;
	TtUnit		unit;

	query.nconditions = 1;
	query.conditions = &condition;
	query.nkinds = 1;
	query.kinds = &kind;
	kind.max_page_size = 100;
	units = tt_units_create(&query);
	unit = tt_units_get(units, &query, 0);
	unit.within = &within;
	check_unit(query, units, unit, 2,
			   "{\"advertiser_id\":\"7002238017842757633\",\"filtering\":{"
			   "\"campaign_ids\":[\"7\",\"8\"],"
			   "\"buying_types\":[\"AUCTION\",\"RESERVATION_TOP_VIEW\"],"
			   "\"campaign_system_origins\":[\"TT_ADS_PLATFORM\",\"PROMOTE\"],"
			   "\"primary_status\":\"STATUS_ALL\"},\"page\":\"2\",\"page_size\":\"100\"}",
			   "a list's kinds, its own ids in place of a condition's, smaller pages");
	tt_units_free(units);
}

/* Each kind is a series of its own. */
static void
test_kinds(void)
{
	TtQuery	 query = query_of("campaigns", 2);
	TtKind	 kinds[2] = {{0}};
	TtUnits *units;
	int		 seen[2][2] = {{0}};
	bool	 good;

	query.nkinds = 2;
	query.kinds = kinds;
	units = tt_units_create(&query);
	good = units->count == 4;
	for (int64_t i = 0; i < units->count; i++)
	{
		TtUnit unit = tt_units_get(units, &query, i);

		seen[unit.account][unit.kind]++;
	}
	for (int i = 0; i < 4; i++)
		good = good && ((int *) seen)[i] == 1;
	ok(good, "2 accounts, 2 kinds: each once");
	tt_units_free(units);
}

/* What of a table's filters may be left out, and when a request is vain then. */
static void
test_option_filters(void)
{
	const char	  *types[] = {"AUCTION", "RESERVATION_RF", "RESERVATION_TOP_VIEW"};
	const char	  *origins[] = {"TT_ADS_PLATFORM", "PROMOTE"};
	TtKind		   kinds[4] = {{2, types, 2, origins, 0, 2},
							   {1, types + 2, 0, NULL, 0, 0},
							   {0, NULL, 1, origins, 0, 0},
							   {0, NULL, 1, origins + 1, 0, 0}};
	TtQuery		   query = query_of("ads", 1);
	TtOptionFilter filters[TT_MAX_OPTION_FILTERS];
	TtUnit		   unit = {0};
	int			   n;

	query.nkinds = 2;
	query.kinds = kinds;
	n = tt_unit_option_filters(&query, &unit, filters);
	ok(n == 3 && strcmp(filters[0].param, "primary_status") == 0 &&
		   !tt_option_filter_optional(&query, &filters[0]),
	   "a list's status stays");
	ok(strcmp(filters[2].param, "campaign_system_origins") == 0 && filters[2].nvalues == 2 &&
		   tt_option_filter_optional(&query, &filters[2]),
	   "both origins may go");
	unit.kind = 1;
	n = tt_unit_option_filters(&query, &unit, filters);
	ok(n == 2 && strcmp(filters[1].param, "buying_types") == 0 &&
		   tt_option_filter_optional(&query, &filters[1]),
	   "TopView may go");
	unit.without = TT_OPTION_FILTER_BUYING;
	ok(tt_unit_is_vain(&query, &unit), "and is not asked for without its filter");
	query.nkinds = 1;
	query.kinds = kinds + 1;
	unit.kind = 0;
	unit.without = 0;
	(void) tt_unit_option_filters(&query, &unit, filters);
	ok(!tt_option_filter_optional(&query, &filters[1]), "unless it is all that is wanted");
	query.kinds = kinds;
	unit.without = TT_OPTION_FILTER_ORIGINS;
	for (unit.kind = 2; unit.kind < 4; unit.kind++)
		ok(tt_unit_is_vain(&query, &unit) == (unit.kind == 3),
		   "half of the origins without the filter");
}

static void
test_report_option_filters(void)
{
	const char	  *types[] = {"AUCTION", "RESERVATION_RF", "RESERVATION_TOP_VIEW"};
	const char	  *origins[] = {"TT_ADS_PLATFORM", "PROMOTE"};
	TtKind		   report = {3, types, 2, origins, 0, 0};
	TtQuery		   query = query_of("ads_reports_daily", 1);
	TtOptionFilter filters[TT_MAX_OPTION_FILTERS];
	TtUnit		   unit = {0};
	int			   n;

	query.nkinds = 1;
	query.kinds = &report;
	n = tt_unit_option_filters(&query, &unit, filters);
	ok(n == 3 && tt_option_filter_optional(&query, &filters[0]) &&
		   tt_option_filter_optional(&query, &filters[1]) &&
		   tt_option_filter_optional(&query, &filters[2]),
	   "a report that wants all may go without each");
	report.nbuying_types = 1;
	(void) tt_unit_option_filters(&query, &unit, filters);
	ok(!tt_option_filter_optional(&query, &filters[1]), "what keeps rows out stays");
	query.stream = tt_stream_find("advertisers_reports_daily");
	report.nbuying_types = 2;
	report.norigins = 1;
	n = tt_unit_option_filters(&query, &unit, filters);
	ok(n == 2 && !tt_option_filter_optional(&query, &filters[0]) &&
		   !tt_option_filter_optional(&query, &filters[1]),
	   "for advertisers also what is the default elsewhere");
}

/* ---- long parameters ---- */

static void
test_body(void)
{
	static char		   names[900][32];
	static const char *metrics[900];
	TtQuery			   query = query_of("ads_reports_daily", 1);
	TtDays			   range = {9676, 9677};
	size_t			   at_most = 0;
	bool			   good = true;
	bool			   bodies = false;

	for (int i = 0; i < 900; i++)
	{
		snprintf(names[i], sizeof(names[i]), "metric_number_%d", i);
		metrics[i] = names[i];
	}
	query.nranges = 1;
	query.ranges = &range;
	query.names = metrics;
	query.send_names = true;
	for (int n = 1; n <= 900; n++)
	{
		TtUnits *units;
		TtUnit	 unit;
		TtParams params;

		query.nnames = n;
		units = tt_units_create(&query);
		unit = tt_units_get(units, &query, 0);
		good = good && tt_request_params(&query, units, &unit, 3, &params);
		if (!good)
			break;
		if (params.body == NULL)
		{
			/* once too long, always too long */
			good = !bodies && strlen(params.query) <= TT_MAX_QUERY_STRING;
			at_most = strlen(params.query);
		}
		else
		{
			json_t *body = json_loads(params.body, 0, NULL);
			json_t *filter = json_array_get(json_object_get(body, "filtering"), 0);

			bodies = true;
			good = good && params.query[0] == '\0' &&
				   json_array_size(json_object_get(body, "metrics")) == (size_t) n &&
				   json_integer_value(json_object_get(body, "page")) == 3 &&
				   json_is_string(json_object_get(body, "advertiser_id")) &&
				   strcmp(json_string_value(json_object_get(filter, "filter_value")),
						  "[\"STATUS_ALL\"]") == 0 &&
				   strcmp(json_string_value(json_array_get(json_object_get(body, "metrics"),
														   (size_t) n - 1)),
						  names[n - 1]) == 0;
			json_decref(body);
		}
		tt_params_free(&params);
		tt_units_free(units);
	}
	ok(good && bodies, "parameters beyond 8 KB are the same ones as a JSON body");
	ok(at_most > TT_MAX_QUERY_STRING - 30, "and up to 8 KB a query string: %zu bytes", at_most);
}
int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	init_values();
	test_report_params();
	test_audience_params();
	test_catalog_report();
	test_sums();
	test_filter_params();
	test_other_params();
	test_cursor();
	test_cut_units();
	test_cut_list_units();
	test_kinds();
	test_option_filters();
	test_report_option_filters();
	test_body();
	return done_testing();
}
