/*
 * join_run.c
 *	  A batched join at work.
 *
 * Outer rows are collected until there are keys enough, or work_mem is full.
 * Each group of keys is a run of the foreign scan, which returns at least all rows
 * that have one of them; each is looked up among the outer rows of the group, and
 * the join clauses, all of them, decide.  So an outer row is compared with the
 * rows of one run only, and meets each row that it matches once.
 *
 * Foreign rows pass by one at a time: memory is the batch's.  What the scans below
 * hold is theirs; in EvalPlanQual they return the row that is checked again, and
 * nothing is different here.
 */
#include "postgres.h"

#include "join/join_private.h"

#include "common/hashfn.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "scan/scan.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

static void			   begin_join(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *exec_join(CustomScanState *node);
static void			   end_join(CustomScanState *node);
static void			   rescan_join(CustomScanState *node);

const CustomScanMethods tt_join_methods = {
	.CustomName = TT_JOIN_NAME,
	.CreateCustomScanState = tt_join_create_state,
};

static const CustomExecMethods exec_methods = {
	.CustomName = TT_JOIN_NAME,
	.BeginCustomScan = begin_join,
	.ExecCustomScan = exec_join,
	.EndCustomScan = end_join,
	.ReScanCustomScan = rescan_join,
	.ExplainCustomScan = tt_join_explain,
};

Node *
tt_join_create_state(CustomScan *scan)
{
	TtJoinState *state = (TtJoinState *) newNode(sizeof(TtJoinState), T_CustomScanState);

	state->css.methods = &exec_methods;
	return (Node *) state;
}

/* How a key is computed, hashed and stored. */
static void
begin_key(TtJoinState *state, int i, const List *key, Expr *outer, Expr *inner)
{
	TtJoinKeyState *to = &state->keys[i];
	Oid				opno = (Oid) list_nth_int(key, TT_JOIN_KEY_OPERATOR);
	bool			commuted = list_nth_int(key, TT_JOIN_KEY_COMMUTED) != 0;
	TtBatchType		type;
	Oid				left;
	Oid				right;

	if (!get_op_hash_functions(opno, &left, &right))
		elog(ERROR, "operator %u has no hash function", opno);
	fmgr_info(commuted ? right : left, &to->outer_hash);
	fmgr_info(commuted ? left : right, &to->inner_hash);
	to->collation = (Oid) list_nth_int(key, TT_JOIN_KEY_COLLATION);
	to->outer = ExecInitExpr(outer, (PlanState *) state);
	to->inner = ExecInitExpr(inner, (PlanState *) state);
	get_typlenbyval(exprType((Node *) outer), &type.length, &type.by_value);
	to->varlena = type.length == -1;
	if (i < state->nasked)
		state->batch->types[i] = type;
}

static void
begin_keys(TtJoinState *state, const CustomScan *scan)
{
	List *keys = list_nth(scan->custom_private, TT_JOIN_KEYS);

	state->nkeys = list_length(keys);
	state->nasked = intVal(list_nth(scan->custom_private, TT_JOIN_ASKED));
	state->keys = palloc0(sizeof(TtJoinKeyState) * state->nkeys);
	state->batch->grouped = state->nasked > 1;
	for (int i = 0; i < state->nkeys; i++)
		begin_key(state, i, list_nth(keys, i),
				  list_nth(list_nth(scan->custom_exprs, TT_JOIN_OUTER_KEYS), i),
				  list_nth(list_nth(scan->custom_exprs, TT_JOIN_INNER_KEYS), i));
}

static void
begin_join(CustomScanState *node, EState *estate, int eflags)
{
	TtJoinState *state = (TtJoinState *) node;
	CustomScan	*scan = (CustomScan *) node->ss.ps.plan;
	List		*sources = list_nth(scan->custom_private, TT_JOIN_SOURCES);
	ListCell	*lc;

	if (intVal(list_nth(scan->custom_private, TT_JOIN_LAYOUT)) != TT_JOIN_VERSION)
		elog(ERROR, "plan of another version of tiktok_fdw");
	state->outer = ExecInitNode(linitial(scan->custom_plans), estate, eflags);
	state->inner = ExecInitNode(lsecond(scan->custom_plans), estate,
								eflags & ~(EXEC_FLAG_BACKWARD | EXEC_FLAG_MARK));
	node->custom_ps = list_make2(state->outer, state->inner);
	state->jointype = (JoinType) intVal(list_nth(scan->custom_private, TT_JOIN_TYPE));
	state->nsources = list_length(sources);
	state->sources = palloc(sizeof(int) * Max(state->nsources, 1));
	foreach(lc, sources)
		state->sources[foreach_current_index(lc)] = lfirst_int(lc);
	state->joinqual =
		ExecInitQual(list_concat_copy(list_nth(scan->custom_exprs, TT_JOIN_ASKED_CLAUSES),
									  list_nth(scan->custom_exprs, TT_JOIN_OTHER_CLAUSES)),
					 (PlanState *) node);
	state->batch = tt_batch_create(estate->es_query_cxt);
	begin_keys(state, scan);
	state->outer_slot = ExecInitExtraTupleSlot(estate, ExecGetResultType(state->outer),
											   &TTSOpsMinimalTuple);
	state->first = intVal(list_nth(scan->custom_private, TT_JOIN_FIRST));
	state->largest = intVal(list_nth(scan->custom_private, TT_JOIN_LARGEST));
	state->room = state->first;
}

/* The joined row of these; NULL: a side of nothing but NULLs. */
static void
fill_row(TtJoinState *state, TupleTableSlot *outer, TupleTableSlot *inner)
{
	TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;

	ExecClearTuple(slot);
	if (outer != NULL)
		slot_getallattrs(outer);
	if (inner != NULL)
		slot_getallattrs(inner);
	for (int i = 0; i < state->nsources; i++)
	{
		int				source = state->sources[i];
		TupleTableSlot *from = source > 0 ? outer : inner;
		int				column = abs(source) - 1;

		slot->tts_values[i] = from != NULL ? from->tts_values[column] : (Datum) 0;
		slot->tts_isnull[i] = from == NULL || from->tts_isnull[column];
	}
	ExecStoreVirtualTuple(slot);
	state->css.ss.ps.ps_ExprContext->ecxt_scantuple = slot;
}

static void
fill_with_row(TtJoinState *state, TtBatchRow *row, TupleTableSlot *inner)
{
	ExecStoreMinimalTuple(row->tuple, state->outer_slot, false);
	fill_row(state, state->outer_slot, inner);
}

/* Whether outer rows are returned for which nothing is found. */
static bool
wants_unmatched(const TtJoinState *state)
{
	return state->jointype == JOIN_LEFT || state->jointype == JOIN_ANTI;
}

/*
 * Hash the keys of the row in hand, and give those that are asked for if asked is not
 * NULL, in per-tuple memory.  False: one of the keys is null.
 */
static bool
compute_keys(TtJoinState *state, bool outer, Datum *asked, uint32 *first_hash, uint32 *hash)
{
	ExprContext	 *econtext = state->css.ss.ps.ps_ExprContext;
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	bool		  isnull = false;

	*hash = 0;
	for (int i = 0; i < state->nkeys && !isnull; i++)
	{
		TtJoinKeyState *key = &state->keys[i];
		Datum			value = ExecEvalExpr(outer ? key->outer : key->inner, econtext, &isnull);
		uint32			one;

		if (isnull)
			break;
		/* what is told apart by its bytes must have one form */
		if (asked != NULL && i < state->nasked)
			asked[i] = value = key->varlena ? PointerGetDatum(PG_DETOAST_DATUM(value)) : value;
		one = DatumGetUInt32(FunctionCall1Coll(outer ? &key->outer_hash : &key->inner_hash,
											   key->collation, value));
		if (i == 0)
			*first_hash = one;
		*hash = hash_combine(*hash, one);
	}
	MemoryContextSwitchTo(old);
	return !isnull;
}

static void
add_outer(TtJoinState *state, TupleTableSlot *slot)
{
	Datum  asked[2] = {0, 0};
	uint32 first_hash;
	uint32 hash;

	ResetExprContext(state->css.ss.ps.ps_ExprContext);
	fill_row(state, slot, NULL);
	if (compute_keys(state, true, asked, &first_hash, &hash))
		tt_batch_add_with_keys(state->batch, slot, asked, first_hash, hash);
	else if (wants_unmatched(state))
		(void) tt_batch_add(state->batch, slot);
}

/* Outer rows until there are enough; false: there are none left. */
static bool
collect(TtJoinState *state)
{
	TtBatch *batch = state->batch;

	tt_batch_reset(batch);
	while (!state->outer_done && batch->most < state->room &&
		   batch->used < (Size) work_mem * 1024)
	{
		TupleTableSlot *slot;

		CHECK_FOR_INTERRUPTS();
		slot = ExecProcNode(state->outer);
		if (TupIsNull(slot))
			state->outer_done = true;
		else
			add_outer(state, slot);
	}
	/* who asked for so many wants more */
	state->room = Min(state->room * 2, Max(state->largest, state->first));
	return batch->rows != NULL;
}

/* Have the foreign scan ask for the keys of a group; NULL: all groups are done. */
static void
start_run(TtJoinState *state, TtBatchGroup *group)
{
	ForeignScanState *scan = castNode(ForeignScanState, state->inner);

	state->group = group;
	if (group == NULL)
	{
		state->row = state->batch->rows;
		state->phase = TT_JOIN_UNMATCHED;
		return;
	}
	tt_scan_set_key(scan, 0, group->nkeys, group->values);
	if (state->nasked > 1)
		tt_scan_set_key(scan, 1, 1, &group->value);
	ExecReScan(state->inner);
	state->running = true;
	state->nbatches++;
	state->nvalues += group->nkeys;
	state->phase = TT_JOIN_READ;
}

/* A row of the foreign scan, and the first of the outer rows that it may match. */
static void
read_inner(TtJoinState *state)
{
	uint32 first_hash;
	uint32 hash;

	state->inner_slot = ExecProcNode(state->inner);
	if (TupIsNull(state->inner_slot))
	{
		start_run(state, state->group->next);
		return;
	}
	ResetExprContext(state->css.ss.ps.ps_ExprContext);
	fill_row(state, NULL, state->inner_slot);
	if (!compute_keys(state, false, NULL, &first_hash, &hash))
		return;
	state->row = tt_batch_find(state->batch, state->group, hash);
	state->phase = TT_JOIN_MATCH;
}

/* Whether the join returns a pair, which is put together; one outer row after the other. */
static bool
match_row(TtJoinState *state)
{
	TtBatchRow *row = state->row;

	if (row == NULL)
	{
		state->phase = TT_JOIN_READ;
		return false;
	}
	state->row = tt_batch_find_next(row);
	if (row->matched && (state->jointype == JOIN_SEMI || state->jointype == JOIN_ANTI))
		return false;
	ResetExprContext(state->css.ss.ps.ps_ExprContext);
	fill_with_row(state, row, state->inner_slot);
	if (!ExecQual(state->joinqual, state->css.ss.ps.ps_ExprContext))
	{
		state->nfiltered++;
		return false;
	}
	row->matched = true;
	return state->jointype != JOIN_ANTI;
}

/* Whether the join returns an outer row for which nothing was found. */
static bool
unmatched_row(TtJoinState *state)
{
	TtBatchRow *row = state->row;

	if (row == NULL || !wants_unmatched(state))
	{
		state->phase = TT_JOIN_COLLECT;
		return false;
	}
	state->row = row->next;
	if (row->matched)
		return false;
	ResetExprContext(state->css.ss.ps.ps_ExprContext);
	fill_with_row(state, row, NULL);
	return true;
}

/* Put the next joined row together; false: there is none. */
static bool
next_pair(TtJoinState *state)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		switch (state->phase)
		{
			case TT_JOIN_COLLECT:
				if (collect(state))
					start_run(state, state->batch->groups);
				else
					state->phase = TT_JOIN_DONE;
				break;
			case TT_JOIN_READ:
				read_inner(state);
				break;
			case TT_JOIN_MATCH:
				if (match_row(state))
					return true;
				break;
			case TT_JOIN_UNMATCHED:
				if (unmatched_row(state))
					return true;
				break;
			case TT_JOIN_DONE:
				return false;
		}
	}
}

static TupleTableSlot *
exec_join(CustomScanState *node)
{
	TtJoinState *state = (TtJoinState *) node;
	PlanState	*ps = &node->ss.ps;

	while (next_pair(state))
	{
		if (!ExecQual(ps->qual, ps->ps_ExprContext))
		{
			InstrCountFiltered1(node, 1);
			continue;
		}
		return ps->ps_ProjInfo != NULL ? ExecProject(ps->ps_ProjInfo) : node->ss.ss_ScanTupleSlot;
	}
	return NULL;
}

static void
rescan_join(CustomScanState *node)
{
	TtJoinState *state = (TtJoinState *) node;

	if (node->ss.ps.chgParam != NULL)
	{
		UpdateChangedParamSet(state->outer, node->ss.ps.chgParam);
		UpdateChangedParamSet(state->inner, node->ss.ps.chgParam);
	}
	if (state->outer->chgParam == NULL)
		ExecReScan(state->outer);
	/* each run begins anew; what is under way is not wanted any more */
	if (state->running)
		ExecReScan(state->inner);
	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	ExecClearTuple(state->outer_slot);
	tt_batch_reset(state->batch);
	state->running = false;
	state->outer_done = false;
	state->room = state->first;
	state->phase = TT_JOIN_COLLECT;
}

static void
end_join(CustomScanState *node)
{
	TtJoinState *state = (TtJoinState *) node;

	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	ExecEndNode(state->outer);
	ExecEndNode(state->inner);
	MemoryContextDelete(state->batch->context);
}
