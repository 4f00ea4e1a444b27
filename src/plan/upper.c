/*
 * upper.c
 *	  Aggregates over a foreign table: each rule is asked for a path.
 *
 * A rule is a file of its own, with a function that adds a path to the upper
 * relation if it applies, and one that makes the plan of such a path.
 */
#include "postgres.h"

#include "plan/upper.h"

#include "options/settings.h"
#include "plan/aggregate.h"
#include "plan/count.h"

void
tiktokGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage,
						   RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra)
{
	if (stage != UPPERREL_GROUP_AGG || !tt_enable_pushdown || input_rel->fdw_private == NULL ||
		input_rel->reloptkind != RELOPT_BASEREL || !bms_is_empty(input_rel->lateral_relids))
		return;
	tt_count_add_path(root, input_rel, output_rel);
	tt_aggregate_add_path(root, input_rel, output_rel, extra);
}

ForeignScan *
tt_upper_plan(PlannerInfo *root, RelOptInfo *rel, ForeignPath *path, List *tlist)
{
	return tt_count_plan(root, rel, path, tlist);
}
