/*
 * asked_test.c
 *	  What requests name beside the account, and what they have to say: which requests
 *	  there are, and their parameters.
 *
 * Prints TAP.
 */
#include "queries.h"
#include "tap.h"

/* The parameters of unit i are this JSON, whose numbers are texts. */
static void
check_params(TtQuery *query, int64_t i, const char *expected, const char *name)
{
	TtUnits *units = tt_units_create(query);
	TtUnit	 unit = tt_units_get(units, query, i);
	json_t	*wanted = json_loads(expected, 0, NULL);
	json_t	*got = NULL;
	TtParams params;

	if (tt_request_params(query, units, &unit, 1, &params))
		got = parse_query(params.query);
	ok(wanted != NULL && got != NULL && json_equal(wanted, got), name);
	if (got == NULL || !json_equal(wanted, got))
	{
		char *text = json_dumps(got, JSON_COMPACT);

		printf("# %s\n", text != NULL ? text : "none");
		free(text);
	}
	json_decref(wanted);
	json_decref(got);
	tt_params_free(&params);
	tt_units_free(units);
}

/* Three accounts have two stores, none, and one: each is asked for by itself. */
static void
test_stores(void)
{
	TtQuery		query = query_of("gmv_max_product_reports_daily", 3);
	TtDays		range = {9646, 9676};
	const char *metrics[] = {"cost"};
	TtSecond	stores[] = {
		   {many_accounts[0], "71"}, {many_accounts[0], "72"}, {many_accounts[2], "73"}};
	TtCondition condition = condition_of(TT_FILTER_IDS, "campaign_ids", 1);
	TtUnits	   *units;

	query.nranges = 1;
	query.ranges = &range;
	query.nnames = 1;
	query.names = metrics;
	query.send_names = true;
	query.second = stores;
	query.nsecond = 3;
	units = tt_units_create(&query);
	ok(units->count == 6, "three stores, two windows");
	ok(tt_units_get(units, &query, 2).account == 2 && tt_units_get(units, &query, 2).second.n == 1,
	   "the third is another account's");
	tt_units_free(units);
	check_params(&query, 2,
				 "{\"advertiser_id\":\"7002238017842757635\",\"store_ids\":[\"73\"],"
				 "\"dimensions\":[\"campaign_id\",\"stat_time_day\"],\"metrics\":[\"cost\"],"
				 "\"start_date\":\"2026-06-29\",\"end_date\":\"2026-06-29\",\"filtering\":"
				 "{\"campaign_statuses\":[\"STATUS_ALL\"],"
				 "\"gmv_max_promotion_types\":[\"PRODUCT\"]},"
				 "\"page\":\"1\",\"page_size\":\"1000\"}",
				 "a report of one store, with what is fixed");
	query.include_deleted = false;
	query.nnames = 0;
	query.nconditions = 1;
	query.conditions = &condition;
	check_params(&query, 0,
				 "{\"advertiser_id\":\"7002238017842757633\",\"store_ids\":[\"71\"],"
				 "\"dimensions\":[\"campaign_id\",\"stat_time_day\"],\"metrics\":[\"cost\"],"
				 "\"start_date\":\"2026-06-29\",\"end_date\":\"2026-06-29\",\"filtering\":"
				 "{\"campaign_ids\":[\"1714125042508817\"],"
				 "\"gmv_max_promotion_types\":[\"PRODUCT\"]},"
				 "\"page\":\"1\",\"page_size\":\"1000\"}",
				 "with a filter, without deleted ones; the metric that all such reports have");
	query.nsecond = 0;
	units = tt_units_create(&query);
	ok(units->count == 0, "no store: nothing to ask");
	tt_units_free(units);
}

static void
test_pixels(void)
{
	TtQuery		query = query_of("pixel_events_statistics", 2);
	TtSecond	pixels[15];
	const char *days[] = {"2026-06-01", "2026-06-08"};
	const char *params[] = {"date_range.start_date", "date_range.end_date"};
	TtCondition required[2];
	TtUnits	   *units;
	TtUnit		unit;

	for (int i = 0; i < 15; i++)
		pixels[i] = (TtSecond){many_accounts[i < 12 ? 0 : 1], ids[i]};
	query.second = pixels;
	query.nsecond = 15;
	for (int i = 0; i < 2; i++)
	{
		required[i] = condition_of(TT_FILTER_PARAM, params[i], 2);
		required[i].values = days;
	}
	query.required = required;
	query.nrequired = 2;
	units = tt_units_create(&query);
	ok(units->naccount_groups == 3 && units->nrequired == 4 && units->count == 12,
	   "12 and 3 pixels by tens, each first day with each last one");
	unit = tt_units_get(units, &query, 4);
	ok(unit.second.first == 10 && unit.second.n == 2, "the rest of the first account");
	tt_units_free(units);
	check_params(&query, 9,
				 "{\"advertiser_id\":\"7002238017842757634\",\"pixel_ids\":[\"1714125042508829\","
				 "\"1714125042508830\",\"1714125042508831\"],"
				 "\"date_range\":{\"start_date\":\"2026-06-01\","
				 "\"end_date\":\"2026-06-08\"}}",
				 "values that make an object");
}

/* Kinds that exclude each other are asked for one by one; 150 campaigns in two. */
static void
test_series(void)
{
	TtQuery		 query = query_of("gmv_max_campaigns", 1);
	const char	*kinds[] = {"PRODUCT_GMV_MAX", "LIVE_GMV_MAX"};
	TtCondition	 kind = {TT_FILTER_ENUM, "gmv_max_promotion_types", NULL, TT_JSON_STRING, 2, kinds};
	TtQuery		 below = query_of("gmv_max_item_group_reports_daily", 1);
	TtDays		 range = {9677, 9677};
	TtSecond	 store = {many_accounts[0], "71"};
	TtCondition	 campaigns = condition_of(TT_FILTER_IDS, "campaign_ids", 150);
	TtUnits		*units;
	const char **values;
	TtUnit		 unit;

	ok(strcmp(tt_stream_asked(query.stream, 0)->values, "PRODUCT_GMV_MAX,LIVE_GMV_MAX") == 0 &&
		   tt_stream_required(query.stream, 0) == NULL,
	   "two kinds of campaigns");
	query.required = &kind;
	query.nrequired = 1;
	query.page_size = 0;
	check_params(&query, 1,
				 "{\"advertiser_id\":\"7002238017842757633\",\"filtering\":{\"primary_status\":"
				 "\"STATUS_ALL\",\"gmv_max_promotion_types\":[\"LIVE_GMV_MAX\"]}}",
				 "the second of them");
	below.nranges = 1;
	below.ranges = &range;
	below.second = &store;
	below.nsecond = 1;
	below.required = &campaigns;
	below.nrequired = 1;
	units = tt_units_create(&below);
	unit = tt_units_get(units, &below, 1);
	ok(units->count == 2 && tt_required_values(&below, &unit, 0, &values) == 50 &&
		   values == ids + 100,
	   "required ids go by hundreds");
	tt_units_free(units);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	init_values();
	test_stores();
	test_pixels();
	test_series();
	return done_testing();
}
