/*
 * windows_test.c
 *	  Days, ranges of days and the windows they are cut into, against brute force.
 *
 * Prints TAP.
 */
#include "request/request.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* ---- dates ---- */

/* whether the second date is the day after the first */
static bool
follows(const char *before, const char *after)
{
	int y1, m1, d1, y2, m2, d2;

	if (sscanf(before, "%d-%d-%d", &y1, &m1, &d1) != 3 ||
		sscanf(after, "%d-%d-%d", &y2, &m2, &d2) != 3)
		return false;
	if (y2 == y1 && m2 == m1)
		return d2 == d1 + 1;
	return d2 == 1 && d1 >= 28 &&
		   ((y2 == y1 && m2 == m1 + 1) || (y2 == y1 + 1 && m1 == 12 && m2 == 1));
}

static void
test_dates(void)
{
	static const struct
	{
		TtDay		day;
		const char *text;
	} known[] = {
		/* numbers from SELECT date '…' - date '2000-01-01' */
		{0, "2000-01-01"},
		{-1, "1999-12-31"},
		{59, "2000-02-29"},
		{60, "2000-03-01"},
		{366, "2001-01-01"},
		{8825, "2024-02-29"},
		{8826, "2024-03-01"},
		{9190, "2025-02-28"},
		{9191, "2025-03-01"},
		{9677, "2026-06-30"},
		{36583, "2100-02-28"},
		{36584, "2100-03-01"},
		{146156, "2400-02-29"},
		{2921939, "9999-12-31"},
		{-10957, "1970-01-01"},
		{-36465, "1900-03-01"},
		{-36466, "1900-02-28"},
		{-730119, "0001-01-01"},
		{-730120, "0000-12-31"},
	};
	char buf[16];
	bool steady = true;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		is_text(tt_day_format(known[i].day, buf), known[i].text, "date");
	/* every day from 1900 on follows the one before */
	tt_day_format(-36525, buf);
	for (TtDay day = -36524; day < 150000 && steady; day++)
	{
		char next[16];

		tt_day_format(day, next);
		steady = follows(buf, next);
		memcpy(buf, next, sizeof(buf));
	}
	ok(steady, "each day follows the one before");
	ok(strlen(tt_day_format(TT_DAY_MAX, buf)) < 16 && strlen(tt_day_format(TT_DAY_MIN, buf)) < 16,
	   "the largest and the smallest day fit the buffer");
}

/* ---- ranges and windows ---- */

static void
format_ranges(const TtDays *ranges, int n, char *buf, size_t size)
{
	size_t length = 0;

	buf[0] = '\0';
	for (int i = 0; i < n; i++)
		length += (size_t) snprintf(buf + length, size - length, "%s%d-%d", i > 0 ? " " : "",
									ranges[i].from, ranges[i].to);
}

static void
test_ranges(void)
{
	TtDays	mixed[] = {{7, 9}, {1, 3}, {5, 4}, {4, 4}, {8, 12}, {20, 20}, {13, 13}};
	TtDays	ends[] = {{TT_DAY_MAX, TT_DAY_MAX}, {TT_DAY_MIN, 3}, {4, TT_DAY_MAX}};
	TtDays	a[] = {{1, 5}, {8, 10}, {20, 30}};
	TtDays	b[] = {{4, 8}, {10, 25}};
	TtDays	all[] = {{TT_DAY_MIN, TT_DAY_MAX}};
	TtDays *both;
	char	buf[200];
	int		n;

	n = tt_ranges_normalise(mixed, 7);
	format_ranges(mixed, n, buf, sizeof(buf));
	is_text(buf, "1-4 7-13 20-20", "ranges are sorted, joined where they touch, empty ones dropped");
	n = tt_ranges_normalise(ends, 3);
	ok(n == 1 && ends[0].from == TT_DAY_MIN && ends[0].to == TT_DAY_MAX, "joining does not overflow");
	ok(tt_ranges_normalise(mixed, 0) == 0, "no ranges");
	n = tt_ranges_intersect(a, 3, b, 2, &both);
	format_ranges(both, n, buf, sizeof(buf));
	is_text(buf, "4-5 8-8 10-10 20-25", "intersection");
	free(both);
	n = tt_ranges_intersect(a, 3, all, 1, &both);
	format_ranges(both, n, buf, sizeof(buf));
	is_text(buf, "1-5 8-10 20-30", "intersection with everything");
	free(both);
	ok(tt_ranges_intersect(a, 3, b, 0, &both) == 0, "intersection with nothing");
	free(both);
}

static void
check_windows(const TtDays *ranges, int n, int span, const char *expected, const char *what)
{
	TtDays *windows;
	char	buf[500];
	int		count = tt_windows(ranges, n, span, &windows);

	format_ranges(windows, count, buf, sizeof(buf));
	is_text(buf, expected, what);
	free(windows);
}

static void
test_windows(void)
{
	TtDays days65[] = {{1, 65}};
	TtDays days60[] = {{1, 60}};
	TtDays islands[] = {{1, 2}, {29, 31}, {100, 100}};
	TtDays gap[] = {{1, 10}, {50, 60}};
	TtDays two[] = {{5, 6}};
	TtDays last[] = {{TT_DAY_MAX - 1, TT_DAY_MAX}};

	check_windows(days65, 1, 30, "1-30 31-60 61-65", "35 days beyond a border");
	check_windows(days60, 1, 30, "1-30 31-60", "no empty window at a border");
	check_windows(two, 1, 1, "5-5 6-6", "a window a day");
	check_windows(gap, 2, 30, "1-10 50-60", "no window over a gap that is too wide");
	check_windows(islands, 3, 30, "1-30 31-31 100-100", "one window over a gap that fits");
	check_windows(gap, 2, 0, "1-60", "no span: one window");
	check_windows(gap, 0, 30, "", "nothing wanted: no window");
	check_windows(last, 1, 30, "2147483646-2147483647", "no overflow at the last day");
}

/* Windows for who wants some rows only. */
static void
test_windows_newest_full(void)
{
	TtDays	days65[] = {{1, 65}};
	TtDays	gap[] = {{1, 10}, {50, 60}};
	TtDays	whole[] = {{TT_DAY_MIN, TT_DAY_MIN + 1}, {TT_DAY_MAX - 1, TT_DAY_MAX}};
	TtDays *windows;
	char	buf[500];
	int		count = tt_windows_newest_full(days65, 1, 30, &windows);

	format_ranges(windows, count, buf, sizeof(buf));
	is_text(buf, "1-5 6-35 36-65", "the newest window is full");
	free(windows);
	count = tt_windows_newest_full(gap, 2, 30, &windows);
	format_ranges(windows, count, buf, sizeof(buf));
	is_text(buf, "1-10 50-60", "nor is a gap asked for there");
	free(windows);
	count = tt_windows_newest_full(whole, 2, 30, &windows);
	format_ranges(windows, count, buf, sizeof(buf));
	is_text(buf, "-2147483648--2147483647 2147483646-2147483647", "no overflow at either end");
	free(windows);
	count = tt_windows_newest_full(NULL, 0, 30, &windows);
	ok(count == 0, "nothing wanted, no newest window");
	free(windows);
}

/* Windows of rows that are added up: no day that is not wanted. */
static void
test_windows_exact(void)
{
	TtDays	islands[] = {{1, 2}, {29, 31}, {100, 100}};
	TtDays	years[] = {{1, 800}};
	TtDays	year[] = {{1, 365}};
	TtDays	last[] = {{TT_DAY_MAX - 1, TT_DAY_MAX}};
	TtDays *windows;
	int		count;
	char	buf[500];

	count = tt_windows_exact(islands, 3, 365, &windows);
	format_ranges(windows, count, buf, sizeof(buf));
	is_text(buf, "1-2 29-31 100-100", "no window over a gap");
	free(windows);
	count = tt_windows_exact(years, 1, 365, &windows);
	format_ranges(windows, count, buf, sizeof(buf));
	is_text(buf, "1-365 366-730 731-800", "years");
	free(windows);
	count = tt_windows_exact(year, 1, 365, &windows);
	format_ranges(windows, count, buf, sizeof(buf));
	is_text(buf, "1-365", "no empty window at the border of a year");
	free(windows);
	count = tt_windows_exact(last, 1, 365, &windows);
	format_ranges(windows, count, buf, sizeof(buf));
	is_text(buf, "2147483646-2147483647", "exact windows do not overflow at the last day");
	free(windows);
	ok(tt_windows_exact(NULL, 0, 365, &windows) == 0, "nothing wanted, no exact window");
	free(windows);
}

/* Windows are legal, begin and end wanted, cover all, and are as few as can be. */
static const char *
windows_wrong(int (*cut)(const TtDays *, int, int, TtDays **), const TtDays *ranges, int n,
			  int span, const bool *wanted, int ndays)
{
	TtDays	   *windows;
	int			count = cut(ranges, n, span, &windows);
	const char *wrong = NULL;
	bool		covered[200] = {false};
	int			fewest = 0;

	/* greedy cover, which is the least one for intervals of one length */
	for (int day = 0; day < ndays;)
	{
		if (!wanted[day])
		{
			day++;
			continue;
		}
		fewest++;
		day += span;
	}
	if (count != fewest)
		wrong = "not the fewest";
	for (int i = 0; i < count; i++)
	{
		const TtDays *w = &windows[i];

		if (w->from > w->to || w->to - w->from >= span)
			wrong = "illegal length";
		else if (w->from < 0 || w->to >= ndays || !wanted[w->from] || !wanted[w->to])
			wrong = "begins or ends unwanted";
		else if (i > 0 && w->from <= windows[i - 1].to)
			wrong = "overlap";
		else
			for (int day = w->from; day <= w->to; day++)
				covered[day] = true;
	}
	for (int day = 0; day < ndays; day++)
		if (wanted[day] && !covered[day])
			wrong = "day left out";
	free(windows);
	return wrong;
}

static void
test_random_windows(void)
{
	const char *wrong = NULL;
	int			round;

	for (round = 0; round < 20000 && wrong == NULL; round++)
	{
		bool   wanted[120] = {false};
		TtDays ranges[60];
		int	   n = random_below(8);
		int	   span = 1 + random_below(35);
		int	   nranges = 0;

		for (int i = 0; i < n; i++)
		{
			int from = random_below(120);
			int to = from + random_below(random_below(2) ? 4 : 60);

			ranges[nranges].from = from;
			ranges[nranges++].to = to < 120 ? to : 119;
			for (int day = from; day <= to && day < 120; day++)
				wanted[day] = true;
		}
		nranges = tt_ranges_normalise(ranges, nranges);
		wrong = windows_wrong(tt_windows, ranges, nranges, span, wanted, 120);
		if (wrong == NULL)
			wrong = windows_wrong(tt_windows_newest_full, ranges, nranges, span, wanted, 120);
		if (wrong != NULL)
			printf("# round %d, span %d: %s\n", round, span, wrong);
	}
	ok(wrong == NULL && round == 20000, "random windows cover, legally and with the fewest requests");
}

static void
test_spans(void)
{
	ok(tt_request_span(tt_stream_find("ads_reports_daily")) == 30, "30 days with stat_time_day");
	ok(tt_request_span(tt_stream_find("ads_reports_hourly")) == 1, "one day with stat_time_hour");
	ok(tt_request_span(tt_stream_find("ads_reports_lifetime")) == 0, "no limit for lifetime");
	ok(tt_request_span(tt_stream_find("campaigns")) == 0, "nor for entities");
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_dates();
	test_ranges();
	test_windows();
	test_windows_newest_full();
	test_windows_exact();
	test_random_windows();
	test_spans();
	return done_testing();
}
