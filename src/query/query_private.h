/*
 * query_private.h
 *	  Between the files of the room.
 */
#ifndef TT_QUERY_PRIVATE_H
#define TT_QUERY_PRIVATE_H

#include "query/option_bounds.h"
#include "query/query.h"

/* query_kinds.c: the objects that the options want, in as few request series as the API allows */
extern void tt_query_kinds(TtQuery *query, const TtTable *table, const TtOptions *options);

/*
 * periods.c: the weeks, months or periods to ask a report for, palloc'ed;
 * returns their number, or -1 if the conditions do not say which.  ERROR if one
 * is longer than the API answers.
 */
extern int tt_query_periods(const TtTable *table, const TtOptions *options,
							const TtBounds *bounds, TtDay last_day, TtDays **periods);

/* those that estimates assume then */
extern int tt_query_assumed_periods(const TtTable *table, const TtBounds *bounds, TtDay last_day,
									TtDays **periods);

/* ERROR HV00L: what the conditions of a period report lack */
extern void tt_query_missing_period(const TtTable *table, const TtBounds *bounds)
	pg_attribute_noreturn();

#endif /* TT_QUERY_PRIVATE_H */
