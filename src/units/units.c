/*
 * units.c
 *	  The units that are being read: beginning, restarting, ending them.
 *
 * A unit that wants more metrics than a request may have is read in parts, each
 * a unit of its own (parts.c puts their rows together).  Parts begin and
 * end together: what is done to one, except its paging, is done to all.
 */
#include "postgres.h"

#include "units/units_private.h"

static TtFetchUnit *
add_unit(TtReading *reading, const TtUnit *spec, const TtFetchUnit *like)
{
	TtFetchUnit *unit = MemoryContextAllocZero(reading->context, sizeof(TtFetchUnit));

	unit->unit = *spec;
	unit->max_names = like != NULL ? like->max_names : reading->max_names;
	unit->unit.cursor = NULL; /* it is another unit's */
	unit->max_rows = like != NULL ? like->max_rows : 0;
	unit->slow = like != NULL && like->slow;
	unit->plain = like != NULL && like->plain;
	unit->reread = like != NULL && like->reread;
	unit->trial = like != NULL ? like->trial : 0;
	dlist_init(&unit->ready);
	dlist_push_tail(&reading->active, &unit->node);
	tt_unit_restart(reading, unit);
	return unit;
}

const TtUnit *
tt_unit_whole(const TtFetchUnit *unit)
{
	return unit->parts != NULL ? tt_parts_whole(unit->parts) : &unit->unit;
}

bool
tt_unit_handed_on(const TtFetchUnit *unit)
{
	return unit->parts != NULL ? tt_parts_get(unit->parts, 0)->handed_on : unit->handed_on;
}

bool
tt_unit_has_next_page(const TtFetchUnit *unit)
{
	return unit->next_page <= (unit->known ? unit->pages : 1);
}

bool
tt_unit_runs_ahead(const TtFetchUnit *unit)
{
	for (int i = 0; unit->parts != NULL && i < tt_parts_count(unit->parts); i++)
	{
		const TtFetchUnit *part = tt_parts_get(unit->parts, i);

		if (!part->finished && part->next_page < unit->next_page &&
			tt_unit_has_next_page(part))
			return true;
	}
	return false;
}

TtFetchUnit *
tt_unit_begin(TtReading *reading, const TtUnit *spec, const TtFetchUnit *like)
{
	const TtQuery *query = reading->query;
	int			   max_names = like != NULL ? like->max_names : reading->max_names;
	TtUnit		   part = *spec;
	TtParts		  *parts;
	TtFetchUnit	  *first = NULL;

	/* each part is ordered by the same metric, so each asks for it */
	if (query->order_field != NULL && max_names > 1)
		max_names--;
	if (query->stream->kind != TT_KIND_REPORT || !query->send_names || query->totals_only ||
		tt_unit_names(query, spec) <= max_names)
		return add_unit(reading, spec, like);
	parts = tt_parts_create(reading, spec);
	part.names.n = 0;
	while (tt_unit_next_part(query, spec, max_names, &part))
	{
		TtFetchUnit *unit = add_unit(reading, &part, like);

		tt_parts_enter(parts, unit);
		if (first == NULL)
			first = unit;
	}
	return first;
}

static void
forget_cursor(TtFetchUnit *unit)
{
	if (unit->unit.cursor != NULL)
		pfree(unconstify(char *, unit->unit.cursor));
	unit->unit.cursor = NULL;
}

/* Forget what came of a unit and what is under way for it. */
static void
clear_unit(TtReading *reading, TtFetchUnit *unit)
{
	forget_cursor(unit);
	tt_jobs_drop(reading, unit);
	tt_pages_drop(reading, unit);
	tt_rows_forget(&unit->rows);
}

void
tt_unit_restart(TtReading *reading, TtFetchUnit *unit)
{
	if (unit->parts != NULL)
	{
		TtUnit		whole = *tt_unit_whole(unit);
		TtFetchUnit like = *unit;

		tt_unit_drop(reading, unit);
		(void) tt_unit_begin(reading, &whole, &like);
		return;
	}
	clear_unit(reading, unit);
	unit->known = false;
	unit->total = -1;
	unit->pages = 1;
	unit->next_page = 1;
	unit->page_size = tt_unit_page_size(reading->query, &unit->unit);
	if (unit->max_rows > 0)
		unit->page_size = Min(unit->page_size, unit->max_rows);
	unit->nrows = 0;
	unit->hourless = 0;
	tt_rows_begin(&reading->verify, &unit->rows, &unit->unit);
}

/* It is no longer read. */
static void
end_unit(TtFetchUnit *unit)
{
	Assert(unit->jobs == 0);
	forget_cursor(unit);
	dlist_delete(&unit->node);
	unit->finished = true;
}

/* Index of the account of the next unit; -1: none. */
static int
next_account(const TtReading *reading)
{
	if (reading->next_unit >= reading->units->count)
		return -1;
	return tt_units_get(reading->units, reading->query, reading->next_unit).account;
}

bool
tt_unit_finish(TtReading *reading, TtFetchUnit *unit)
{
	reading->stats->hourless_rows += unit->hourless;
	tt_rows_finish(&unit->rows, next_account(reading));
	end_unit(unit);
	if (unit->parts != NULL)
		return tt_parts_leave(unit);
	tt_unit_release(unit);
	return true;
}

void
tt_unit_drop(TtReading *reading, TtFetchUnit *unit)
{
	TtParts *parts = unit->parts;

	for (int i = 0; parts != NULL && i < tt_parts_count(parts); i++)
	{
		TtFetchUnit *part = tt_parts_get(parts, i);

		if (part == unit)
			continue;
		clear_unit(reading, part);
		if (!part->finished)
			end_unit(part);
		pfree(part);
	}
	if (unit == reading->alone)
	{
		reading->alone = NULL;
		tt_jobs_unblock(reading);
	}
	clear_unit(reading, unit);
	if (!unit->finished)
		end_unit(unit);
	pfree(unit);
	if (parts != NULL)
		tt_parts_free(parts);
}

void
tt_unit_replace(TtReading *reading, TtFetchUnit *unit, const TtUnit *first,
				const TtUnit *second)
{
	TtFetchUnit like = *unit;

	tt_unit_drop(reading, unit);
	/* each is in order, but not both together */
	tt_order_lose(reading);
	(void) tt_unit_begin(reading, first, &like);
	(void) tt_unit_begin(reading, second, &like);
}

void
tt_unit_add_page(TtReading *reading, TtFetchUnit *unit, TtReply *reply, int number,
				 MemoryContext context)
{
	if (unit->parts != NULL)
		tt_parts_add_page(reading, unit, reply, number, context);
	else
		tt_page_add(reading, unit, reply, number, context);
}

void
tt_row_bound_forget(TtReading *reading)
{
	reading->query->row_bound = 0;
	reading->query->page_size = tt_query_page_size(reading->query->stream, reading->options);
}

void
tt_order_lose(TtReading *reading)
{
	if (reading->query->order_field == NULL)
		return;
	reading->query->order_field = NULL;
	reading->query->order_refused = true;
	tt_row_bound_forget(reading);
}
