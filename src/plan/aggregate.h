/*
 * aggregate.h
 *	  Sums over the days of a report, added up by the API.
 */
#ifndef TT_AGGREGATE_H
#define TT_AGGREGATE_H

#include "postgres.h"

#include "nodes/pathnodes.h"

/*
 * Add a path to output_rel if all that is wanted of the days of input_rel are
 * their sums; else note in input_rel why not.  extra: GroupPathExtraData.
 */
extern void tt_aggregate_add_path(PlannerInfo *root, RelOptInfo *input_rel,
								  RelOptInfo *output_rel, void *extra);

/*
 * TT_PLAN_SUMS of a plan for the path.  For a path of sums, *attrs becomes what
 * it reads, and the clauses that its rows cannot be checked for, since the API
 * has met them, are moved to *met.
 */
extern Node *tt_aggregate_plan(PlannerInfo *root, RelOptInfo *rel, const ForeignPath *path,
							   List **attrs, List **clauses, List **met);

#endif /* TT_AGGREGATE_H */
