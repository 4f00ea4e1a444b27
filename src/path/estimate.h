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

/* The keys that a batched join hands to a scan, all in all. */
typedef struct TtJoinKeys
{
	double ids;			/* distinct ones; 0: accounts only */
	int	   per_request; /* ids that a request takes */
	bool   tells_row;	/* an id has one row, or one for each day */
	double accounts;	/* distinct ones, each asked for its own ids; 0: those of the scan */
} TtJoinKeys;

/* What the scan of a table costs all in all if a join hands it keys. */
extern TtEstimate tt_estimate_joined(PlannerInfo *root, const TtRelInfo *info,
									 const TtJoinKeys *keys);

#endif /* TT_ESTIMATE_H */
