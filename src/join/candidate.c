/*
 * candidate.c
 *	  Which joins may be batched, and what that costs.
 *
 * The planner's hook sees each pair of relations that it joins.  Where the inner
 * one is a table of ours and an equality tells its account or an id that the API
 * filters by, a path is added; the planner compares requests.  Rows come in no
 * order, and the outer side is any plan that needs no value of the join.
 *
 * Left out, since PostgreSQL's own joins do them: FULL and RIGHT joins, LATERAL,
 * conditions on no table (WHERE $1), partitions.
 */
#include "postgres.h"

#include "join/join.h"
#include "join/join_private.h"

#include <math.h>

#include "foreign/fdwapi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "options/settings.h"
#include "path/estimate.h"
#include "path/layout.h"
#include "path/relation.h"
#include "plan/plan.h"
#include "qual/qual.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

/* the largest batch is so many times the usual one */
#define LARGEST 16

/* accounts that are asked for side by side, for each request that may be under way */
#define ACCOUNTS_AT_ONCE 4

/*
 * Where a nested loop seems to take as many requests, it takes more if there are more
 * rows than was thought, and one after the other.
 */
#define RATHER_THAN_LOOP 0.97

static set_join_pathlist_hook_type next_hook = NULL;

static const CustomPathMethods path_methods = {
	.CustomName = TT_JOIN_NAME,
	.PlanCustomPath = tt_join_plan,
};

/* Whether the inner side is a table of ours, and nothing hinders it from being read so. */
static bool
may_be_inner(const RelOptInfo *rel)
{
	ListCell *lc;

	if (rel->reloptkind != RELOPT_BASEREL || rel->fdwroutine == NULL ||
		rel->fdwroutine->GetForeignPaths != tiktokGetForeignPaths ||
		rel->fdw_private == NULL || !bms_is_empty(rel->lateral_relids))
		return false;
	foreach(lc, rel->baserestrictinfo)
		if (((RestrictInfo *) lfirst(lc))->pseudoconstant)
			return false;
	return true;
}

/* In what order clauses may be checked: those of a lower security level first. */
static Index
security_level(const RestrictInfo *clause)
{
	return clause->leakproof ? 0 : clause->security_level;
}

static int
compare_clauses(const ListCell *a, const ListCell *b)
{
	Index one = security_level(lfirst(a));
	Index two = security_level(lfirst(b));

	return (one > two) - (one < two);
}

/*
 * The clauses in the order in which they may be checked; false: not here.
 */
static bool
order_clauses(List *clauses, List **ordered)
{
	ListCell *lc;

	foreach(lc, clauses)
		if (((RestrictInfo *) lfirst(lc))->pseudoconstant)
			return false;
	*ordered = list_copy(clauses);
	list_sort(*ordered, compare_clauses);
	return true;
}

/* Whether a column's values can be asked for many at a time. */
static bool
takes_many(const TtRelInfo *info, const TtQual *qual)
{
	const char *param;

	if (qual->role == TT_ROLE_ACCOUNT)
		return true;
	if (qual->role != TT_ROLE_FILTER || !tt_enable_pushdown)
		return false;
	switch (tt_qual_filter(info->table, qual->attnum, &param))
	{
		case TT_FILTER_IDS:
		case TT_FILTER_IDS20:
		case TT_FILTER_TOP_IDS:
		case TT_FILTER_MUSIC_IDS:
			return true;
		default:
			return false;
	}
}

/* Whether a clause says that a value of the outer side equals one of the inner side. */
static bool
is_equality(const RestrictInfo *clause, const RelOptInfo *outer, const RelOptInfo *inner,
			bool *commuted)
{
	if (!clause->can_join || !OidIsValid(clause->hashjoinoperator) ||
		!IsA(clause->clause, OpExpr) || !op_strict(((OpExpr *) clause->clause)->opno))
		return false;
	*commuted = bms_is_subset(clause->left_relids, inner->relids);
	return *commuted ? bms_is_subset(clause->right_relids, outer->relids)
					 : bms_is_subset(clause->left_relids, outer->relids) &&
						   bms_is_subset(clause->right_relids, inner->relids);
}

/* The key that a join clause is; NULL: none. */
static TtJoinKey *
make_key(RestrictInfo *clause, RelOptInfo *outer, RelOptInfo *inner)
{
	TtRelInfo  *info = inner->fdw_private;
	OpExpr	   *op = (OpExpr *) clause->clause;
	TtJoinKey  *key;
	const char *reason;
	List	   *quals;
	TtQual	   *qual;
	bool		commuted;

	if (!is_equality(clause, outer, inner, &commuted))
		return NULL;
	key = palloc0(sizeof(TtJoinKey));
	key->clause = clause;
	key->outer = commuted ? lsecond(op->args) : linitial(op->args);
	key->inner = commuted ? linitial(op->args) : lsecond(op->args);
	quals = tt_qual_derive(inner->relid, info->table, clause->clause, &reason);
	if (list_length(quals) != 1)
		return key;
	qual = linitial(quals);
	if (qual->condition != NULL || qual->op != TT_OP_EQ || list_length(qual->values) != 1 ||
		linitial(qual->values) != key->outer || !takes_many(info, qual))
		return key;
	key->attnum = qual->attnum;
	key->role = qual->role;
	return key;
}

/*
 * The keys among the join clauses.  Rows that a clause of a lower security level would
 * hide must not be seen by what is leaky, such as a request.
 */
static List *
find_keys(RelOptInfo *joinrel, RelOptInfo *outer, RelOptInfo *inner, JoinType jointype,
		  List *clauses)
{
	List	 *keys = NIL;
	ListCell *lc;

	foreach(lc, clauses)
	{
		RestrictInfo *clause = lfirst(lc);
		TtJoinKey	 *key;

		if (security_level(clause) > security_level(linitial(clauses)))
			break;
		if (IS_OUTER_JOIN(jointype) && RINFO_IS_PUSHED_DOWN(clause, joinrel->relids))
			continue;
		key = make_key(clause, outer, inner);
		if (key != NULL)
			keys = lappend(keys, key);
	}
	return keys;
}

/* Whether an id has one row, or one for each day: nothing else tells rows apart. */
static bool
tells_row(const TtTable *table, AttrNumber attnum)
{
	bool found = false;

	for (int i = 0; i < table->nkeys; i++)
	{
		if (strcmp(table->key_paths[i], table->columns[attnum - 1].path) == 0)
			found = true;
		else if (strncmp(table->key_paths[i], "dimensions.stat_time_",
						 strlen("dimensions.stat_time_")) != 0)
			return false;
	}
	return found;
}

static double
count_values(PlannerInfo *root, const TtJoinKey *key, double rows)
{
	return Max(estimate_num_groups(root, list_make1(key->outer), rows, NULL, NULL), 1);
}

/* What the foreign scan will be asked for; sets the sizes of batches, too. */
static TtJoinKeys
count_keys(PlannerInfo *root, TtJoinPath *path, RelOptInfo *inner, double rows)
{
	TtRelInfo  *info = inner->fdw_private;
	TtJoinKey  *key = linitial(path->asked);
	int			at_once = info->options->concurrency;
	TtJoinKeys	keys = {0};
	const char *param;
	int			usual;

	if (key->role == TT_ROLE_ACCOUNT)
	{
		keys.accounts = count_values(root, key, rows);
		keys.per_request = 1;
		usual = at_once * ACCOUNTS_AT_ONCE;
		if (info->table->stream->endpoint->account_param == TT_ACCOUNT_MANY)
			usual *= keys.per_request = TT_MAX_IDS;
	}
	else
	{
		keys.ids = count_values(root, key, rows);
		keys.per_request = tt_filter_limit(tt_qual_filter(info->table, key->attnum, &param));
		keys.tells_row = tells_row(info->table, key->attnum);
		if (list_length(path->asked) > 1)
			keys.accounts = count_values(root, lsecond(path->asked), rows);
		usual = at_once * keys.per_request;
	}
	/* who may want a few rows only is not to pay for more */
	path->first = root->tuple_fraction > 0 ? keys.per_request : usual;
	path->largest = usual * LARGEST;
	return keys;
}

/*
 * Whether the keys take fewer requests than the whole table; or as many, and not
 * more if there are some more keys than it seems.
 */
static bool
saves_requests(const TtJoinKeys *keys, const TtEstimate *joined, const TtEstimate *whole)
{
	return joined->requests < whole->requests * joined->low ||
		   (joined->requests == whole->requests && keys->ids <= keys->per_request / 2.0);
}

/* The foreign scan, for all keys together. */
static Path *
make_inner(PlannerInfo *root, RelOptInfo *rel, const TtJoinPath *path, const TtEstimate *estimate)
{
	Cost	  total = estimate->requests * TT_REQUEST_COST + estimate->rows * cpu_tuple_cost;
	List	 *items = NIL;
	ListCell *lc;

	foreach(lc, path->asked)
	{
		TtJoinKey *key = lfirst(lc);

		items = lappend(items, list_make3_int(key->attnum, key->role,
											  (int) exprType(key->outer)));
	}
	return (Path *) TT_FOREIGNSCAN_PATH(root, rel, NULL, clamp_row_est(estimate->rows),
										Min(total, TT_REQUEST_COST), total, NIL, NULL,
										list_make4(tt_plan_requests(estimate->requests), NIL,
												   NIL, items));
}

static void
set_costs(PlannerInfo *root, TtJoinPath *path, const Path *outer, const Path *inner,
		  const TtJoinKeys *keys, double factor)
{
	Path	*self = &path->path.path;
	double	 values = keys->ids > 0 ? keys->ids : keys->accounts;
	double	 share = Min(path->first / values, 1);
	QualCost checks;

	cost_qual_eval(&checks, path->clauses, root);
	self->startup_cost = outer->startup_cost +
						 share * (outer->total_cost - outer->startup_cost) +
						 inner->startup_cost * factor + checks.startup +
						 self->pathtarget->cost.startup;
	self->total_cost = outer->total_cost + inner->total_cost * factor + checks.startup +
					   outer->rows * (cpu_tuple_cost + cpu_operator_cost) +
					   inner->rows * cpu_operator_cost +
					   self->rows * (cpu_tuple_cost + checks.per_tuple) +
					   self->pathtarget->cost.startup +
					   self->rows * self->pathtarget->cost.per_tuple;
	self->total_cost = Max(self->total_cost, self->startup_cost);
}

static void
add_join(PlannerInfo *root, RelOptInfo *joinrel, RelOptInfo *innerrel, Path *outer,
		 JoinType jointype, List *clauses, List *asked, List *keys)
{
	TtJoinPath *path = (TtJoinPath *) newNode(sizeof(TtJoinPath), T_CustomPath);
	TtRelInfo  *info = innerrel->fdw_private;
	TtJoinKeys	counted;
	TtEstimate	estimate;
	Path	   *inner;

	path->jointype = jointype;
	path->clauses = clauses;
	path->asked = asked;
	path->hashed = list_concat_copy(asked, list_difference_ptr(keys, asked));
	counted = count_keys(root, path, innerrel, outer->rows);
	estimate = tt_estimate_joined(root, info, &counted);
	if (!estimate.possible)
		return;
	inner = make_inner(root, innerrel, path, &estimate);
	path->path.path.pathtype = T_CustomScan;
	path->path.path.parent = joinrel;
	path->path.path.pathtarget = joinrel->reltarget;
	path->path.path.rows = joinrel->rows;
	TT_PATH_DISABLED(&path->path.path, outer);
	path->path.flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->path.custom_paths = list_make2(outer, inner);
	path->path.methods = &path_methods;
	/* where nothing is known of the table, the other paths seem to cost too little */
	set_costs(root, path, outer, inner, &counted,
			  (saves_requests(&counted, &estimate, &info->estimate) ? RATHER_THAN_LOOP : 1) /
				  estimate.low);
	add_path(joinrel, (Path *) path);
}

static bool
is_ours(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_FOREIGN_TABLE &&
		   GetFdwRoutineByRelId(rte->relid)->GetForeignPaths == tiktokGetForeignPaths;
}

/* Whether a sub-query reads a table of ours. */
static bool
reads_remote(const Query *query)
{
	ListCell *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (is_ours(rte) || (rte->rtekind == RTE_SUBQUERY && reads_remote(rte->subquery)))
			return true;
	}
	return false;
}

/*
 * Whether values come from the API themselves.  Waiting for them saves few requests, and
 * costs what scans that start together save.
 */
static bool
is_remote(PlannerInfo *root, Node *values)
{
	Relids	  relids = pull_varnos(root, values);
	int		  relid = -1;
	ListCell *lc;

	while ((relid = bms_next_member(relids, relid)) >= 0)
	{
		RangeTblEntry *rte = root->simple_rte_array[relid];

		if (is_ours(rte))
			return true;
		if (rte->rtekind == RTE_SUBQUERY && reads_remote(rte->subquery))
			return true;
		if (rte->rtekind != RTE_CTE || rte->ctelevelsup > 0)
			continue;
		foreach(lc, root->parse->cteList)
		{
			CommonTableExpr *cte = lfirst(lc);

			if (strcmp(cte->ctename, rte->ctename) == 0 && reads_remote((Query *) cte->ctequery))
				return true;
		}
	}
	return false;
}

/* The outer side; NULL: there is none that needs no other relation. */
static Path *
outer_path(PlannerInfo *root, RelOptInfo *outer, JoinType *jointype, SpecialJoinInfo *sjinfo)
{
	Path *path = outer->cheapest_total_path;

	if (*jointype == JOIN_UNIQUE_OUTER)
	{
		path = TT_UNIQUE_PATH(root, outer, sjinfo);
		*jointype = JOIN_INNER;
	}
	return path != NULL && bms_is_empty(PATH_REQ_OUTER(path)) ? path : NULL;
}

static void
add_joins(PlannerInfo *root, RelOptInfo *joinrel, RelOptInfo *outerrel, RelOptInfo *innerrel,
		  JoinType jointype, JoinPathExtraData *extra)
{
	List	  *clauses;
	List	  *keys;
	TtJoinKey *account = NULL;
	Path	  *outer;
	ListCell  *lc;

	/* what comes from the API is its rows, neither added up nor each once */
	if (TT_JOIN_OF_DERIVED(joinrel, outerrel, innerrel, extra->sjinfo, jointype))
		return;
	if (!tt_enable_batched_join || !may_be_inner(innerrel) || IS_DUMMY_REL(innerrel) ||
		IS_DUMMY_REL(outerrel) || !order_clauses(extra->restrictlist, &clauses))
		return;
	if (jointype != JOIN_INNER && jointype != JOIN_LEFT && jointype != JOIN_SEMI &&
		jointype != JOIN_ANTI && jointype != JOIN_UNIQUE_OUTER)
		return;
	keys = find_keys(joinrel, outerrel, innerrel, jointype, clauses);
	if (keys == NIL)
		return;
	outer = outer_path(root, outerrel, &jointype, extra->sjinfo);
	if (outer == NULL)
		return;
	foreach(lc, keys)
		if (((TtJoinKey *) lfirst(lc))->role == TT_ROLE_ACCOUNT && account == NULL)
			account = lfirst(lc);
	foreach(lc, keys)
	{
		TtJoinKey *key = lfirst(lc);
		bool	   alone = account == NULL || key->role == TT_ROLE_ACCOUNT;

		if (key->attnum != 0 && !is_remote(root, key->outer))
			add_join(root, joinrel, innerrel, outer, jointype, clauses,
					 alone ? list_make1(key) : list_make2(key, account), keys);
	}
}

static void
join_hook(PlannerInfo *root, RelOptInfo *joinrel, RelOptInfo *outerrel, RelOptInfo *innerrel,
		  JoinType jointype, JoinPathExtraData *extra)
{
	if (next_hook != NULL)
		next_hook(root, joinrel, outerrel, innerrel, jointype, extra);
	add_joins(root, joinrel, outerrel, innerrel, jointype, extra);
}

void
tt_join_define(void)
{
	RegisterCustomScanMethods(&tt_join_methods);
	next_hook = set_join_pathlist_hook;
	set_join_pathlist_hook = join_hook;
}
