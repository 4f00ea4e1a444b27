/*
 * plan.c
 *	  Planner callbacks: which conditions are pushed, paths, costs, the plan.
 *
 * The unit of cost is the request: each costs a round trip and counts against
 * the app's rate.  Every clause stays in the plan's quals, so a wrong guess
 * here is a slow query and never a wrong answer.  Nothing here talks to the
 * network or reads the user mapping.
 */
#include "postgres.h"

#include "plan/plan.h"

#include "access/table.h"
#include "compat.h"
#include "foreign/foreign.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "path/estimate.h"
#include "path/layout.h"
#include "path/limit_order.h"
#include "plan/aggregate.h"
#include "plan/upper.h"
#include "qual/qual.h"
#include "rewrite/rewriteManip.h"
#include "utils/partcache.h"
#include "utils/rel.h"

/* what local conditions leave at least, as long as nothing is known */
#define MIN_SELECTIVITY 0.1

/* a scan that can only end in an error: any other path is better */
#define IMPOSSIBLE_COST 1.0e10

/* Columns whose values the executor needs, in ascending order. */
static List *
used_attributes(RelOptInfo *baserel, const TtTable *table, const List *constraint)
{
	Bitmapset *used = NULL;
	List	  *attrs = NIL;
	ListCell  *lc;
	bool	   whole_row;

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &used);
	foreach(lc, baserel->baserestrictinfo)
		pull_varattnos((Node *) ((RestrictInfo *) lfirst(lc))->clause, baserel->relid,
					   &used);
	pull_varattnos((Node *) constraint, baserel->relid, &used);
	whole_row = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
	for (int attnum = 1; attnum <= table->natts; attnum++)
		if (!table->columns[attnum - 1].dropped &&
			(whole_row || bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, used)))
			attrs = lappend_int(attrs, attnum);
	return attrs;
}

/*
 * The constraint of a partition.  PostgreSQL trusts that a partition holds only
 * such rows, so the scan must ask for no others and check them: otherwise two
 * partitions of one stream, by account or by month, would each return all.
 */
static List *
partition_constraint(PlannerInfo *root, RelOptInfo *baserel, Relation rel)
{
	List *constraint;

	if (!rel->rd_rel->relispartition)
		return NIL;
	constraint = copyObject(RelationGetPartitionQual(rel));
	ChangeVarNodes((Node *) constraint, 1, baserel->relid, 0);
	return (List *) eval_const_expressions(root, (Node *) constraint);
}

/* These are conditions of the query itself, not of a partition. */
static void
mark_asked(List *quals)
{
	ListCell *lc;

	foreach(lc, quals)
		((TtQual *) lfirst(lc))->asked = true;
}

/*
 * Take what a clause that every row of the scan must satisfy implies; whether
 * that is all it says.
 */
static bool
add_qual(RelOptInfo *baserel, TtRelInfo *info, Expr *clause)
{
	const char *reason;
	List	   *quals = tt_qual_derive(baserel->relid, info->table, clause, &reason);

	info->quals = tt_qual_concat(info->quals, quals);
	return reason == NULL;
}

void
tiktokGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	TtRelInfo  *info = palloc0(sizeof(TtRelInfo));
	Relation	rel = table_open(foreigntableid, NoLock);
	Selectivity selectivity;
	List	   *local = NIL;
	ListCell   *lc;

	info->table = tt_table_get(rel);
	info->constraint = partition_constraint(root, baserel, rel);
	table_close(rel, NoLock);
	info->options = tt_options_get(GetForeignTable(foreigntableid)->serverid,
								   foreigntableid, InvalidOid, false);
	info->attrs = used_attributes(baserel, info->table, info->constraint);
	foreach(lc, baserel->baserestrictinfo)
	{
		RestrictInfo *ri = lfirst(lc);

		if (ri->pseudoconstant || !add_qual(baserel, info, ri->clause))
			local = lappend(local, ri);
	}
	info->nlocal = list_length(local);
	mark_asked(info->quals);
	foreach(lc, info->constraint)
	{
		Node *clause = lfirst(lc);

		/* "key IS NOT NULL" follows from the comparison beside it */
		if (!add_qual(baserel, info, (Expr *) clause) &&
			!(IsA(clause, NullTest) && ((NullTest *) clause)->nulltesttype == IS_NOT_NULL))
			info->nlocal++;
	}
	baserel->fdw_private = info;
	info->estimate = tt_estimate_scan(root, info, info->quals);
	selectivity = clauselist_selectivity(root, local, baserel->relid, JOIN_INNER, NULL);

	/*
	 * Without statistics the guess is hundredths per clause, and a few clauses
	 * make a table of one row, to be joined by a request per row.  Guessing too
	 * many costs one full read, too few a request for each.
	 */
	if (baserel->tuples <= 0)
		selectivity = Max(selectivity, MIN_SELECTIVITY);
	baserel->tuples = Max(info->estimate.rows, 1);
	baserel->rows = clamp_row_est(info->estimate.rows * selectivity);
}

static void
add_scan_path(PlannerInfo *root, RelOptInfo *baserel, TtEstimate est, double rows,
			  Relids required_outer, List *pathkeys, List *order)
{
	Cost		 startup = est.requests > 0 ? TT_REQUEST_COST : 0;
	Cost		 total = est.requests * TT_REQUEST_COST + est.rows * cpu_tuple_cost;
	Node		*requests = tt_plan_requests(est.requests);
	ForeignPath *path;

	if (!est.possible || est.doubtful)
		total += IMPOSSIBLE_COST;
	path = TT_FOREIGNSCAN_PATH(root, baserel, NULL, rows, startup, Max(total, startup),
							   pathkeys, required_outer, list_make2(requests, order));
	add_path(baserel, (Path *) path);
}

/* A path whose condition gets its value from another relation of the join. */
static void
add_parameterized_path(PlannerInfo *root, RelOptInfo *baserel, RestrictInfo *ri)
{
	TtRelInfo	  *info = baserel->fdw_private;
	Relids		   outer = bms_union(ri->clause_relids, baserel->lateral_relids);
	const char	  *reason;
	List		  *quals = tt_qual_derive(baserel->relid, info->table, ri->clause, &reason);
	TtEstimate	   est;
	ParamPathInfo *ppi;

	outer = bms_del_member(outer, baserel->relid);
	if (quals == NIL || bms_is_empty(outer))
		return;
	est = tt_estimate_scan(root, info, tt_qual_concat(info->quals, quals));
	if (!est.possible)
		return;
	ppi = get_baserel_parampathinfo(root, baserel, outer);
	add_scan_path(root, baserel, est, ppi->ppi_rows, ppi->ppi_req_outer, NIL, NIL);
}

/* matches the members of an equivalence class that are a given column of ours */
static bool
is_column(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec,
		  EquivalenceMember *em, void *arg)
{
	Node *node = (Node *) em->em_expr;

	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return IsA(node, Var) && ((Var *) node)->varno == rel->relid &&
		   ((Var *) node)->varattno == *(AttrNumber *) arg;
}

/* What the clauses say that can be checked with values of these relations. */
static List *
movable_quals(RelOptInfo *baserel, TtRelInfo *info, ParamPathInfo *ppi)
{
	List	 *quals = NIL;
	ListCell *lc;

	foreach(lc, ppi->ppi_clauses)
	{
		const char *reason;

		quals = tt_qual_concat(quals, tt_qual_derive(baserel->relid, info->table,
													 ((RestrictInfo *) lfirst(lc))->clause,
													 &reason));
	}
	return tt_qual_concat(info->quals, quals);
}

static bool
is_about(const TtRelInfo *info, const TtQual *qual, TtQualRole role, const TtColumn *listed)
{
	return qual->role == role &&
		   (listed == NULL || info->table->columns[qual->attnum - 1].listed == listed);
}

/*
 * The relations that clauses take values of the role from, as Relids; listed: of that
 * column only, NULL: any.
 */
static List *
value_sources(RelOptInfo *baserel, List *clauses, TtQualRole role, const TtColumn *listed)
{
	TtRelInfo *info = baserel->fdw_private;
	List	  *sources = NIL;
	ListCell  *lc;

	foreach(lc, info->quals)
		if (is_about(info, lfirst(lc), role, listed))
			return list_make1(NULL);
	foreach(lc, clauses)
	{
		RestrictInfo *ri = lfirst(lc);
		const char	 *reason;
		List		 *quals = tt_qual_derive(baserel->relid, info->table, ri->clause, &reason);

		if (quals != NIL && is_about(info, linitial(quals), role, listed))
			sources = lappend(sources, bms_del_member(bms_copy(ri->clause_relids),
													  baserel->relid));
	}
	return sources;
}

static bool
has_relids(const List *list, Relids relids)
{
	ListCell *lc;

	foreach(lc, list)
		if (bms_equal(lfirst(lc), relids))
			return true;
	return false;
}

/*
 * A period is known by two values, so that a path needs both: each source of the
 * first day with each of the last one.
 */
static void
add_period_paths(PlannerInfo *root, RelOptInfo *baserel, List *clauses)
{
	TtRelInfo *info = baserel->fdw_private;
	List	  *firsts = value_sources(baserel, clauses, TT_ROLE_FROM, NULL);
	List	  *lasts = value_sources(baserel, clauses, TT_ROLE_TO, NULL);
	List	  *done = NIL;
	ListCell  *lc;
	ListCell  *lc2;

	foreach(lc, firsts)
		foreach(lc2, lasts)
		{
			Relids		   outer = bms_union(lfirst(lc), lfirst(lc2));
			ParamPathInfo *ppi;

			outer = bms_add_members(outer, baserel->lateral_relids);
			if (bms_is_empty(outer) || has_relids(done, outer))
				continue;
			done = lappend(done, outer);
			ppi = get_baserel_parampathinfo(root, baserel, outer);
			add_scan_path(root, baserel,
						  tt_estimate_scan(root, info, movable_quals(baserel, info, ppi)),
						  ppi->ppi_rows, ppi->ppi_req_outer, NIL, NIL);
		}
}

/* What the endpoint has to be told may be known by several clauses together only. */
static void
add_required_path(PlannerInfo *root, RelOptInfo *baserel, List *clauses)
{
	TtRelInfo	   *info = baserel->fdw_private;
	Relids			outer = bms_copy(baserel->lateral_relids);
	const TtColumn *column;
	ParamPathInfo  *ppi;

	for (int i = 0; (column = tt_stream_required(info->table->stream, i)) != NULL; i++)
	{
		List *sources = value_sources(baserel, clauses, TT_ROLE_REQUIRED, column);

		if (sources == NIL)
			return;
		outer = bms_add_members(outer, linitial(sources));
	}
	if (bms_is_empty(outer))
		return;
	ppi = get_baserel_parampathinfo(root, baserel, outer);
	add_scan_path(root, baserel,
				  tt_estimate_scan(root, info, movable_quals(baserel, info, ppi)),
				  ppi->ppi_rows, ppi->ppi_req_outer, NIL, NIL);
}

static void
add_parameterized_paths(PlannerInfo *root, RelOptInfo *baserel)
{
	TtRelInfo *info = baserel->fdw_private;
	List	  *clauses = NIL;
	ListCell  *lc;

	foreach(lc, baserel->joininfo)
	{
		RestrictInfo *ri = lfirst(lc);

		if (join_clause_is_movable_to(ri, baserel))
			clauses = lappend(clauses, ri);
	}
	foreach(lc, info->attrs)
	{
		AttrNumber attnum = lfirst_int(lc);
		List	  *implied;

		if (!baserel->has_eclass_joins)
			break;
		implied = generate_implied_equalities_for_column(root, baserel, is_column, &attnum,
														 baserel->lateral_referencers);
		clauses = list_concat(clauses, implied);
	}
	foreach(lc, clauses)
		add_parameterized_path(root, baserel, lfirst(lc));
	if (info->table->stream->report.grain == TT_GRAIN_PERIOD)
		add_period_paths(root, baserel, clauses);
	if (tt_stream_required(info->table->stream, 0) != NULL)
		add_required_path(root, baserel, clauses);
}

void
tiktokGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	TtRelInfo *info = baserel->fdw_private;
	List	  *order = tt_order_pushed(root, baserel);

	add_scan_path(root, baserel, info->estimate, baserel->rows, baserel->lateral_relids,
				  NIL, NIL);
	if (order != NIL)
		add_scan_path(root, baserel, info->estimate, baserel->rows,
					  baserel->lateral_relids, root->query_pathkeys, order);
	add_parameterized_paths(root, baserel);
}

/* The inner side of a batched join has its keys from there (join/join.h). */
static List *
keys_of_join(const ForeignPath *path)
{
	return list_length(path->fdw_private) > TT_PATH_KEYS
			   ? list_nth(path->fdw_private, TT_PATH_KEYS)
			   : NIL;
}

ForeignScan *
tiktokGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid,
					 ForeignPath *best_path, List *tlist, List *scan_clauses,
					 Plan *outer_plan)
{
	TtRelInfo *info = baserel->fdw_private;
	List	  *clauses = extract_actual_clauses(scan_clauses, false);
	List	  *attrs = info->attrs;
	List	  *met;
	Node	  *sums;
	List	  *quals = NIL;
	int		   nclauses;
	List	  *exprs;
	List	  *limit;
	List *private;
	ListCell *lc;

	if (IS_UPPER_REL(baserel))
		return tt_upper_plan(root, baserel, best_path, tlist);
	nclauses = list_length(clauses);
	clauses = list_concat(clauses, copyObject(info->constraint));

	foreach(lc, clauses)
	{
		const char *reason;
		List	   *implied = tt_qual_derive(baserel->relid, info->table, lfirst(lc), &reason);

		if (foreach_current_index(lc) < nclauses)
			mark_asked(implied);
		quals = tt_qual_concat(quals, implied);
	}
	sums = tt_aggregate_plan(root, baserel, best_path, &attrs, &clauses, &met);
	limit = tt_limit_pushed(root, baserel, best_path->path.pathkeys);
	private = tt_plan_private(attrs, quals,
							  list_nth(best_path->fdw_private, TT_PATH_REQUESTS),
							  list_length(limit),
							  list_nth(best_path->fdw_private, TT_PATH_ORDER),
							  false, sums, keys_of_join(best_path), &exprs);
	exprs = list_concat(exprs, limit);
	return make_foreignscan(tlist, clauses, baserel->relid, exprs, private, NIL, met,
							outer_plan);
}
