/*
 * parts.c
 *	  A unit that was asked for in parts: their rows are put together by their keys.
 *
 * A request may have 100 metrics, so a unit that wants more is read several
 * times side by side, each time with others.  Rows belong together by their key;
 * a page of the first part leaves when every row of it has met its counterparts.
 * Pages of the parts usually have the same rows, since they are asked for alike,
 * so about as many pages wait here as are in flight; but that is not promised.
 *
 * Ownership: a TtParts lives in a context of its own, below the reading's.  A page that
 * waits owns its context, as one that is ready does; tt_parts_free() ends both.
 */
#include "postgres.h"

#include "units/units_private.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

/* a page some of whose rows have not met all of their counterparts */
typedef struct HeldPage
{
	dlist_node	  node; /* in parts->pages */
	TtReply		 *reply;
	MemoryContext context; /* of all of it, this included */
	int			  number;
	int			  left; /* rows that wait */
} HeldPage;

/* one row of it */
typedef struct Cell
{
	dlist_node node;
	HeldPage  *page;
	int		   row;
} Cell;

/* the rows of one key that wait, by part; usually one or none */
typedef struct Row
{
	uint64		key;
	dlist_head *cells;
} Row;

struct TtParts
{
	MemoryContext context;
	TtUnit		  whole;
	int			  count;
	TtFetchUnit **units;
	int			  open; /* parts that are still being read */
	HTAB		 *rows; /* Row */
	dlist_head	  pages;
	int			 *held; /* how many pages wait in all units of the reading */
};

TtParts *
tt_parts_create(TtReading *reading, const TtUnit *whole)
{
	MemoryContext context = AllocSetContextCreate(reading->context, "tiktok_fdw parts",
												  ALLOCSET_DEFAULT_SIZES);
	TtParts		 *parts = MemoryContextAllocZero(context, sizeof(TtParts));
	HASHCTL		  control = {0};

	parts->context = context;
	parts->whole = *whole;
	parts->held = &reading->nheld;
	dlist_init(&parts->pages);
	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(Row);
	control.hcxt = context;
	parts->rows = hash_create("tiktok_fdw parts", 1024, &control,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return parts;
}

void
tt_parts_enter(TtParts *parts, TtFetchUnit *unit)
{
	if (parts->units == NULL)
		parts->units = MemoryContextAlloc(parts->context, sizeof(TtFetchUnit *));
	else
		parts->units = repalloc(parts->units, sizeof(TtFetchUnit *) * (parts->count + 1));
	unit->parts = parts;
	unit->part = parts->count;
	parts->units[parts->count++] = unit;
	parts->open++;
}

int
tt_parts_count(const TtParts *parts)
{
	return parts->count;
}

TtFetchUnit *
tt_parts_get(const TtParts *parts, int part)
{
	return parts->units[part];
}

const TtUnit *
tt_parts_whole(const TtParts *parts)
{
	return &parts->whole;
}

/* All of a page's rows have met: it is no longer held. */
static void
release_page(TtParts *parts, HeldPage *page)
{
	dlist_delete(&page->node);
	(*parts->held)--;
}

/* Add what another part says of a row. */
static void
merge_cell(Cell *to, const Cell *from)
{
	TtReply *reply = to->page->reply;

	for (int slot = 0; slot < reply->nslots; slot++)
	{
		TtValue		  *value = tt_reply_value(reply, to->row, slot);
		const TtValue *other = tt_reply_value(from->page->reply, from->row, slot);

		if (value->kind != TT_VALUE_MISSING || other->kind == TT_VALUE_MISSING)
			continue;
		*value = *other;
		if (other->text == NULL)
			continue;
		value->text = MemoryContextAlloc(to->page->context, other->length + 1);
		memcpy(value->text, other->text, other->length + 1);
	}
}

/* Every part has a row of the key: make them one. */
static void
complete_row(TtReading *reading, TtParts *parts, Row *row)
{
	Cell	 *first = dlist_container(Cell, node, dlist_pop_head_node(&row->cells[0]));
	HeldPage *page = first->page;

	for (int part = 1; part < parts->count; part++)
	{
		Cell *cell = dlist_container(Cell, node,
									 dlist_pop_head_node(&row->cells[part]));

		merge_cell(first, cell);
		if (--cell->page->left == 0)
		{
			release_page(parts, cell->page);
			MemoryContextDelete(cell->page->context);
		}
	}
	if (--page->left == 0)
	{
		release_page(parts, page);
		tt_page_add(reading, parts->units[0], page->reply, page->number, page->context);
	}
}

static void
add_row(TtReading *reading, TtParts *parts, int part, HeldPage *page, int row, uint64 key)
{
	bool  found;
	Row	 *entry = hash_search(parts->rows, &key, HASH_ENTER, &found);
	Cell *cell = MemoryContextAlloc(page->context, sizeof(Cell));
	bool  complete = true;
	bool  empty = true;

	if (!found)
	{
		entry->cells = MemoryContextAlloc(parts->context, sizeof(dlist_head) * parts->count);
		for (int i = 0; i < parts->count; i++)
			dlist_init(&entry->cells[i]);
	}
	cell->page = page;
	cell->row = row;
	dlist_push_tail(&entry->cells[part], &cell->node);
	for (int i = 0; i < parts->count; i++)
		complete = complete && !dlist_is_empty(&entry->cells[i]);
	if (!complete)
		return;
	complete_row(reading, parts, entry);
	for (int i = 0; i < parts->count; i++)
		empty = empty && dlist_is_empty(&entry->cells[i]);
	if (!empty)
		return;
	pfree(entry->cells);
	(void) hash_search(parts->rows, &key, HASH_REMOVE, NULL);
}

void
tt_parts_add_page(TtReading *reading, TtFetchUnit *unit, TtReply *reply, int number,
				  MemoryContext context)
{
	TtParts	 *parts = unit->parts;
	HeldPage *page = MemoryContextAllocZero(context, sizeof(HeldPage));
	int		  nrows = reply->nrows;

	page->reply = reply;
	page->context = context;
	page->number = number;
	/* one more than there are, so that it does not go before its last row came */
	page->left = nrows + 1;
	dlist_push_tail(&parts->pages, &page->node);
	(*parts->held)++;
	for (int row = 0; row < nrows; row++)
	{
		uint64 key;

		(void) tt_row_key(&reading->verify, reply, row, &key);
		add_row(reading, parts, unit->part, page, row, key);
	}
	if (--page->left > 0)
		return;
	release_page(parts, page);
	if (unit->part == 0)
		tt_page_add(reading, unit, reply, number, context);
	else
		MemoryContextDelete(context);
}

bool
tt_parts_leave(TtFetchUnit *unit)
{
	TtParts		*parts = unit->parts;
	TtFetchUnit *first = parts->units[0];

	if (--parts->open > 0)
		return true;
	if (hash_get_num_entries(parts->rows) > 0)
		return false;
	for (int i = 1; i < parts->count; i++)
		pfree(parts->units[i]);
	first->parts = NULL;
	MemoryContextDelete(parts->context);
	tt_unit_release(first);
	return true;
}

void
tt_parts_free(TtParts *parts)
{
	while (!dlist_is_empty(&parts->pages))
	{
		HeldPage *page = dlist_container(HeldPage, node, dlist_head_node(&parts->pages));

		release_page(parts, page);
		MemoryContextDelete(page->context);
	}
	MemoryContextDelete(parts->context);
}
