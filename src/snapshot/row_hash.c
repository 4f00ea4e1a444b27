/*
 * row_hash.c
 *	  One number for the values of a row, by which a merge tells whether they
 *	  changed without carrying them through its join.
 *
 * Values are the same exactly where record_image_eq() says so: bit by bit, so
 * that 1.0 and 1.00 differ; how a value is stored – packed, compressed, out of
 * line – does not count.  Rows that differ have the same number once in 2^64.
 * Numbers are compared within a statement only: they depend on the machine.
 *
 * Nothing may keep the number at 0 or lead two kinds of value to the same one
 * by themselves: zeros come first in many rows, and NULL turns into 0, 1 or true.
 */
#include "postgres.h"

#include "compat.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/lsyscache.h"

/* entry point; declared in sql/parts/30_source.sql */
PG_FUNCTION_INFO_V1(tiktok_snapshot_row_hash);

/* where the number begins: with 0 it would stay there while values are 0 */
#define HASH_START UINT64CONST(0x9e3779b97f4a7c15)
/* stands for NULL, which is no value, and so next to no small one */
#define HASH_NULL UINT64CONST(0xd1b54a32d192ed03)

/* how a value is passed; of each argument, for the life of the call's plan */
typedef struct ValueForm
{
	int16 length;
	bool  by_value;
} ValueForm;

/* spreads every bit over all 64: the finalizer of SplitMix64 */
static uint64
mixed(uint64 bits)
{
	bits = (bits ^ (bits >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	bits = (bits ^ (bits >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return bits ^ (bits >> 31);
}

static uint64
value_hash(const ValueForm *form, Datum value, uint64 seed)
{
	const unsigned char *bytes;
	struct varlena		*packed;
	uint64				 hash;

	if (form->by_value)
		return mixed(mixed(seed) + (uint64) value);
	bytes = (const unsigned char *) DatumGetPointer(value);
	if (form->length > 0)
		return hash_bytes_extended(bytes, form->length, seed);
	if (form->length == -2)
		return hash_bytes_extended(bytes, (int) strlen((const char *) bytes), seed);
	packed = PG_DETOAST_DATUM_PACKED(value);
	hash = hash_bytes_extended((const unsigned char *) VARDATA_ANY(packed),
							   (int) VARSIZE_ANY_EXHDR(packed), seed);
	if ((Pointer) packed != DatumGetPointer(value))
		pfree(packed);
	return hash;
}

static const ValueForm *
value_forms(FunctionCallInfo fcinfo)
{
	FmgrInfo *flinfo = fcinfo->flinfo;

	if (flinfo->fn_extra == NULL)
	{
		ValueForm *forms = (ValueForm *) MemoryContextAlloc(flinfo->fn_mcxt,
															PG_NARGS() * sizeof(ValueForm));

		for (int i = 0; i < PG_NARGS(); i++)
			get_typlenbyval(get_fn_expr_argtype(flinfo, i), &forms[i].length, &forms[i].by_value);
		flinfo->fn_extra = forms;
	}
	return (const ValueForm *) flinfo->fn_extra;
}

Datum
tiktok_snapshot_row_hash(PG_FUNCTION_ARGS)
{
	const ValueForm *forms = value_forms(fcinfo);
	uint64			 hash = HASH_START;

	for (int i = 0; i < PG_NARGS(); i++)
		hash = PG_ARGISNULL(i) ? mixed(hash ^ HASH_NULL)
							   : value_hash(&forms[i], PG_GETARG_DATUM(i), hash);
	PG_RETURN_INT64((int64) hash);
}
