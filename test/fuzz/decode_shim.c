/*
 * decode_shim.c
 *	  What src/decode.c needs of a server beside shim.c.  A numeric is a text
 *	  here, an array a ShimArray, and jsonb the text that it is made of.
 */
#include "postgres.h"

#include <time.h>

#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "compat.h"
#include "decode_shim.h"
#include "fuzz.h"

int	  shim_input_calls;
bool  shim_input_accepted;
int64 shim_input_integer;

const int day_tab[2][13] = {
	{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0},
	{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0}};

TupleDesc
shim_tuple_desc(Oid type)
{
	/* room for what versions put in front of the attributes */
	TupleDesc desc = palloc0(sizeof(struct TupleDescData) + 2 * sizeof(FormData_pg_attribute));

	desc->natts = 1;
	TupleDescAttr(desc, 0)->atttypid = type;
	TupleDescAttr(desc, 0)->atttypmod = -1;
	return desc;
}


/* ---- types ---- */

Oid
getBaseTypeAndTypmod(Oid type, int32 *typmod)
{
	return type;
}

void
get_type_category_preferred(Oid type, char *category, bool *preferred)
{
	*category = type == TEXTOID ? TYPCATEGORY_STRING : TYPCATEGORY_USER;
	*preferred = false;
}

Oid
get_element_type(Oid type)
{
	return type == TEXTARRAYOID ? TEXTOID : type == INT8ARRAYOID ? INT8OID
																 : InvalidOid;
}

void
get_typlenbyvalalign(Oid type, int16 *length, bool *by_value, char *align)
{
	*length = type == INT8OID ? 8 : -1;
	*by_value = type == INT8OID;
	*align = TYPALIGN_INT;
}

/* the number of a type stands for its input function */
void
getTypeInputInfo(Oid type, Oid *function, Oid *ioparam)
{
	*function = *ioparam = type;
}

void
fmgr_info(Oid function, FmgrInfo *info)
{
	memset(info, 0, sizeof(*info));
	info->fn_oid = function;
}

void
domain_check(Datum value, bool isnull, Oid type, void **extra, MemoryContext context)
{
	abort(); /* there are no domains */
}

char *
format_type_be(Oid type)
{
	return psprintf("%u", type);
}


/* ---- input functions ---- */

static Datum
refuse(const char *text)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax: \"%s\"", text)));
	return (Datum) 0;
}

static Datum
integer_in(const char *text, int64 min, int64 max)
{
	char *end;
	int64 number;

	errno = 0;
	number = strtoll(text, &end, 10);
	while (isspace((unsigned char) *end))
		end++;
	if (end == text || *end != '\0' || errno != 0 || number < min || number > max)
		return refuse(text);
	shim_input_integer = number;
	return Int64GetDatum(number);
}

static bool
is_json(char *text)
{
	JsonLexContext *lex = TT_MAKE_JSON_LEX(text, strlen(text), PG_UTF8, false);

	return pg_parse_json(lex, &nullSemAction) == JSON_SUCCESS;
}

Datum
InputFunctionCall(FmgrInfo *info, char *text, Oid ioparam, int32 typmod)
{
	Datum result;

	CHECK(text != NULL && info->fn_oid == ioparam && typmod == -1);
	CHECK(pg_encoding_verifymbstr(PG_UTF8, text, strlen(text)) == (int) strlen(text));
	shim_input_calls++;
	shim_input_accepted = false;
	switch (ioparam)
	{
		case INT2OID:
			result = integer_in(text, PG_INT16_MIN, PG_INT16_MAX);
			break;
		case INT4OID:
			result = integer_in(text, PG_INT32_MIN, PG_INT32_MAX);
			break;
		case INT8OID:
			result = integer_in(text, PG_INT64_MIN, PG_INT64_MAX);
			break;
		case NUMERICOID:
			if (text[strspn(text, "+-.0123456789eE \t")] != '\0' ||
				strpbrk(text, "0123456789") == NULL)
				return refuse(text);
			result = PointerGetDatum(shim_decimal(text));
			break;
		case BOOLOID:
			if (pg_strcasecmp(text, "t") != 0 && pg_strcasecmp(text, "yes") != 0)
				return refuse(text);
			result = BoolGetDatum(true);
			break;
		case JSONBOID:
			if (!is_json(text))
				return refuse(text);
			result = PointerGetDatum(pstrdup(text));
			break;
		default:
			result = PointerGetDatum(pstrdup(text));
			break;
	}
	shim_input_accepted = true;
	return result;
}

Datum
DirectFunctionCall2Coll(PGFunction function, Oid collation, Datum arg1, Datum arg2)
{
	abort(); /* for precisions, which no type here has */
}

Datum
timestamp_scale(PG_FUNCTION_ARGS)
{
	abort();
}

Datum
timestamptz_scale(PG_FUNCTION_ARGS)
{
	abort();
}


/* ---- values ---- */

char *
shim_decimal(const char *text)
{
	bool  negative = (text[0] == '-');
	char *result;

	text += negative;
	while (text[0] == '0' && text[1] >= '0' && text[1] <= '9')
		text++;
	if (text[strspn(text, "0.")] == '\0')
		negative = false;
	result = psprintf("%s%s", negative ? "-" : "", text);
	return result;
}

Numeric
int64_div_fast_to_numeric(int64 number, int scale)
{
	char *digits = psprintf("%0*lld", scale + 1 + (number < 0), (long long) number);
	int	  whole = strlen(digits) - scale;

	CHECK(scale >= 0);
	return (Numeric) shim_decimal(psprintf("%.*s%s%s", whole, digits, scale > 0 ? "." : "",
										   digits + whole));
}

text *
cstring_to_text_with_len(const char *from, int length)
{
	text *result = palloc(length + VARHDRSZ);

	SET_VARSIZE(result, length + VARHDRSZ);
	memcpy(VARDATA(result), from, length);
	return result;
}

int
date2j(int year, int month, int day)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};

	return (int) (timegm(&tm) / SECS_PER_DAY + UNIX_EPOCH_JDATE);
}

int
pg_lltoa(int64 value, char *buffer)
{
	return sprintf(buffer, "%lld", (long long) value);
}

char *
pg_any_to_server(const char *text, int length, int encoding)
{
	return unconstify(char *, text);
}

void
escape_json(StringInfo buffer, const char *text)
{
	appendStringInfoChar(buffer, '"');
	for (; *text != '\0'; text++)
	{
		if (*text == '"' || *text == '\\' || (unsigned char) *text < ' ')
			appendStringInfo(buffer, "\\u%04x", *text);
		else
			appendStringInfoChar(buffer, *text);
	}
	appendStringInfoChar(buffer, '"');
}

ArrayType *
construct_md_array(Datum *values, bool *nulls, int ndims, int *dims, int *lower_bounds, Oid type,
				   int length, bool by_value, char align)
{
	ShimArray *result = palloc(sizeof(ShimArray));

	CHECK(ndims == 1 && lower_bounds[0] == 1);
	result->n = dims[0];
	result->values = memcpy(palloc(dims[0] * sizeof(Datum)), values, dims[0] * sizeof(Datum));
	result->nulls = memcpy(palloc(dims[0] * sizeof(bool)), nulls, dims[0] * sizeof(bool));
	return (ArrayType *) result;
}

ArrayType *
construct_empty_array(Oid type)
{
	return palloc0(sizeof(ShimArray));
}
