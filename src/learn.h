/*
 * learn.h
 *	  What earlier scans found, for the planner's estimates.
 */
#ifndef TT_LEARN_H
#define TT_LEARN_H

#include "postgres.h"

typedef struct TtLearned
{
	double rows;	 /* per account, and per day for a dated report */
	int	   accounts; /* that a scan without account condition asks */
} TtLearned;

/* Of a foreign table of this database; false: nothing is known. */
extern bool tt_learn_get(Oid relid, TtLearned *learned);

/* accounts: 0 leaves what was known */
extern void tt_learn_store(Oid relid, double rows, int accounts);

#endif /* TT_LEARN_H */
