/*
 * limit_order.c
 *	  LIMIT, and ORDER BY … LIMIT, where they let a scan read less.
 *
 * LIMIT is only a hint: the Limit node stays, so a wrong guess cannot lose a
 * row.  An order is promised (pathkeys) only where the API can give it; the
 * executor checks it, and sorts itself where it turns out that it must.
 */
#include "postgres.h"

#include "path/limit_order.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "options/settings.h"
#include "path/relation.h"
#include "qual/qual.h"
#include "utils/lsyscache.h"

/*
 * EXISTS (SELECT …): a sub-query that is left after its first row.  That it is
 * planned for one row does not tell it: so is a sub-select in FROM below LIMIT
 * 1, all of whose rows may be needed.  But EXISTS is planned while its query's
 * expressions are prepared, before there are relations to join, and without a
 * target list.
 */
static bool
is_exists(const PlannerInfo *root)
{
	return root->parse->limitCount == NULL && root->parse->targetList == NIL &&
		   root->parent_root != NULL && root->parent_root->simple_rel_array == NULL &&
		   root->tuple_fraction == 1.0;
}

/* Whether rows of rel reach the Limit node, or EXISTS, one for one. */
static bool
rows_reach_limit(PlannerInfo *root)
{
	Query *parse = root->parse;

	return parse->commandType == CMD_SELECT && (parse->limitCount != NULL || is_exists(root)) &&
		   parse->limitOption == LIMIT_OPTION_COUNT && !parse->hasAggs &&
		   parse->groupClause == NIL && parse->groupingSets == NIL &&
		   !parse->hasWindowFuncs && !parse->hasTargetSRFs &&
		   parse->distinctClause == NIL && parse->setOperations == NULL &&
		   parse->havingQual == NULL && parse->rowMarks == NIL &&
		   bms_membership(root->all_baserels) == BMS_SINGLETON;
}

/*
 * Whether hardly a row that the API returns will be dropped here: only then
 * are small pages cheaper.  One value of an enum is a filter, several are not.
 * What the endpoint has to be told is asked value by value.
 */
static bool
few_dropped(const TtRelInfo *info)
{
	const char *param;
	ListCell   *lc;

	if (info->nlocal > 0 || info->table->leaves_out_idle)
		return false;
	foreach(lc, info->quals)
	{
		TtQual *qual = lfirst(lc);

		if (!tt_qual_exact(info->table, qual) && qual->role != TT_ROLE_REQUIRED &&
			(qual->role != TT_ROLE_FILTER || list_length(qual->values) > 1 ||
			 tt_qual_filter(info->table, qual->attnum, &param) != TT_FILTER_EQ ||
			 OidIsValid(get_base_element_type(exprType(linitial(qual->values))))))
			return false;
	}
	return true;
}

static bool
can_evaluate(Node *expr)
{
	return expr == NULL ||
		   (!contain_subplans(expr) && !contain_volatile_functions(expr));
}

List *
tt_limit_pushed(PlannerInfo *root, RelOptInfo *rel, List *pathkeys)
{
	Query	  *parse = root->parse;
	TtRelInfo *info = rel->fdw_private;

	if (!rows_reach_limit(root) || !few_dropped(info) ||
		!can_evaluate(parse->limitCount) || !can_evaluate(parse->limitOffset) ||
		!pathkeys_contained_in(root->sort_pathkeys, pathkeys))
		return NIL;
	if (is_exists(root))
		return list_make1(makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(1),
									false, FLOAT8PASSBYVAL));
	if (parse->limitOffset == NULL)
		return list_make1(copyObject(parse->limitCount));
	return list_make2(copyObject(parse->limitCount), copyObject(parse->limitOffset));
}

/* Whether a column is a metric by which the API orders as PostgreSQL does. */
static bool
orderable(const TtTable *table, const Var *var)
{
	const TtTableColumn *column;

	if (var->varattno <= 0)
		return false;
	column = &table->columns[var->varattno - 1];
	return column->metric != NULL && (column->metric->restrictions & TT_MF_ORDER) != 0 &&
		   (column->type == NUMERICOID || column->type == INT8OID ||
			column->type == INT4OID || column->type == FLOAT8OID);
}

/* At most one account: named by a constant, or compared with one value. */
static bool
single_account(const TtRelInfo *info)
{
	ListCell *lc;

	if (info->naccounts == 1)
		return true;
	foreach(lc, info->quals)
	{
		TtQual *qual = lfirst(lc);

		if (qual->role == TT_ROLE_ACCOUNT && list_length(qual->values) == 1 &&
			!OidIsValid(get_base_element_type(exprType(linitial(qual->values)))))
			return true;
	}
	return false;
}

List *
tt_order_pushed(PlannerInfo *root, RelOptInfo *rel)
{
	TtRelInfo *info = rel->fdw_private;
	PathKey	  *key;
	ListCell  *lc;

	if (!tt_enable_pushdown || !rows_reach_limit(root) ||
		rel->reloptkind != RELOPT_BASEREL || list_length(root->query_pathkeys) != 1 ||
		info->table->stream->kind != TT_KIND_REPORT || info->units != 1 ||
		!single_account(info))
		return NIL;
	key = linitial(root->query_pathkeys);
	if (key->pk_eclass->ec_has_volatile)
		return NIL;
	foreach(lc, key->pk_eclass->ec_members)
	{
		EquivalenceMember *member = lfirst(lc);
		Var				  *var = (Var *) member->em_expr;
		Oid				   operator;
		bool			   descending = TT_PATHKEY_DESCENDING(key);

		if (!IsA(var, Var) || var->varno != rel->relid || !orderable(info->table, var))
			continue;
		operator= get_opfamily_member(key->pk_opfamily, member->em_datatype,
									  member->em_datatype,
									  descending ? BTGreaterStrategyNumber
												 : BTLessStrategyNumber);
		if (OidIsValid(operator))
			return list_make4_int(var->varattno, (int) operator, descending,
								  key->pk_nulls_first);
	}
	return NIL;
}
