/*
 * decode.c
 *	  JSON values → Datums of a foreign table's columns.
 *
 * How a column's values are read is settled once, from its type: by a short way
 * of our own where that gives what the type's input function would (integers,
 * short decimals, text, booleans), where the input function would heed DateStyle
 * or TimeZone (dates and times: the API's have neither), or where JSON and SQL
 * spell it differently (arrays, json); else by the input function.
 *
 * Invariants: which spellings mean NULL is decided in is_no_value() alone.
 * Results live in the caller's memory context, the decoder in the one in which
 * it was created.  Errors are the input function's, or worded like them; the
 * context callback only formats, and must not fail.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "reply/decode.h"
#include "reply/reply_text.h"

#define MAX_SHOWN	100 /* bytes of a value in an error's context */
#define MAX_DECIMAL 15	/* bytes of a short decimal: three digits more fit into int64 */

typedef enum ConvertWay
{
	WAY_INPUT, /* the type's input function */
	WAY_TEXT,
	WAY_INTEGER,
	WAY_NUMERIC,
	WAY_BOOL,
	WAY_DATE,
	WAY_TIMESTAMP,
	WAY_TIMESTAMPTZ,
	WAY_JSON,
	WAY_ARRAY
} ConvertWay;

/* how values become Datums of a type */
typedef struct TtConverter
{
	Oid					type;	   /* as declared, perhaps a domain */
	Oid					base;	   /* domains resolved */
	int32				typmod;	   /* of the base type */
	bool				is_string; /* of the string category */
	bool				is_domain;
	void			   *domain_cache; /* domain_check()'s */
	ConvertWay			way;
	FmgrInfo			input; /* of the base type */
	Oid					ioparam;
	struct TtConverter *element; /* WAY_ARRAY */
	int16				element_length;
	bool				element_by_value;
	char				element_align;
} TtConverter;

typedef struct DecodedColumn
{
	int			index; /* of the row's values */
	int			slot;
	const char *name;
	bool		is_account;
	bool		is_currency;
	bool		in_key;
	int			period; /* TtPeriodValue, -1: a value of the reply */
	int			asked;	/* TtTableColumn.asked */
	TtConverter converter;
} DecodedColumn;

struct TtDecoder
{
	MemoryContext  context; /* in which it lives */
	const char	  *table;
	bool		   is_report;
	bool		   has_accounts; /* its rows belong to ad accounts */
	int			   natts;
	int			   ncolumns; /* those wanted: few, where a table has hundreds */
	DecodedColumn *columns;
};

/* what the error context tells */
typedef struct Place
{
	const TtDecoder		*decoder;
	const TtOrigin		*origin;
	const DecodedColumn *column; /* NULL: between columns */
	const TtValue		*value;
} Place;

/* a point in time as it is written: the clock's reading, and its zone if given */
typedef struct Instant
{
	int32 day;	 /* from 2000-01-01 */
	int64 usecs; /* of the day */
	bool  has_zone;
	int	  offset; /* seconds east of UTC */
} Instant;

static Datum convert(const TtDecoder *decoder, TtConverter *converter, const TtValue *value);


/* ----------
 * Setting up
 * ----------
 */

static ConvertWay
choose_way(const TtConverter *converter)
{
	switch (converter->base)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return WAY_INTEGER;
		case NUMERICOID:
			/* a precision must be enforced */
			return converter->typmod < 0 ? WAY_NUMERIC : WAY_INPUT;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			/* a length must be enforced, or padded to */
			return converter->typmod < 0 ? WAY_TEXT : WAY_INPUT;
		case BOOLOID:
			return WAY_BOOL;
		case DATEOID:
			return WAY_DATE;
		case TIMESTAMPOID:
			return WAY_TIMESTAMP;
		case TIMESTAMPTZOID:
			return WAY_TIMESTAMPTZ;
		case JSONOID:
		case JSONBOID:
			return WAY_JSON;
		default:
			return OidIsValid(get_element_type(converter->base)) ? WAY_ARRAY : WAY_INPUT;
	}
}

static void
init_converter(TtConverter *converter, Oid type, int32 typmod)
{
	Oid	 function;
	char category;
	bool preferred;

	converter->type = type;
	converter->typmod = typmod;
	converter->base = getBaseTypeAndTypmod(type, &converter->typmod);
	converter->is_domain = (converter->base != type);
	get_type_category_preferred(converter->base, &category, &preferred);
	converter->is_string = (category == TYPCATEGORY_STRING);
	converter->way = choose_way(converter);

	getTypeInputInfo(converter->base, &function, &converter->ioparam);
	fmgr_info(function, &converter->input);

	if (converter->way == WAY_ARRAY)
	{
		Oid element = get_element_type(converter->base);

		get_typlenbyvalalign(element, &converter->element_length, &converter->element_by_value,
							 &converter->element_align);
		converter->element = palloc0(sizeof(TtConverter));
		init_converter(converter->element, element, converter->typmod);
	}
}

TtDecoder *
tt_decoder_create(const TtTable *table, TupleDesc desc, const int *slots)
{
	TtDecoder *decoder = palloc0(sizeof(TtDecoder));

	decoder->context = CurrentMemoryContext;
	decoder->table = table->name;
	decoder->is_report = (table->stream->kind == TT_KIND_REPORT);
	decoder->has_accounts = table->stream->endpoint->account_param != TT_ACCOUNT_TOKEN;
	decoder->natts = desc->natts;
	decoder->columns = palloc0(desc->natts * sizeof(DecodedColumn));

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		DecodedColumn	 *column = &decoder->columns[decoder->ncolumns];

		if (att->attisdropped || table->columns[i].dropped || slots[i] < 0)
			continue;
		decoder->ncolumns++;
		column->index = i;
		column->slot = slots[i];
		column->name = table->columns[i].name;
		column->is_account = table->columns[i].is_account;
		column->is_currency = table->columns[i].is_currency;
		column->in_key = table->columns[i].in_key;
		column->period = -1;
		if (table->columns[i].period != NULL)
			column->period = table->columns[i].period->value;
		column->asked = table->columns[i].asked;
		init_converter(&column->converter, att->atttypid, att->atttypmod);
	}
	return decoder;
}


/* ----------
 * NULL
 * ----------
 */

/* the ways to say that there is no value: "", "-" and counts too small to tell, "<5" */
static inline bool
is_empty_spelling(const TtValue *value)
{
	const char *s = value->text;

	if (value->kind != TT_VALUE_STRING)
		return false;
	if (value->length == 0)
		return true;
	if (s[0] == '-')
		return value->length == 1;
	return s[0] == '<' && value->length > 1 &&
		   strspn(s + 1, "0123456789") == (size_t) value->length - 1;
}

/*
 * Whether the value reads as NULL.  Text keeps what could be a text; only in
 * reports "-" is none.
 */
static bool
is_no_value(const TtDecoder *decoder, const TtConverter *converter, const TtValue *value)
{
	if (value->kind == TT_VALUE_MISSING || value->kind == TT_VALUE_NULL)
		return true;
	if (!converter->is_string)
		return is_empty_spelling(value);
	return decoder->is_report && value->kind == TT_VALUE_STRING && strcmp(value->text, "-") == 0;
}


/* ----------
 * Numbers
 * ----------
 */

/* the length of "20" in "20.000"; the whole length if there is no such fraction */
static int
whole_length(const TtValue *value)
{
	const char *start = value->text + (value->text[0] == '-');
	int			digits = strspn(start, "0123456789");
	int			zeros;

	if (digits == 0 || start[digits] != '.')
		return value->length;
	zeros = strspn(start + digits + 1, "0");
	if (zeros == 0 || start[digits + 1 + zeros] != '\0')
		return value->length;
	return start + digits - value->text;
}

static Datum
convert_integer(TtConverter *converter, const TtValue *value)
{
	TtValue whole = *value;
	int64	result;
	bool	is_int = tt_reply_int(value, &result);

	if (!is_int && (value->kind == TT_VALUE_STRING || value->kind == TT_VALUE_NUMBER))
	{
		whole.length = whole_length(value);
		is_int = tt_reply_int(&whole, &result);
	}
	if (is_int)
	{
		if (converter->base == INT8OID)
			return Int64GetDatum(result);
		if (converter->base == INT4OID && result >= PG_INT32_MIN && result <= PG_INT32_MAX)
			return Int32GetDatum((int32) result);
		if (converter->base == INT2OID && result >= PG_INT16_MIN && result <= PG_INT16_MAX)
			return Int16GetDatum((int16) result);
	}
	/* for its error */
	return InputFunctionCall(&converter->input, pnstrdup(whole.text, whole.length),
							 converter->ioparam, converter->typmod);
}

/*
 * A short decimal, 12 or -0.50, without the input function's detours: the same
 * numeric, to the digits behind the point.  False: spelt otherwise.
 */
static bool
read_decimal(const TtValue *value, Datum *result)
{
	const char *s = value->text;
	const char *end = s + value->length;
	const char *point = NULL;
	bool		negative = (*s == '-');
	int64		digits = 0;

	if (negative)
		s++;
	if (end - s > MAX_DECIMAL || *s < '0' || *s > '9' || end[-1] == '.')
		return false;
	for (; s < end; s++)
	{
		if (*s >= '0' && *s <= '9')
			digits = digits * 10 + (*s - '0');
		else if (*s == '.' && point == NULL)
			point = s;
		else
			return false;
	}
	*result = NumericGetDatum(int64_div_fast_to_numeric(negative ? -digits : digits,
														point ? end - point - 1 : 0));
	return true;
}

static Datum
convert_numeric(TtConverter *converter, const TtValue *value)
{
	Datum result;

	if (read_decimal(value, &result))
		return result;
	return InputFunctionCall(&converter->input, value->text, converter->ioparam,
							 converter->typmod);
}

static Datum
convert_bool(TtConverter *converter, const TtValue *value)
{
	if (strcmp(value->text, "true") == 0 || strcmp(value->text, "1") == 0)
		return BoolGetDatum(true);
	if (strcmp(value->text, "false") == 0 || strcmp(value->text, "0") == 0)
		return BoolGetDatum(false);
	return InputFunctionCall(&converter->input, value->text, converter->ioparam,
							 converter->typmod);
}


/* ----------
 * Dates and times: the session's settings must not matter, so the input
 * functions, which heed them, are not asked.
 * ----------
 */

/* exactly n digits at *s */
static bool
read_digits(const char **s, int n, int *result)
{
	*result = 0;
	for (int i = 0; i < n; i++)
	{
		if ((*s)[i] < '0' || (*s)[i] > '9')
			return false;
		*result = *result * 10 + (*s)[i] - '0';
	}
	*s += n;
	return true;
}

/* a fraction of a second, rounded to what the type holds */
static bool
read_fraction(const char **s, int64 *usecs)
{
	int64 unit = USECS_PER_SEC / 10;

	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; (*s)++)
	{
		if (unit > 0)
			*usecs += (**s - '0') * unit;
		else if (unit == 0)
		{
			*usecs += (**s >= '5');
			unit = -1; /* no further digit counts */
		}
		if (unit >= 0)
			unit /= 10;
	}
	return true;
}

/* Z, UTC, GMT, +05, +0530, +05:30; nothing is no zone */
static bool
read_zone(const char *s, Instant *instant)
{
	int sign;
	int hours;
	int minutes = 0;

	if (*s == '\0')
		return true;
	instant->has_zone = true;
	if (*s == ' ')
		s++;
	if (pg_strcasecmp(s, "z") == 0 || pg_strcasecmp(s, "utc") == 0 || pg_strcasecmp(s, "gmt") == 0)
		return true;
	if (*s != '+' && *s != '-')
		return false;
	sign = (*s++ == '-') ? -1 : 1;
	if (!read_digits(&s, 2, &hours))
		return false;
	if (*s == ':')
		s++;
	if (*s != '\0' && !read_digits(&s, 2, &minutes))
		return false;
	if (*s != '\0' || hours > MAX_TZDISP_HOUR || minutes >= MINS_PER_HOUR)
		return false;
	instant->offset = sign * (hours * SECS_PER_HOUR + minutes * SECS_PER_MINUTE);
	return true;
}

/* HH:MM[:SS[.ffffff]] */
static bool
read_time(const char **s, Instant *instant, bool *in_range)
{
	int hour;
	int minute;
	int second = 0;

	if (!read_digits(s, 2, &hour) || *(*s)++ != ':' || !read_digits(s, 2, &minute))
		return false;
	if (**s == ':')
	{
		(*s)++;
		if (!read_digits(s, 2, &second))
			return false;
		if (**s == '.')
		{
			(*s)++;
			if (!read_fraction(s, &instant->usecs))
				return false;
		}
	}
	instant->usecs += ((hour * MINS_PER_HOUR + minute) * SECS_PER_MINUTE + second) * USECS_PER_SEC;
	if (minute >= MINS_PER_HOUR || second > SECS_PER_MINUTE || instant->usecs > USECS_PER_DAY)
		*in_range = false;
	return true;
}

/*
 * YYYY-MM-DD, with a time behind ' ' or 'T' and a zone or without, or seconds
 * since 1970.  False: none of these.
 */
static bool
read_instant(const TtValue *value, Instant *instant, bool *in_range)
{
	const char *s = value->text;
	int			year;
	int			month;
	int			day;

	memset(instant, 0, sizeof(Instant));
	*in_range = true;
	if (value->kind != TT_VALUE_STRING && value->kind != TT_VALUE_NUMBER)
		return false;

	if (value->length >= 9 && value->length <= 11 &&
		strspn(s, "0123456789") == (size_t) value->length)
	{
		int64 seconds = strtoll(s, NULL, 10);

		instant->day = seconds / SECS_PER_DAY - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE);
		instant->usecs = seconds % SECS_PER_DAY * USECS_PER_SEC;
		instant->has_zone = true;
		return true;
	}

	if (!read_digits(&s, 4, &year) || *s++ != '-' || !read_digits(&s, 2, &month) || *s++ != '-' ||
		!read_digits(&s, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > MONTHS_PER_YEAR || day < 1 ||
		day > day_tab[isleap(year)][month - 1])
		*in_range = false;
	else
		instant->day = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	if (*s == '\0')
		return true;
	if (*s != ' ' && *s != 'T')
		return false;
	s++;
	return read_time(&s, instant, in_range) && read_zone(s, instant);
}

static Datum
convert_instant(TtConverter *converter, const TtValue *value)
{
	Instant	  instant;
	bool	  in_range;
	Timestamp result;

	if (!read_instant(value, &instant, &in_range))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("invalid input syntax for type %s: \"%s\"",
						format_type_be(converter->base), value->text)));
	if (!in_range)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("date/time field value out of range: \"%s\"", value->text)));

	if (converter->way == WAY_DATE)
		return DateADTGetDatum(instant.day);

	/* a timestamp without time zone is what the clock showed, as in SQL */
	result = instant.day * USECS_PER_DAY + instant.usecs;
	if (converter->way == WAY_TIMESTAMPTZ)
		result -= instant.offset * USECS_PER_SEC;
	if (converter->typmod < 0)
		return TimestampGetDatum(result);
	return DirectFunctionCall2(converter->way == WAY_TIMESTAMPTZ ? timestamptz_scale
																 : timestamp_scale,
							   TimestampGetDatum(result), Int32GetDatum(converter->typmod));
}


/* ----------
 * JSON and arrays
 * ----------
 */

static Datum
convert_json(TtConverter *converter, const TtValue *value)
{
	char *text = value->text;

	if (value->kind == TT_VALUE_STRING)
	{
		StringInfoData buffer;

		initStringInfo(&buffer);
		escape_json(&buffer, value->text);
		text = buffer.data;
	}
	return InputFunctionCall(&converter->input, text, converter->ioparam, converter->typmod);
}

/* the Datum or NULL of a value that is an element of an array, or a column's */
static Datum
convert_or_null(const TtDecoder *decoder, TtConverter *converter, const TtValue *value,
				bool no_value, bool *isnull)
{
	Datum result = no_value ? (Datum) 0 : convert(decoder, converter, value);

	*isnull = no_value;
	if (converter->is_domain)
		domain_check(result, no_value, converter->type, &converter->domain_cache,
					 decoder->context);
	return result;
}

static Datum
convert_array(const TtDecoder *decoder, TtConverter *converter, const TtValue *value)
{
	TtConverter *element = converter->element;
	TtValue		*elements = unconstify(TtValue *, value);
	int			 count = 1; /* a scalar: an array of one */
	int			 lower_bound = 1;
	Datum		*values;
	bool		*nulls;

	if (value->kind == TT_VALUE_JSON &&
		!tt_reply_array(value->text, value->length, &count, &elements))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input for type %s: a JSON object is no array",
						format_type_be(converter->base))));
	if (count == 0)
		return PointerGetDatum(construct_empty_array(element->type));

	values = palloc(count * sizeof(Datum));
	nulls = palloc(count * sizeof(bool));
	for (int i = 0; i < count; i++)
	{
		/* "-" in a list is a text like any other */
		bool no_value = elements[i].kind == TT_VALUE_NULL ||
						(!element->is_string && is_empty_spelling(&elements[i]));

		values[i] = convert_or_null(decoder, element, &elements[i], no_value, &nulls[i]);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower_bound, element->type,
											  converter->element_length,
											  converter->element_by_value,
											  converter->element_align));
}

static Datum
convert(const TtDecoder *decoder, TtConverter *converter, const TtValue *value)
{
	switch (converter->way)
	{
		case WAY_TEXT:
			return PointerGetDatum(cstring_to_text_with_len(value->text, value->length));
		case WAY_INTEGER:
			return convert_integer(converter, value);
		case WAY_NUMERIC:
			return convert_numeric(converter, value);
		case WAY_BOOL:
			return convert_bool(converter, value);
		case WAY_DATE:
		case WAY_TIMESTAMP:
		case WAY_TIMESTAMPTZ:
			return convert_instant(converter, value);
		case WAY_JSON:
			return convert_json(converter, value);
		case WAY_ARRAY:
			return convert_array(decoder, converter, value);
		case WAY_INPUT:
			break;
	}
	return InputFunctionCall(&converter->input, value->text, converter->ioparam,
							 converter->typmod);
}


/* ----------
 * Rows
 * ----------
 */

static void
show_place(void *arg)
{
	const Place	   *place = arg;
	const TtOrigin *origin = place->origin;
	const TtValue  *value = place->value;
	StringInfoData	from;
	char		   *shown = NULL;

	if (place->column == NULL)
		return;
	initStringInfo(&from);
	if (origin->account != 0)
		appendStringInfo(&from, ", account " INT64_FORMAT, origin->account);
	if (origin->endpoint != NULL)
		appendStringInfo(&from, ", endpoint %s", origin->endpoint);
	if (origin->page != 0)
		appendStringInfo(&from, ", page %d", origin->page);
	if (origin->request_id != NULL && origin->request_id[0] != '\0')
		appendStringInfo(&from, ", request_id %s", origin->request_id);
	if (value->text != NULL)
		shown = tt_reply_clip(value->text, value->length, MAX_SHOWN);
	errcontext("column \"%s\" of foreign table \"%s\", %s%s%s%s", place->column->name,
			   place->decoder->table, shown ? "value \"" : "no value", shown ? shown : "",
			   shown ? "\"" : "", from.data);
}

/* false if text could be anything but ASCII */
static bool
is_ascii(const TtValue *value)
{
	for (int i = 0; i < value->length; i++)
	{
		if (IS_HIGHBIT_SET(value->text[i]))
			return false;
	}
	return true;
}

static Datum
decode_cell(const TtDecoder *decoder, DecodedColumn *column, const TtValue *value,
			const TtOrigin *origin, bool *isnull)
{
	TtConverter *converter = &column->converter;
	TtValue		 own;
	char		 account[MAXINT8LEN + 1];
	int64		 id;
	bool		 no_value;

	if (column->is_account && !tt_reply_int(value, &id) &&
		(origin->account != 0 || !decoder->has_accounts))
	{
		own.kind = TT_VALUE_STRING;
		own.text = account;
		own.length = pg_lltoa(origin->account, account);
		value = &own;
	}
	else if (column->period >= 0 && origin->period != NULL)
	{
		own.kind = TT_VALUE_STRING;
		own.text = unconstify(char *, origin->period[column->period]);
		own.length = strlen(own.text);
		value = &own;
	}
	else if (column->asked >= 0 && origin->asked != NULL && origin->asked[column->asked] != NULL)
	{
		own.kind = TT_VALUE_STRING;
		own.text = unconstify(char *, origin->asked[column->asked]);
		own.length = strlen(own.text);
		value = &own;
	}
	else if (column->is_currency && value->text == NULL && origin->currency != NULL)
	{
		own.kind = TT_VALUE_STRING;
		own.text = unconstify(char *, origin->currency);
		own.length = strlen(own.text);
		value = &own;
	}
	else if (GetDatabaseEncoding() != PG_UTF8 && value->text != NULL && !is_ascii(value))
	{
		/* ERROR for a character that the database cannot hold */
		own = *value;
		own.text = pg_any_to_server(value->text, value->length, PG_UTF8);
		own.length = strlen(own.text);
		value = &own;
	}

	no_value = is_no_value(decoder, converter, value);
	if (no_value && column->in_key && converter->is_string)
	{
		/* a key has no NULL: "-" stays what it is, and nothing is '' */
		if (value->text == NULL)
		{
			own.kind = TT_VALUE_STRING;
			own.text = account;
			own.length = 0;
			account[0] = '\0';
			value = &own;
		}
		no_value = false;
	}
	return convert_or_null(decoder, converter, value, no_value, isnull);
}

void
tt_decoder_row(TtDecoder *decoder, const TtReply *reply, int row, const TtOrigin *origin,
			   Datum *values, bool *nulls)
{
	const TtValue		*cells = tt_reply_value(reply, row, 0);
	Place				 place = {decoder, origin, NULL, NULL};
	ErrorContextCallback callback;

	callback.callback = show_place;
	callback.arg = &place;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	memset(nulls, true, decoder->natts * sizeof(bool));
	for (int i = 0; i < decoder->ncolumns; i++)
	{
		DecodedColumn *column = &decoder->columns[i];
		int			   index = column->index;

		place.value = &cells[column->slot];
		place.column = column;
		values[index] = decode_cell(decoder, column, place.value, origin, &nulls[index]);
	}
	error_context_stack = callback.previous;
}
