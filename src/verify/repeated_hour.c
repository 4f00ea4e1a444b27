/*
 * repeated_hour.c
 *	  Hours of a report that are no plain hours: the one that comes twice, and none.
 *
 * When clocks go back an hour comes twice, and so do the keys of its rows: two
 * rows a key, wherever they stand, all of one hour of the unit, and of one that
 * comes twice in some zone.  Anything else that is there twice is a mistake.
 *
 * So that this can be told of hashes that were put aside, the hash of a key
 * carries the hour in its low bits.
 */
#include "postgres.h"

#include "verify/verify_private.h"

#include "qual/days.h"

#define HOUR_BITS	 31
#define NO_HOUR		 31
#define HOURS_IN_DAY 24

int
tt_hour_slot(const TtQuery *query, const TtProjection *projection)
{
	const TtStream *stream = query->stream;

	for (int i = 0; stream->kind == TT_KIND_REPORT && stream->report.grain == TT_GRAIN_HOUR &&
					i < projection->nkeys;
		 i++)
		if (strcmp(projection->paths[i], "dimensions.stat_time_hour") == 0)
			return i;
	return -1;
}

uint64
tt_hour_tag(uint64 hash, const TtValue *value)
{
	int hour = NO_HOUR;

	/* "2026-06-30 13:00:00" */
	if (value->kind == TT_VALUE_STRING && value->length >= 13 &&
		isdigit((unsigned char) value->text[11]) && isdigit((unsigned char) value->text[12]))
		hour = (value->text[11] - '0') * 10 + value->text[12] - '0';
	if (hour >= HOURS_IN_DAY)
		hour = NO_HOUR;
	return (hash & ~(uint64) HOUR_BITS) | (uint64) hour;
}

bool
tt_hour_repeats(TtUnitRows *rows, uint64 hash)
{
	TtDays days = rows->unit->days;
	int	   hour = (int) (hash & HOUR_BITS);

	if (rows->verify->hour_slot < 0 || hour == NO_HOUR)
		return false;
	if (rows->again == NULL)
	{
		if (days.from != days.to || !tt_hour_comes_twice(days.from, hour))
			return false;
		rows->again = tt_key_set_create(rows->verify->context);
		rows->again_hour = hour;
	}
	return hour == rows->again_hour && tt_key_set_add(rows->again, hash);
}

static bool
repeats(void *rows, uint64 hash)
{
	return tt_hour_repeats(rows, hash);
}

bool
tt_hour_settle(TtUnitRows *rows)
{
	return tt_key_set_settle(rows->keys, repeats, rows) &&
		   (rows->again == NULL || tt_key_set_settle(rows->again, NULL, NULL));
}

bool
tt_row_is_hourless(const TtVerify *verify, const TtReply *reply, int row)
{
	const TtValue *value;

	if (verify->hour_slot < 0)
		return false;
	value = tt_reply_value(reply, row, verify->hour_slot);
	return value->kind == TT_VALUE_STRING && strcmp(value->text, "-") == 0;
}
