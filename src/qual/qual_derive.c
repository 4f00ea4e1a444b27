/*
 * qual_derive.c
 *	  What a clause implies about days, accounts and ids where it is no
 *	  comparison that the API could make.
 *
 * A clause is weakened to what it says about one column: of an AND whatever
 * part of it, of an OR something from each arm.  What remains is wider than the
 * clause, so PostgreSQL's check of the whole clause decides.  The day is the
 * one column of which any condition will do, since days can be asked one by
 * one (days.h).
 */
#include "postgres.h"

#include "compat.h"
#include "qual/days.h"
#include "qual/qual_private.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

static const char *const reason_part = "only a part of it narrows what is asked";

/* a condition on days in the making */
typedef struct DayBuilder
{
	Index		   varno;
	const TtTable *table;
	AttrNumber	   attnum; /* of the day or hour; 0: none seen yet */
	List		  *values;
	bool		   failed;
} DayBuilder;

static Param *
make_parameter(int id, Node *node, Oid type)
{
	Param *param = makeNode(Param);

	param->paramkind = PARAM_EXTERN;
	param->paramid = id;
	param->paramtype = type;
	param->paramtypmod = exprTypmod(node);
	param->paramcollid = exprCollation(node);
	param->location = -1;
	return param;
}

/* The column as a parameter, if it is one of days or hours. */
static Node *
column_parameter(DayBuilder *builder, Var *var)
{
	const TtTableColumn *column;

	builder->failed = true;
	if (var->varattno <= 0 || var->varlevelsup != 0 ||
		(builder->attnum != 0 && builder->attnum != var->varattno))
		return (Node *) var;
	column = &builder->table->columns[var->varattno - 1];
	if (column->dropped || !(column->is_day || column->is_hour) ||
		(column->type != DATEOID && column->type != TIMESTAMPOID &&
		 column->type != TIMESTAMPTZOID))
		return (Node *) var;
	builder->failed = false;
	builder->attnum = var->varattno;
	return (Node *) make_parameter(1, (Node *) var, column->type);
}

/*
 * A copy in which the column is parameter 1 and what cannot be asked day by
 * day, but has a value before the scan, is one of the parameters from 2 on.
 */
static Node *
build_condition(Node *node, DayBuilder *builder)
{
	if (node == NULL || builder->failed)
		return node;
	if (IsA(node, Var) && ((Var *) node)->varno == builder->varno)
		return column_parameter(builder, (Var *) node);
	if (IsA(node, List) || tt_days_can_ask(node))
		return expression_tree_mutator(node, build_condition, builder);
	if (!tt_qual_value_ok(node, builder->varno))
	{
		builder->failed = true;
		return node;
	}
	builder->values = lappend(builder->values, node);
	return (Node *) make_parameter(list_length(builder->values) + 1, node, exprType(node));
}

/* (a, b) >= (c, d) implies a >= c, and > does too */
static Node *
leading_comparison(RowCompareExpr *row)
{
	Oid opno = linitial_oid(row->opnos);
	int strategy = TT_ROW_COMPARISON(row) <= BTLessEqualStrategyNumber
					   ? BTLessEqualStrategyNumber
					   : BTGreaterEqualStrategyNumber;
	Oid left;
	Oid right;

	op_input_types(opno, &left, &right);
	opno = get_opfamily_member(linitial_oid(row->opfamilies), left, right, strategy);
	if (!OidIsValid(opno))
		return NULL;
	return (Node *) make_opclause(opno, BOOLOID, false, linitial(row->largs),
								  linitial(row->rargs), InvalidOid,
								  linitial_oid(row->inputcollids));
}

static Node *weaken(Node *clause, DayBuilder *builder, bool *whole);

/* AND: of the arms those that say something about days; OR: all, or nothing. */
static Node *
weaken_arms(BoolExpr *clause, DayBuilder *builder, bool *whole)
{
	List	 *arms = NIL;
	ListCell *lc;

	foreach(lc, clause->args)
	{
		Node *arm = weaken(lfirst(lc), builder, whole);

		if (arm != NULL)
			arms = lappend(arms, arm);
		else if (clause->boolop == OR_EXPR)
			return NULL;
	}
	if (arms == NIL)
		return NULL;
	return list_length(arms) == 1 ? linitial(arms)
								  : (Node *) makeBoolExpr(clause->boolop, arms, -1);
}

/*
 * What a clause says about the day, as a condition; NULL: nothing.  *whole is
 * set to false if it says more.
 */
static Node *
weaken(Node *clause, DayBuilder *builder, bool *whole)
{
	AttrNumber attnum = builder->attnum;
	int		   nvalues = list_length(builder->values);
	Node	  *condition;

	if (IsA(clause, RestrictInfo))
		clause = (Node *) ((RestrictInfo *) clause)->clause;
	if (IsA(clause, BoolExpr) && ((BoolExpr *) clause)->boolop != NOT_EXPR)
		return weaken_arms((BoolExpr *) clause, builder, whole);
	if (IsA(clause, RowCompareExpr))
	{
		*whole = false;
		clause = leading_comparison((RowCompareExpr *) clause);
		if (clause == NULL)
			return NULL;
	}
	condition = build_condition(clause, builder);
	if (!builder->failed)
		return condition;
	/* as if it had not been there */
	builder->failed = false;
	builder->attnum = attnum;
	builder->values = list_truncate(builder->values, nvalues);
	*whole = false;
	return NULL;
}

/* The condition on days that a clause implies; NULL if there is none. */
static TtQual *
derive_days(Index varno, const TtTable *table, Expr *clause, bool *whole)
{
	DayBuilder builder = {0};
	TtQual	  *qual;
	Node	  *condition;

	builder.varno = varno;
	builder.table = table;
	*whole = true;
	condition = weaken((Node *) clause, &builder, whole);
	if (condition == NULL || builder.attnum == 0)
		return NULL;
	fix_opfuncids(condition);
	qual = palloc0(sizeof(TtQual));
	qual->attnum = builder.attnum;
	qual->role = table->columns[builder.attnum - 1].is_hour ? TT_ROLE_HOUR : TT_ROLE_DAY;
	qual->values = builder.values;
	qual->condition = (Expr *) condition;
	return qual;
}

/* The equalities that an arm of an OR implies. */
static List *
arm_equalities(Index varno, const TtTable *table, Expr *arm)
{
	List	   *result = NIL;
	List	   *parts = is_andclause(arm) ? ((BoolExpr *) arm)->args : list_make1(arm);
	const char *reason;
	ListCell   *lc;

	foreach(lc, parts)
	{
		TtQual *qual = tt_qual_classify(varno, table, lfirst(lc), &reason);

		if (qual != NULL && qual->op == TT_OP_EQ &&
			qual->role != TT_ROLE_DAY && qual->role != TT_ROLE_HOUR)
			result = lappend(result, qual);
	}
	return result;
}

static TtQual *
find_equality(List *quals, AttrNumber attnum)
{
	ListCell *lc;

	foreach(lc, quals)
		if (((TtQual *) lfirst(lc))->attnum == attnum)
			return lfirst(lc);
	return NULL;
}

/*
 * (account = 1 AND …) OR (account = 2 AND …): the accounts and ids of which
 * every arm names one.
 */
static List *
derive_equalities(Index varno, const TtTable *table, BoolExpr *clause)
{
	List	 *common = arm_equalities(varno, table, linitial(clause->args));
	ListCell *lc;

	for_each_from(lc, clause->args, 1)
	{
		List	 *arm = arm_equalities(varno, table, lfirst(lc));
		ListCell *lc2;

		foreach(lc2, common)
		{
			TtQual *qual = lfirst(lc2);
			TtQual *other = find_equality(arm, qual->attnum);

			if (other != NULL)
				qual->values = list_concat(qual->values, other->values);
			else
				common = foreach_delete_current(common, lc2);
		}
	}
	return common;
}

List *
tt_qual_derive(Index varno, const TtTable *table, Expr *clause, const char **reason)
{
	TtQual *qual;
	List   *result = NIL;
	bool	whole;

	if (IsA(clause, RestrictInfo))
		clause = ((RestrictInfo *) clause)->clause;
	qual = tt_qual_classify(varno, table, clause, reason);
	if (qual != NULL)
		result = list_make1(qual);
	if (qual != NULL && !qual->rough)
		return result;
	if (qual == NULL && is_orclause(clause))
		result = derive_equalities(varno, table, (BoolExpr *) clause);
	qual = derive_days(varno, table, clause, &whole);
	if (qual != NULL)
		result = lappend(result, qual);
	if (qual != NULL && whole)
		*reason = NULL;
	else if (result != NIL && *reason != NULL)
		*reason = reason_part;
	return result;
}

List *
tt_qual_concat(List *quals, List *more)
{
	List	 *result = NIL;
	ListCell *lc;

	quals = list_concat_copy(quals, more);
	foreach(lc, quals)
		if (((TtQual *) lfirst(lc))->condition == NULL)
			result = lappend(result, lfirst(lc));
	foreach(lc, quals)
		if (((TtQual *) lfirst(lc))->condition != NULL)
			result = lappend(result, lfirst(lc));
	return result;
}
