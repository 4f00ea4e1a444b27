/*
 * count.h
 *	  count(*) from the totals of the API, without reading the rows.
 */
#ifndef TT_COUNT_H
#define TT_COUNT_H

#include "postgres.h"

#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

/* Add a path to output_rel if count(*) is all that is wanted of input_rel. */
extern void tt_count_add_path(PlannerInfo *root, RelOptInfo *input_rel,
							  RelOptInfo *output_rel);

/* the plan of such a path */
extern ForeignScan *tt_count_plan(PlannerInfo *root, RelOptInfo *rel, ForeignPath *path,
								  List *tlist);

#endif /* TT_COUNT_H */
