/*
 * units_test.c
 *	  The units of a query: which there are, and that none is missing.
 *
 * Prints TAP.
 */
#include "queries.h"
#include "tap.h"

static void
test_units(void)
{
	TtQuery	 query = query_of("advertisers", 250);
	TtUnits *units = tt_units_create(&query);
	TtUnit	 unit;

	ok(units->count == 3, "250 accounts are three requests");
	unit = tt_units_get(units, &query, 0);
	ok(unit.account == 0 && unit.naccounts == 100, "the first has 100");
	unit = tt_units_get(units, &query, 2);
	ok(unit.account == 200 && unit.naccounts == 50, "the last has the rest");
	tt_units_free(units);

	query = query_of("advertiser_ids", 0);
	units = tt_units_create(&query);
	unit = tt_units_get(units, &query, 0);
	ok(units->count == 1 && unit.naccounts == 0, "the list of accounts is one request, of no account");
	tt_units_free(units);

	query = query_of("campaigns", 0);
	units = tt_units_create(&query);
	ok(units->count == 0, "no account: nothing to ask");
	tt_units_free(units);
	tt_units_free(NULL);
}

/* Each account × window × batch exactly once. */
static void
test_product(void)
{
	TtQuery		query = query_of("ads_reports_daily", 3);
	TtDays		range = {0, 64};
	TtCondition condition = condition_of(TT_FILTER_IDS, "ad_ids", 201);
	TtUnits	   *units;
	int			seen[3][3][3] = {{{0}}};
	TtDay		newest = TT_DAY_MAX;
	bool		good = true;

	query.nranges = 1;
	query.ranges = &range;
	query.nconditions = 1;
	query.conditions = &condition;
	units = tt_units_create(&query);
	ok(units->nwindows == 3 && units->naccount_groups == 3 && units->nbatches == 3 &&
		   units->count == 27,
	   "3 accounts, 65 days, 201 ids: 27 units");
	for (int64_t i = 0; i < units->count; i++)
	{
		TtUnit unit = tt_units_get(units, &query, i);

		if (unit.naccounts != 1 || unit.account > 2 || unit.values.first > 200 ||
			unit.days.from % 30 != 0)
			good = false;
		else
			seen[unit.account][unit.days.from / 30][unit.values.first / 100]++;
		good = good && unit.days.from <= newest;
		newest = unit.days.from;
	}
	for (int i = 0; i < 27; i++)
		good = good && ((int *) seen)[i] == 1;
	ok(good, "each of them once, the newest window first");
	tt_units_free(units);
}

/* Some rows will do: the first request covers as many days as it may. */
static void
test_sample(void)
{
	TtQuery	 query = query_of("ads_reports_daily", 2);
	TtDays	 days = {100, 164};
	TtUnits *units;
	TtUnit	 unit;

	query.nranges = 1;
	query.ranges = &days;
	query.last_day = 164;
	query.row_bound = 200;
	units = tt_units_create(&query);
	unit = tt_units_get(units, &query, 0);
	ok(units->count == 6 && unit.days.from == 135 && unit.days.to == 164, "30 days come first");
	unit = tt_units_get(units, &query, 5);
	ok(unit.days.from == 100 && unit.days.to == 104, "the rest last");
	tt_units_free(units);

	query = query_of("ads_reports_hourly", 2);
	query.nranges = 1;
	query.ranges = &days;
	query.last_day = 164;
	query.row_bound = 200;
	units = tt_units_create(&query);
	unit = tt_units_get(units, &query, 0);
	ok(units->count == 130 && unit.days.from == 163, "by the hour: first the day that goes on");
	unit = tt_units_get(units, &query, 127);
	ok(unit.days.from == 100, "back to the first");
	unit = tt_units_get(units, &query, 129);
	ok(unit.days.from == 164 && unit.account == 1, "the day to come is asked last, too");
	tt_units_free(units);
	query.row_bound = 0;
	units = tt_units_create(&query);
	unit = tt_units_get(units, &query, 0);
	ok(unit.days.from == 164, "all rows: the newest day first");
	tt_units_free(units);
}

/* All ids of all batches, each once, none of more than limit. */
static bool
batches_complete(TtQuery *query, const TtUnits *units, const char *param, int limit, int nids)
{
	int	 found[2000] = {0};
	bool good = true;

	for (int64_t i = 0; i < units->count; i++)
	{
		TtUnit	 unit = tt_units_get(units, query, i);
		TtParams params;
		json_t	*object;
		json_t	*list;
		json_t	*value;
		size_t	 k;

		if (!tt_request_params(query, units, &unit, 1, &params))
			return false;
		object = parse_query(params.query);
		list = json_object_get(json_object_get(object, "filtering"), param);
		good = good && json_array_size(list) > 0 && json_array_size(list) <= (size_t) limit;
		json_array_foreach(list, k, value)
		{
			int64_t n = strtoll(json_string_value(value), NULL, 10) - INT64_C(1714125042508817);

			if (n < 0 || n >= nids)
				good = false;
			else
				found[n]++;
		}
		json_decref(object);
		tt_params_free(&params);
	}
	for (int i = 0; i < nids; i++)
		good = good && found[i] == 1;
	return good;
}

static void
test_batches(void)
{
	static const int sizes[] = {1, 100, 101, 200, 350};
	static const int sizes20[] = {1, 20, 21, 100};
	TtCondition		 conditions[3];
	TtQuery			 query;
	TtUnits			*units;

	for (int i = 0; i < 5; i++)
	{
		query = query_of("campaigns", 1);
		conditions[0] = condition_of(TT_FILTER_IDS, "campaign_ids", sizes[i]);
		query.nconditions = 1;
		query.conditions = conditions;
		units = tt_units_create(&query);
		ok(units->count == (sizes[i] + 99) / 100 &&
			   batches_complete(&query, units, "campaign_ids", 100, sizes[i]),
		   "%d ids, 100 a request", sizes[i]);
		tt_units_free(units);
	}
	for (int i = 0; i < 4; i++)
	{
		query = query_of("creative_assets_videos", 1);
		conditions[0] = condition_of(TT_FILTER_IDS20, "material_ids", sizes20[i]);
		query.nconditions = 1;
		query.conditions = conditions;
		units = tt_units_create(&query);
		ok(units->count == (sizes20[i] + 19) / 20 &&
			   batches_complete(&query, units, "material_ids", 20, sizes20[i]),
		   "%d ids, 20 a request", sizes20[i]);
		tt_units_free(units);
	}

	/* one value at most, where the API takes one */
	query = query_of("campaigns", 1);
	conditions[0] = condition_of(TT_FILTER_EQ, "objective_type", 3);
	query.nconditions = 1;
	query.conditions = conditions;
	units = tt_units_create(&query);
	ok(units->count == 3, "three values of a filter that takes one are three requests");
	tt_units_free(units);
}

/* Two big conditions would multiply: only the cheaper one is sent. */
static void
test_batches_of_two(void)
{
	TtCondition conditions[3];
	TtQuery		query = query_of("ads", 1);
	TtUnits	   *units;
	TtParams	params;
	TtUnit		unit;
	json_t	   *object;

	conditions[0] = condition_of(TT_FILTER_IDS, "campaign_ids", 500);
	conditions[1] = condition_of(TT_FILTER_IDS, "adgroup_ids", 300);
	conditions[2] = condition_of(TT_FILTER_IDS, "ad_ids", 50);
	query.nconditions = 3;
	query.conditions = conditions;
	units = tt_units_create(&query);
	ok(units->count == 3 && query.nconditions == 2 &&
		   strcmp(query.conditions[0].param, "adgroup_ids") == 0 &&
		   strcmp(query.conditions[1].param, "ad_ids") == 0,
	   "of two big conditions the smaller is batched, the other left to the recheck");
	ok(batches_complete(&query, units, "adgroup_ids", 100, 300), "and its batches are complete");
	tt_units_free(units);

	conditions[0] = condition_of(TT_FILTER_IDS, "adgroup_ids", 300);
	conditions[1] = condition_of(TT_FILTER_IDS, "ad_ids", 50);
	query.nconditions = 2;
	units = tt_units_create(&query);
	unit = tt_units_get(units, &query, 2);
	tt_request_params(&query, units, &unit, 1, &params);
	object = parse_query(params.query);
	ok(json_array_size(json_object_get(json_object_get(object, "filtering"), "ad_ids")) == 50,
	   "a small condition goes with each batch");
	json_decref(object);
	tt_params_free(&params);
	tt_units_free(units);
}

/* Conditions that fit are one batch, which can be cut. */
static void
test_divisible(void)
{
	TtQuery		query = query_of("ads", 1);
	TtCondition conditions[3];
	TtUnits	   *units;
	TtUnit		unit;

	conditions[0] = condition_of(TT_FILTER_ENUMS, "objective_type", 90);
	conditions[1] = condition_of(TT_FILTER_IDS, "adgroup_ids", 30);
	conditions[2] = condition_of(TT_FILTER_IDS, "ad_ids", 50);
	query.nconditions = 3;
	query.conditions = conditions;
	units = tt_units_create(&query);
	unit = tt_units_get(units, &query, 0);
	ok(units->count == 1 && query.nconditions == 3 && units->batched == 2 &&
		   unit.values.n == 50 && !tt_unit_cut_by_values(&query, units, &unit),
	   "of conditions that fit, the one with most ids may be divided");
	unit.values.n = 25;
	ok(tt_unit_cut_by_values(&query, units, &unit), "and a unit that has half of them was cut");
	tt_units_free(units);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	init_values();
	test_units();
	test_product();
	test_sample();
	test_batches();
	test_batches_of_two();
	test_divisible();
	return done_testing();
}
