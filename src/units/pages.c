/*
 * pages.c
 *	  Pages that wait to be taken, in the order of arrival.
 *
 * A unit that was read to its end lives on until its last page was taken.
 */
#include "postgres.h"

#include "units/units_private.h"

#include "utils/memutils.h"

/* The page says what its rows do not: the days that they are of. */
static void
tell_period(const TtReading *reading, const TtUnit *spec, TtReadyPage *page)
{
	const TtDay days[TT_PERIOD_VALUES] = {
		[TT_PERIOD_FROM] = spec->days.from,
		[TT_PERIOD_TO] = spec->period_to,
		[TT_PERIOD_COVERED] = spec->days.to,
	};

	if (!tt_report_by_period(&reading->query->stream->report))
		return;
	for (int i = 0; i < TT_PERIOD_VALUES; i++)
		page->period[i] = tt_day_format(days[i], MemoryContextAlloc(page->context, 16));
}

/* Nor do they tell what the endpoint had to be told, where that is one value. */
static void
tell_asked(const TtReading *reading, const TtUnit *spec, TtReadyPage *page)
{
	const TtQuery *query = reading->query;

	if (spec->second.n == 0 && query->nrequired == 0)
		return;
	page->asked = MemoryContextAllocZero(page->context,
										 sizeof(char *) * (query->nrequired + 1));
	if (spec->second.n == 1)
		page->asked[0] = query->second[spec->second.first].id;
	for (int i = 0; i < query->nrequired; i++)
	{
		const char **values;

		if (tt_required_values(query, spec, i, &values) == 1 && values[0][0] != '\0')
			page->asked[i + 1] = values[0];
	}
}

void
tt_page_add(TtReading *reading, TtFetchUnit *unit, TtReply *reply, int number,
			MemoryContext context)
{
	TtReadyPage *page = MemoryContextAllocZero(context, sizeof(TtReadyPage));

	page->unit = unit;
	page->account = tt_unit_account(reading, unit);
	page->owner = tt_unit_owner(reading->query, &unit->unit);
	page->number = number;
	page->reply = reply;
	page->context = context;
	tt_idle_leave_out(reading, reply);
	tell_period(reading, &unit->unit, page);
	tell_asked(reading, &unit->unit, page);
	dlist_push_tail(&unit->ready, &page->node);
	dlist_push_tail(&reading->ready, &page->queue_node);
	reading->nready++;
}

static void
unlink_page(TtReading *reading, TtReadyPage *page)
{
	dlist_delete(&page->node);
	dlist_delete(&page->queue_node);
	reading->nready--;
}

TtReadyPage *
tt_page_take(TtReading *reading)
{
	TtReadyPage *page = dlist_head_element(TtReadyPage, queue_node, &reading->ready);
	TtFetchUnit *unit = page->unit;

	if (page->reply->nrows > 0 || reading->query->totals_only)
	{
		unit->handed_on = true;
		reading->handed_on = true;
	}
	if (tt_unit_owner_index(&unit->unit) >= 0)
		reading->served[tt_unit_owner_index(&unit->unit)] = true;
	unlink_page(reading, page);
	tt_unit_release(unit);
	page->unit = NULL;
	return page;
}

static void
drop_page(TtReading *reading, TtReadyPage *page)
{
	unlink_page(reading, page);
	MemoryContextDelete(page->context);
}

void
tt_pages_drop(TtReading *reading, TtFetchUnit *unit)
{
	while (!dlist_is_empty(&unit->ready))
		drop_page(reading, dlist_head_element(TtReadyPage, node, &unit->ready));
}

void
tt_pages_drop_owner(TtReading *reading, int64 owner)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &reading->ready)
	{
		TtReadyPage *page = dlist_container(TtReadyPage, queue_node, iter.cur);
		TtFetchUnit *unit = page->unit;

		if (page->owner != owner)
			continue;
		drop_page(reading, page);
		tt_unit_release(unit);
	}
}

void
tt_pages_drop_all(TtReading *reading)
{
	while (!dlist_is_empty(&reading->ready))
	{
		TtReadyPage *page = dlist_head_element(TtReadyPage, queue_node, &reading->ready);
		TtFetchUnit *unit = page->unit;

		drop_page(reading, page);
		tt_unit_release(unit);
	}
}

void
tt_unit_release(TtFetchUnit *unit)
{
	if (unit->finished && unit->parts == NULL && dlist_is_empty(&unit->ready))
		pfree(unit);
}
