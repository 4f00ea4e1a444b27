/*
 * qual.h
 *	  A WHERE clause → what it narrows: the first step from a condition to
 *	  requests.
 *
 * A clause is classified while planning, by tt_qual_derive() (qual_derive.c), which
 * plan/plan.c calls; query/bounds.h applies its values at run time, the second
 * step.  Every clause is also rechecked locally, so the only duty is to ask
 * for a superset of the matching rows.
 */
#ifndef TT_QUAL_H
#define TT_QUAL_H

#include "postgres.h"

#include "nodes/primnodes.h"
#include "request/request.h"
#include "table/table.h"

typedef enum TtQualOp
{
	TT_OP_LT = 1, /* as the btree strategies */
	TT_OP_LE,
	TT_OP_EQ,
	TT_OP_GE,
	TT_OP_GT
} TtQualOp;

/* what a condition on the column narrows */
typedef enum TtQualRole
{
	TT_ROLE_NONE,
	TT_ROLE_ACCOUNT,  /* the accounts asked */
	TT_ROLE_DAY,	  /* windows, by a day */
	TT_ROLE_HOUR,	  /* windows, by an hour */
	TT_ROLE_SECOND,	  /* what requests name beside the account */
	TT_ROLE_REQUIRED, /* what the endpoint has to be told */
	TT_ROLE_FILTER,	  /* a filter of the endpoint */
	TT_ROLE_FROM,	  /* the first day of a period */
	TT_ROLE_TO		  /* the last day of a period */
} TtQualRole;

/*
 * Either a comparison of a column with values, or a condition on the day or
 * the hour of any form, to be asked of each day (days.h).
 */
typedef struct TtQual
{
	AttrNumber attnum;
	TtQualRole role;
	TtQualOp   op;
	List	  *values;	  /* expressions; of a comparison, more than one: any of
						   * them; an array stands for its elements */
	bool	   asked;	  /* by the query itself, not by a partition */
	bool	   rough;	  /* wider than the clause: a condition goes with it */
	Expr	  *condition; /* NULL: a comparison; else in it the column is
						   * parameter 1, the values are those from 2 on */
} TtQual;

/*
 * What a clause implies for the scan of varno, as TtQuals.  *reason is NULL if
 * that is all the clause says, else (for EXPLAIN) why its rows cannot be told
 * by the API.
 */
extern List *tt_qual_derive(Index varno, const TtTable *table, Expr *clause,
							const char **reason);

/*
 * Whether a clause of varno is about the day or hour of its rows and nothing
 * else, and is met by all rows of some days and by none of the others.
 */
extern bool tt_qual_whole_days(Index varno, const TtTable *table, Expr *clause);

/* Both lists in the order in which they narrow: comparisons, then conditions. */
extern List *tt_qual_concat(List *quals, List *more);

/* the filter that a column of a table can become; NULL param if none */
extern TtFilter tt_qual_filter(const TtTable *table, int attnum, const char **param);

/*
 * Whether every value of an integer column can be asked for: it is the id of
 * an object, so no row has 0 or less.
 */
extern bool tt_qual_positive(const TtTable *table, int attnum);

/*
 * Whether the API returns exactly the rows that meet the condition.  A window
 * covers the days between those that are wanted, so single days are not exact.
 */
extern bool tt_qual_exact(const TtTable *table, const TtQual *qual);

#endif /* TT_QUAL_H */
