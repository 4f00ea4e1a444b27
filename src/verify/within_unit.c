/*
 * within_unit.c
 *	  Rows within a unit: their keys, each of them once.
 */
#include "postgres.h"

#include "verify/verify_private.h"

#include "common/hashfn.h"

bool
tt_row_key(const TtVerify *verify, const TtReply *reply, int row, uint64 *hash)
{
	bool any = false;

	*hash = 0;
	for (int i = 0; i < verify->projection->nkeys; i++)
	{
		const TtValue *value = tt_reply_value(reply, row, i);
		uint64		   part = 0;

		if (value->kind > TT_VALUE_NULL)
		{
			any = true;
			part = hash_bytes_extended((const unsigned char *) value->text, value->length, 0);
		}
		*hash = hash_combine64(*hash, part);
	}
	if (verify->hour_slot >= 0)
		*hash = tt_hour_tag(*hash, tt_reply_value(reply, row, verify->hour_slot));
	return any;
}

bool
tt_rows_add(TtUnitRows *rows, const TtReply *reply)
{
	bool all_new = true;

	for (int row = 0; row < reply->nrows && all_new; row++)
	{
		uint64 hash;

		if (tt_row_key(rows->verify, reply, row, &hash) &&
			!tt_row_is_hourless(rows->verify, reply, row))
			all_new = tt_key_set_add(rows->keys, hash) || tt_hour_repeats(rows, hash);
	}
	return all_new;
}

bool
tt_rows_settle(TtUnitRows *rows)
{
	return tt_hour_settle(rows);
}

void
tt_rows_drop_repeated(const TtVerify *verify, TtReply *reply)
{
	TtKeySet *keys = tt_key_set_create(CurrentMemoryContext);
	int		  kept = 0;

	for (int row = 0; row < reply->nrows; row++)
	{
		uint64 hash;

		if (!tt_row_key(verify, reply, row, &hash) || tt_key_set_add(keys, hash))
			tt_reply_move_row(reply, row, kept++);
	}
	tt_key_set_free(keys);
	if (reply->total_number == reply->nrows)
		reply->total_number = kept;
	reply->nrows = kept;
}
