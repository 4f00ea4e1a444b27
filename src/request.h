/*
 * request.h
 *	  Conditions with values → requests.
 *
 * A query is turned into a list of units before anything is sent: accounts ×
 * windows of days × batches of ids.  A unit is read page by page; each page is
 * one request.  EXPLAIN prints the list, the cost model counts it, the
 * concurrency works it off.
 *
 * Pure C: no PostgreSQL header, so that it can be tested and fuzzed alone.
 * Results are malloc'ed; NULL or false means out of memory.
 */
#ifndef TT_REQUEST_H
#define TT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalog/catalog.h"

/* a day, counted from 2000-01-01 as PostgreSQL's DateADT; in the account's zone */
typedef int32_t TtDay;

#define TT_DAY_MIN INT32_MIN /* no lower bound */
#define TT_DAY_MAX INT32_MAX /* no upper bound */

typedef struct TtDays
{
	TtDay from;
	TtDay to; /* inclusive */
} TtDays;

/* how a value is written in JSON */
typedef enum TtJsonType
{
	TT_JSON_STRING,
	TT_JSON_NUMBER,
	TT_JSON_BOOL
} TtJsonType;

/* a condition that the API evaluates; it never returns less than matches */
typedef struct TtCondition
{
	TtFilter	 filter;
	const char	*param; /* its name in filtering; reports: field_name */
	TtJsonType	 type;
	int			 nvalues; /* at least one */
	const char **values;  /* for TT_FILTER_CREATED: from, to ("" = open) */
} TtCondition;

typedef struct TtQuery
{
	const TtStream *stream;
	int				naccounts;
	int64_t		   *accounts; /* without repeats */
	int				nranges;  /* wanted days, ascending, disjoint; reports */
	TtDays		   *ranges;
	int				nconditions;
	TtCondition	   *conditions;
	int				nnames; /* metrics or fields to ask for */
	const char	  **names;
	bool			send_names; /* false: the API's default columns */
	bool			include_deleted;
	int				nbuying_types;
	const char	  **buying_types;
	int				page_size;	   /* 0: the endpoint does not page */
	const char	   *order_field;   /* NULL: any order */
	bool			order_refused; /* it was wanted, and is not to be had */
	bool			descending;
	bool			totals_only; /* only page_info.total_number is wanted */
	bool			exact;		 /* rows are not rechecked: no condition may be
								 * left out */
	int64_t			row_bound;	 /* rows that may be enough: nothing is read
								 * ahead of them; 0: all will be read */
	const char	   *app_id;		 /* endpoints that list accounts */
	const char	   *secret;
} TtQuery;

/* what one request series covers */
typedef struct TtUnit
{
	int	   account;	  /* index of its first account */
	int	   naccounts; /* more than one only at TT_ACCOUNT_MANY */
	TtDays days;	  /* reports; {0, 0} where no dates are sent */
	int	   batch;	  /* of the condition that is batched */
} TtUnit;

typedef struct TtUnits
{
	int		nwindows;
	TtDays *windows;
	int		naccount_groups;
	int		batched; /* index of the batched condition, -1: none */
	int		nbatches;
	int64_t count; /* windows × account groups × batches */
} TtUnits;

/* days that one request may cover; 0: any number */
extern int tt_request_span(const TtStream *stream);

/*
 * Cut the query into units.  A second condition with more ids than fit in a
 * request is taken out of the query: it would multiply requests, and every
 * condition is rechecked anyway.
 */
extern TtUnits *tt_units_create(TtQuery *query);

/* unit i: the newest window first, all accounts of a window before the next */
extern TtUnit tt_units_get(const TtUnits *units, const TtQuery *query, int64_t i);
extern void	  tt_units_free(TtUnits *units);

/*
 * The fewest windows of at most span days that cover all ranges; windows do
 * not begin or end with an unwanted day.  Returns their number, -1 if out of
 * memory.
 */
extern int tt_windows(const TtDays *ranges, int nranges, int span,
					  TtDays **windows);

/* a ∩ b, both ascending and disjoint; returns the number of ranges, -1: out of memory */
extern int tt_ranges_intersect(const TtDays *a, int na, const TtDays *b, int nb,
							   TtDays **result);

/* sort, drop empty ranges, join those that touch; returns how many remain */
extern int tt_ranges_normalise(TtDays *ranges, int nranges);

typedef struct TtParams
{
	char *query; /* URL-encoded, without '?' ; "" if in the body */
	char *body;	 /* JSON body of the GET, or NULL */
} TtParams;

/* parameter strings longer than this go as a JSON body */
#define TT_MAX_QUERY_STRING 8192

/* The parameters of page (from 1) of a unit.  Contains secrets if query has. */
extern bool tt_request_params(const TtQuery *query, const TtUnits *units,
							  const TtUnit *unit, int page, TtParams *params);
extern void tt_params_free(TtParams *params);

/* "2026-06-30"; buf holds at least 16 bytes */
extern const char *tt_day_format(TtDay day, char *buf);

#endif /* TT_REQUEST_H */
