/*
 * limit_order.h
 *	  LIMIT and ORDER BY while planning: what of them the API can take over.
 *
 * At run time: apply_limit() in scan/scan.c, bound_reached() in fetch/send.c, and
 * scan/row_order.c.
 */
#ifndef TT_LIMIT_ORDER_H
#define TT_LIMIT_ORDER_H

#include "postgres.h"

#include "nodes/pathnodes.h"

/*
 * LIMIT and OFFSET expressions that bound the rows wanted of a path of rel with
 * these pathkeys; NIL: none.
 */
extern List *tt_limit_pushed(PlannerInfo *root, RelOptInfo *rel, List *pathkeys);

/* the order that the API can give, as TT_PLAN_ORDER; NIL: none is wanted */
extern List *tt_order_pushed(PlannerInfo *root, RelOptInfo *rel);

#endif /* TT_LIMIT_ORDER_H */
