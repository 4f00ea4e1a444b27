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
#include "accounts/accounts.h"
#include "compat.h"
#include "foreign/foreign.h"
#include "shared/row_estimates.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "query/query.h"
#include "options/settings.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"

/* guesses for what was never seen */
#define GUESS_ACCOUNTS	10
#define GUESS_LIST_ROWS 1000 /* rows of a list per account */
#define GUESS_DAY_ROWS	100	 /* report rows per account and day */
#define GUESS_IDS		10	 /* values of an array known at run time */

/* what local conditions leave at least, as long as nothing is known */
#define MIN_SELECTIVITY 0.1

/* bits: what is known of a period at execution only */
#define UNKNOWN_FROM 1
#define UNKNOWN_TO	 2

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

/* How many values a condition has, where only execution knows. */
static double
guess_values(const TtQual *qual)
{
	double	  n = 0;
	ListCell *lc;

	foreach(lc, qual->values)
		n += OidIsValid(get_base_element_type(exprType(lfirst(lc)))) ? GUESS_IDS : 1;
	return n;
}

/* Values that are known, or can be estimated, while planning. */
static void
estimate_bounds(PlannerInfo *root, TtRelInfo *info, List *quals, TtBounds *bounds,
				double *unknown_ids, double *unknown_accounts, bool *unknown_days,
				int *unknown_period)
{
	ListCell *lc;

	foreach(lc, quals)
	{
		TtQual *qual = lfirst(lc);
		int		n = list_length(qual->values);
		Datum  *values = palloc(sizeof(Datum) * n);
		bool   *nulls = palloc(sizeof(bool) * n);
		Oid	   *types = palloc(sizeof(Oid) * n);
		bool	known = true;

		if (qual->role == TT_ROLE_FILTER && !tt_enable_pushdown)
			continue; /* as the scan will do */
		for (int i = 0; i < n; i++)
		{
			Node *value = estimate_expression_value(root, list_nth(qual->values, i));

			known &= IsA(value, Const);
			if (!known)
				break;
			values[i] = ((Const *) value)->constvalue;
			nulls[i] = ((Const *) value)->constisnull;
			types[i] = exprType(value);
		}
		if (known)
			tt_bounds_apply(bounds, info->table, qual, n, values, nulls, types);
		else if (qual->role == TT_ROLE_ACCOUNT)
			*unknown_accounts = guess_values(qual);
		else if (qual->role == TT_ROLE_FILTER)
			*unknown_ids = guess_values(qual);
		else if (qual->role == TT_ROLE_FROM || qual->role == TT_ROLE_TO)
			*unknown_period |= qual->role == TT_ROLE_FROM ? UNKNOWN_FROM : UNKNOWN_TO;
		else if (qual->condition != NULL || qual->op >= TT_OP_EQ)
			*unknown_days = true;
	}
}

/* Rows of an account (and a day of it) where no scan has told. */
static double
stream_guess(const TtStream *stream)
{
	return stream->kind == TT_KIND_REPORT ? GUESS_DAY_ROWS : GUESS_LIST_ROWS;
}

/* Whether it will be known at execution which days to ask for. */
static bool
bounds_suffice(const TtRelInfo *info, const TtBounds *bounds, bool unknown_days,
			   int unknown_period)
{
	const TtStream *stream = info->table->stream;

	if (stream->kind != TT_KIND_REPORT || stream->report.lifetime ||
		stream->report.grain == TT_GRAIN_NONE || bounds->nothing)
		return true;
	if (stream->report.grain == TT_GRAIN_PERIOD)
		return (bounds->first_days.given || (unknown_period & UNKNOWN_FROM) != 0) &&
			   (bounds->last_days.given || (unknown_period & UNKNOWN_TO) != 0);
	return bounds->has_lower || unknown_days || info->options->has_start_date;
}

/* What a scan with these conditions costs the API. */
static TtEstimate
estimate(PlannerInfo *root, RelOptInfo *baserel, TtRelInfo *info, List *quals)
{
	TtEstimate		result = {1, 0, true};
	TtBounds		bounds;
	TtQuery			query;
	TtUnits		   *units;
	double			unknown_ids = 0;
	double			unknown_accounts = 0;
	bool			unknown_days = false;
	int				unknown_period = 0;
	double			accounts;
	double			series;
	double			per_unit;
	TtRowEstimate	learned = {stream_guess(info->table->stream), GUESS_ACCOUNTS};
	const TtStream *stream = info->table->stream;

	tt_bounds_init(&bounds);
	estimate_bounds(root, info, quals, &bounds, &unknown_ids, &unknown_accounts,
					&unknown_days, &unknown_period);
	result.possible = bounds_suffice(info, &bounds, unknown_days, unknown_period);
	tt_query_build(&query, info->table, info->options, info->attrs, &bounds, false);
	if (bounds.nothing)
	{
		result.requests = 0;
		return result;
	}
	(void) tt_row_estimate_get(info->table->relid, &learned);
	if (learned.accounts == 0)
		learned.accounts = GUESS_ACCOUNTS;
	accounts = unknown_accounts > 0 ? unknown_accounts : Max(learned.accounts, 1);
	if (query.naccounts > 0)
		accounts = query.naccounts;
	if (unknown_accounts > 0)
		accounts = Min(accounts, unknown_accounts);
	info->naccounts = query.naccounts;
	query.naccounts = 1; /* count the units of one account */
	units = tt_units_create(&query);
	if (units == NULL)
		return result;
	info->units = (double) units->count;
	per_unit = learned.rows;
	if (!unknown_days)
		per_unit *= tt_query_times(&query) / Max(units->nwindows, 1);
	if (query.nconditions > 0 || unknown_ids > 0)
		per_unit = Max(per_unit / 10, 1);
	if (stream->kind == TT_KIND_ACCOUNT)
		per_unit = 1;
	/* kinds share the rows; nearly all of them are of the first */
	series = accounts * ((double) units->count / units->nkinds);
	result.rows = series * per_unit;
	result.requests = units->nkinds - 1;
	result.requests += query.page_size > 0 ? Max(ceil(per_unit / query.page_size), 1) : 1;
	result.requests *= series;
	if (stream->kind == TT_KIND_ACCOUNT)
		result.requests = 1;
	if (tt_currencies_wanted(info->table, info->attrs))
		result.requests += ceil(accounts / TT_MAX_IDS);
	tt_units_free(units);
	return result;
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

/*
 * Take what a clause that every row of the scan must satisfy implies; whether
 * that is all it says.
 */
/* These are conditions of the query itself, not of a partition. */
static void
mark_asked(List *quals)
{
	ListCell *lc;

	foreach(lc, quals)
		((TtQual *) lfirst(lc))->asked = true;
}

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
	info->estimate = estimate(root, baserel, info, info->quals);
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

/*
 * The number of requests, for a plan.  With a point: the text of a plan tells a
 * Float from an Integer by nothing else, and a plan that is written and read
 * (debug_write_read_parse_plan_trees) has to come back as it was.
 */
Node *
tt_plan_requests(double requests)
{
	return (Node *) makeFloat(psprintf("%.1f", rint(requests)));
}

static void
add_scan_path(PlannerInfo *root, RelOptInfo *baserel, TtEstimate est, double rows,
			  Relids required_outer, List *pathkeys, List *order)
{
	Cost		 startup = est.requests > 0 ? TT_REQUEST_COST : 0;
	Cost		 total = est.requests * TT_REQUEST_COST + est.rows * cpu_tuple_cost;
	Node		*requests = tt_plan_requests(est.requests);
	ForeignPath *path;

	if (!est.possible)
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
	est = estimate(root, baserel, info, tt_qual_concat(info->quals, quals));
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

/* The relations that clauses take values of the role from, as Relids. */
static List *
period_sources(PlannerInfo *root, RelOptInfo *baserel, List *clauses, TtQualRole role)
{
	TtRelInfo *info = baserel->fdw_private;
	List	  *sources = NIL;
	ListCell  *lc;

	foreach(lc, info->quals)
		if (((TtQual *) lfirst(lc))->role == role)
			return list_make1(NULL);
	foreach(lc, clauses)
	{
		RestrictInfo *ri = lfirst(lc);
		const char	 *reason;
		List		 *quals = tt_qual_derive(baserel->relid, info->table, ri->clause, &reason);

		if (quals != NIL && ((TtQual *) linitial(quals))->role == role)
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
	List	  *firsts = period_sources(root, baserel, clauses, TT_ROLE_FROM);
	List	  *lasts = period_sources(root, baserel, clauses, TT_ROLE_TO);
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
						  estimate(root, baserel, info, movable_quals(baserel, info, ppi)),
						  ppi->ppi_rows, ppi->ppi_req_outer, NIL, NIL);
		}
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
}

void
tiktokGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	TtRelInfo *info = baserel->fdw_private;

	List *order = tt_plan_order(root, baserel);

	add_scan_path(root, baserel, info->estimate, baserel->rows, baserel->lateral_relids,
				  NIL, NIL);
	if (order != NIL)
		add_scan_path(root, baserel, info->estimate, baserel->rows,
					  baserel->lateral_relids, root->query_pathkeys, order);
	add_parameterized_paths(root, baserel);
}

List *
tt_plan_private(List *attrs, List *quals, Node *requests, int nlimit, List *order,
				bool counting, List **exprs)
{
	List *items = NIL;
	List *conditions = NIL;
	List *private;
	ListCell *lc;

	*exprs = NIL;
	foreach(lc, quals)
	{
		TtQual *qual = lfirst(lc);

		items = lappend(items, list_make5_int(qual->attnum, qual->role, qual->op,
											  qual->asked, list_length(qual->values)));
		*exprs = list_concat(*exprs, qual->values);
		if (qual->condition != NULL)
			conditions = lappend(conditions, qual->condition);
	}
	private = list_make5(makeInteger(TT_PLAN_LAYOUT), attrs, items, requests,
						 makeInteger(nlimit));
	return list_concat(private, list_make3(order, makeInteger(counting), conditions));
}

ForeignScan *
tiktokGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid,
					 ForeignPath *best_path, List *tlist, List *scan_clauses,
					 Plan *outer_plan)
{
	TtRelInfo *info = baserel->fdw_private;
	List	  *clauses = extract_actual_clauses(scan_clauses, false);
	List	  *quals = NIL;
	int		   nclauses;
	List	  *exprs;
	List	  *limit;
	List *private;
	ListCell *lc;

	if (IS_UPPER_REL(baserel))
		return tt_plan_count(root, baserel, best_path, tlist);
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
	limit = tt_plan_limit(root, baserel, best_path->path.pathkeys);
	private = tt_plan_private(info->attrs, quals,
							  list_nth(best_path->fdw_private, TT_PATH_REQUESTS),
							  list_length(limit),
							  list_nth(best_path->fdw_private, TT_PATH_ORDER),
							  false, &exprs);
	exprs = list_concat(exprs, limit);
	return make_foreignscan(tlist, clauses, baserel->relid, exprs, private, NIL, NIL,
							outer_plan);
}
