/*
 * scan_order.c
 *	  ORDER BY that the API evaluates, checked on arrival.
 *
 * The plan has no Sort node when it relies on the API's order.  So each page
 * is checked before a row of it leaves; where the API cannot order (several
 * accounts or windows after all, pushdown off) or does not, everything is read
 * and sorted here.  The tuplesort is ended by tt_scan_order_end(); on error
 * its memory and files go with the query.
 */
#include "postgres.h"

#include "scan/scan.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "options/options.h"
#include "options/settings.h"
#include "plan/plan.h"
#include "utils/datum.h"

void
tt_scan_order_init(TtScanOrder *order, List *plan_order, TupleDesc desc)
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
tt_scan_order_ask(TtScanState *state)
{
	TtScanOrder *order = &state->order;
	TtQuery		*query = &state->query;
	TtUnits		*units;

	if (order->attnum == 0)
		return;
	units = tt_units_create(query);
	order->by_api = tt_enable_pushdown && units != NULL && units->count <= 1;
	tt_units_free(units);
	for (int i = 0; i < query->nnames; i++)
		if (query->refused[i] &&
			strcmp(query->names[i], state->table->columns[order->attnum - 1].metric_name) == 0)
			order->by_api = false;
	if (!order->by_api)
		return;
	query->order_field = state->table->columns[order->attnum - 1].metric_name;
	query->descending = order->descending;
}

bool
tt_scan_order_check(TtScanState *state, TtPage *page, int natts)
{
	TtScanOrder	 *order = &state->order;
	MemoryContext old = MemoryContextSwitchTo(page->context);
	Datum		 *values = palloc(sizeof(Datum) * natts);
	bool		 *nulls = palloc(sizeof(bool) * natts);
	bool		  right = true;

	for (int row = 0; row < page->reply->nrows && right; row++)
	{
		Datum value;
		bool  isnull;

		tt_scan_decode(state, page, row, values, nulls);
		value = values[order->attnum - 1];
		isnull = nulls[order->attnum - 1];
		right = !order->has_last ||
				ApplySortComparator(order->last, order->last_null, value, isnull,
									&order->sort) <= 0;
		order->has_last = true;
		order->last = value;
		order->last_null = isnull;
	}
	MemoryContextSwitchTo(state->run);
	if (!order->last_null)
	{
		Form_pg_attribute attr = TupleDescAttr(order->sorted_slot->tts_tupleDescriptor,
											   order->attnum - 1);

		order->last = datumCopy(order->last, attr->attbyval, attr->attlen);
	}
	MemoryContextSwitchTo(old);
	if (!right && state->handed_on > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("the TikTok API did not return foreign table \"%s\" in the order that was asked for",
						state->table->name),
				 errhint("Run the query again, or SET tiktok_fdw.enable_pushdown = off.")));
	return right;
}

void
tt_scan_order_sort(TtScanState *state, TupleTableSlot *slot)
{
	TtScanOrder	 *order = &state->order;
	AttrNumber	  attnums[1] = {order->attnum};
	Oid			  operators[1] = {order->operator};
	Oid			  collations[1] = {InvalidOid};
	bool		  nulls_first[1] = {order->nulls_first};
	MemoryContext old;

	/* the executor resets the current context for each row */
	old = MemoryContextSwitchTo(state->run);
	order->sorted = tuplesort_begin_heap(slot->tts_tupleDescriptor, 1, attnums, operators,
										 collations, nulls_first, work_mem, NULL,
										 TUPLESORT_NONE);
	MemoryContextSwitchTo(old);
	/* a page may be in hand, if the API turned out not to order them */
	if (state->page == NULL)
		(void) tt_scan_next_page(state, true);
	for (; state->page != NULL; (void) tt_scan_next_page(state, true))
		for (int row = 0; row < state->page->reply->nrows; row++)
		{
			ExecClearTuple(slot);
			tt_scan_decode(state, state->page, row, slot->tts_values, slot->tts_isnull);
			ExecStoreVirtualTuple(slot);
			tuplesort_puttupleslot(order->sorted, slot);
		}
	ExecClearTuple(slot);
	tuplesort_performsort(order->sorted);
}

bool
tt_scan_order_next(TtScanState *state, TupleTableSlot *slot)
{
	TtScanOrder *order = &state->order;

	if (!tuplesort_gettupleslot(order->sorted, true, false, order->sorted_slot, NULL))
		return false;
	ExecCopySlot(slot, order->sorted_slot);
	return true;
}

void
tt_scan_order_end(TtScanOrder *order)
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
