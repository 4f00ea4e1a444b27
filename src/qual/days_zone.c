/*
 * days_zone.c
 *	  The hour that comes twice when clocks go back.
 *
 * Reports speak in the time of the account, whose zone they do not tell.  So the
 * question is put to all zones that PostgreSQL knows; that takes some
 * milliseconds, and is asked only when rows make it come up.
 */
#include "postgres.h"

#include "qual/days.h"

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/timestamp.h"

/* farther from UTC no zone is, or was */
#define FAR_FROM_UTC (16 * SECS_PER_HOUR)

/* Whether a zone's clocks show a part of the hour that begins so twice. */
static bool
shows_twice(const pg_tz *zone, pg_time_t hour)
{
	pg_time_t time = hour - FAR_FROM_UTC;
	pg_time_t change;
	long int  before;
	long int  after;
	int		  isdst[2];

	while (pg_next_dst_boundary(&time, &before, &isdst[0], &change, &after, &isdst[1], zone) == 1 &&
		   change > time && change <= hour + FAR_FROM_UTC)
	{
		/* the clocks show change + after … change + before again */
		if (change + after < hour + SECS_PER_HOUR && change + before > hour)
			return true;
		time = change;
	}
	return false;
}

bool
tt_hour_comes_twice(TtDay day, int hour)
{
	static TtDay last_day;
	static int	 last_hour = -1;
	static bool	 twice;
	pg_time_t	 begin = (pg_time_t) day + POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE;
	pg_tzenum	*zones;
	pg_tz		*zone;

	if (day == last_day && hour == last_hour)
		return twice;
	begin = begin * SECS_PER_DAY + hour * SECS_PER_HOUR;
	last_hour = -1;
	twice = false;
	zones = pg_tzenumerate_start();
	while (!twice && (zone = pg_tzenumerate_next(zones)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		twice = shows_twice(zone, begin);
	}
	pg_tzenumerate_end(zones);
	last_day = day;
	last_hour = hour;
	return twice;
}
