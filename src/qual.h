/*
 * qual.h
 *	  A WHERE clause ⇄ the API filter it becomes.
 *
 * At plan time a clause is classified; at run time its values narrow what is
 * asked for.  Every clause is also rechecked locally, so the only duty here is
 * to ask for a superset of the matching rows.
 */
#ifndef TT_QUAL_H
#define TT_QUAL_H

#include "postgres.h"

#include "nodes/primnodes.h"
#include "options.h"
#include "request.h"
#include "table.h"

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
	TT_ROLE_ACCOUNT, /* the accounts asked */
	TT_ROLE_DAY,	 /* windows, by a day */
	TT_ROLE_HOUR,	 /* windows, by an hour */
	TT_ROLE_FILTER	 /* a filter of the endpoint */
} TtQualRole;

typedef struct TtQual
{
	AttrNumber attnum;
	TtQualRole role;
	TtQualOp   op;
	List	  *values; /* expressions; more than one: any of them; an
								 * array stands for its elements */
} TtQual;

/*
 * Classify one clause for the scan of varno.  Returns NULL and a reason (for
 * EXPLAIN) if the API cannot evaluate it.
 */
extern TtQual *tt_qual_classify(Index varno, const TtTable *table, Expr *clause,
								const char **reason);

/* the filter that a column of a table can become; NULL param if none */
extern TtFilter tt_qual_filter(const TtTable *table, int attnum, const char **param);

/*
 * Whether every value of an integer column can be asked for: it is the id of
 * an object, so no row has 0 or less.
 */
extern bool tt_qual_positive(const TtTable *table, int attnum);

/* what the conditions of a scan narrow down to */
typedef struct TtBounds
{
	bool	nothing; /* no row can match: ask nothing */
	bool	has_accounts;
	int		naccounts;
	int64  *accounts;
	bool	has_lower; /* some condition bounds the days from below */
	int		nranges;
	TtDays *ranges;
	List   *filters; /* of TtBoundFilter */
} TtBounds;

typedef struct TtBoundFilter
{
	AttrNumber	attnum;
	TtCondition condition;
	bool		positive; /* see tt_qual_positive() */
	bool		number;	  /* the API knows it as a number, whatever the
								 * column's type */
	bool		has_from; /* TT_FILTER_CREATED, TT_FILTER_MODIFIED */
	bool		has_to;
	TimestampTz from;
	TimestampTz to;
} TtBoundFilter;

extern void tt_bounds_init(TtBounds *bounds);

/*
 * Narrow the bounds by a qual whose values have been computed.  types: their
 * types.  Allocates in the current memory context.
 */
extern void tt_bounds_apply(TtBounds *bounds, const TtTable *table, const TtQual *qual,
							int nvalues, const Datum *values, const bool *nulls,
							const Oid *types);

/*
 * The days to ask a report for: the conditions', never before start_date or
 * past last_day.  Returns the number of ranges, or -1 if there is no lower
 * bound at all and the report needs one.
 */
extern int tt_bounds_days(const TtBounds *bounds, const TtStream *stream,
						  bool has_start_date, TtDay start_date, TtDay last_day,
						  TtDays **days);

/* The filters that may be sent, as conditions of a request. */
extern int tt_bounds_conditions(TtBounds *bounds, TtCondition **conditions);

#endif /* TT_QUAL_H */
