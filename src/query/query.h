/*
 * query.h
 *	  Conditions with their values, options, columns → what a scan asks for
 *	  (TtQuery): the second step from a condition to requests.
 *
 * The planner (estimates), EXPLAIN and the executor all come through here, so
 * that what is printed and counted is what is sent.
 */
#ifndef TT_QUERY_H
#define TT_QUERY_H

#include "postgres.h"

#include "query/bounds.h"
#include "options/options.h"
#include "request/request.h"
#include "table/table.h"

/* days that estimates and ANALYZE assume where a report's first day is not known */
#define TT_ASSUMED_DAYS 30

/* one day past today in UTC, so that no account misses its today */
extern TtDay tt_query_last_day(void);

/*
 * Of how many times as many rows an account has what the query asks for: days of
 * a report by day or hour, periods of one by period, 1 of anything else.
 */
extern double tt_query_times(const TtQuery *query);

/*
 * Fill *query.  attrs: attribute numbers of the columns the scan reads.
 * accounts: those of the bounds that the table holds (option_bounds.h), else of the
 * option advertiser_ids, else none (the caller looks them up).  bounds->nothing
 * is set if no request is needed.
 *
 * need_bound: raise ERROR HV00L if the report lacks a lower time bound;
 * otherwise (estimates) the last days are assumed.
 */
extern void tt_query_build(TtQuery *query, const TtTable *table,
						   const TtOptions *options, const List *attrs,
						   TtBounds *bounds, bool need_bound);

/* rows a page of a list has; 0: the endpoint does not page */
extern int tt_query_page_size(const TtStream *stream, const TtOptions *options);

/*
 * The values a scan reads of each row: paths, and for each attribute its slot
 * (-1: not wanted).  The first nkeys paths are the key's.
 */
typedef struct TtProjection
{
	int			 npaths;
	const char **paths;
	int			 nkeys;
	int			*slots; /* by attribute number - 1 */
} TtProjection;

/* where a row tells its account, if that is certain; NULL: it does not */
extern const char *tt_query_account_path(const TtStream *stream);

extern TtProjection *tt_query_projection(const TtTable *table, const List *attrs);

/* ERROR if the stream does not exist in the server's environment */
extern void tt_query_check_environment(const TtTable *table, const TtOptions *options);

#endif /* TT_QUERY_H */
