/*
 * reply_text.c
 *	  Text of the API: without JSON's escapes, as an integer, and as an error
 *	  message shows it.
 *
 * Everything is UTF-8.  What is unescaped has passed PostgreSQL's JSON lexer, so
 * a backslash is followed by what must follow it.
 */
#include "postgres.h"

#include "common/int.h"
#include "mb/pg_wchar.h"

#include "reply/reply.h"
#include "reply/reply_text.h"

#define REPLACEMENT		0xFFFD /* for what text cannot hold */
#define MAX_SAFE_DIGITS 18	   /* that an int64 holds, whichever they are */

char *
tt_reply_clip(const char *text, int length, int max)
{
	int	  encoding = GetDatabaseEncoding();
	bool  cut = length > max;
	char *result;
	char *to;

	if (cut)
		length = pg_encoding_mbcliplen(PG_UTF8, text, length, max);
	result = to = palloc(length + sizeof("..."));
	for (int i = 0; i < length; i++)
	{
		unsigned char c = text[i];

		if (c < ' ' || c == 0x7f)
			*to++ = ' ';
		else if (!IS_HIGHBIT_SET(c) || encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
			*to++ = c;
		else if (c >= 0xC0)
			*to++ = '?'; /* converting might fail, and so hide the error */
	}
	strcpy(to, cut ? "..." : "");
	return result;
}

static int
hex_digits(const char *s)
{
	int result = 0;

	for (int i = 0; i < 4; i++)
	{
		char c = s[i];

		result = result * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return result;
}

/*
 * The character that \uXXXX or a pair of them stands for; *s is moved behind.
 * The lexer has seen to the hexadecimal digits.  NUL and halves of a pair are
 * nothing that text could hold.
 */
static pg_wchar
read_unicode_escape(const char **s, const char *end)
{
	int first = hex_digits(*s + 2);

	*s += 6;
	if (first >= 0xD800 && first <= 0xDBFF && end - *s >= 6 && (*s)[0] == '\\' && (*s)[1] == 'u')
	{
		int second = hex_digits(*s + 2);

		if (second >= 0xDC00 && second <= 0xDFFF)
		{
			*s += 6;
			return 0x10000 + ((first & 0x3FF) << 10) + (second & 0x3FF);
		}
	}
	if (first == 0 || (first >= 0xD800 && first <= 0xDFFF))
		return REPLACEMENT;
	return first;
}

static char *
put_utf8(char *to, pg_wchar c)
{
	unicode_to_utf8(c, (unsigned char *) to);
	return to + (c < 0x80 ? 1 : c < 0x800 ? 2
							: c < 0x10000 ? 3
										  : 4);
}

int
tt_reply_unescape(char *to, const char *from, const char *end)
{
	char *start = to;

	while (from < end)
	{
		const char *escape = memchr(from, '\\', end - from);
		size_t		plain = (escape ? escape : end) - from;

		memcpy(to, from, plain);
		to += plain;
		from += plain;
		if (escape == NULL)
			break;
		if (from[1] == 'u')
		{
			to = put_utf8(to, read_unicode_escape(&from, end));
			continue;
		}
		switch (from[1])
		{
			case 'b':
				*to++ = '\b';
				break;
			case 'f':
				*to++ = '\f';
				break;
			case 'n':
				*to++ = '\n';
				break;
			case 'r':
				*to++ = '\r';
				break;
			case 't':
				*to++ = '\t';
				break;
			default:
				*to++ = from[1]; /* " \ / */
				break;
		}
		from += 2;
	}
	return to - start;
}

int
tt_reply_unescape_json(char *to, const char *from, const char *end)
{
	char *start = to;

	while (from < end)
	{
		const char *escape = memchr(from, '\\', end - from);
		size_t		plain = (escape ? escape : end) - from;

		memcpy(to, from, plain);
		to += plain;
		from += plain;
		if (escape == NULL)
			break;
		if (from[1] == 'u')
		{
			pg_wchar c = read_unicode_escape(&from, end);

			if (c >= 0x80)
			{
				to = put_utf8(to, c);
				continue;
			}
			from -= 6; /* ASCII may need its escape */
			memcpy(to, from, 6);
			to += 6;
			from += 6;
		}
		else
		{
			*to++ = *from++;
			*to++ = *from++;
		}
	}
	return to - start;
}

bool
tt_reply_int(const TtValue *value, int64 *result)
{
	const char *s = value->text;
	const char *end;
	int64		sum = 0;
	bool		negative;

	if (value->kind != TT_VALUE_STRING && value->kind != TT_VALUE_NUMBER)
		return false;
	end = s + value->length;
	negative = (s < end && *s == '-');
	if (negative)
		s++;
	if (s == end)
		return false;

	/* too short for an overflow: nearly all */
	if (end - s <= MAX_SAFE_DIGITS)
	{
		for (; s < end; s++)
		{
			if (*s < '0' || *s > '9')
				return false;
			sum = sum * 10 + (*s - '0');
		}
		*result = negative ? -sum : sum;
		return true;
	}

	/* downwards, since there is one more negative number than positive ones */
	for (; s < end; s++)
	{
		if (*s < '0' || *s > '9' || pg_mul_s64_overflow(sum, 10, &sum) ||
			pg_sub_s64_overflow(sum, *s - '0', &sum))
			return false;
	}
	if (!negative && sum == PG_INT64_MIN)
		return false;
	*result = negative ? sum : -sum;
	return true;
}
