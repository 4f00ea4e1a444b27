/*
 * hour.c
 *	  Hours of a report that are no plain hours.
 *
 * When clocks go back an hour comes twice, and so do the keys of its rows: two
 * rows a key, wherever they stand, all of one hour of the unit, and of one that
 * comes twice in some zone.  Anything else that is there twice is a mistake.
 *
 * So that this can be told of hashes that were put aside, the hash of a key
 * carries the hour in its low bits.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include "qual/days.h"

#define HOUR_BITS	 31
#define NO_HOUR		 31
#define HOURS_IN_DAY 24

int
tt_hour_slot(const TtFetch *fetch)
{
	const TtStream *stream = fetch->query->stream;

	for (int i = 0; stream->kind == TT_KIND_REPORT && stream->report.grain == TT_GRAIN_HOUR &&
					i < fetch->projection->nkeys;
		 i++)
		if (strcmp(fetch->projection->paths[i], "dimensions.stat_time_hour") == 0)
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
tt_hour_repeats(TtFetchUnit *unit, uint64 hash)
{
	int hour = (int) (hash & HOUR_BITS);

	if (!unit->hourly || hour == NO_HOUR)
		return false;
	if (unit->again == NULL)
	{
		if (unit->unit.days.from != unit->unit.days.to ||
			!tt_hour_comes_twice(unit->unit.days.from, hour))
			return false;
		unit->again = tt_key_set_create(GetMemoryChunkContext(unit));
		unit->again_hour = hour;
	}
	return hour == unit->again_hour && tt_key_set_add(unit->again, hash);
}

static bool
repeats(void *unit, uint64 hash)
{
	return tt_hour_repeats(unit, hash);
}

bool
tt_hour_settle(TtFetchUnit *unit)
{
	return tt_key_set_settle(unit->seen, repeats, unit) &&
		   (unit->again == NULL || tt_key_set_settle(unit->again, NULL, NULL));
}

bool
tt_hour_is_none(const TtFetch *fetch, const TtReply *reply, int row)
{
	const TtValue *value;

	if (fetch->hour_slot < 0)
		return false;
	value = tt_reply_value(reply, row, fetch->hour_slot);
	return value->kind == TT_VALUE_STRING && strcmp(value->text, "-") == 0;
}

void
tt_hour_leave_out(const TtFetch *fetch, TtFetchUnit *unit, TtReply *reply)
{
	int kept = 0;

	if (fetch->hour_slot < 0)
		return;
	for (int row = 0; row < reply->nrows; row++)
	{
		if (tt_hour_is_none(fetch, reply, row))
			continue;
		if (kept < row)
			memcpy(reply->values + (size_t) kept * reply->nslots,
				   reply->values + (size_t) row * reply->nslots,
				   sizeof(TtValue) * reply->nslots);
		kept++;
	}
	/* each part of a unit has the row */
	if (unit->part == 0)
		unit->hourless += reply->nrows - kept;
	reply->nrows = kept;
}
