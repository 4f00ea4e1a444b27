/*
 * windows.c
 *	  Days: ranges of them, and the windows of days that requests ask for.
 *
 * Pure C.
 */
#include "request/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
tt_request_span(const TtStream *stream)
{
	return stream->kind == TT_KIND_REPORT ? tt_grain_days(stream->report.grain) : 0;
}

const char *
tt_day_format(TtDay day, char *buf)
{
	TtCivil civil = tt_day_civil(day);

	snprintf(buf, 16, "%04" PRId64 "-%02d-%02d", civil.year, civil.month, civil.day);
	return buf;
}

static int
compare_ranges(const void *a, const void *b)
{
	const TtDays *x = a;
	const TtDays *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

int
tt_ranges_normalise(TtDays *ranges, int nranges)
{
	int n = 0;

	if (nranges == 0)
		return 0;
	qsort(ranges, (size_t) nranges, sizeof(TtDays), compare_ranges);
	for (int i = 0; i < nranges; i++)
	{
		if (ranges[i].from > ranges[i].to)
			continue;
		if (n > 0 && (int64_t) ranges[i].from <= (int64_t) ranges[n - 1].to + 1)
		{
			if (ranges[i].to > ranges[n - 1].to)
				ranges[n - 1].to = ranges[i].to;
		}
		else
			ranges[n++] = ranges[i];
	}
	return n;
}

int
tt_ranges_intersect(const TtDays *a, int na, const TtDays *b, int nb,
					TtDays **result)
{
	int n = 0;

	*result = malloc(sizeof(TtDays) * (size_t) (na + nb + 1));
	if (*result == NULL)
		return -1;
	for (int i = 0, j = 0; i < na && j < nb;)
	{
		TtDays both;

		both.from = a[i].from > b[j].from ? a[i].from : b[j].from;
		both.to = a[i].to < b[j].to ? a[i].to : b[j].to;
		if (both.from <= both.to)
			(*result)[n++] = both;
		if (a[i].to < b[j].to)
			i++;
		else
			j++;
	}
	return n;
}

int
tt_windows(const TtDays *ranges, int nranges, int span, TtDays **windows)
{
	int64_t upper = nranges + 1;
	int		n = 0;
	int64_t next;

	for (int i = 0; span > 0 && i < nranges; i++)
		upper += ((int64_t) ranges[i].to - ranges[i].from) / span + 1;
	*windows = malloc(sizeof(TtDays) * (size_t) upper);
	if (*windows == NULL)
		return -1;
	if (nranges == 0)
		return 0;
	if (span <= 0)
	{
		(*windows)[0].from = ranges[0].from;
		(*windows)[0].to = ranges[nranges - 1].to;
		return 1;
	}
	next = ranges[0].from;
	for (int i = 0; i < nranges;)
	{
		TtDays	window;
		int64_t last;

		if (next < ranges[i].from)
			next = ranges[i].from;
		last = next + span - 1;
		window.from = (TtDay) next;
		/* the last wanted day that still fits */
		while (i < nranges && ranges[i].to <= last)
			i++;
		if (i < nranges && ranges[i].from <= last)
			window.to = (TtDay) last;
		else
			window.to = ranges[i - 1].to;
		(*windows)[n++] = window;
		next = (int64_t) window.to + 1;
	}
	return n;
}

int
tt_windows_exact(const TtDays *ranges, int nranges, int span, TtDays **windows)
{
	int64_t upper = nranges + 1;
	int		n = 0;

	for (int i = 0; i < nranges; i++)
		upper += ((int64_t) ranges[i].to - ranges[i].from) / span;
	*windows = malloc(sizeof(TtDays) * (size_t) upper);
	if (*windows == NULL)
		return -1;
	for (int i = 0; i < nranges; i++)
		for (int64_t from = ranges[i].from; from <= ranges[i].to; from += span)
		{
			int64_t last = from + span - 1;

			(*windows)[n].from = (TtDay) from;
			(*windows)[n++].to = last < ranges[i].to ? (TtDay) last : ranges[i].to;
		}
	return n;
}

/* The order of days turned round, and back; a minus sign would overflow. */
static void
mirror(const TtDays *from, int n, TtDays *to)
{
	for (int i = 0; i < n; i++)
	{
		to[n - 1 - i].from = ~from[i].to;
		to[n - 1 - i].to = ~from[i].from;
	}
}

int
tt_windows_newest_full(const TtDays *ranges, int nranges, int span, TtDays **windows)
{
	TtDays *mirrored = malloc(sizeof(TtDays) * (size_t) (nranges + 1));
	TtDays *ascending;
	int		n;

	if (mirrored == NULL)
		return -1;
	mirror(ranges, nranges, mirrored);
	n = tt_windows(mirrored, nranges, span, windows);
	free(mirrored);
	if (n <= 0)
		return n;
	ascending = malloc(sizeof(TtDays) * (size_t) n);
	if (ascending != NULL)
		mirror(*windows, n, ascending);
	free(*windows);
	*windows = ascending;
	return ascending == NULL ? -1 : n;
}

/*
 * The windows of rows of which some will do: the first that is asked is as wide
 * as can be, and the day that has not begun in UTC is the last to be asked by itself.
 */
static int
sample_windows(const TtQuery *query, int span, TtDays **windows)
{
	int n = tt_windows_newest_full(query->ranges, query->nranges, span, windows);

	if (n > 1 && (*windows)[n - 1].from == query->last_day)
	{
		TtDays to_come = (*windows)[n - 1];

		memmove(*windows + 1, *windows, sizeof(TtDays) * (size_t) (n - 1));
		(*windows)[0] = to_come;
	}
	return n;
}

int
tt_query_windows(const TtQuery *query, TtDays **windows)
{
	int span = tt_request_span(query->stream);

	if (query->adds_up)
		return tt_windows_exact(query->ranges, query->nranges, TT_UNDATED_DAYS, windows);
	if (query->row_bound > 0 && !tt_report_by_period(&query->stream->report))
		return sample_windows(query, span, windows);
	if (!tt_report_by_period(&query->stream->report))
		return tt_windows(query->ranges, query->nranges, span, windows);
	*windows = malloc(sizeof(TtDays) * (size_t) (query->nranges + 1));
	if (*windows == NULL)
		return -1;
	for (int i = 0; i < query->nranges; i++)
		(*windows)[i] = query->ranges[i];
	return query->nranges;
}
