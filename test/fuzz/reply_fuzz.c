/*
 * reply_fuzz.c
 *	  src/reply.c and reply_text.c against jansson, and against PostgreSQL's own
 *	  parser: what is a page, what its envelope says, and every value by its path.
 *
 * An input is the body of a reply.  It is read twice with the same paths: the
 * first time the expected order of the keys is that of the input before, the
 * second time its own.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"

#include <jansson.h>

#include "compat.h"
#include "fuzz.h"
#include "reply/reply.h"
#include "reply/reply_text.h"

#define MARK	  '\001' /* begins the string that stands for a number */
#define MAX_DEPTH 64	 /* as reply.h promises */

static const char *const paths[] = {
	"ad_id", "metrics.spend", "metrics", "metrics.clicks", "dimensions.stat_time_day",
	"a.b.c", "a.b", "a", "ad_id", "name", "x\"y", "q\\", "", "\xC3\xA4"};


/* ----------
 * The body as jansson can read it
 * ----------
 */

/* at \uXXXX: the code, or -1 */
static int
unicode_escape(const char *s, const char *end)
{
	char digits[5] = "";

	if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	memcpy(digits, s + 2, 4);
	if (strspn(digits, "0123456789abcdefABCDEF") != 4)
		return -1;
	return (int) strtol(digits, NULL, 16);
}

/* JSON's grammar of a number */
static bool
is_number(const char *s, size_t length)
{
	const char *end = s + length;

	if (s < end && *s == '-')
		s++;
	if (s == end || *s < '0' || *s > '9')
		return false;
	if (*s == '0')
		s++;
	else
		while (s < end && *s >= '0' && *s <= '9')
			s++;
	if (s < end && *s == '.')
	{
		s++;
		if (s == end || *s < '0' || *s > '9')
			return false;
		while (s < end && *s >= '0' && *s <= '9')
			s++;
	}
	if (s < end && (*s == 'e' || *s == 'E'))
	{
		s++;
		if (s < end && (*s == '+' || *s == '-'))
			s++;
		if (s == end || *s < '0' || *s > '9')
			return false;
		while (s < end && *s >= '0' && *s <= '9')
			s++;
	}
	return s == end;
}

/* in a string, at a backslash: what cannot be text as U+FFFD */
static char *
copy_escape(char *to, const char **s, const char *end)
{
	int	   code = unicode_escape(*s, end);
	int	   second = code >= 0xD800 && code <= 0xDBFF ? unicode_escape(*s + 6, end) : -1;
	size_t length = code >= 0 ? 6 : Min(2, end - *s);

	if (second >= 0xDC00 && second <= 0xDFFF)
		length = 12;
	else if (code == 0 || (code >= 0xD800 && code <= 0xDFFF))
	{
		*s += length;
		memcpy(to, "\\ufffd", 6);
		return to + 6;
	}
	memcpy(to, *s, length);
	*s += length;
	return to + length;
}

/*
 * jansson would read numbers as such, and refuses NUL and lone surrogates.  So
 * numbers become arrays of a marked string (which no key can be).
 */
static char *
prepare(const char *body, size_t length, size_t *result_length)
{
	const char *s = body;
	const char *end = body + length;
	char	   *result = palloc(length * 12 + 1);
	char	   *to = result;
	bool		in_string = false;

	while (s < end)
	{
		if (in_string && *s == '\\')
		{
			to = copy_escape(to, &s, end);
			continue;
		}
		if (*s == '"')
			in_string = !in_string;
		else if (!in_string && (*s == '-' || (*s >= '0' && *s <= '9')))
		{
			const char *start = s;

			while (s < end && *s != '\0' && strchr("0123456789+-.eE", *s) != NULL)
				s++;
			if (is_number(start, s - start))
				to += sprintf(to, "[\"\\u0001%.*s\"]", (int) (s - start), start);
			else
			{
				memcpy(to, start, s - start);
				to += s - start;
			}
			continue;
		}
		*to++ = *s++;
	}
	*result_length = to - result;
	return result;
}

static json_t *
load(const char *text, size_t length, bool *duplicates)
{
	json_error_t error;
	size_t		 n;
	char		*prepared;
	json_t		*result;

	*duplicates = false;
	if (memchr(text, '\0', length) != NULL)
		return NULL; /* jansson passes over them */
	prepared = prepare(text, length, &n);
	result = json_loadb(prepared, n, JSON_REJECT_DUPLICATES, &error);
	if (result == NULL && json_error_code(&error) == json_error_duplicate_key)
	{
		*duplicates = true;
		result = json_loadb(prepared, n, 0, &error);
	}
	pfree(prepared);
	return result;
}

/* the text of a number, or NULL */
static const char *
number(const json_t *json)
{
	const char *text = json_string_value(json_array_get(json, 0));

	return text != NULL && text[0] == MARK ? text + 1 : NULL;
}

static int
depth(json_t *json)
{
	int			deepest = 0;
	const char *key;
	json_t	   *value;
	size_t		i;

	if (number(json) != NULL || (!json_is_array(json) && !json_is_object(json)))
		return 0;
	json_object_foreach(json, key, value)
	{
		int below = depth(value);

		deepest = Max(deepest, below);
	}
	json_array_foreach(json, i, value)
	{
		int below = depth(value);

		deepest = Max(deepest, below);
	}
	return deepest + 1;
}


/* ----------
 * Comparing
 * ----------
 */

static json_t *
walk(json_t *json, const char *path)
{
	for (;;)
	{
		char   key[64];
		size_t length = strcspn(path, ".");

		memcpy(key, path, length);
		key[length] = '\0';
		json = json_object_get(json, key);
		if (path[length] == '\0')
			return json;
		path += length + 1;
	}
}

static bool
is_utf8(const char *text, int length)
{
	return pg_encoding_verifymbstr(PG_UTF8, text, length) == length;
}

static void
check_text(const TtValue *value, TtValueKind kind, const char *text, size_t length)
{
	CHECK(value->kind == kind);
	CHECK(value->length == (int) length && memcmp(value->text, text, length) == 0);
	CHECK(value->text[length] == '\0');
}

static void
check_value(const TtValue *value, json_t *expected)
{
	if (expected == NULL || json_is_null(expected))
	{
		CHECK(value->kind == (expected ? TT_VALUE_NULL : TT_VALUE_MISSING));
		CHECK(value->text == NULL);
	}
	else if (json_is_boolean(expected))
		check_text(value, TT_VALUE_BOOL, json_is_true(expected) ? "true" : "false",
				   json_is_true(expected) ? 4 : 5);
	else if (json_is_string(expected))
		check_text(value, TT_VALUE_STRING, json_string_value(expected),
				   json_string_length(expected));
	else if (number(expected) != NULL)
		check_text(value, TT_VALUE_NUMBER, number(expected), strlen(number(expected)));
	else
	{
		bool	 duplicates;
		json_t	*got;
		TtValue *elements;
		int		 n;

		CHECK(value->kind == TT_VALUE_JSON && value->text[value->length] == '\0');
		CHECK(is_utf8(value->text, value->length));
		got = load(value->text, value->length, &duplicates);
		CHECK(got != NULL && !duplicates && json_equal(got, expected));
		json_decref(got);
		CHECK(tt_reply_array(value->text, value->length, &n, &elements) == json_is_array(expected));
		if (!json_is_array(expected))
			return;
		CHECK(n == (int) json_array_size(expected));
		for (int i = 0; i < n; i++)
			check_value(&elements[i], json_array_get(expected, i));
	}
}

/* an integer of 64 bits, as a string or a number; else what is given for none */
static int64
integer(json_t *json, bool *is_integer, int64 none)
{
	const char *text = json_is_string(json) ? json_string_value(json) : number(json);
	size_t		length = text ? strlen(text) : 0;
	const char *digits = text && text[0] == '-' ? text + 1 : text;
	int64		result;

	*is_integer = false;
	if (length == 0 || (json_is_string(json) && json_string_length(json) != length) ||
		*digits == '\0' || strspn(digits, "0123456789") != strlen(digits))
		return none;
	errno = 0;
	result = strtoll(text, NULL, 10);
	if (errno != 0)
		return none;
	*is_integer = true;
	return result;
}

static bool
is_true(json_t *json)
{
	const char *text = json_is_string(json) ? json_string_value(json) : NULL;

	if (number(json) != NULL)
		return strcmp(number(json), "1") == 0;
	if (text != NULL)
		return strcmp(text, "1") == 0 || pg_strcasecmp(text, "true") == 0;
	return json_is_true(json) || json_object_size(json) > 0 || json_array_size(json) > 0;
}

/* what an error message can show of a text */
static void
check_clip(const char *got, const char *text, size_t length, size_t max)
{
	size_t n = strlen(got);

	CHECK(is_utf8(got, n));
	if (length > max)
	{
		CHECK(n >= 3 && strcmp(got + n - 3, "...") == 0);
		n -= 3;
		CHECK(n <= max && n + MAX_MULTIBYTE_CHAR_LEN > max);
	}
	else
		CHECK(n == length);
	for (size_t i = 0; i < n; i++)
		CHECK(got[i] == ((unsigned char) text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i]));
}

static void
check_message(const char *got, json_t *expected, size_t max)
{
	const char *ascii;

	CHECK(is_utf8(got, strlen(got)) && strlen(got) <= max + 3);
	if (expected == NULL || json_is_null(expected))
		CHECK(got[0] == '\0');
	if (!json_is_string(expected))
		return;
	check_clip(got, json_string_value(expected), json_string_length(expected), max);
	shim_encoding = PG_LATIN1;
	ascii = tt_reply_clip(json_string_value(expected), json_string_length(expected), max);
	shim_encoding = PG_UTF8;
	for (; *ascii != '\0'; ascii++)
		CHECK(*ascii >= ' ' && *ascii < 0x7f);
}

/* how a list that is read by cursor goes on */
static void
check_cursor(const TtReply *reply, json_t *more, json_t *cursor)
{
	bool told = more != NULL && !json_is_null(more);

	CHECK(reply->more == (told ? is_true(more) : -1));
	CHECK((reply->cursor != NULL) == (json_is_string(cursor) || number(cursor) != NULL));
	if (number(cursor) != NULL)
		CHECK(strcmp(reply->cursor, number(cursor)) == 0);
}

static void
check_envelope(const TtReply *reply, json_t *root)
{
	json_t *data = json_object_get(root, "data");
	json_t *info = json_object_get(data, "page_info");
	json_t *id = json_object_get(root, "request_id");
	bool	is_int;
	int64	code = integer(json_object_get(root, "code"), &is_int, 0);

	CHECK(reply->has_code == is_int && (!is_int || reply->code == code));
	CHECK(reply->has_data == (data != NULL && json_is_object(data)));
	CHECK(reply->has_page_info == (info != NULL && json_is_object(info)));
	CHECK(reply->has_list == (json_is_array(json_object_get(data, "list"))));
	CHECK(reply->page == integer(json_object_get(info, "page"), &is_int, -1));
	CHECK(reply->page_size == integer(json_object_get(info, "page_size"), &is_int, -1));
	CHECK(reply->total_number == integer(json_object_get(info, "total_number"), &is_int, -1));
	CHECK(reply->total_page == integer(json_object_get(info, "total_page"), &is_int, -1));
	check_cursor(reply, json_object_get(data, "has_more"), json_object_get(data, "cursor"));
	CHECK(reply->ads_throttled == is_true(walk(data, "extra_info.search_ads_throttle")));
	check_message(reply->message, json_object_get(root, "message"), 1000);
	if (id == NULL || json_is_null(id))
		id = json_object_get(data, "request_id");
	check_message(reply->request_id, id, 100);
}

/* whether the page can be read at all */
static bool
is_page(json_t *root)
{
	json_t *list = json_object_get(json_object_get(root, "data"), "list");
	size_t	i;
	json_t *row;

	if (!json_is_object(root) || depth(root) > MAX_DEPTH)
		return false;
	if (list != NULL && !json_is_null(list) && (!json_is_array(list) || number(list) != NULL))
		return false;
	json_array_foreach(list, i, row)
	{
		if (!json_is_object(row))
			return false;
	}
	return true;
}

static void
check_page(const TtPaths *wanted, const char *body, size_t length, json_t *root, bool duplicates)
{
	const char *error;
	TtReply	   *reply = tt_reply_parse(wanted, body, length, &error);
	json_t	   *list = json_object_get(json_object_get(root, "data"), "list");

	CHECK((reply == NULL) == (error != NULL));
	if (error != NULL)
	{
		CHECK(is_utf8(error, strlen(error)));
		for (const char *s = error; *s != '\0'; s++)
			CHECK((unsigned char) *s >= ' ');
	}
	if (duplicates)
	{
		/* which of the values counts is not settled */
		CHECK(reply == NULL || json_is_object(root));
		return;
	}
	CHECK((reply != NULL) == is_page(root));
	if (reply == NULL)
		return;
	check_envelope(reply, root);
	CHECK(reply->nrows == (int) json_array_size(list));
	CHECK(reply->nslots == lengthof(paths));
	for (int row = 0; row < reply->nrows; row++)
	{
		for (int slot = 0; slot < reply->nslots; slot++)
			check_value(tt_reply_value(reply, row, slot),
						walk(json_array_get(list, row), paths[slot]));
	}
}

/* The same of an endpoint without a list: data itself is the only row. */
static void
check_object(const TtPaths *wanted, const char *body, size_t length, json_t *root,
			 bool duplicates)
{
	const char *error;
	TtReply	   *reply = tt_reply_parse(wanted, body, length, &error);
	json_t	   *data = json_object_get(root, "data");
	bool		is_row = json_is_object(data);

	CHECK((reply == NULL) == (error != NULL));
	if (duplicates)
		return;
	CHECK((reply != NULL) == (json_is_object(root) && depth(root) <= MAX_DEPTH &&
							  (data == NULL || json_is_null(data) || is_row)));
	if (reply == NULL)
		return;
	CHECK(reply->has_data == is_row && reply->has_list == is_row);
	CHECK(!reply->has_page_info && reply->total_number == -1 && reply->more == -1);
	CHECK(reply->nrows == (json_object_size(data) > 0 ? 1 : 0));
	for (int slot = 0; slot < reply->nslots && reply->nrows > 0; slot++)
		check_value(tt_reply_value(reply, 0, slot), walk(data, paths[slot]));
}

/* PostgreSQL's parser, which does not mind depth, nor what the text is about */
static bool
postgres_accepts(const char *body, size_t length)
{
	JsonLexContext *lex = TT_MAKE_JSON_LEX((char *) body, length, PG_UTF8, false);

	return is_utf8(body, length) && pg_parse_json(lex, &nullSemAction) == JSON_SUCCESS;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *) data;
	const char *text = body;
	size_t		length = size;
	bool		duplicates;
	json_t	   *root;

	static TtPaths *wanted = NULL; /* what comes next is what came in the last input */
	static TtPaths *object = NULL;

	if (wanted == NULL)
	{
		wanted = tt_paths_create("list", lengthof(paths), paths);
		object = tt_paths_create_single(NULL, lengthof(paths), paths);
		shim_keep();
	}
	if (size == 0 || memmem(body, size, "\\u0001", 6) != NULL)
		return 0;
	if (size >= 3 && memcmp(body, "\xEF\xBB\xBF", 3) == 0)
	{
		text += 3;
		length -= 3;
	}
	root = load(text, length, &duplicates);
	if (root != NULL)
		CHECK(postgres_accepts(text, length));
	for (int round = 0; round < 2; round++)
	{
		check_page(wanted, body, size, root, duplicates);
		check_object(object, body, size, root, duplicates);
	}
	json_decref(root);
	shim_reset();
	return 0;
}
