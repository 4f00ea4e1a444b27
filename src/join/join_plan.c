/*
 * join_plan.c
 *	  The plan of a batched join.
 *
 * A custom scan that stands for a join has one row type for everything: the
 * values of both sides that are wanted above or by a clause.  Each is a column
 * of one of the children, and the executor copies it from there.
 */
#include "postgres.h"

#include "join/join_private.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"

/* the joined row in the making */
typedef struct RowBuilder
{
	List *outer; /* target lists of the children */
	List *inner;
	List *columns; /* TargetEntry */
	List *sources; /* as TT_JOIN_SOURCES */
} RowBuilder;

/*
 * Whether both are the same column, or the same value computed below, whichever
 * outer joins may have made it NULL: those of one row have the same said of them.
 */
static bool
same_value(const Node *one, const Node *two)
{
	if (IsA(one, Var) && IsA(two, Var))
		return ((const Var *) one)->varno == ((const Var *) two)->varno &&
			   ((const Var *) one)->varattno == ((const Var *) two)->varattno;
	return IsA(one, PlaceHolderVar) && IsA(two, PlaceHolderVar) &&
		   ((const PlaceHolderVar *) one)->phid == ((const PlaceHolderVar *) two)->phid;
}

/* The number of a value in a target list, from 1; 0: not there. */
static int
find_value(const List *tlist, const Node *value)
{
	ListCell *lc;

	foreach(lc, tlist)
		if (same_value((Node *) ((TargetEntry *) lfirst(lc))->expr, value))
			return foreach_current_index(lc) + 1;
	return 0;
}

/* Columns for the values that an expression takes from the children. */
static void
add_values(RowBuilder *row, Node *expr)
{
	List	 *values = pull_var_clause(expr, PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
												 PVC_INCLUDE_PLACEHOLDERS);
	ListCell *lc;

	foreach(lc, values)
	{
		Node *value = lfirst(lc);
		int	  source = find_value(row->outer, value);

		if (find_value(row->columns, value) > 0)
			continue;
		if (source == 0)
			source = -find_value(row->inner, value);
		if (source != 0)
		{
			row->columns = lappend(row->columns,
								   makeTargetEntry(copyObject((Expr *) value),
												   list_length(row->columns) + 1, NULL, false));
			row->sources = lappend_int(row->sources, source);
		}
		else if (IsA(value, PlaceHolderVar))
			add_values(row, (Node *) ((PlaceHolderVar *) value)->phexpr);
		else
			elog(ERROR, "a value of a batched join is in neither of its sides");
	}
}

/*
 * A copy in which values are said to be as the joined row has them: a clause of
 * an outer join is checked before it makes anything NULL, and the planner would
 * not find its columns otherwise.
 */
static Node *
as_in_row(Node *node, RowBuilder *row)
{
	int column;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var) && !IsA(node, PlaceHolderVar))
		return expression_tree_mutator(node, as_in_row, row);
	column = find_value(row->columns, node);
	if (column == 0 && IsA(node, PlaceHolderVar))
		return expression_tree_mutator(node, as_in_row, row);
	node = copyObject(node);
	if (column > 0)
	{
		Node *as = (Node *) ((TargetEntry *) list_nth(row->columns, column - 1))->expr;

		if (IsA(node, Var))
			TT_COPY_VAR_NULLING((Var *) node, (Var *) as);
		else
			TT_COPY_PLACEHOLDER_NULLING((PlaceHolderVar *) node, (PlaceHolderVar *) as);
	}
	return node;
}

/* A key's clause with the outer side first, whichever way the planner has put it. */
static Expr *
outer_first(const TtJoinKey *key)
{
	OpExpr *op = (OpExpr *) key->clause->clause;

	if (key->outer == lsecond(op->args) && OidIsValid(get_commutator(op->opno)))
	{
		op = copyObject(op);
		CommuteOpExpr(op);
	}
	return (Expr *) op;
}

static const TtJoinKey *
find_key(const List *keys, const Expr *clause)
{
	ListCell *lc;

	foreach(lc, keys)
		if (((TtJoinKey *) lfirst(lc))->clause->clause == clause)
			return lfirst(lc);
	return NULL;
}

/*
 * Of the join clauses, those that are asked for and the others; conditions above an
 * outer join.
 */
static void
split_clauses(TtJoinPath *path, RelOptInfo *rel, List **asked, List **others, List **above)
{
	List	 *clauses;
	ListCell *lc;

	*above = NIL;
	*asked = NIL;
	*others = NIL;
	if (IS_OUTER_JOIN(path->jointype))
		extract_actual_join_clauses(path->clauses, rel->relids, &clauses, above);
	else
		clauses = extract_actual_clauses(path->clauses, false);
	foreach(lc, path->asked)
		*asked = lappend(*asked, outer_first(lfirst(lc)));
	foreach(lc, clauses)
	{
		Expr			*clause = lfirst(lc);
		const TtJoinKey *key = find_key(path->hashed, clause);

		if (key == NULL)
			*others = lappend(*others, clause);
		else if (find_key(path->asked, clause) == NULL)
			*others = lappend(*others, outer_first(key));
	}
}

/* As TT_JOIN_KEYS. */
static List *
describe_keys(List *keys)
{
	List	 *result = NIL;
	ListCell *lc;

	foreach(lc, keys)
	{
		TtJoinKey *key = lfirst(lc);
		OpExpr	  *op = (OpExpr *) key->clause->clause;

		result = lappend(result, list_make3_int((int) op->opno, (int) op->inputcollid,
												key->outer == lsecond(op->args)));
	}
	return result;
}

Plan *
tt_join_plan(PlannerInfo *root, RelOptInfo *rel, CustomPath *best_path, List *tlist,
			 List *scan_clauses, List *custom_plans)
{
	TtJoinPath *path = (TtJoinPath *) best_path;
	RowBuilder	row = {.outer = ((Plan *) linitial(custom_plans))->targetlist,
					   .inner = ((Plan *) lsecond(custom_plans))->targetlist};
	CustomScan *scan = makeNode(CustomScan);
	List	   *asked;
	List	   *others;
	List	   *above;
	List	   *outer_keys = NIL;
	List	   *inner_keys = NIL;
	ListCell   *lc;

	split_clauses(path, rel, &asked, &others, &above);
	foreach(lc, path->hashed)
	{
		outer_keys = lappend(outer_keys, ((TtJoinKey *) lfirst(lc))->outer);
		inner_keys = lappend(inner_keys, ((TtJoinKey *) lfirst(lc))->inner);
	}
	scan->custom_exprs = list_make4(asked, others, outer_keys, inner_keys);
	/* what is wanted above first: the planner is strict about it */
	add_values(&row, (Node *) tlist);
	add_values(&row, (Node *) rel->reltarget->exprs);
	add_values(&row, (Node *) above);
	add_values(&row, (Node *) scan->custom_exprs);
	scan->custom_exprs = (List *) as_in_row((Node *) scan->custom_exprs, &row);
	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = (List *) as_in_row((Node *) above, &row);
	scan->flags = best_path->flags;
	scan->custom_plans = custom_plans;
	scan->custom_scan_tlist = row.columns;
	scan->custom_private =
		list_make5(makeInteger(TT_JOIN_VERSION), makeInteger(path->jointype), row.sources,
				   describe_keys(path->hashed), makeInteger(list_length(path->asked)));
	scan->custom_private =
		list_concat(scan->custom_private,
					list_make2(makeInteger(path->first), makeInteger(path->largest)));
	scan->methods = &tt_join_methods;
	return &scan->scan.plan;
}
