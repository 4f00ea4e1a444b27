/*
 * cut.c
 *	  A unit that is too much for a request, or too slow, is read in smaller ones.
 *
 * Cut are first the days, then the ids that it asks for, then the metrics, at
 * last the pages: each row still comes from exactly one request (or, of
 * metrics, from one request for each of them).  What was too much for one unit
 * is not tried with the others of the scan.
 */
#include "postgres.h"

#include "cut/cut.h"

/* less than these is not asked for: it would take longer, not shorter */
#define LEAST_NAMES 10
#define LEAST_ROWS	100

static int
days_of(const TtReading *reading, const TtUnit *unit)
{
	const TtStream *stream = reading->query->stream;

	/* without a time dimension two parts would have the same keys: no sum, unless wanted */
	if (stream->kind != TT_KIND_REPORT ||
		(!tt_report_has_time(&stream->report) && !reading->query->adds_up))
		return 1;
	return unit->days.to - unit->days.from + 1;
}

static bool
cut_days(TtReading *reading, TtFetchUnit *unit)
{
	TtUnit first = *tt_unit_whole(unit);
	TtUnit second = first;
	int	   days = days_of(reading, &first);

	if (days < 2)
		return false;
	first.days.to = first.days.from + (days - 1) / 2;
	second.days.from = first.days.to + 1;
	reading->max_days = Min(reading->max_days, (days + 1) / 2);
	tt_unit_replace(reading, unit, &first, &second);
	return true;
}

/* The values of a condition that the unit sends, and that can be halved. */
static int
values_of(const TtReading *reading, const TtFetchUnit *unit)
{
	const TtUnit  *whole = tt_unit_whole(unit);
	const TtUnits *units = reading->units;

	if (units->batched < 0 ||
		(unit->plain && !tt_unit_cut_by_values(reading->query, units, whole)) ||
		(whole->within != NULL &&
		 strcmp(whole->within->param, reading->query->conditions[units->batched].param) == 0))
		return 0;
	return whole->values.n;
}

static bool
cut_values(TtReading *reading, TtFetchUnit *unit)
{
	TtUnit first = *tt_unit_whole(unit);
	TtUnit second = first;
	int	   values = values_of(reading, unit);

	if (values < 2)
		return false;
	first.values.n = values / 2;
	second.values.first += first.values.n;
	second.values.n -= first.values.n;
	reading->max_values = Min(reading->max_values, second.values.n);
	tt_unit_replace(reading, unit, &first, &second);
	return true;
}

/* The ids that the unit keeps to by itself. */
static bool
cut_within(TtReading *reading, TtFetchUnit *unit)
{
	TtUnit	  first = *tt_unit_whole(unit);
	TtUnit	  second = first;
	TtWithin *ids;

	if (first.within == NULL || first.within->nids < 2)
		return false;
	ids = MemoryContextAlloc(reading->context, sizeof(TtWithin) * 2);
	ids[0] = ids[1] = *first.within;
	ids[0].nids /= 2;
	ids[1].ids += ids[0].nids;
	ids[1].nids -= ids[0].nids;
	first.within = &ids[0];
	second.within = &ids[1];
	tt_unit_replace(reading, unit, &first, &second);
	return true;
}

/* Ask for the metrics in twice as many requests. */
static bool
cut_names(TtReading *reading, TtFetchUnit *unit)
{
	TtUnit		whole = *tt_unit_whole(unit);
	TtFetchUnit like = *unit;
	int			names = tt_unit_names(reading->query, &unit->unit);

	/* totals are not put together from parts */
	if (reading->query->stream->kind != TT_KIND_REPORT || !reading->query->send_names ||
		reading->query->totals_only || names < 2 * LEAST_NAMES)
		return false;
	like.max_names = (names + 1) / 2;
	reading->max_names = Min(reading->max_names, like.max_names);
	tt_unit_drop(reading, unit);
	(void) tt_unit_begin(reading, &whole, &like);
	return true;
}

/* Ask for pages of half the size. */
static bool
cut_pages(TtReading *reading, TtFetchUnit *unit)
{
	if (unit->page_size < 2 * LEAST_ROWS)
		return false;
	unit->max_rows = unit->page_size / 2;
	tt_unit_restart(reading, unit);
	return true;
}

bool
tt_unit_cut(TtReading *reading, TtFetchUnit *unit, bool slow)
{
	if (tt_unit_handed_on(unit) || unit == reading->alone)
		return false;
	unit->slow = unit->slow || slow;
	/* fewer rows a page help where it was too slow */
	return cut_days(reading, unit) || cut_values(reading, unit) || cut_within(reading, unit) ||
		   cut_names(reading, unit) || (slow && cut_pages(reading, unit));
}

bool
tt_unit_cut_slow(TtReading *reading, TtFetchUnit *unit)
{
	return unit->slow && tt_unit_cut(reading, unit, true);
}

bool
tt_unit_cut_before_asking(TtReading *reading, TtFetchUnit *unit)
{
	const TtUnit *whole = tt_unit_whole(unit);

	if (unit->known || tt_unit_handed_on(unit) || unit == reading->alone)
		return false;
	if (days_of(reading, whole) > reading->max_days)
		return cut_days(reading, unit);
	return values_of(reading, unit) > reading->max_values && cut_values(reading, unit);
}
