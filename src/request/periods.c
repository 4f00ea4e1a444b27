/*
 * periods.c
 *	  Calendar units: the weeks and months that days belong to.
 *
 * Days are those of a calendar, in whatever time zone they are meant; so there
 * is nothing to convert.  Weeks begin on Monday, as ISO 8601 has it.
 *
 * Pure C.
 */
#include "request/request.h"

#include <stdlib.h>

/* day 0 of the calendar is 0000-03-01, so that the leap day ends a year */
#define DAY_ZERO 730425 /* 2000-01-01 from there */

#define DAYS_IN_ERA 146097 /* 400 years */

TtCivil
tt_day_civil(TtDay day)
{
	int64_t z = (int64_t) day + DAY_ZERO;
	int64_t era = (z >= 0 ? z : z - (DAYS_IN_ERA - 1)) / DAYS_IN_ERA;
	int64_t doe = z - era * DAYS_IN_ERA;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	TtCivil civil;

	civil.day = (int) (doy - (153 * mp + 2) / 5 + 1);
	civil.month = (int) (mp < 10 ? mp + 3 : mp - 9);
	civil.year = yoe + era * 400 + (civil.month <= 2);
	return civil;
}

/* days of the month that begins on the day */
static int
month_length(TtDay first)
{
	/* 31 days on it is the next month, and not yet the one after it */
	return 32 - tt_day_civil((TtDay) (first + 31)).day;
}

TtDay
tt_period_begin(TtGrain grain, TtDay day)
{
	/* 2000-01-03 was a Monday */
	int64_t weekday = ((int64_t) day - 2) % 7;

	switch (grain)
	{
		case TT_GRAIN_WEEK:
			return (TtDay) (day - (weekday < 0 ? weekday + 7 : weekday));
		case TT_GRAIN_MONTH:
			return (TtDay) (day - tt_day_civil(day).day + 1);
		default:
			return day;
	}
}

TtDay
tt_period_end(TtGrain grain, TtDay first)
{
	switch (grain)
	{
		case TT_GRAIN_WEEK:
			return first + 6;
		case TT_GRAIN_MONTH:
			return first + month_length(first) - 1;
		default:
			return first;
	}
}

/* Periods whose first day is in the range, at n; array NULL: only count. */
static int
add_periods(TtGrain grain, TtDays range, TtDays *array, int n)
{
	TtDay first = tt_period_begin(grain, range.from);

	if (first < range.from)
		first = tt_period_end(grain, first) + 1;
	while (first <= range.to)
	{
		if (array != NULL)
		{
			array[n].from = first;
			array[n].to = tt_period_end(grain, first);
		}
		n++;
		first = tt_period_end(grain, first) + 1;
	}
	return n;
}

int
tt_periods(TtGrain grain, const TtDays *ranges, int nranges, TtDays **periods)
{
	int n = 0;

	for (int i = 0; i < nranges; i++)
		n = add_periods(grain, ranges[i], NULL, n);
	*periods = malloc(sizeof(TtDays) * (size_t) (n + 1));
	if (*periods == NULL)
		return -1;
	n = 0;
	for (int i = 0; i < nranges; i++)
		n = add_periods(grain, ranges[i], *periods, n);
	return n;
}
