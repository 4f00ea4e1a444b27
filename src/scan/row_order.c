/*
 * row_order.c
 *	  ORDER BY that the API evaluates, checked on arrival.
 *
 * Where the API cannot order (several accounts or windows after all, pushdown
 * off) or does not, everything is read and sorted here.  The tuplesort is ended
 * by tt_row_order_end(); on error its memory and files go with the query.
 */
#include "postgres.h"

#include "scan/row_order.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "options/settings.h"
#include "path/layout.h"
#include "utils/datum.h"

void
tt_row_order_init(TtRowOrder *order, List *plan_order, TupleDesc desc)
{
	if (plan_order == NIL)
		return;
	order->attnum = list_nth_int(plan_order, TT_PLAN_ORDER_ATTNUM);
	order->operator=(Oid) list_nth_int(plan_order, TT_PLAN_ORDER_OPERATOR);
	order->descending = list_nth_int(plan_order, TT_PLAN_ORDER_DESCENDING) != 0;
	order->nulls_first = list_nth_int(plan_order, TT_PLAN_ORDER_NULLS_FIRST) != 0;
	order->sort.ssup_cxt = CurrentMemoryContext;
	order->sort.ssup_collation = InvalidOid;
	order->sort.ssup_nulls_first = order->nulls_first;
	PrepareSortSupportFromOrderingOp(order->operator, & order->sort);
	order->sorted_slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
}

void
tt_row_order_ask(TtRowOrder *order, const TtTable *table, TtQuery *query)
{
	const char *field;
	TtUnits	   *units;

	if (order->attnum == 0)
		return;
	field = table->columns[order->attnum - 1].metric_name;
	units = tt_units_create(query);
	order->by_api = tt_enable_pushdown && units != NULL && units->count <= 1;
	tt_units_free(units);
	for (int i = 0; i < query->nnames; i++)
		if (query->refused[i] && strcmp(query->names[i], field) == 0)
			order->by_api = false;
	if (!order->by_api)
		return;
	query->order_field = field;
	query->descending = order->descending;
}

bool
tt_row_order_continues(TtRowOrder *order, Datum value, bool isnull)
{
	bool right = !order->has_last ||
				 ApplySortComparator(order->last, order->last_null, value, isnull,
									 &order->sort) <= 0;

	order->has_last = true;
	order->last = value;
	order->last_null = isnull;
	return right;
}

void
tt_row_order_keep(TtRowOrder *order, MemoryContext context)
{
	TupleDesc		  desc = order->sorted_slot->tts_tupleDescriptor;
	Form_pg_attribute attr = TupleDescAttr(desc, order->attnum - 1);
	MemoryContext	  old;

	if (!order->has_last || order->last_null)
		return;
	old = MemoryContextSwitchTo(context);
	order->last = datumCopy(order->last, attr->attbyval, attr->attlen);
	MemoryContextSwitchTo(old);
}

void
tt_row_order_begin_sort(TtRowOrder *order, TupleDesc desc, MemoryContext context)
{
	AttrNumber	  attnums[1] = {order->attnum};
	Oid			  operators[1] = {order->operator};
	Oid			  collations[1] = {InvalidOid};
	bool		  nulls_first[1] = {order->nulls_first};
	MemoryContext old = MemoryContextSwitchTo(context);

	order->sorted = tuplesort_begin_heap(desc, 1, attnums, operators, collations,
										 nulls_first, work_mem, NULL, TUPLESORT_NONE);
	MemoryContextSwitchTo(old);
}

void
tt_row_order_put(TtRowOrder *order, TupleTableSlot *slot)
{
	tuplesort_puttupleslot(order->sorted, slot);
}

void
tt_row_order_sort(TtRowOrder *order)
{
	tuplesort_performsort(order->sorted);
}

bool
tt_row_order_next(TtRowOrder *order, TupleTableSlot *slot)
{
	if (!tuplesort_gettupleslot(order->sorted, true, false, order->sorted_slot, NULL))
		return false;
	ExecCopySlot(slot, order->sorted_slot);
	return true;
}

void
tt_row_order_end(TtRowOrder *order)
{
	if (order->sorted != NULL)
	{
		ExecClearTuple(order->sorted_slot);
		tuplesort_end(order->sorted);
	}
	order->sorted = NULL;
	order->by_api = false;
	order->has_last = false;
}
