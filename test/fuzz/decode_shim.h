/*
 * decode_shim.h
 *	  What src/decode.c needs of a server beside shim.c: types and their input
 *	  functions, which also tell how they were called.
 */
#ifndef TT_DECODE_SHIM_H
#define TT_DECODE_SHIM_H

#include "postgres.h"

#include "access/tupdesc.h"

/* an array as construct_md_array() makes it here */
typedef struct ShimArray
{
	int	   n;
	Datum *values;
	bool  *nulls;
} ShimArray;

/* of the input functions: since they were set to 0 and false */
extern int	 shim_input_calls;
extern bool	 shim_input_accepted; /* the last one */
extern int64 shim_input_integer;  /* what the last integer was */

/* a relation of one column, not dropped */
extern TupleDesc shim_tuple_desc(Oid type);

/*
 * A decimal, [-]digits[.digits], as numeric shows it: without needless zeros in
 * front, and zero without a sign.
 */
extern char *shim_decimal(const char *text);

#endif /* TT_DECODE_SHIM_H */
