/*
 * row_order.h
 *	  ORDER BY that the API evaluates: is it kept, and if not, a sort of our own.
 *
 * The plan has no Sort node when it relies on the API's order.  Whoever reads
 * the rows shows each value of the column here before a row of its page leaves.
 */
#ifndef TT_ROW_ORDER_H
#define TT_ROW_ORDER_H

#include "postgres.h"

#include "query/query.h"
#include "table/table.h"
#include "utils/sortsupport.h"
#include "utils/tuplesort.h"

/* the order, and how far the rows of this run are in it */
typedef struct TtRowOrder
{
	AttrNumber		attnum; /* 0: any order will do */
	Oid				operator;
	bool			descending;
	bool			nulls_first;
	bool			by_api; /* this run's rows come in order */
	SortSupportData sort;
	bool			has_last; /* last value handed on or checked */
	Datum			last;
	bool			last_null;
	Tuplesortstate *sorted; /* the API's order is of no use: our own */
	TupleTableSlot *sorted_slot;
} TtRowOrder;

/* plan_order: TT_PLAN_ORDER, NIL: any order will do */
extern void tt_row_order_init(TtRowOrder *order, List *plan_order, TupleDesc desc);

/* Ask for the order, in query, if the API orders this run's rows. */
extern void tt_row_order_ask(TtRowOrder *order, const TtTable *table, TtQuery *query);

/*
 * Whether the next row's value continues the order.  A value by reference has
 * to stay until tt_row_order_keep(), which copies the last one into context.
 */
extern bool tt_row_order_continues(TtRowOrder *order, Datum value, bool isnull);
extern void tt_row_order_keep(TtRowOrder *order, MemoryContext context);

/*
 * Sort here instead: begin, in a context that lives as long as the run, put in
 * all rows, sort; then tt_row_order_next() fills slot, false after the last.
 */
extern void tt_row_order_begin_sort(TtRowOrder *order, TupleDesc desc, MemoryContext context);
extern void tt_row_order_put(TtRowOrder *order, TupleTableSlot *slot);
extern void tt_row_order_sort(TtRowOrder *order);
extern bool tt_row_order_next(TtRowOrder *order, TupleTableSlot *slot);

/* Forget a run's order. */
extern void tt_row_order_end(TtRowOrder *order);

#endif /* TT_ROW_ORDER_H */
