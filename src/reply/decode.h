/*
 * decode.h
 *	  JSON values → Datums of a foreign table's columns.
 */
#ifndef TT_DECODE_H
#define TT_DECODE_H

#include "postgres.h"

#include "reply/reply.h"
#include "table/table.h"

typedef struct TtDecoder TtDecoder;

/* what an error message says about where a value came from */
typedef struct TtOrigin
{
	int64		account;  /* 0: unknown */
	const char *currency; /* of the account; NULL: unknown */

	/* by TtPeriodValue: the days that the rows are of; NULL: none */
	const char *const *period;

	/* what was asked for, by TtTableColumn.asked; NULL: nothing that columns show */
	const char *const *asked;
	int				   page; /* 0: not paged */
	const char		  *endpoint;
	const char		  *request_id;
} TtOrigin;

/*
 * slots[i]: the slot of attribute i + 1 in a reply's rows, -1: not wanted (it
 * reads as NULL).  Lives in the current memory context.
 */
extern TtDecoder *tt_decoder_create(const TtTable *table, TupleDesc desc,
									const int *slots);

/*
 * Fill values and nulls for one row.  By-reference results live in the current
 * memory context.  A value that does not fit is the input function's ERROR,
 * with table, column, value, account and request in its context.
 */
extern void tt_decoder_row(TtDecoder *decoder, const TtReply *reply, int row,
						   const TtOrigin *origin, Datum *values, bool *nulls);

#endif /* TT_DECODE_H */
