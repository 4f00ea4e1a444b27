/*
 * estimate.h
 *	  What a scan will cost, in requests and rows, before anything is asked.
 */
#ifndef TT_ESTIMATE_H
#define TT_ESTIMATE_H

#include "postgres.h"

#include "nodes/pathnodes.h"
#include "path/relation.h"

/* one request, in the planner's currency: as dear as 10,000 rows' CPU */
#define TT_REQUEST_COST 100.0

/*
 * What a scan with these TtQuals costs the API.  Sets naccounts, units
 * and days of info to what they are under these conditions.
 */
extern TtEstimate tt_estimate_scan(PlannerInfo *root, TtRelInfo *info, List *quals);

#endif /* TT_ESTIMATE_H */
