/*
 * fetch_cut.c
 *	  Reading a unit in smaller ones, when it is too much for a request.
 *
 * Cut are first the days, then the ids that conditions name, then the metrics,
 * at last the pages: each row still comes from exactly one request (or, of
 * metrics, from one request for each of them).
 */
#include "postgres.h"

#include "fetch_private.h"

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

/* The two halves of a slice, or false if it cannot be cut. */
static bool
cut_slice(TtSlice *first, TtSlice *second)
{
	if (first->n < 2)
		return false;
	first->n /= 2;
	second->first += first->n;
	second->n -= first->n;
	return true;
}

static bool
cut_days(const TtFetch *fetch, TtUnit *first, TtUnit *second)
{
	const TtStream *stream = fetch->query->stream;

	if (stream->kind != TT_KIND_REPORT || stream->report.grain == TT_GRAIN_NONE ||
		stream->report.lifetime || first->days.from >= first->days.to)
		return false;
	first->days.to = first->days.from + (first->days.to - first->days.from) / 2;
	second->days.from = first->days.to + 1;
	return true;
}

/* Ask for the metrics in twice as many requests. */
static bool
cut_names(TtFetch *fetch, TtFetchUnit *unit)
{
	TtUnit		whole = *tt_unit_whole(unit);
	TtFetchUnit like = *unit;
	int			names = tt_unit_names(fetch->query, &unit->unit);

	if (fetch->query->stream->kind != TT_KIND_REPORT || !fetch->query->send_names ||
		names < 2 * LEAST_NAMES)
		return false;
	like.max_names = (names + 1) / 2;
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

void
tt_unit_cut(TtFetch *fetch, TtFetchUnit *unit, const TtFault *fault)
{
	TtUnit first = *tt_unit_whole(unit);
	TtUnit second = first;

	if (tt_unit_handed_on(unit))
		tt_fault_raise(fault);
	if (cut_days(fetch, &first, &second) || cut_slice(&first.values, &second.values))
		tt_unit_replace(fetch, unit, &first, &second);
	else if (!cut_names(fetch, unit) && !(fault->overdue > 1 && cut_pages(fetch, unit)))
		tt_fault_raise(fault);
	fetch->stats->retries++;
}
