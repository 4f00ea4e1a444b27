/*
 * plan.h
 *	  Planner callbacks, and the layout of what they hand to the executor.
 */
#ifndef TT_PLAN_H
#define TT_PLAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"
#include "options/options.h"
#include "table/table.h"
#include "nodes/pathnodes.h"
#include "qual/qual.h"

/*
 * ForeignScan.fdw_private, by index.  Plain nodes only, no secret.  The value
 * expressions of the quals stand in fdw_exprs, in the same order.
 */
enum TtPlanPrivate
{
	TT_PLAN_VERSION,   /* Integer: TT_PLAN_LAYOUT */
	TT_PLAN_ATTRS,	   /* IntList: attribute numbers the scan reads */
	TT_PLAN_QUALS,	   /* List of IntList, see TtPlanQual */
	TT_PLAN_REQUESTS,  /* Float: estimated number of requests */
	TT_PLAN_LIMIT,	   /* Integer: the last n of fdw_exprs are LIMIT and
								 * OFFSET */
	TT_PLAN_ORDER,	   /* IntList, see TtPlanOrder; NIL: any order */
	TT_PLAN_COUNT,	   /* Integer: 1: only the number of rows is wanted */
	TT_PLAN_CONDITIONS /* List of Expr: the conditions of the last quals */
};

#define TT_PLAN_LAYOUT 4

/* TT_PLAN_ORDER: the rows are promised in this order */
enum TtPlanOrder
{
	TT_PLAN_ORDER_ATTNUM,
	TT_PLAN_ORDER_OPERATOR, /* OID of < or >, as int */
	TT_PLAN_ORDER_DESCENDING,
	TT_PLAN_ORDER_NULLS_FIRST
};

/* one element of TT_PLAN_QUALS */
enum TtPlanQual
{
	TT_PLAN_QUAL_ATTNUM,
	TT_PLAN_QUAL_ROLE,	 /* TtQualRole */
	TT_PLAN_QUAL_OP,	 /* TtQualOp */
	TT_PLAN_QUAL_ASKED,	 /* 1: a condition of the query, 0: of a partition */
	TT_PLAN_QUAL_NVALUES /* how many of fdw_exprs are its values */
};

/* one request, in the planner's currency: as dear as 10,000 rows' CPU */
#define TT_REQUEST_COST 100.0

typedef struct TtEstimate
{
	double requests;
	double rows;	 /* that the API returns */
	bool   possible; /* false: no lower time bound */
} TtEstimate;

/* baserel->fdw_private */
typedef struct TtRelInfo
{
	TtTable	  *table;
	TtOptions *options;
	List	  *attrs;	   /* attribute numbers the scan reads */
	List	  *quals;	   /* TtQual of baserestrictinfo and constraint */
	List	  *constraint; /* of a partition: expressions, else NIL */
	int		   nlocal;	   /* clauses that only we can check */
	int		   naccounts;  /* certain upper bound; 0: none */
	double	   units;	   /* estimated request series of one account */
	TtEstimate estimate;   /* of a scan with quals */
} TtRelInfo;

/* path->fdw_private, by index */
enum TtPathPrivate
{
	TT_PATH_REQUESTS,  /* Float */
	TT_PATH_ORDER,	   /* as TT_PLAN_ORDER */
	TT_PATH_AGGREGATES /* List: the Aggref of an upper path */
};

extern void			tiktokGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
											Oid foreigntableid);
extern void			tiktokGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
										  Oid foreigntableid);
extern ForeignScan *tiktokGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel,
										 Oid foreigntableid, ForeignPath *best_path,
										 List *tlist, List *scan_clauses,
										 Plan *outer_plan);

extern void tiktokGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage,
									   RelOptInfo *input_rel, RelOptInfo *output_rel,
									   void *extra);

/* plan_shape.c: what the shape of the query lets a scan save */

/* LIMIT and OFFSET expressions that bound the rows wanted of rel; NIL: none */
extern List *tt_plan_limit(PlannerInfo *root, RelOptInfo *rel, List *pathkeys);

/* the order that the API can give, as TT_PLAN_ORDER; NIL: none is wanted */
extern List *tt_plan_order(PlannerInfo *root, RelOptInfo *rel);

/* the plan of a path that tiktokGetForeignUpperPaths added */
extern ForeignScan *tt_plan_count(PlannerInfo *root, RelOptInfo *rel,
								  ForeignPath *path, List *tlist);

/* plan.c: private data of a plan, and the quals with their values */
extern Node *tt_plan_requests(double requests);
extern List *tt_plan_private(List *attrs, List *quals, Node *requests, int nlimit,
							 List *order, bool counting, List **exprs);

#endif /* TT_PLAN_H */
