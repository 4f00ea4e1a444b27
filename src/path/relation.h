/*
 * relation.h
 *	  What is known of a foreign table while a query is planned, for all files that make
 *	  paths (the planner's) of it.
 */
#ifndef TT_RELATION_H
#define TT_RELATION_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "options/options.h"
#include "table/table.h"

/* what a scan costs the API */
typedef struct TtEstimate
{
	double requests;
	double rows;	 /* that the API returns */
	bool   possible; /* false: no lower time bound */
	bool   doubtful; /* whether a condition gives one is known to execution only: NOT (day = $1) */
	bool   refused;	 /* a part of it was refused to the session */
	double low;		 /* with keys of a join: the whole table has so many times the rows
					  * that it seems to have, if it has the keys; at least 1 */
} TtEstimate;

/* fdw_private of the base relation, and of the upper relations over it */
typedef struct TtRelInfo
{
	TtTable	   *table;
	TtOptions  *options;
	List	   *attrs;		/* attribute numbers the scan reads */
	List	   *quals;		/* TtQual of baserestrictinfo and constraint */
	List	   *constraint; /* of a partition: expressions, else NIL */
	int			nlocal;		/* clauses that only we can check */
	int			naccounts;	/* certain upper bound; 0: none */
	double		units;		/* estimated request series of one account */
	double		days;		/* that are asked for; 0: not known */
	TtEstimate	estimate;	/* of a scan with quals */
	const char *not_summed; /* why the API does not add up its days; NULL: see there */
} TtRelInfo;

/* path->fdw_private, by index */
enum TtPathPrivate
{
	TT_PATH_REQUESTS,	/* Float */
	TT_PATH_ORDER,		/* as TT_PLAN_ORDER */
	TT_PATH_AGGREGATES, /* List: the Aggref of an upper path; of a path of sums: see
						 * aggregate.c */
	TT_PATH_KEYS		/* of the inner side of a batched join: as TT_PLAN_KEYS */
};

#endif /* TT_RELATION_H */
