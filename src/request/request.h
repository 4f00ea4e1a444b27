/*
 * request.h
 *	  What a scan asks for (TtQuery) → requests and their parameters: the last
 *	  step from a condition to requests.
 *
 * A query is turned into a list of units before anything is sent: accounts (with
 * a store, a pixel of theirs, where the endpoint wants one) × windows of days (or weeks,
 * months, periods) × values of required conditions × batches of ids.  A unit is read
 * page by page; each page is one request.  EXPLAIN prints what the list
 * is a product of, the cost model counts it, the concurrency works it off.  The text
 * of a condition is written by add_condition(); filters that options add are in
 * option_filters.c.
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

/* a day of the calendar */
typedef struct TtCivil
{
	int64_t year;
	int		month; /* 1 to 12 */
	int		day;   /* 1 to 31 */
} TtCivil;

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
	const char	*path;	/* where a row tells the value; NULL: nowhere */
	TtJsonType	 type;
	int			 nvalues; /* at least one */
	const char **values;  /* for TT_FILTER_CREATED: from, to ("" = open) */
} TtCondition;

/* of ad groups bought as TopView the API gives no larger pages */
#define TT_TOP_VIEW_PAGE 100

/*
 * Objects that one request can ask for together.  NULL-free lists; empty: the
 * parameter is not sent, and the API has its own default.
 */
typedef struct TtKind
{
	int			 nbuying_types;
	const char **buying_types;
	int			 norigins; /* campaign_system_origins */
	const char **origins;
	int			 max_page_size; /* 0: the endpoint's */
	int			 halves;		/* in query->kinds, behind those that are asked for: this
						  * and the next have one of its origins each; 0: none */
} TtKind;

/* filters that the options of a table add, of which the API may refuse some */
#define TT_OPTION_FILTER_STATUS	 1
#define TT_OPTION_FILTER_BUYING	 2
#define TT_OPTION_FILTER_ORIGINS 4
#define TT_MAX_OPTION_FILTERS	 3

typedef struct TtOptionFilter
{
	int				   bit;	  /* TT_OPTION_FILTER_* */
	const char		  *param; /* its name in filtering; reports: field_name */
	int				   nvalues;
	const char *const *values;
} TtOptionFilter;

/* an id of endpoint->second, and the account that has it; 0: the token's */
typedef struct TtSecond
{
	int64_t		account;
	const char *id;
} TtSecond;

typedef struct TtQuery
{
	const TtStream	  *stream;
	int				   naccounts;
	int64_t			  *accounts; /* without repeats */
	int				   nsecond;
	const TtSecond	  *second; /* what requests name beside the account, those of an account
							 * together; NULL: nothing, or not known yet */
	int				   nrequired;
	const TtCondition *required; /* one for each of tt_stream_asked() that is known: all
								  * combinations of their values are asked for */
	int				   nranges;	 /* wanted days, ascending, disjoint; reports */
	TtDays			  *ranges;	 /* of a report by period: its periods, in any order */
	TtDay			   last_day; /* of periods, no later day is asked for */
	int				   nconditions;
	TtCondition		  *conditions;
	int				   nnames; /* metrics or fields to ask for */
	const char		 **names;
	bool			  *refused;	   /* of each name: the API does not have it; NULL: none */
	bool			   send_names; /* false: the API's default columns */
	bool			   include_deleted;
	int				   without; /* TT_OPTION_FILTER_*: not sent, the API refuses them */
	int				   nkinds;	/* request series a list needs, one a kind; 0: one, of
							 * what the API gives unasked */
	const TtKind	  *kinds;
	int				   page_size;	  /* 0: the endpoint does not page */
	const char		  *order_field;	  /* NULL: any order */
	bool			   order_refused; /* it was wanted, and is not to be had */
	bool			   descending;
	bool			   totals_only;	   /* only page_info.total_number is wanted */
	bool			   sums_only;	   /* reports, with totals_only: data.total_metrics, the
								 * sums of all rows, is the row that is wanted */
	bool			   adds_up;		   /* reports without time dimension: rows are sums of days,
								 * to be added up: no unwanted day, and cut anywhere */
	bool			   leave_out_idle; /* rows in which all of tt_idle_metric() are zero; of rows
									 * that add up, all metrics */
	bool			   cut_will_do;	   /* what the API cuts off is not looked for elsewhere */
	bool			   exact;		   /* rows are not rechecked: no condition may be
								 * left out */
	int64_t			   row_bound;	   /* rows that may be enough: nothing is read
								 * ahead of them; 0: all will be read */
	const char		  *app_id;		   /* endpoints that list accounts */
	const char		  *secret;
} TtQuery;

/* some neighbours in an array */
typedef struct TtSlice
{
	int first;
	int n;
} TtSlice;

/* ids that a unit keeps to although no condition says so */
typedef struct TtWithin
{
	const char	*param; /* reports: field_name, such as "campaign_ids" */
	int			 nids;
	const char **ids;
} TtWithin;

/*
 * What one request series covers.  A unit that turns out to be too much for
 * one series can be cut along any of these.
 */
typedef struct TtUnit
{
	int				account;   /* index of its first account */
	int				naccounts; /* more than one only at TT_ACCOUNT_MANY */
	TtDays			days;	   /* reports; {0, 0} where no dates are sent */
	TtDay			period_to; /* of a report by period: its last day, which may be still
								* to come; days.from is its first, days.to what is asked */
	int				kind;	   /* of query->kinds */
	int				without;   /* TT_OPTION_FILTER_*: not sent */
	TtSlice			second;	   /* of query->second; none: it names none */
	int64_t			required;  /* which combination of the required conditions' values */
	TtSlice			values;	   /* of the batched condition's values */
	TtSlice			names;	   /* of query->names */
	const TtWithin *within;	   /* NULL: no narrower than the query; replaces a
								* condition on the same parameter */
	const char	   *cursor;	   /* TT_PAGING_CURSOR: where the next page begins, as
								* the last one said; NULL: at the beginning */
} TtUnit;

/* an account with some of what requests name beside it */
typedef struct TtSecondGroup
{
	int		account; /* index; -1: none */
	TtSlice second;
} TtSecondGroup;

typedef struct TtUnits
{
	int			   nwindows;
	TtDays		  *windows; /* of a report by period: the periods */
	int			   naccount_groups;
	TtSecondGroup *seconds; /* the account groups, where the query has second ids */
	int64_t		   nrequired;
	int			   nkinds;
	int			   batched; /* index of the condition that units divide, or may, by its
							 * values; -1: none */
	int			   nbatches;
	int64_t		   count; /* windows × account groups × required × kinds × batches */
} TtUnits;

/* a request without time dimension covers at most this many days */
#define TT_UNDATED_DAYS 365

/*
 * second_ids.c.  seconds: accounts of the query × what requests name beside each;
 * returns their number, -1 if out of memory.  count: the combinations of required
 * values that are asked for one by one.  values: those of required condition i that
 * a unit asks for; returns their number.
 */
extern int	   tt_second_groups(const TtQuery *query, TtSecondGroup **groups);
extern int64_t tt_required_count(const TtQuery *query);
extern int	   tt_required_values(const TtQuery *query, const TtUnit *unit, int i,
								  const char ***values);

/*
 * windows.c.  Windows of the query's days, or its periods as they are, since a part of
 * one says nothing of it; in *windows, malloc'ed.  Returns their number, -1 if out of memory.
 */
extern int tt_query_windows(const TtQuery *query, TtDays **windows);

/* days that one request may cover; 0: any number */
extern int tt_request_span(const TtStream *stream);

/*
 * Cut the query into units.  A second condition with more ids than fit in a
 * request is taken out of the query: it would multiply requests, and every
 * condition is rechecked anyway.
 */
extern TtUnits *tt_units_create(TtQuery *query);

/*
 * Unit i: the newest window first, all accounts of a window before the next.
 * With row_bound the day to come is the last one.  Its names are all of them.
 */
extern TtUnit tt_units_get(const TtUnits *units, const TtQuery *query, int64_t i);
extern void	  tt_units_free(TtUnits *units);

/* Whether other units ask for other values of the batched condition. */
extern bool tt_unit_cut_by_values(const TtQuery *query, const TtUnits *units,
								  const TtUnit *unit);

/*
 * The page size of a unit's requests; 0: the endpoint does not page.
 */
extern int tt_unit_page_size(const TtQuery *query, const TtUnit *unit);

/*
 * The filters that the options add to a unit's requests, at most
 * TT_MAX_OPTION_FILTERS; returns their number.
 */
extern int tt_unit_option_filters(const TtQuery *query, const TtUnit *unit,
								  TtOptionFilter *filters);

/*
 * Whether a filter can be left out: at worst rows are missing then, and none is
 * there that the options do not want.
 */
extern bool tt_option_filter_optional(const TtQuery *query, const TtOptionFilter *filter);

/* Whether a unit would ask, without its filters, for what another asks for anyway. */
extern bool tt_unit_is_vain(const TtQuery *query, const TtUnit *unit);

/* How many of the unit's names are asked for, that is, not refused. */
extern int tt_unit_names(const TtQuery *query, const TtUnit *unit);

/*
 * The fewest windows of at most span days that cover all ranges and no other
 * day.  Returns as tt_windows().
 */
extern int tt_windows_exact(const TtDays *ranges, int nranges, int span, TtDays **windows);

/*
 * The fewest windows of at most span days that cover all ranges; windows do
 * not begin or end with an unwanted day.  Returns their number, -1 if out of
 * memory.
 */
extern int tt_windows(const TtDays *ranges, int nranges, int span,
					  TtDays **windows);

/*
 * The same for who reads from the newest window on and may stop soon: the oldest
 * one is short, not the newest.
 */
extern int tt_windows_newest_full(const TtDays *ranges, int nranges, int span,
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

/*
 * Fill *part with the next names of a unit, at most max that are not refused;
 * begin with part->names.n = 0 in a copy of the unit.  False at the end.
 */
extern bool tt_unit_next_part(const TtQuery *query, const TtUnit *unit, int max, TtUnit *part);

/* parameter strings longer than this go as a JSON body */
#define TT_MAX_QUERY_STRING 8192

/*
 * The parameters of page (from 1) of a unit; where it is read by cursor, of the
 * one that begins at unit->cursor.  Contains secrets if query has.
 */
extern bool tt_request_params(const TtQuery *query, const TtUnits *units,
							  const TtUnit *unit, int page, TtParams *params);
extern void tt_params_free(TtParams *params);

/*
 * periods.c.  begin: the first day of the week or month that a day is in.  end:
 * the last one of that which begins on a day.
 */
extern TtDay tt_period_begin(TtGrain grain, TtDay day);
extern TtDay tt_period_end(TtGrain grain, TtDay first);

/*
 * The weeks or months that begin on a day of the ranges, ascending; returns
 * their number, -1 if out of memory.
 */
extern int tt_periods(TtGrain grain, const TtDays *ranges, int nranges, TtDays **periods);

extern TtCivil tt_day_civil(TtDay day);

/* "2026-06-30"; buf holds at least 16 bytes */
extern const char *tt_day_format(TtDay day, char *buf);

#endif /* TT_REQUEST_H */
