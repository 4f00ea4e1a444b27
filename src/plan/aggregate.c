/*
 * aggregate.c
 *	  Sums over the days of a report, added up by the API.
 *
 * A report without time dimension has a row for each object, of the sums of
 * all days that were asked for.  Where a query wants nothing of the days but
 * sums of metrics that may be added up, it is planned over those rows: the same
 * aggregate, grouped as before, over fewer rows.  So whatever the API's rows
 * are sums of – a part of the days, of the objects – PostgreSQL adds up the
 * rest, and checks HAVING.
 *
 * Nothing is checked day by day then, so this is the second exception to "every
 * condition is rechecked": the days must be whole, and everything else that is
 * said of a row must be the same on all days of its object.
 */
#include "postgres.h"

#include "plan/aggregate.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/prep.h"
#include "optimizer/tlist.h"
#include "options/settings.h"
#include "path/estimate.h"
#include "path/layout.h"
#include "path/relation.h"
#include "qual/qual.h"
#include "table/refusals.h"
#include "table/sums.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* what a query wants of a relation, as far as it was looked at */
typedef struct Wanted
{
	PlannerInfo	  *root;
	Index		   varno;
	const TtTable *table;
	const char	  *reason;	/* why the days cannot be added up; NULL: they can */
	int			   level;	/* TT_LV_* of the objects that must be told apart */
	List		  *attrs;	/* columns of objects and metrics */
	List		  *metrics; /* TtMetric, those of sums */
} Wanted;

static bool
refuse(Wanted *wanted, const char *reason)
{
	if (wanted->reason == NULL)
		wanted->reason = reason;
	return true; /* ends a walk */
}

static const char *
column_name(const Wanted *wanted, const Var *var)
{
	return var->varattno > 0 ? wanted->table->columns[var->varattno - 1].name : "the row itself";
}

/* A column outside sums: it must be the same in all rows of an object. */
static bool
want_column(Wanted *wanted, const Var *var)
{
	int level = 0;

	if (var->varattno > 0)
		level = tt_sums_column_level(wanted->table, var->varattno);
	if (level == 0)
		return refuse(wanted, psprintf("%s is not the same on all days",
									   column_name(wanted, var)));
	wanted->level = Max(wanted->level, level);
	wanted->attrs = list_append_unique_int(wanted->attrs, var->varattno);
	return false;
}

static bool
want_sum(Wanted *wanted, const Aggref *agg, const Var *var)
{
	const TtTableColumn *column;
	const TtMetric		*metric = NULL;
	Oid					 type = agg->aggfnoid == F_SUM_INT8 ? INT8OID : NUMERICOID;

	if (var->varattno > 0)
	{
		column = &wanted->table->columns[var->varattno - 1];
		if (!column->dropped && column->metric != NULL && !column->metric->attribute &&
			strcmp(column->path, psprintf("metrics.%s", column->metric_name)) == 0)
			metric = column->metric;
	}
	if (metric == NULL)
		return refuse(wanted, psprintf("%s is not known to add up", column_name(wanted, var)));
	if (metric->additive == TT_NOT_IF_REACH)
		return refuse(wanted, psprintf("%s counts people where the goal is REACH",
									   column->name));
	if (metric->additive != TT_ADDITIVE || (metric->restrictions & TT_MF_UNIQUE))
		return refuse(wanted, psprintf("%s of several days is not their sum", column->name));
	if (metric->restrictions & TT_MF_DAYS)
		return refuse(wanted, psprintf("%s of a period may be another than the sum of its days",
									   column->name));
	/* what the API rounds, cuts or refuses day by day may be nothing else */
	if (var->vartype != type || var->vartypmod != -1 ||
		(type == INT8OID) != (metric->column.type == TT_TYPE_bigint))
		return refuse(wanted, psprintf("%s is not declared as the API's type", column->name));
	wanted->attrs = list_append_unique_int(wanted->attrs, var->varattno);
	wanted->metrics = list_append_unique_ptr(wanted->metrics, unconstify(TtMetric *, metric));
	return false;
}

/* sum() of a metric, or min() and max() of what describes an object */
static bool
want_aggregate(Wanted *wanted, const Aggref *agg)
{
	char *name = get_func_name(agg->aggfnoid);
	Var	 *var = NULL;

	if (agg->aggfilter != NULL)
		return refuse(wanted, psprintf("%s has a FILTER", name));
	if (agg->aggdistinct != NIL || agg->aggorder != NIL || agg->aggdirectargs != NIL)
		return refuse(wanted, psprintf("%s has DISTINCT or ORDER BY", name));
	if (list_length(agg->args) == 1)
		var = (Var *) ((TargetEntry *) linitial(agg->args))->expr;
	if (agg->aggfnoid == F_SUM_INT8 || agg->aggfnoid == F_SUM_NUMERIC)
	{
		if (var == NULL || !IsA(var, Var) || var->varno != wanted->varno)
			return refuse(wanted, "sum() is of an expression, not of a metric");
		return want_sum(wanted, agg, var);
	}
	/* no metric is of another type */
	if (agg->aggfnoid < FirstNormalObjectId && strcmp(name, "sum") == 0 && var != NULL &&
		IsA(var, Var) && var->varno == wanted->varno)
		return refuse(wanted, psprintf("%s is not declared as the API's type",
									   column_name(wanted, var)));
	if (agg->aggfnoid >= FirstNormalObjectId ||
		(strcmp(name, "min") != 0 && strcmp(name, "max") != 0))
		return refuse(wanted, psprintf("%s() needs the days, a sum does not", name));
	while (var != NULL && IsA(var, RelabelType))
		var = (Var *) ((RelabelType *) var)->arg;
	if (var == NULL || !IsA(var, Var) || var->varno != wanted->varno)
		return refuse(wanted, psprintf("%s() is of an expression, not of a column", name));
	return want_column(wanted, var);
}

static bool
want_walker(Node *node, Wanted *wanted)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref) && ((Aggref *) node)->agglevelsup == 0)
		return want_aggregate(wanted, (Aggref *) node);
	if (IsA(node, GroupingFunc))
		return refuse(wanted, "it has grouping sets");
	if (IsA(node, Var) && ((Var *) node)->varno == wanted->varno)
		return want_column(wanted, (Var *) node);
	return expression_tree_walker(node, want_walker, wanted);
}

/* The columns of a clause that is left to check: ids, in any form. */
static bool
clause_walker(Node *node, Wanted *wanted)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varno == wanted->varno)
	{
		Var *var = (Var *) node;

		if (var->varattno <= 0 || !tt_sums_column_is_id(wanted->table, var->varattno))
			return refuse(wanted, psprintf("a condition on %s is checked day by day",
										   column_name(wanted, var)));
		return want_column(wanted, var);
	}
	return expression_tree_walker(node, clause_walker, wanted);
}

/* IS NOT NULL of a time, which a partition's constraint says: it is true. */
static bool
is_true_of_times(const Wanted *wanted, Node *clause)
{
	NullTest *test = (NullTest *) clause;
	Var		 *var;

	if (!IsA(clause, NullTest) || test->nulltesttype != IS_NOT_NULL || test->argisrow ||
		!IsA(test->arg, Var))
		return false;
	var = (Var *) test->arg;
	return var->varno == wanted->varno && var->varattno > 0 &&
		   (wanted->table->columns[var->varattno - 1].is_day ||
			wanted->table->columns[var->varattno - 1].is_hour);
}

static bool
has_times(const TtTable *table, Index varno, Node *clause)
{
	Bitmapset *used = NULL;

	pull_varattnos(clause, varno, &used);
	for (int i = 0; i < table->natts; i++)
		if ((table->columns[i].is_day || table->columns[i].is_hour) &&
			bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, used))
			return true;
	return false;
}

static void
want_clause(Wanted *wanted, Expr *clause)
{
	if (contain_volatile_functions((Node *) clause))
		refuse(wanted, "a condition is volatile");
	else if (!has_times(wanted->table, wanted->varno, (Node *) clause))
		(void) clause_walker((Node *) clause, wanted);
	else if (!is_true_of_times(wanted, (Node *) clause) &&
			 !tt_qual_whole_days(wanted->varno, wanted->table, clause))
		refuse(wanted, "a condition on days does not select whole days that are certain");
}

static void
want_clauses(Wanted *wanted, RelOptInfo *rel)
{
	TtRelInfo *info = rel->fdw_private;
	ListCell  *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		RestrictInfo *ri = lfirst(lc);

		if (!ri->pseudoconstant)
			want_clause(wanted, ri->clause);
	}
	foreach(lc, info->constraint)
		want_clause(wanted, lfirst(lc));
}

/* The shape of the query: a plain GROUP BY of one table. */
static void
want_shape(Wanted *wanted, const TtRelInfo *info, const GroupPathExtraData *extra)
{
	const Query	   *parse = wanted->root->parse;
	const TtReport *report = &info->table->stream->report;
	List		   *groups = get_sortgrouplist_exprs(parse->groupClause,
													 wanted->root->processed_tlist);

	if (strcmp(report->report_type, "BASIC") != 0)
		refuse(wanted, psprintf("reports of type %s do not add up for certain",
								report->report_type));
	else if (tt_sums_dimension(info->table) == NULL || report->level == 0)
		refuse(wanted, "the report has dimensions besides one id and the time");
	else if (parse->groupingSets != NIL)
		refuse(wanted, "it has grouping sets");
	else if (extra->patype != PARTITIONWISE_AGGREGATE_NONE)
		refuse(wanted, "it is a part of a partitioned table");
	else if (expression_returns_set((Node *) groups))
		refuse(wanted, "it groups by a set");
	else if (contain_volatile_functions((Node *) groups))
		refuse(wanted, "it groups by something volatile");
	if (wanted->reason != NULL)
		return;
	(void) want_walker((Node *) groups, wanted);
	(void) want_walker((Node *) wanted->root->upper_targets[UPPERREL_GROUP_AGG]->exprs, wanted);
	(void) want_walker(extra->havingQual, wanted);
	if (wanted->metrics == NIL)
		refuse(wanted, "it has no sum()");
}

/*
 * What the days do not have, they read as NULL: so must the sums.  Attributes that
 * are dimensions of the sums are not asked for there.
 */
static void
want_legal_by_day(Wanted *wanted)
{
	const TtTable *daily = wanted->table;
	ListCell	  *lc;

	foreach(lc, wanted->attrs)
	{
		const TtTableColumn *column = &daily->columns[lfirst_int(lc) - 1];

		if (column->metric == NULL || column->is_account)
			continue;
		if (!tt_metric_legal(column->metric, &daily->stream->report))
			refuse(wanted, psprintf("the table's own report has no %s", column->name));
		else if (tt_refusal_known(daily->relid, column->metric_name))
			refuse(wanted, psprintf("the API refuses %s by day", column->name));
	}
}

static bool
metrics_are_legal(const Wanted *wanted, const TtTable *sums)
{
	ListCell *lc;

	foreach(lc, wanted->attrs)
	{
		const TtTableColumn *column = &sums->columns[lfirst_int(lc) - 1];

		if (column->metric != NULL && !column->is_account &&
			!tt_metric_legal(column->metric, &sums->stream->report))
			return false;
	}
	return true;
}

/*
 * Whether objects above those of the report have the same sums: only if the
 * API leaves out none of them, here or there.
 */
static bool
may_ask_above(const TtRelInfo *info)
{
	const TtReport *report = &info->table->stream->report;
	const char	   *status = tt_level_status_field(report->level);

	return info->options->include_deleted && !info->options->sandbox &&
		   strcmp(tt_sums_dimension(info->table), "ad_id_v2") != 0 &&
		   (status == NULL || !tt_refusal_known(info->table->relid, status));
}

/* Whether the sums of a level's objects can be asked for; sets table and estimate. */
static bool
can_ask(Wanted *wanted, int level, TtRelInfo *sums)
{
	sums->table = tt_table_sums(wanted->table, level);
	if (!metrics_are_legal(wanted, sums->table))
	{
		refuse(wanted, "the API has a metric by day only");
		return false;
	}
	sums->estimate = tt_estimate_scan(wanted->root, sums, sums->quals);
	if (sums->estimate.refused)
		refuse(wanted, "the API refuses a part of it in this session");
	return !sums->estimate.refused;
}

/*
 * The table to read: of the highest objects that tell what is wanted.  Not of
 * the account, unless the report is: of an account with 20,000 ads the API adds
 * up a part only, and could not be asked for the rest.
 */
static void
choose_table(Wanted *wanted, const TtRelInfo *info, TtRelInfo *sums)
{
	int own = info->table->stream->report.level;
	int level = Max(wanted->level, Min(own, TT_LV_CAMPAIGN));

	if (level < own && may_ask_above(info) && can_ask(wanted, level, sums))
		return;
	wanted->reason = NULL;
	(void) can_ask(wanted, own, sums);
}

/* The rows of the sums, and the aggregate over them. */
static void
add_paths(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *output_rel,
		  const TtRelInfo *info, const GroupPathExtraData *extra)
{
	List		  *groups = TT_GROUP_CLAUSE(root);
	PathTarget	  *target = root->upper_targets[UPPERREL_GROUP_AGG];
	AggClauseCosts costs = {0};
	double		   rows = clamp_row_est(info->estimate.rows);
	Cost		   startup = info->estimate.requests > 0 ? TT_REQUEST_COST : 0;
	Cost		   total = info->estimate.requests * TT_REQUEST_COST + rows * cpu_tuple_cost;
	int			   level = info->table->stream->report.level;
	List *private = list_make3(tt_plan_requests(info->estimate.requests), NIL,
							   list_make2(info->attrs, makeInteger(level)));
	Path	   *path;
	AggStrategy strategy = root->parse->groupClause == NIL ? AGG_PLAIN : AGG_HASHED;

	get_agg_clause_costs(root, AGGSPLIT_SIMPLE, &costs);
	path = (Path *) TT_FOREIGNSCAN_PATH(root, input_rel, NULL, rows, startup,
										Max(total, startup), NIL, NULL, private);
	if (strategy == AGG_PLAIN || grouping_is_hashable(groups))
		add_path(output_rel,
				 (Path *) create_agg_path(root, output_rel, path, target, strategy,
										  AGGSPLIT_SIMPLE, groups, (List *) extra->havingQual,
										  &costs, strategy == AGG_PLAIN ? 1 : rows));
	if (strategy == AGG_PLAIN || !grouping_is_sortable(groups))
		return;
	path = (Path *) create_sort_path(root, output_rel, path, root->group_pathkeys, -1.0);
	add_path(output_rel,
			 (Path *) create_agg_path(root, output_rel, path, target, AGG_SORTED,
									  AGGSPLIT_SIMPLE, groups, (List *) extra->havingQual,
									  &costs, rows));
}

void
tt_aggregate_add_path(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *output_rel,
					  void *extra)
{
	TtRelInfo *info = input_rel->fdw_private;
	Wanted	   wanted = {.root = root, .varno = input_rel->relid, .table = info->table};
	TtRelInfo  sums = *info;

	if (!tt_enable_aggregate_pushdown || tt_snapshot_refresh ||
		info->table->stream->kind != TT_KIND_REPORT ||
		!tt_report_has_time(&info->table->stream->report))
		return;
	want_shape(&wanted, info, extra);
	if (wanted.reason == NULL)
		want_clauses(&wanted, input_rel);
	if (wanted.reason == NULL)
		want_legal_by_day(&wanted);
	if (wanted.reason == NULL)
	{
		list_sort(wanted.attrs, list_int_cmp);
		sums.attrs = wanted.attrs;
		choose_table(&wanted, info, &sums);
	}
	info->not_summed = wanted.reason;
	if (wanted.reason != NULL)
		return;
	if (!sums.estimate.possible)
		return;
	info->not_summed = "the rows of the days take no more requests";
	/* a row of one day is a sum already; of several there are fewer sums than rows */
	if (info->days == 1)
		return;
	if (sums.estimate.requests <= info->estimate.requests)
		sums.estimate.rows = Min(sums.estimate.rows, info->estimate.rows / 2);
	add_paths(root, input_rel, output_rel, &sums, extra);
}

static List *
path_of_sums(const ForeignPath *path)
{
	return list_length(path->fdw_private) > TT_PATH_AGGREGATES
			   ? list_nth(path->fdw_private, TT_PATH_AGGREGATES)
			   : NIL;
}

/* Why a query that aggregates reads the days of a report; NULL: it is not to do otherwise. */
static const char *
reason_not_summed(PlannerInfo *root, RelOptInfo *rel)
{
	TtRelInfo *info = rel->fdw_private;

	if (!tt_enable_aggregate_pushdown || info->not_summed != NULL ||
		(!root->parse->hasAggs && root->parse->groupClause == NIL) ||
		info->table->stream->kind != TT_KIND_REPORT ||
		!tt_report_has_time(&info->table->stream->report))
		return info->not_summed;
	if (!tt_enable_pushdown)
		return "tiktok_fdw.enable_pushdown is off";
	if (tt_snapshot_refresh)
		return "a snapshot is being read";
	if (rel->reloptkind != RELOPT_BASEREL)
		return "it is a part of a partitioned table or of a UNION ALL";
	if (bms_membership(root->all_baserels) == BMS_MULTIPLE)
		return "it is joined before it is aggregated";
	return NULL;
}

Node *
tt_aggregate_plan(PlannerInfo *root, RelOptInfo *rel, const ForeignPath *path, List **attrs,
				  List **clauses, List **met)
{
	TtRelInfo  *info = rel->fdw_private;
	List	   *sums = path_of_sums(path);
	const char *reason;
	List	   *kept = NIL;
	ListCell   *lc;

	*met = NIL;
	if (sums == NIL)
	{
		reason = reason_not_summed(root, rel);
		return reason != NULL ? (Node *) makeString(pstrdup(reason)) : NULL;
	}
	foreach(lc, *clauses)
	{
		if (has_times(info->table, rel->relid, lfirst(lc)))
			*met = lappend(*met, lfirst(lc));
		else
			kept = lappend(kept, lfirst(lc));
	}
	*clauses = kept;
	*attrs = linitial(sums);
	return lsecond(sums);
}
