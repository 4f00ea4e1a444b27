/*
 * periods_test.c
 *	  Weeks and months, against a calendar that is counted day by day; and the
 *	  units and parameters of reports by week, month and period.
 *
 * Prints TAP.
 */
#include "request/request.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* SELECT date '2015-12-28' - date '2000-01-01': a Monday */
#define FIRST_MONDAY 5840

/* ---- the calendar ---- */

/* Each day from a Monday on: its weekday by counting, its date as text. */
static void
test_begin_end(void)
{
	bool weeks = true;
	bool months = true;

	for (int i = 0; i < 40000; i++)
	{
		TtDay day = FIRST_MONDAY + i;
		TtDay monday = day - i % 7;
		TtDay first = tt_period_begin(TT_GRAIN_MONTH, day);
		TtDay last = tt_period_end(TT_GRAIN_MONTH, first);
		char  text[16];
		char  begin[16];
		char  next[16];

		weeks = weeks && tt_period_begin(TT_GRAIN_WEEK, day) == monday &&
				tt_period_end(TT_GRAIN_WEEK, monday) == monday + 6;
		tt_day_format(day, text);
		tt_day_format(first, begin);
		tt_day_format(last + 1, next);
		months = months && first <= day && day <= last && strncmp(begin, text, 7) == 0 &&
				 strcmp(begin + 7, "-01") == 0 && strcmp(next + 7, "-01") == 0 &&
				 last - first < 31;
	}
	ok(weeks, "weeks begin on Monday and have seven days");
	ok(months, "months begin on their first day and end before the next");
	ok(tt_period_begin(TT_GRAIN_WEEK, -1) == -5 && tt_period_begin(TT_GRAIN_WEEK, -5) == -5 &&
		   tt_period_begin(TT_GRAIN_WEEK, -6) == -12,
	   "weeks of the last century");
}

/* ---- those that ranges choose ---- */

static void
check_periods(TtGrain grain, const TtDays *ranges, int nranges, const char *expected,
			  const char *what)
{
	TtDays *periods;
	int		n = tt_periods(grain, ranges, nranges, &periods);
	char	got[512] = "";
	char	from[16];
	char	to[16];

	for (int i = 0; i < n; i++)
	{
		size_t length = strlen(got);

		snprintf(got + length, sizeof(got) - length, "%s%s..%s", i > 0 ? " " : "",
				 tt_day_format(periods[i].from, from), tt_day_format(periods[i].to, to));
	}
	is_text(got, expected, what);
	free(periods);
}

static void
test_choice(void)
{
	/* 2026-06-30 is day 9677, a Tuesday */
	TtDays	june = {9648, 9677};
	TtDays	monday = {9676, 9676};
	TtDays	tuesday = {9677, 9677};
	TtDays	two[] = {{9655, 9655}, {9669, 9675}};
	TtDays	year = {9497, 9861};
	TtDays *periods;

	check_periods(TT_GRAIN_WEEK, &june, 1,
				  "2026-06-01..2026-06-07 2026-06-08..2026-06-14 2026-06-15..2026-06-21 "
				  "2026-06-22..2026-06-28 2026-06-29..2026-07-05",
				  "weeks that begin in June, the last one beyond it");
	check_periods(TT_GRAIN_WEEK, &monday, 1, "2026-06-29..2026-07-05", "a Monday is its week");
	check_periods(TT_GRAIN_WEEK, &tuesday, 1, "", "a Tuesday is none");
	check_periods(TT_GRAIN_WEEK, two, 2, "2026-06-08..2026-06-14 2026-06-22..2026-06-28",
				  "weeks with a gap");
	check_periods(TT_GRAIN_MONTH, &june, 1, "2026-06-01..2026-06-30", "a month");
	check_periods(TT_GRAIN_MONTH, &tuesday, 1, "", "the last day of a month is none");
	ok(tt_periods(TT_GRAIN_MONTH, &year, 1, &periods) == 12, "a year has twelve months");
	free(periods);
	check_periods(TT_GRAIN_WEEK, NULL, 0, "", "nothing of nothing");
}

/* ---- units ---- */

static void
check_unit(const TtUnits *units, const TtQuery *query, int64_t i, const char *expected)
{
	TtUnit	 unit = tt_units_get(units, query, i);
	TtParams params;
	char	 from[16];
	char	 to[16];
	char	 last[16];
	char	 got[96];
	char	 asked[96];

	tt_day_format(unit.days.from, from);
	tt_day_format(unit.days.to, to);
	tt_day_format(unit.period_to, last);
	snprintf(got, sizeof(got), "%d: %s..%s of %s", unit.account, from, to, last);
	is_text(got, expected, "unit");
	snprintf(asked, sizeof(asked), "start_date=%s&end_date=%s", from, to);
	ok(tt_request_params(query, units, &unit, 1, &params) && strstr(params.query, asked) != NULL &&
		   strstr(params.query, "stat_time") == NULL && strstr(params.query, "query_lifetime") == NULL,
	   "its days are asked for, without a dimension of time");
	tt_params_free(&params);
}

static void
test_units(void)
{
	int64_t accounts[] = {7002238017842757633, 7002238017842757634};
	/* July goes on: the last day is one past 2026-06-30; then two that overlap */
	TtDays	 months[] = {{9648, 9677}, {9678, 9708}};
	TtDays	 own[] = {{9600, 9677}, {9600, 9640}};
	TtQuery	 query = {0};
	TtUnits *units;

	query.naccounts = 2;
	query.accounts = accounts;
	query.last_day = 9678;
	query.page_size = 1000;
	query.nranges = 2;
	query.ranges = months;
	query.stream = tt_stream_find("campaigns_reports_monthly");
	units = tt_units_create(&query);
	ok(units->count == 4, "a unit for each account and month");
	check_unit(units, &query, 0, "0: 2026-07-01..2026-07-01 of 2026-07-31");
	check_unit(units, &query, 3, "1: 2026-06-01..2026-06-30 of 2026-06-30");
	tt_units_free(units);

	query.ranges = own;
	query.stream = tt_stream_find("ads_reports_period");
	units = tt_units_create(&query);
	ok(units->count == 4, "periods are not put together, nor cut");
	check_unit(units, &query, 1, "1: 2026-04-14..2026-05-24 of 2026-05-24");
	check_unit(units, &query, 2, "0: 2026-04-14..2026-06-30 of 2026-06-30");
	tt_units_free(units);
}

/* ---- the catalogue ---- */

static void
test_catalogue(void)
{
	int found = 0;

	for (int i = 0; i < tt_stream_count(); i++)
	{
		const TtStream *stream = tt_stream_at(i);
		const TtReport *report = &stream->report;
		TtGrain			of_dimensions = TT_GRAIN_NONE;
		bool			good;

		if (stream->kind != TT_KIND_REPORT)
			continue;
		for (int k = 0; k < report->ndimensions; k++)
			if (tt_grain_of_dimension(report->dimensions[k]) != TT_GRAIN_NONE)
				of_dimensions = tt_grain_of_dimension(report->dimensions[k]);
		good = tt_report_by_period(report) ? of_dimensions == TT_GRAIN_NONE
										   : of_dimensions == report->grain;
		if (!good)
			ok(false, "%s: its line says another grain than its dimensions", stream->name);
		found += tt_report_by_period(report);
	}
	ok(found >= 12, "reports by week, month and period");
	for (int i = 0; tt_idle_metric(i) != NULL; i++)
	{
		TtReport report = {"AUDIENCE", "AUCTION_AD", TT_LV_AD, 2, {"ad_id", "gender"}, TT_GRAIN_WEEK, false};

		ok(tt_metric_find(tt_idle_metric(i)) != NULL &&
			   tt_metric_legal(tt_metric_find(tt_idle_metric(i)), &report),
		   "%s can be asked for in any report by week", tt_idle_metric(i));
	}
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_begin_end();
	test_choice();
	test_units();
	test_catalogue();
	return done_testing();
}
