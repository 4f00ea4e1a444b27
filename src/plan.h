/*
 * plan.h
 *	  Planner callbacks, and the layout of what they hand to the executor.
 */
#ifndef TT_PLAN_H
#define TT_PLAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"
#include "nodes/pathnodes.h"
#include "qual.h"

/*
 * ForeignScan.fdw_private, by index.  Plain nodes only, no secret.  The value
 * expressions of the quals stand in fdw_exprs, in the same order.
 */
enum TtPlanPrivate
{
	TT_PLAN_VERSION,			/* Integer: TT_PLAN_LAYOUT */
	TT_PLAN_ATTRS,				/* IntList: attribute numbers the scan reads */
	TT_PLAN_QUALS,				/* List of IntList, see TtPlanQual */
	TT_PLAN_REQUESTS			/* Float: estimated number of requests */
};

#define TT_PLAN_LAYOUT 1

/* one element of TT_PLAN_QUALS */
enum TtPlanQual
{
	TT_PLAN_QUAL_ATTNUM,
	TT_PLAN_QUAL_ROLE,			/* TtQualRole */
	TT_PLAN_QUAL_OP,			/* TtQualOp */
	TT_PLAN_QUAL_IS_ARRAY,
	TT_PLAN_QUAL_NVALUES		/* how many of fdw_exprs are its values */
};

extern void tiktokGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
									Oid foreigntableid);
extern void tiktokGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
								  Oid foreigntableid);
extern ForeignScan *tiktokGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel,
										 Oid foreigntableid, ForeignPath *best_path,
										 List *tlist, List *scan_clauses,
										 Plan *outer_plan);

#endif							/* TT_PLAN_H */
