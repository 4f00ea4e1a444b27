/*
 * days.h
 *	  The days on which a condition can be true, found by asking it.
 */
#ifndef TT_DAYS_H
#define TT_DAYS_H

#include "postgres.h"

#include "nodes/primnodes.h"
#include "request/request.h"

/*
 * No TikTok ad ran before this day; days before it are not asked for, which
 * keeps a bound in the year 1 from becoming thousands of requests.
 */
#define TT_FIRST_DAY ((TtDay) 5844) /* 2016-01-01 */

/* a condition on the day or the hour of a report's rows, with its values */
typedef struct TtDayCondition
{
	Expr		*expr; /* parameter 1: the column; the values from 2 on */
	Oid			 type; /* of the column: date, timestamp or timestamptz */
	bool		 hours;
	int			 nvalues;
	const Datum *values;
	const bool	*nulls;
	const Oid	*types;
} TtDayCondition;

/*
 * Whether an expression may be asked for any day: nothing but built-in
 * functions of numbers, text, dates and times, and no look-ups.
 */
extern bool tt_days_can_ask(Node *node);

/*
 * The days of the ranges on which the condition can be true; days before
 * TT_FIRST_DAY and behind tomorrow are left out.  *bounded: whether it bounds
 * the days from below; not looked into if it is true already.  False if nothing
 * can be told: then every day has to be asked for.
 */
extern bool tt_days_ask(const TtDayCondition *condition, const TtDays *ranges,
						int nranges, TtDays **days, int *ndays, bool *bounded);

/*
 * days_zone.c: whether there is a zone whose clocks show that hour of the day
 * twice, at least a part of it.
 */
extern bool tt_hour_comes_twice(TtDay day, int hour);

#endif /* TT_DAYS_H */
