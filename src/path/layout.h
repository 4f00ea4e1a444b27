/*
 * layout.h
 *	  What the planner hands to the executor: the layout of fdw_private.  scan/ reads it.
 */
#ifndef TT_LAYOUT_H
#define TT_LAYOUT_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * ForeignScan.fdw_private, by index.  Plain nodes only, no secret.  The value
 * expressions of the quals stand in fdw_exprs, in the same order.
 */
enum TtPlanPrivate
{
	TT_PLAN_VERSION,	/* Integer: TT_PLAN_LAYOUT */
	TT_PLAN_ATTRS,		/* IntList: attribute numbers the scan reads */
	TT_PLAN_QUALS,		/* List of IntList, see TtPlanQual */
	TT_PLAN_REQUESTS,	/* Float: estimated number of requests */
	TT_PLAN_LIMIT,		/* Integer: the last n of fdw_exprs are LIMIT and
								 * OFFSET */
	TT_PLAN_ORDER,		/* IntList, see TtPlanOrder; NIL: any order */
	TT_PLAN_COUNT,		/* Integer: 1: only the number of rows is wanted */
	TT_PLAN_CONDITIONS, /* List of Expr: the conditions of the last quals */
	TT_PLAN_SUMS,		/* Integer: TT_LV_* of the objects whose days the API adds up;
				  * String: why it does not; NULL: nothing of the kind */
	TT_PLAN_KEYS		/* List of IntList, see TtPlanKey */
};

#define TT_PLAN_LAYOUT 6

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

/*
 * One element of TT_PLAN_KEYS: a column that is to be equal to one of the values
 * that a batched join (join/join.h) sets before each run.
 */
enum TtPlanKey
{
	TT_PLAN_KEY_ATTNUM,
	TT_PLAN_KEY_ROLE, /* TtQualRole */
	TT_PLAN_KEY_TYPE  /* of the values, OID as int */
};

/* TT_PLAN_REQUESTS, also of a path */
extern Node *tt_plan_requests(double requests);

/*
 * fdw_private of a plan for these TtQuals.  *exprs becomes their values, for
 * fdw_exprs; nlimit expressions of LIMIT and OFFSET are to follow them.
 */
extern List *tt_plan_private(List *attrs, List *quals, Node *requests, int nlimit,
							 List *order, bool counting, Node *sums, List *keys, List **exprs);

#endif /* TT_LAYOUT_H */
