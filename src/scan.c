/*
 * scan.c
 *	  Executor callbacks.
 *
 * Values of conditions are computed at the first row, not in Begin: parameters
 * of nested loops and InitPlans are not set before.  The user mapping is read
 * then too.  Rows are decoded in the context of their page, which lives until
 * the next page is taken.
 */
#include "postgres.h"

#include "scan.h"

#include "accounts.h"
#include "compat.h"
#include "executor/executor.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "plan.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Quals of the plan, with the states of their value expressions. */
static void
begin_quals(TtScanState *state, ForeignScanState *node, ForeignScan *plan)
{
	List	   *exprs = ExecInitExprList(plan->fdw_exprs, (PlanState *) node);
	ListCell   *lc;
	int			next = 0;

	state->types = palloc(sizeof(Oid) * Max(list_length(exprs), 1));
	foreach(lc, plan->fdw_exprs)
		state->types[foreach_current_index(lc)] = exprType(lfirst(lc));
	foreach(lc, list_nth(plan->fdw_private, TT_PLAN_QUALS))
	{
		List	   *item = lfirst(lc);
		TtQual	   *qual = palloc0(sizeof(TtQual));

		qual->attnum = list_nth_int(item, TT_PLAN_QUAL_ATTNUM);
		qual->role = list_nth_int(item, TT_PLAN_QUAL_ROLE);
		qual->op = list_nth_int(item, TT_PLAN_QUAL_OP);
		qual->is_array = list_nth_int(item, TT_PLAN_QUAL_IS_ARRAY) != 0;
		for (int i = list_nth_int(item, TT_PLAN_QUAL_NVALUES); i > 0; i--)
			qual->values = lappend(qual->values, list_nth(exprs, next++));
		state->quals = lappend(state->quals, qual);
	}
}

void
tiktokBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	EState	   *estate = node->ss.ps.state;
	Relation	rel = node->ss.ss_currentRelation;
	MemoryContext context = AllocSetContextCreate(estate->es_query_cxt, "tiktok_fdw scan",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TtScanState *state = palloc0(sizeof(TtScanState));
	Oid			userid = TT_SCAN_USER(plan, estate);

	if (intVal(list_nth(plan->fdw_private, TT_PLAN_VERSION)) != TT_PLAN_LAYOUT)
		elog(ERROR, "plan of another version of tiktok_fdw");
	state->context = context;
	state->run = AllocSetContextCreate(context, "tiktok_fdw run", ALLOCSET_DEFAULT_SIZES);
	state->userid = OidIsValid(userid) ? userid : GetUserId();
	state->table = tt_table_get(rel);
	state->attrs = list_nth(plan->fdw_private, TT_PLAN_ATTRS);
	state->options = tt_options_get(GetForeignTable(RelationGetRelid(rel))->serverid,
									RelationGetRelid(rel), state->userid, false);
	state->projection = tt_query_projection(state->table, state->attrs);
	MemoryContextSwitchTo(old);
	begin_quals(state, node, plan);
	node->fdw_state = state;
}

/* Whether a value expression needs a parameter that only execution sets. */
static bool
needs_execution(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXEC)
		return true;
	return expression_tree_walker(node, needs_execution, context);
}

int
tt_scan_bounds(ForeignScanState *node, bool only_known)
{
	TtScanState *state = node->fdw_state;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	ListCell   *lc;
	int			next = 0;
	int			left_out = 0;

	tt_bounds_init(&state->bounds);
	foreach(lc, state->quals)
	{
		TtQual	   *qual = lfirst(lc);
		int			n = list_length(qual->values);
		Datum	   *values = palloc(sizeof(Datum) * n);
		bool	   *nulls = palloc(sizeof(bool) * n);
		Oid		   *types = &state->types[next];
		bool		known = true;

		next += n;
		/* the oracle of the tests: account conditions and time bounds stay */
		if (qual->role == TT_ROLE_FILTER && !tt_enable_pushdown)
			continue;
		for (int i = 0; i < n && known; i++)
		{
			ExprState  *expr = list_nth(qual->values, i);

			known = !only_known || !needs_execution((Node *) expr->expr, NULL);
			if (known)
				values[i] = ExecEvalExpr(expr, econtext, &nulls[i]);
		}
		if (known)
			tt_bounds_apply(&state->bounds, state->table, qual, n, values, nulls, types);
		else
			left_out++;
	}
	return left_out;
}

/* Work out what to ask, in the context of this run; sends nothing yet. */
static void
start_run(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;
	Relation	rel = node->ss.ss_currentRelation;
	MemoryContext old;

	state->started = true;
	if (state->options->access_token == NULL)
	{
		old = MemoryContextSwitchTo(state->context);
		state->options = tt_options_get(state->options->serverid, RelationGetRelid(rel),
										state->userid, true);
		state->decoder = tt_decoder_create(state->table, RelationGetDescr(rel),
										   state->projection->slots);
		MemoryContextSwitchTo(old);
		tt_query_check_environment(state->table, state->options);
	}
	old = MemoryContextSwitchTo(state->run);
	tt_scan_bounds(node, false);
	tt_query_build(&state->query, state->table, state->options, state->attrs,
				   &state->bounds, true);
	if (!state->bounds.nothing)
	{
		tt_options_check_host(state->options);
		if (state->query.naccounts == 0 &&
			state->table->stream->endpoint->account_param != TT_ACCOUNT_NONE)
		{
			if (state->accounts == NULL)
			{
				MemoryContextSwitchTo(state->context);
				state->naccounts = tt_accounts_get(state->table, state->options,
												   &state->stats, &state->accounts);
				MemoryContextSwitchTo(state->run);
			}
			state->query.naccounts = state->naccounts;
			state->query.accounts = state->accounts;
		}
		tt_accounts_require_app(state->table, state->options);
		state->fetch = tt_fetch_create(state->table, state->options, &state->query,
									   state->projection, &state->stats);
	}
	MemoryContextSwitchTo(old);
	state->finished = state->fetch == NULL;
}

/* Decode the next row of the present page into the slot. */
static void
store_row(TtScanState *state, TupleTableSlot *slot)
{
	TtPage	   *page = state->page;
	MemoryContext old = MemoryContextSwitchTo(page->context);
	TtOrigin	origin;

	origin.account = page->account;
	origin.page = page->number;
	origin.endpoint = state->table->stream->endpoint->path;
	origin.request_id = page->reply->request_id;
	tt_decoder_row(state->decoder, page->reply, state->row++, &origin,
				   slot->tts_values, slot->tts_isnull);
	MemoryContextSwitchTo(old);
	ExecStoreVirtualTuple(slot);
}

/* Take the next page; false at the end. */
static bool
next_page(TtScanState *state)
{
	if (state->page != NULL)
		tt_fetch_release(state->page);
	state->page = NULL;
	state->row = 0;
	if (state->finished)
		return false;
	state->page = tt_fetch_next(state->fetch, true, &state->finished);
	return state->page != NULL;
}

TupleTableSlot *
tiktokIterateForeignScan(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	ExecClearTuple(slot);
	if (!state->started)
		start_run(node);
	if (state->page == NULL || state->row >= state->page->reply->nrows)
	{
		if (!next_page(state))
			return slot;
	}
	store_row(state, slot);
	return slot;
}

/* Drop everything of this run; what is in flight is aborted. */
static void
end_run(TtScanState *state)
{
	state->page = NULL;
	state->fetch = NULL;
	state->row = 0;
	state->started = false;
	state->finished = false;
	MemoryContextReset(state->run);
}

void
tiktokReScanForeignScan(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;

	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	end_run(state);
}

/* No more rows are wanted: stop what is in flight, keep the counters. */
void
tiktokShutdownForeignScan(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;

	if (state == NULL || !state->started)
		return;
	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	end_run(state);
	state->started = true;
	state->finished = true;
}

void
tiktokEndForeignScan(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;

	if (state != NULL)
		MemoryContextDelete(state->context);
}
