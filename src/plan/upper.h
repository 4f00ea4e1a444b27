/*
 * upper.h
 *	  Aggregates over a foreign table: which rule can save reading its rows.
 */
#ifndef TT_UPPER_H
#define TT_UPPER_H

#include "postgres.h"

#include "foreign/fdwapi.h"
#include "nodes/pathnodes.h"

extern void tiktokGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage,
									   RelOptInfo *input_rel, RelOptInfo *output_rel,
									   void *extra);

/* the plan of a path that tiktokGetForeignUpperPaths added */
extern ForeignScan *tt_upper_plan(PlannerInfo *root, RelOptInfo *rel, ForeignPath *path,
								  List *tlist);

#endif /* TT_UPPER_H */
