/*
 * plan.h
 *	  Planner callbacks for scans of a foreign table.
 */
#ifndef TT_PLAN_H
#define TT_PLAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"
#include "nodes/pathnodes.h"

extern void			tiktokGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
											Oid foreigntableid);
extern void			tiktokGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
										  Oid foreigntableid);
extern ForeignScan *tiktokGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel,
										 Oid foreigntableid, ForeignPath *best_path,
										 List *tlist, List *scan_clauses,
										 Plan *outer_plan);

#endif /* TT_PLAN_H */
