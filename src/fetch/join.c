/*
 * join.c
 *	  Rows of a unit that was asked for in parts.
 *
 * A request may have 100 metrics, so a unit that wants more is read several
 * times side by side, each time with others.  Rows belong together by their key;
 * a page of the first part leaves when every row of it has met its counterparts.
 * Pages of the parts usually have the same rows, since they are asked for alike,
 * so about as many pages wait here as are in flight; but that is not promised.
 *
 * Ownership: a join lives in a context of its own, below the fetch's.  A page that
 * waits owns its context, as one that is ready does; tt_join_free() ends both.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

/* a page some of whose rows have not met all of their counterparts */
typedef struct JoinPage
{
	dlist_node	  node; /* in join->pages */
	TtReply		 *reply;
	MemoryContext context; /* of all of it, this included */
	int			  number;
	int			  left; /* rows that wait */
} JoinPage;

/* one row of it */
typedef struct JoinCell
{
	dlist_node node;
	JoinPage  *page;
	int		   row;
} JoinCell;

/* the rows of one key that wait, by part; usually one or none */
typedef struct JoinRow
{
	uint64		key;
	dlist_head *cells;
} JoinRow;

struct TtJoin
{
	MemoryContext context;
	TtUnit		  whole;
	int			  nparts;
	TtFetchUnit **parts;
	int			  open; /* parts that are still being read */
	HTAB		 *rows; /* JoinRow */
	dlist_head	  pages;
	int			 *held; /* how many pages wait in all joins of the fetch */
};

TtJoin *
tt_join_create(TtFetch *fetch, const TtUnit *whole)
{
	MemoryContext context = AllocSetContextCreate(fetch->context, "tiktok_fdw join",
												  ALLOCSET_DEFAULT_SIZES);
	TtJoin		 *join = MemoryContextAllocZero(context, sizeof(TtJoin));
	HASHCTL		  control = {0};

	join->context = context;
	join->whole = *whole;
	join->held = &fetch->nheld;
	dlist_init(&join->pages);
	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(JoinRow);
	control.hcxt = context;
	join->rows = hash_create("tiktok_fdw join", 1024, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return join;
}

void
tt_join_enter(TtJoin *join, TtFetchUnit *unit)
{
	if (join->parts == NULL)
		join->parts = MemoryContextAlloc(join->context, sizeof(TtFetchUnit *));
	else
		join->parts = repalloc(join->parts, sizeof(TtFetchUnit *) * (join->nparts + 1));
	unit->join = join;
	unit->part = join->nparts;
	join->parts[join->nparts++] = unit;
	join->open++;
}

int
tt_join_parts(const TtJoin *join)
{
	return join->nparts;
}

TtFetchUnit *
tt_join_part(const TtJoin *join, int part)
{
	return join->parts[part];
}

const TtUnit *
tt_join_whole(const TtJoin *join)
{
	return &join->whole;
}

/* All of a page's rows have met: it is no longer held. */
static void
release_page(TtJoin *join, JoinPage *page)
{
	dlist_delete(&page->node);
	(*join->held)--;
}

/* Add what another part says of a row. */
static void
merge_cell(JoinCell *to, const JoinCell *from)
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
complete_row(TtFetch *fetch, TtJoin *join, JoinRow *row)
{
	JoinCell *first = dlist_container(JoinCell, node, dlist_pop_head_node(&row->cells[0]));
	JoinPage *page = first->page;

	for (int part = 1; part < join->nparts; part++)
	{
		JoinCell *cell = dlist_container(JoinCell, node,
										 dlist_pop_head_node(&row->cells[part]));

		merge_cell(first, cell);
		if (--cell->page->left == 0)
		{
			release_page(join, cell->page);
			MemoryContextDelete(cell->page->context);
		}
	}
	if (--page->left == 0)
	{
		release_page(join, page);
		tt_unit_queue(fetch, join->parts[0], page->reply, page->number, page->context);
	}
}

static void
add_row(TtFetch *fetch, TtJoin *join, int part, JoinPage *page, int row, uint64 key)
{
	bool	  found;
	JoinRow	 *entry = hash_search(join->rows, &key, HASH_ENTER, &found);
	JoinCell *cell = MemoryContextAlloc(page->context, sizeof(JoinCell));
	bool	  complete = true;
	bool	  empty = true;

	if (!found)
	{
		entry->cells = MemoryContextAlloc(join->context, sizeof(dlist_head) * join->nparts);
		for (int i = 0; i < join->nparts; i++)
			dlist_init(&entry->cells[i]);
	}
	cell->page = page;
	cell->row = row;
	dlist_push_tail(&entry->cells[part], &cell->node);
	for (int i = 0; i < join->nparts; i++)
		complete = complete && !dlist_is_empty(&entry->cells[i]);
	if (!complete)
		return;
	complete_row(fetch, join, entry);
	for (int i = 0; i < join->nparts; i++)
		empty = empty && dlist_is_empty(&entry->cells[i]);
	if (!empty)
		return;
	pfree(entry->cells);
	(void) hash_search(join->rows, &key, HASH_REMOVE, NULL);
}

void
tt_join_add(TtFetch *fetch, TtFetchUnit *unit, TtReply *reply, int number,
			MemoryContext context)
{
	TtJoin	 *join = unit->join;
	JoinPage *page = MemoryContextAllocZero(context, sizeof(JoinPage));
	int		  nrows = reply->nrows;

	page->reply = reply;
	page->context = context;
	page->number = number;
	/* one more than there are, so that it does not go before its last row came */
	page->left = nrows + 1;
	dlist_push_tail(&join->pages, &page->node);
	(*join->held)++;
	for (int row = 0; row < nrows; row++)
	{
		uint64 key;

		(void) tt_row_key(&fetch->verify, reply, row, &key);
		add_row(fetch, join, unit->part, page, row, key);
	}
	if (--page->left > 0)
		return;
	release_page(join, page);
	if (unit->part == 0)
		tt_unit_queue(fetch, unit, reply, number, context);
	else
		MemoryContextDelete(context);
}

void
tt_join_leave(TtFetchUnit *unit, const TtFailure *failure)
{
	TtJoin		*join = unit->join;
	TtFetchUnit *first = join->parts[0];

	if (--join->open > 0)
		return;
	if (hash_get_num_entries(join->rows) > 0)
		tt_failure_incomplete(failure, "a row came for some of its metrics only");
	for (int i = 1; i < join->nparts; i++)
		pfree(join->parts[i]);
	first->join = NULL;
	MemoryContextDelete(join->context);
	tt_unit_release(first);
}

void
tt_join_free(TtFetch *fetch, TtJoin *join)
{
	while (!dlist_is_empty(&join->pages))
	{
		JoinPage *page = dlist_container(JoinPage, node, dlist_head_node(&join->pages));

		release_page(join, page);
		MemoryContextDelete(page->context);
	}
	MemoryContextDelete(join->context);
}
