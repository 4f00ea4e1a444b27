/*
 * cut.c
 *	  Reading a unit in smaller ones, when it is too much for a request.
 *
 * Cut are first the days, then the ids that it asks for, then the metrics, at
 * last the pages: each row still comes from exactly one request (or, of
 * metrics, from one request for each of them).  What was too much for one unit
 * is not tried with the others of the scan.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

/* less than these is not asked for: it would take longer, not shorter */
#define LEAST_NAMES 10
#define LEAST_ROWS	100

void
tt_unit_replace(TtFetch *fetch, TtFetchUnit *unit, const TtUnit *first, const TtUnit *second)
{
	TtFetchUnit like = *unit;

	tt_unit_drop(fetch, unit);
	/* each is in order, but not both together */
	tt_order_lose(fetch);
	(void) tt_unit_begin(fetch, first, &like);
	(void) tt_unit_begin(fetch, second, &like);
}

static int
days_of(const TtFetch *fetch, const TtUnit *unit)
{
	const TtStream *stream = fetch->query->stream;

	if (stream->kind != TT_KIND_REPORT || stream->report.grain == TT_GRAIN_NONE ||
		stream->report.lifetime)
		return 1;
	return unit->days.to - unit->days.from + 1;
}

static bool
cut_days(TtFetch *fetch, TtFetchUnit *unit)
{
	TtUnit first = *tt_unit_whole(unit);
	TtUnit second = first;
	int	   days = days_of(fetch, &first);

	if (days < 2)
		return false;
	first.days.to = first.days.from + (days - 1) / 2;
	second.days.from = first.days.to + 1;
	fetch->max_days = Min(fetch->max_days, (days + 1) / 2);
	tt_unit_replace(fetch, unit, &first, &second);
	return true;
}

/* The values of a condition that the unit sends, and that can be halved. */
static int
values_of(const TtFetch *fetch, const TtFetchUnit *unit)
{
	const TtUnit  *whole = tt_unit_whole(unit);
	const TtUnits *units = fetch->units;

	if (units->batched < 0 ||
		(unit->plain && !tt_unit_cut_by_values(fetch->query, units, whole)) ||
		(whole->within != NULL &&
		 strcmp(whole->within->param, fetch->query->conditions[units->batched].param) == 0))
		return 0;
	return whole->values.n;
}

static bool
cut_values(TtFetch *fetch, TtFetchUnit *unit)
{
	TtUnit first = *tt_unit_whole(unit);
	TtUnit second = first;
	int	   values = values_of(fetch, unit);

	if (values < 2)
		return false;
	first.values.n = values / 2;
	second.values.first += first.values.n;
	second.values.n -= first.values.n;
	fetch->max_values = Min(fetch->max_values, second.values.n);
	tt_unit_replace(fetch, unit, &first, &second);
	return true;
}

/* The ids that the unit keeps to by itself. */
static bool
cut_within(TtFetch *fetch, TtFetchUnit *unit)
{
	TtUnit	  first = *tt_unit_whole(unit);
	TtUnit	  second = first;
	TtWithin *ids;

	if (first.within == NULL || first.within->nids < 2)
		return false;
	ids = MemoryContextAlloc(fetch->context, sizeof(TtWithin) * 2);
	ids[0] = ids[1] = *first.within;
	ids[0].nids /= 2;
	ids[1].ids += ids[0].nids;
	ids[1].nids -= ids[0].nids;
	first.within = &ids[0];
	second.within = &ids[1];
	tt_unit_replace(fetch, unit, &first, &second);
	return true;
}

/* Ask for the metrics in twice as many requests. */
static bool
cut_names(TtFetch *fetch, TtFetchUnit *unit)
{
	TtUnit		whole = *tt_unit_whole(unit);
	TtFetchUnit like = *unit;
	int			names = tt_unit_names(fetch->query, &unit->unit);

	/* sums have no key by which their parts could be put together */
	if (fetch->query->stream->kind != TT_KIND_REPORT || !fetch->query->send_names ||
		fetch->query->sums_only || names < 2 * LEAST_NAMES)
		return false;
	like.max_names = (names + 1) / 2;
	fetch->max_names = Min(fetch->max_names, like.max_names);
	tt_unit_drop(fetch, unit);
	(void) tt_unit_begin(fetch, &whole, &like);
	return true;
}

/* Ask for pages of half the size. */
static bool
cut_pages(TtFetch *fetch, TtFetchUnit *unit)
{
	if (unit->page_size < 2 * LEAST_ROWS)
		return false;
	unit->max_rows = unit->page_size / 2;
	tt_unit_restart(fetch, unit);
	return true;
}

/* slow: fewer rows a page may help too */
static bool
cut(TtFetch *fetch, TtFetchUnit *unit, bool slow)
{
	if (tt_unit_handed_on(unit) || unit == fetch->probe.unit)
		return false;
	unit->slow = unit->slow || slow;
	if (!cut_days(fetch, unit) && !cut_values(fetch, unit) && !cut_within(fetch, unit) &&
		!cut_names(fetch, unit) && !(slow && cut_pages(fetch, unit)))
		return false;
	fetch->stats->retries++;
	return true;
}

void
tt_unit_cut(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure)
{
	if (!cut(fetch, unit, failure->overdue > 1))
		tt_failure_raise(failure);
}

bool
tt_unit_cut_slow(TtFetch *fetch, TtFetchUnit *unit)
{
	return unit->slow && cut(fetch, unit, true);
}

bool
tt_unit_cut_unasked(TtFetch *fetch, const TtFetchJob *job)
{
	TtFetchUnit	 *unit = job->unit;
	const TtUnit *whole = tt_unit_whole(unit);

	if (unit->known || tt_unit_handed_on(unit) || unit == fetch->probe.unit)
		return false;
	if (days_of(fetch, whole) > fetch->max_days)
		return cut_days(fetch, unit);
	return values_of(fetch, unit) > fetch->max_values && cut_values(fetch, unit);
}
