/*
 * row_estimates.h
 *	  Row estimates: what earlier scans found, for the planner.
 */
#ifndef TT_ROW_ESTIMATES_H
#define TT_ROW_ESTIMATES_H

#include "postgres.h"

typedef struct TtRowEstimate
{
	double rows;	 /* per account, and per day for a dated report */
	int	   accounts; /* that a scan without account condition asks */
} TtRowEstimate;

/* Of a foreign table of this database; false: nothing is known. */
extern bool tt_row_estimate_get(Oid relid, TtRowEstimate *estimate);

/* accounts: 0 leaves what was known */
extern void tt_row_estimate_store(Oid relid, double rows, int accounts);

#endif /* TT_ROW_ESTIMATES_H */
