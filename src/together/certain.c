/*
 * certain.c
 *	  Which scans of a plan are certain to be asked for rows, once it runs.
 *
 * From the root downwards: a statement that is run to its end needs all rows of its
 * root, one that is fetched from (a cursor) the first.  What a node needs of those
 * below it for that:
 *
 *	Sort, Hash, Agg that is plain	all: they read everything before the first row
 *	  or hashed, hashed SetOp
 *	Agg that is sorted, Group,		the same: a row after the other
 *	  Unique, SetOp, Material,
 *	  Result, ProjectSet, LockRows,
 *	  IncrementalSort, SubqueryScan
 *	WindowAgg						the same; the first, if it may stop early
 *	Limit of n > 0 rows				the first (of 0, or of a number that is not known
 *									yet: nothing)
 *	ModifyTable						all, the same if it returns rows
 *	Append							all of each arm; for the first row the first of its
 *									async arms, or of the first arm.  Nothing if arms
 *									are pruned while it runs
 *	MergeAppend						the same of each arm, which it compares
 *	HashJoin						what it reads first (see visit_hash_join())
 *	MergeJoin						the first of its outer side; of the inner side if
 *									rows without a partner are wanted
 *	NestLoop						the same of its outer side
 *	CteScan							the same of the CTE
 *	RecursiveUnion					the same of its first part
 *	InitPlan						its rows, where its value is computed in any case:
 *									as a condition of one of our scans, in a Result
 *									without input, in an Agg of everything
 *
 * TT_SURE_UNLESS_EMPTY adds the other side of joins whose rows are all needed, but for
 * semi- and anti-joins.  Anything else (Gather, Memoize, SubPlans of a row, custom
 * scans, and what a later release of PostgreSQL brings) needs nothing that is certain.
 */
#include "postgres.h"

#include "together/certain.h"

#include "compat.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"

typedef struct Walk
{
	PlannedStmt	 *stmt;
	TtSureness	  sureness;
	List		 *initplans; /* SubPlans of the nodes above */
	TtCertainScan found;
	void		 *arg;
} Walk;

static void visit(Walk *walk, Plan *plan, TtNeed need);

/* ---- values that are computed in any case ------------------------------------ */

static TtNeed
need_of_sublink(SubLinkType type)
{
	switch (type)
	{
		case EXPR_SUBLINK: /* whether there is a second row, too */
		case ROWCOMPARE_SUBLINK:
		case ARRAY_SUBLINK:
			return TT_NEED_ALL;
		case EXISTS_SUBLINK:
			return TT_NEED_FIRST;
		default:
			return TT_NEED_NOTHING;
	}
}

static Plan *
subplan_of(const Walk *walk, int plan_id)
{
	return list_nth(walk->stmt->subplans, plan_id - 1);
}

static void
visit_value(Walk *walk, int paramid)
{
	ListCell *lc;

	foreach(lc, walk->initplans)
	{
		SubPlan *subplan = lfirst(lc);

		if (!list_member_int(subplan->setParam, paramid))
			continue;
		visit(walk, subplan_of(walk, subplan->plan_id), need_of_sublink(subplan->subLinkType));
		return;
	}
}

/*
 * The values of an expression that is evaluated.  Of one that may leave out a part
 * of it (CASE, COALESCE, AND, …), or evaluates it elsewhere (an aggregate), nothing is
 * certain.
 */
static bool
visit_values(Node *node, void *walk)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Param:
			if (((Param *) node)->paramkind == PARAM_EXEC)
				visit_value(walk, ((Param *) node)->paramid);
			return false;
		case T_List:
		case T_TargetEntry:
		case T_FuncExpr:
		case T_OpExpr:
		case T_ScalarArrayOpExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_NullTest:
			return expression_tree_walker(node, visit_values, walk);
		default:
			return false;
	}
}

/* ---- nodes with more than one below ------------------------------------------ */

/* The need of what is read with a join: nothing is left out of it by a row there. */
static TtNeed
unless_empty(const Walk *walk, const Join *join, TtNeed need)
{
	if (walk->sureness != TT_SURE_UNLESS_EMPTY || need != TT_NEED_ALL)
		return TT_NEED_NOTHING;
	switch (join->jointype)
	{
		case JOIN_INNER:
		case JOIN_LEFT:
		case JOIN_RIGHT:
		case JOIN_FULL:
			return TT_NEED_ALL;
		default:
			return TT_NEED_NOTHING;
	}
}

/* whether rows of a side are wanted that have no partner */
static bool
fills_outer(const Join *join)
{
	return join->jointype == JOIN_LEFT || join->jointype == JOIN_ANTI ||
		   join->jointype == JOIN_FULL;
}

static bool
fills_inner(const Join *join)
{
	return join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL ||
		   TT_IS_RIGHT_ANTI(join->jointype);
}

/*
 * Either the first row of the outer side is read before anything else, and nothing of
 * the inner side if there is none; or the hash table is made first, and the outer side
 * not read if that is empty (ExecHashJoinImpl()).
 */
static void
visit_hash_join(Walk *walk, Join *join, TtNeed need)
{
	Plan  *outer = outerPlan(join);
	Plan  *inner = innerPlan(join);
	TtNeed other = unless_empty(walk, join, need);
	bool   outer_first = !fills_inner(join) &&
					   (fills_outer(join) || outer->startup_cost < inner->total_cost);

	if (outer_first)
	{
		visit(walk, outer, Max(fills_outer(join) ? need : TT_NEED_FIRST, other));
		visit(walk, inner, other);
		return;
	}
	visit(walk, outer, fills_outer(join) ? need : other);
	visit(walk, inner, TT_NEED_ALL);
}

/* It ends where either side does. */
static void
visit_merge_join(Walk *walk, Join *join, TtNeed need)
{
	visit(walk, outerPlan(join), TT_NEED_FIRST);
	if (fills_inner(join) || unless_empty(walk, join, need) != TT_NEED_NOTHING)
		visit(walk, innerPlan(join), TT_NEED_FIRST);
}

static void
visit_nest_loop(Walk *walk, NestLoop *loop, TtNeed need)
{
	visit(walk, outerPlan(loop), need);
	if (loop->nestParams != NIL)
		return;
	if (unless_empty(walk, &loop->join, need) != TT_NEED_NOTHING)
		visit(walk, innerPlan(loop), loop->join.inner_unique ? TT_NEED_FIRST : TT_NEED_ALL);
}

static bool
prunes_while_running(const PartitionPruneInfo *info)
{
	ListCell *lc;
	ListCell *lc2;

	if (info == NULL)
		return false;
	foreach(lc, info->prune_infos)
		foreach(lc2, lfirst(lc))
			if (((PartitionedRelPruneInfo *) lfirst(lc2))->exec_pruning_steps != NIL)
				return true;
	return false;
}

static void
visit_append(Walk *walk, Append *append, TtNeed need)
{
	PartitionPruneInfo *pruning = TT_PRUNE_INFO(walk->stmt, append);
	ListCell		   *lc;

	if (prunes_while_running(pruning))
		return;
	foreach(lc, append->appendplans)
	{
		Plan *arm = lfirst(lc);

		/* all async arms begin at once; which arm is the first if some are pruned? */
		if (need == TT_NEED_ALL || arm->async_capable ||
			(append->nasyncplans == 0 && pruning == NULL && foreach_current_index(lc) == 0))
			visit(walk, arm, need);
	}
}

static void
visit_merge_append(Walk *walk, MergeAppend *append, TtNeed need)
{
	ListCell *lc;

	if (prunes_while_running(TT_PRUNE_INFO(walk->stmt, append)))
		return;
	foreach(lc, append->mergeplans)
		visit(walk, lfirst(lc), need);
}

/* ---- nodes with one below ----------------------------------------------------- */

static void
visit_result(Walk *walk, Result *result, TtNeed need)
{
	if (result->resconstantqual != NULL)
	{
		Node *qual = result->resconstantqual;

		/* of conditions joined by AND those after the first may not be looked at */
		(void) visit_values(IsA(qual, List) ? linitial((List *) qual) : qual, walk);
	}
	else if (outerPlan(result) != NULL)
		visit(walk, outerPlan(result), need);
	else
		(void) visit_values((Node *) result->plan.targetlist, walk);
}

static void
visit_aggregate(Walk *walk, Agg *agg, TtNeed need)
{
	bool one_phase = agg->groupingSets == NIL && agg->chain == NIL;

	if (one_phase && (agg->aggstrategy == AGG_PLAIN || agg->aggstrategy == AGG_HASHED))
		visit(walk, outerPlan(agg), TT_NEED_ALL);
	else
		visit(walk, outerPlan(agg), need);
	/* a row is there whatever there is below */
	if (one_phase && agg->aggstrategy == AGG_PLAIN && agg->plan.qual == NIL)
		(void) visit_values((Node *) agg->plan.targetlist, walk);
}

static void
visit_limit(Walk *walk, Limit *limit, TtNeed need)
{
	const Const *count = (const Const *) limit->limitCount;

	if (count != NULL && !IsA(count, Const))
		return;
	if (count == NULL || count->constisnull)
		visit(walk, outerPlan(limit), need);
	else if (DatumGetInt64(count->constvalue) > 0)
		visit(walk, outerPlan(limit), TT_NEED_FIRST);
}

static void
visit_set_operation(Walk *walk, SetOp *setop, TtNeed need)
{
	/* from 18 on the second input may be left out */
	visit(walk, outerPlan(setop), setop->strategy == SETOP_HASHED ? TT_NEED_ALL : need);
}

static void
visit_below(Walk *walk, Plan *plan, TtNeed need)
{
	switch (nodeTag(plan))
	{
		case T_Result:
			visit_result(walk, (Result *) plan, need);
			break;
		case T_Sort:
		case T_Hash:
			visit(walk, outerPlan(plan), TT_NEED_ALL);
			break;
		case T_Group:
		case T_Unique:
		case T_Material:
		case T_ProjectSet:
		case T_LockRows:
		case T_IncrementalSort:
			visit(walk, outerPlan(plan), need);
			break;
		case T_WindowAgg:
			visit(walk, outerPlan(plan),
				  ((WindowAgg *) plan)->runCondition == NIL ? need : TT_NEED_FIRST);
			break;
		case T_SubqueryScan:
			visit(walk, ((SubqueryScan *) plan)->subplan, need);
			break;
		case T_Agg:
			visit_aggregate(walk, (Agg *) plan, need);
			break;
		case T_SetOp:
			visit_set_operation(walk, (SetOp *) plan, need);
			break;
		case T_Limit:
			visit_limit(walk, (Limit *) plan, need);
			break;
		case T_ModifyTable:
			visit(walk, outerPlan(plan),
				  ((ModifyTable *) plan)->returningLists == NIL ? TT_NEED_ALL : need);
			break;
		case T_Append:
			visit_append(walk, (Append *) plan, need);
			break;
		case T_MergeAppend:
			visit_merge_append(walk, (MergeAppend *) plan, need);
			break;
		case T_HashJoin:
			visit_hash_join(walk, (Join *) plan, need);
			break;
		case T_MergeJoin:
			visit_merge_join(walk, (Join *) plan, need);
			break;
		case T_NestLoop:
			visit_nest_loop(walk, (NestLoop *) plan, need);
			break;
		case T_CteScan:
			visit(walk, subplan_of(walk, ((CteScan *) plan)->ctePlanId), need);
			break;
		case T_RecursiveUnion:
			visit(walk, outerPlan(plan), need);
			break;
		default:
			break;
	}
}

static void
visit(Walk *walk, Plan *plan, TtNeed need)
{
	if (plan == NULL || need == TT_NEED_NOTHING)
		return;
	check_stack_depth();
	walk->initplans = list_concat_unique_ptr(walk->initplans, plan->initPlan);
	if (!IsA(plan, ForeignScan))
		visit_below(walk, plan, need);
	else if (walk->found((ForeignScan *) plan, walk->arg))
		(void) visit_values((Node *) ((ForeignScan *) plan)->fdw_exprs, walk);
}

void
tt_certain_scans(EState *estate, bool whole, TtSureness sureness, TtCertainScan found, void *arg)
{
	Walk walk = {estate->es_plannedstmt, sureness, NIL, found, arg};

	visit(&walk, walk.stmt->planTree, whole ? TT_NEED_ALL : TT_NEED_FIRST);
	list_free(walk.initplans);
}
