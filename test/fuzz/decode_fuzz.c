/*
 * decode_fuzz.c
 *	  src/decode.c: the short ways of reading a value against plain arithmetic on
 *	  its text, jansson and timegm().
 *
 * An input: a letter for the type of the column, a letter for how the value
 * comes (s: the rest is a string, j: it is JSON, in a row of a page), the value.
 */
#include "postgres.h"

#include <jansson.h>
#include <time.h>

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/datetime.h"
#include "utils/numeric.h"

#include "compat.h"
#include "reply/decode.h"
#include "decode_shim.h"
#include "fuzz.h"

static const struct
{
	char letter;
	Oid	 type;
} types[] = {
	{'2', INT2OID},
	{'4', INT4OID},
	{'8', INT8OID},
	{'n', NUMERICOID},
	{'t', TEXTOID},
	{'b', BOOLOID},
	{'d', DATEOID},
	{'T', TIMESTAMPOID},
	{'Z', TIMESTAMPTZOID},
	{'j', JSONBOID},
	{'a', TEXTARRAYOID},
	{'A', INT8ARRAYOID},
	{'p', PATHOID}};

/* one value of one column */
typedef struct Case
{
	Oid		   type;
	TtDecoder *decoder;
	TtReply	   reply;
	TtValue	   value;
	Datum	   datum;
	bool	   isnull;
} Case;

static TtDecoder *decoders[lengthof(types)];

static TtDecoder *
create_decoder(Oid type, bool is_report)
{
	static const TtEndpoint endpoint = {.account_param = TT_ACCOUNT_ONE};
	static TtStream			stream = {.endpoint = &endpoint};
	TtTableColumn			column = {.name = "value"};
	TtTable					table = {.name = "fuzz", .stream = &stream, .natts = 1};
	int						slot = 0;

	table.columns = &column;
	stream.kind = is_report ? TT_KIND_REPORT : TT_KIND_ENTITY;
	return tt_decoder_create(&table, shim_tuple_desc(type), &slot);
}

static void
decode_row(void *arg)
{
	Case	*c = arg;
	TtOrigin origin = {.account = 1, .page = 1, .endpoint = "ad/get/", .request_id = "1"};

	tt_decoder_row(c->decoder, &c->reply, 0, &origin, &c->datum, &c->isnull);
}


/* ----------
 * What is expected
 * ----------
 */

/* [-]digits[.digits]: where the digits stop and how many follow the point; or false */
static bool
is_decimal(const char *text, int *whole, int *fraction)
{
	const char *s = text + (text[0] == '-');

	*whole = strspn(s, "0123456789");
	s += *whole;
	*fraction = 0;
	if (*whole == 0)
		return false;
	if (*s == '.')
	{
		*fraction = strspn(s + 1, "0123456789");
		s += 1 + *fraction;
		if (*fraction == 0)
			return false;
	}
	return *s == '\0';
}

static void
check_integer(const Case *c, bool good)
{
	const char *text = c->value.text;
	int64		max;
	int64		got;
	int			whole;
	int			fraction;
	int128		number = 0;

	switch (c->type)
	{
		case INT2OID:
			max = PG_INT16_MAX;
			got = DatumGetInt16(c->datum);
			break;
		case INT4OID:
			max = PG_INT32_MAX;
			got = DatumGetInt32(c->datum);
			break;
		default:
			max = PG_INT64_MAX;
			got = DatumGetInt64(c->datum);
			break;
	}
	if (!is_decimal(text, &whole, &fraction) || c->value.kind == TT_VALUE_BOOL ||
		(fraction > 0 && strspn(strchr(text, '.') + 1, "0") != fraction))
	{
		/* the input function's business, which it heard of */
		CHECK(shim_input_calls == 1 && good == shim_input_accepted);
		if (good)
			CHECK(got == shim_input_integer);
		return;
	}
	for (int i = 0; i < whole && number < (int128) 1 << 100; i++)
		number = number * 10 + (text[(text[0] == '-') + i] - '0');
	if (text[0] == '-')
		number = -number;
	CHECK(good == (number <= max && number >= -(int128) max - 1));
	if (good)
		CHECK(got == number);
}

/* the shim's numerics are texts in one spelling */
static void
check_numeric(const Case *c, bool good)
{
	int whole;
	int fraction;

	if (is_decimal(c->value.text, &whole, &fraction))
		CHECK(good && strcmp(DatumGetPointer(c->datum), shim_decimal(c->value.text)) == 0);
	else
		CHECK(shim_input_calls == 1 && good == shim_input_accepted);
}

static void
check_bool(const Case *c, bool good)
{
	const char *text = c->value.text;

	if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
		CHECK(good && DatumGetBool(c->datum));
	else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
		CHECK(good && !DatumGetBool(c->datum));
	else
		CHECK(shim_input_calls == 1 && good == shim_input_accepted);
}

static void
check_text(Datum datum, const char *text, size_t length)
{
	struct varlena *got = (struct varlena *) DatumGetPointer(datum);

	CHECK(VARSIZE(got) - VARHDRSZ == length && memcmp(VARDATA(got), text, length) == 0);
}

static void
check_json(const Case *c, bool good)
{
	const char *got = DatumGetPointer(c->datum); /* the input function's argument */
	json_t	   *json;

	CHECK(good && shim_input_calls == 1);
	if (c->value.kind != TT_VALUE_STRING)
	{
		CHECK(strcmp(got, c->value.text) == 0);
		return;
	}
	json = json_loads(got, JSON_DECODE_ANY, NULL);
	CHECK(json != NULL && strcmp(json_string_value(json), c->value.text) == 0);
	json_decref(json);
}

static bool
is_null_spelling(const TtValue *value)
{
	return value->kind == TT_VALUE_STRING &&
		   (strcmp(value->text, "") == 0 || strcmp(value->text, "-") == 0 ||
			(value->text[0] == '<' && value->text[1] != '\0' &&
			 strspn(value->text + 1, "0123456789") == strlen(value->text + 1)));
}

static void
check_array(const Case *c, bool good)
{
	const ShimArray *got = (const ShimArray *) DatumGetPointer(c->datum);
	TtValue			*elements;
	int				 n;

	if (c->value.kind != TT_VALUE_JSON)
	{
		n = 1;
		elements = (TtValue *) &c->value;
	}
	else if (!tt_reply_array(c->value.text, c->value.length, &n, &elements))
	{
		CHECK(!good);
		return;
	}
	if (!good)
	{
		CHECK(c->type == INT8ARRAYOID);
		return;
	}
	CHECK(got->n == n);
	for (int i = 0; i < n; i++)
	{
		Case element = {.type = INT8OID, .value = elements[i], .datum = n > 0 ? got->values[i] : 0};

		if (c->type == TEXTARRAYOID)
		{
			CHECK(got->nulls[i] == (elements[i].kind == TT_VALUE_NULL));
			if (!got->nulls[i])
				check_text(got->values[i], elements[i].text, elements[i].length);
		}
		else
		{
			int whole;
			int fraction;

			CHECK(got->nulls[i] == (elements[i].kind == TT_VALUE_NULL ||
									is_null_spelling(&elements[i])));
			if (!got->nulls[i] && is_decimal(elements[i].text, &whole, &fraction) && fraction == 0)
				check_integer(&element, true);
		}
	}
}

/* digits as 9 up to there, and behind the point of a second as many as there are */
static void
read_shape(const char *text, char *shape, size_t size)
{
	size_t n = 0;

	for (; *text != '\0' && n < size - 1; text++)
	{
		char c = *text >= '0' && *text <= '9' ? '9' : *text;

		if (c == '9' && n >= 2 && shape[n - 1] == '9' && memchr(shape, '.', n) != NULL &&
			shape[n - 2] == '.')
			continue; /* .999 as .9 */
		shape[n++] = c;
	}
	shape[n] = '\0';
}

/* false: no such spelling; *valid: and a day and time that are */
static bool
read_clock(const char *text, struct tm *tm, int64 *usecs, const char **zone, bool *valid)
{
	static const char *const shapes[] = {
		"9999-99-99 99:99:99.9", "9999-99-99 99:99:99", "9999-99-99 99:99", "9999-99-99"};
	char	  shape[256];
	struct tm was;
	int64	  usecs_of_day;

	read_shape(text, shape, sizeof(shape));
	if (strlen(shape) > 10 && shape[10] == 'T')
		shape[10] = ' ';
	for (int i = 0; i < lengthof(shapes); i++)
	{
		size_t length = strlen(shapes[i]);

		if (strncmp(shape, shapes[i], length) != 0)
			continue;
		memset(tm, 0, sizeof(*tm));
		sscanf(text, "%4d-%2d-%2d%*c%2d:%2d:%2d", &tm->tm_year, &tm->tm_mon, &tm->tm_mday,
			   &tm->tm_hour, &tm->tm_min, &tm->tm_sec);
		*usecs = 0;
		*zone = text + length;
		if (i == 0)
		{
			/* to microseconds, half of one upwards */
			const char *digits = text + length - 1;
			int			n = strspn(digits, "0123456789");

			for (int j = 0; j < 6; j++)
				*usecs = *usecs * 10 + (j < n ? digits[j] - '0' : 0);
			*usecs += n > 6 && digits[6] >= '5';
			*zone = digits + n;
		}
		if (i == 3 && **zone != '\0')
			return false;
		tm->tm_year -= 1900;
		tm->tm_mon--;
		was = *tm;
		was.tm_hour = was.tm_min = was.tm_sec = 0;
		timegm(&was);
		usecs_of_day = ((tm->tm_hour * 60 + tm->tm_min) * INT64CONST(60) + tm->tm_sec) * 1000000;
		*valid = tm->tm_year > -1900 && was.tm_mday == tm->tm_mday && was.tm_mon == tm->tm_mon &&
				 tm->tm_min < 60 && tm->tm_sec <= 60 && usecs_of_day + *usecs <= USECS_PER_DAY;
		return true;
	}
	return false;
}

/* the time of the day, as it is written */
static int
clock_seconds(const char *text)
{
	int hour = 0;
	int minute = 0;
	int second = 0;

	sscanf(text, "%*10c%*c%2d:%2d:%2d", &hour, &minute, &second);
	return (hour * 60 + minute) * 60 + second;
}

/* seconds east; false: no zone */
static bool
read_offset(const char *zone, int *offset)
{
	char shape[256];
	int	 hours = 0;
	int	 minutes = 0;

	*offset = 0;
	if (zone[0] == ' ' && zone[1] != '\0')
		zone++;
	else if (zone[0] == ' ')
		return false;
	if (zone[0] == '\0' || pg_strcasecmp(zone, "z") == 0 || pg_strcasecmp(zone, "utc") == 0 ||
		pg_strcasecmp(zone, "gmt") == 0)
		return true;
	read_shape(zone + 1, shape, sizeof(shape));
	if ((zone[0] != '+' && zone[0] != '-') ||
		(strcmp(shape, "99") != 0 && strcmp(shape, "9999") != 0 && strcmp(shape, "99:99") != 0 &&
		 strcmp(shape, "99:") != 0))
		return false;
	hours = (zone[1] - '0') * 10 + zone[2] - '0';
	if (strlen(shape) >= 4)
		minutes = atoi(zone + strlen(zone) - 2);
	*offset = (hours * 60 + minutes) * 60 * (zone[0] == '-' ? -1 : 1);
	return hours <= MAX_TZDISP_HOUR && minutes < 60;
}

static void
check_instant(const Case *c, bool good)
{
	const char *text = c->value.text;
	size_t		length = strlen(text);
	struct tm	tm;
	const char *zone;
	int64		usecs = 0;
	int64		seconds;
	int			offset = 0;
	bool		valid = true;

	if (length >= 9 && length <= 11 && strspn(text, "0123456789") == length)
		seconds = strtoll(text, NULL, 10);
	else if (c->value.kind == TT_VALUE_STRING && read_clock(text, &tm, &usecs, &zone, &valid) &&
			 read_offset(zone, &offset) && valid)
		seconds = timegm(&tm);
	else
	{
		CHECK(!good);
		return;
	}
	CHECK(good);
	if (c->type == DATEOID)
	{
		/* the day that was written, also of 24:00 */
		if (strchr(text, '-') != NULL)
			seconds -= clock_seconds(text);
		CHECK(DatumGetInt32(c->datum) ==
			  seconds / 86400 - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE));
		return;
	}
	seconds -= (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400);
	CHECK(DatumGetInt64(c->datum) ==
		  (seconds - (c->type == TIMESTAMPTZOID ? offset : 0)) * 1000000 + usecs);
}

static void
check(const Case *c, bool good)
{
	bool is_text = c->type == TEXTOID;

	if (c->value.kind == TT_VALUE_MISSING || c->value.kind == TT_VALUE_NULL ||
		(is_text ? c->value.kind == TT_VALUE_STRING && strcmp(c->value.text, "-") == 0
				 : is_null_spelling(&c->value)))
	{
		CHECK(good && c->isnull);
		return;
	}
	CHECK(!good || !c->isnull);
	switch (c->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			check_integer(c, good);
			break;
		case NUMERICOID:
			check_numeric(c, good);
			break;
		case BOOLOID:
			check_bool(c, good);
			break;
		case TEXTOID:
			CHECK(good);
			check_text(c->datum, c->value.text, c->value.length);
			break;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			check_instant(c, good);
			break;
		case JSONBOID:
			check_json(c, good);
			break;
		case TEXTARRAYOID:
		case INT8ARRAYOID:
			check_array(c, good);
			break;
		default:
			CHECK(shim_input_calls == 1 && good == shim_input_accepted);
			break;
	}
}


/* ----------
 * The value
 * ----------
 */

static bool
make_value(char how, const char *text, size_t length, TtValue *value)
{
	static const char *const paths[] = {"v"};
	const char				*error;
	TtReply					*reply;
	char					*body;

	if (how == 's')
	{
		*value = (TtValue){TT_VALUE_STRING, (int) length, pnstrdup(text, length)};
		return strlen(value->text) == length &&
			   pg_encoding_verifymbstr(PG_UTF8, text, length) == (int) length;
	}
	body = psprintf("{\"data\":{\"list\":[{\"v\":%.*s}]}}", (int) length, text);
	reply = tt_reply_parse(tt_paths_create("list", 1, paths), body, strlen(body), &error);
	if (reply == NULL || reply->nrows != 1)
		return false;
	*value = *tt_reply_value(reply, 0, 0);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Case c = {0};
	int	 i = 0;

	if (decoders[0] == NULL)
	{
		for (int j = 0; j < lengthof(types); j++)
			decoders[j] = create_decoder(types[j].type, true);
		shim_keep();
	}
	while (i < lengthof(types) && (size < 2 || types[i].letter != data[0]))
		i++;
	if (i == lengthof(types))
		return 0;
	if (make_value(data[1], (const char *) data + 2, size - 2, &c.value))
	{
		c.type = types[i].type;
		c.decoder = decoders[i];
		c.reply.nrows = c.reply.nslots = 1;
		c.reply.values = &c.value;
		shim_input_calls = 0;
		shim_input_accepted = false;
		check(&c, shim_try(decode_row, &c));
	}
	shim_reset();
	return 0;
}
