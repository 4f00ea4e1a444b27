/*
 * bounds.h
 *	  Conditions with values → bounds: the accounts, days and filters that a scan
 *	  asks for; the second step from a condition to requests.
 *
 * Values are computed by scan/scan.c (run time) and path/estimate.c (planning).
 */
#ifndef TT_BOUNDS_H
#define TT_BOUNDS_H

#include "postgres.h"

#include "qual/qual.h"
#include "request/request.h"
#include "utils/timestamp.h"

/* days that a column is to be equal to one of */
typedef struct TtDaySet
{
	bool   given;
	int	   n;
	TtDay *days; /* without repeats */
} TtDaySet;

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

	bool   has_second; /* some condition names what requests name beside accounts */
	int	   nsecond;
	int64 *second; /* sorted */

	TtDaySet first_days; /* of periods, */
	TtDaySet last_days;	 /* and their last ones */
	List	*filters;	 /* of TtBoundFilter */
} TtBounds;

typedef struct TtBoundFilter
{
	AttrNumber	attnum;
	TtCondition condition;
	bool		required; /* the endpoint has to be told */
	bool		positive; /* see tt_qual_positive() */
	const char *known;	  /* values that may be sent; NULL: any */
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
 * The days to ask a report for (one by week or month: on which these may begin):
 * the conditions', never before start_date or past last_day.  Returns the number
 * of ranges, or -1 if there is no lower bound at all and the report needs one.
 */
extern int tt_bounds_days(const TtBounds *bounds, const TtStream *stream,
						  bool has_start_date, TtDay start_date, TtDay last_day,
						  TtDays **days);

/* The filters that may be sent, as conditions of a request; not those that must be. */
extern int tt_bounds_conditions(TtBounds *bounds, TtCondition **conditions);

/*
 * Those that must, in the order of tt_stream_asked(), as far as the conditions tell
 * them; *missing: the columns of which no value is known.
 */
extern int tt_bounds_required(const TtBounds *bounds, const TtTable *table,
							  TtCondition **required, List **missing);

/* how many filters the conditions make */
extern int tt_bounds_filters(const TtBounds *bounds);

#endif /* TT_BOUNDS_H */
