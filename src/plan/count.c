/*
 * count.c
 *	  count(*) from the totals of the API: a request for one row per unit.
 *
 * The one exception to "every condition is rechecked": nothing is left here
 * that could be, so all conditions must be exact.
 */
#include "postgres.h"

#include "plan/count.h"

#include "compat.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/tlist.h"
#include "path/estimate.h"
#include "path/layout.h"
#include "qual/qual.h"
#include "utils/fmgroids.h"

/* The Aggref if count(*) is all that is wanted of rel; else NULL. */
static Aggref *
only_count(PlannerInfo *root)
{
	Query	 *parse = root->parse;
	List	 *aggs;
	Aggref	 *count;
	ListCell *lc;

	if (!parse->hasAggs || parse->groupClause != NIL || parse->groupingSets != NIL ||
		parse->havingQual != NULL || parse->hasTargetSRFs)
		return NULL;
	aggs = pull_var_clause((Node *) root->upper_targets[UPPERREL_GROUP_AGG]->exprs,
						   PVC_INCLUDE_AGGREGATES | PVC_INCLUDE_WINDOWFUNCS |
							   PVC_INCLUDE_PLACEHOLDERS);
	if (aggs == NIL)
		return NULL;
	count = linitial(aggs);
	if (!IsA(count, Aggref) || count->aggfnoid != F_COUNT_ || !count->aggstar ||
		count->aggfilter != NULL)
		return NULL;
	foreach(lc, aggs)
		if (!equal(lfirst(lc), count))
			return NULL;
	return count;
}

void
tt_count_add_path(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *output_rel)
{
	TtRelInfo	*info = input_rel->fdw_private;
	int			 nfilters = 0;
	double		 requests;
	Cost		 cost;
	ForeignPath *path;
	Aggref		*count;
	ListCell	*lc;

	if (info->nlocal > 0 || info->table->stream->endpoint->paging != TT_PAGING_PAGES ||
		info->table->leaves_out_idle ||
		(count = only_count(root)) == NULL)
		return;
	foreach(lc, info->quals)
	{
		nfilters += ((TtQual *) lfirst(lc))->role == TT_ROLE_FILTER;
		if (nfilters > 1 || !tt_qual_exact(info->table, lfirst(lc)))
			return;
	}
	output_rel->fdw_private = info;
	requests = info->units * Max(info->naccounts, 1);
	cost = requests * TT_REQUEST_COST;
	path = TT_FOREIGN_UPPER_PATH(root, output_rel, root->upper_targets[UPPERREL_GROUP_AGG], 1,
								 cost, cost, NIL,
								 list_make3(tt_plan_requests(requests), NIL, list_make1(count)));
	add_path(output_rel, (Path *) path);
}

ForeignScan *
tt_count_plan(PlannerInfo *root, RelOptInfo *rel, ForeignPath *path, List *tlist)
{
	TtRelInfo *info = rel->fdw_private;
	List	  *scan_tlist =
		add_to_flat_tlist(NIL, list_nth(path->fdw_private, TT_PATH_AGGREGATES));
	List	 *attrs = NIL;
	ListCell *lc;
	List	 *exprs;
	List *private;

	/* so that the rows that come with the totals show whether they were asked for */
	foreach(lc, info->quals)
		if (((TtQual *) lfirst(lc))->role == TT_ROLE_FILTER)
			attrs = lappend_int(attrs, ((TtQual *) lfirst(lc))->attnum);
	private = tt_plan_private(attrs, info->quals,
							  list_nth(path->fdw_private, TT_PATH_REQUESTS), 0,
							  NIL, true, NULL, NIL, &exprs);

	return make_foreignscan(tlist, NIL, 0, exprs, private, scan_tlist, NIL, NULL);
}
