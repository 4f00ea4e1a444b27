/*
 * option_value.c
 *	  Reading the text of an option: numbers, days, URLs, lists; and finding the
 *	  name that was probably meant.
 *
 * Nothing here ereports (except out of memory): what is wrong with a value
 * comes back as a sentence, and options.c decides what may be shown of the
 * value itself.  Complaints therefore never quote the text.
 */
#include "postgres.h"

#include <ctype.h>

#include "common/int.h"
#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "option_defs/option_value.h"

#define NAME_CHARS_LOWER "abcdefghijklmnopqrstuvwxyz0123456789_"
#define NAME_CHARS_UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

bool
tt_value_integer(const char *text, int unit, int64 min, int64 max, int64 *result)
{
	const char *start = text + strspn(text, " ");
	int			number;

	/* parse_int() would round fractions and read a leading 0 as octal */
	if (start[0] == '\0' || (start[0] == '0' && start[1] != '\0') ||
		strspn(text, " 0123456789kMGTBsminhd") != strlen(text) ||
		(unit == 0 && strspn(text, "0123456789") != strlen(text)) ||
		!parse_int(text, &number, unit, NULL))
		return false;
	*result = number;
	return number >= min && number <= max;
}

/* Exactly n digits as a number; -1 if they are none. */
static int
digits(const char *text, int n)
{
	int number = 0;

	for (int i = 0; i < n; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return -1;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

bool
tt_value_date(const char *text, DateADT *result)
{
	size_t length = strlen(text);
	int	   year;
	int	   month;
	int	   day;

	if ((length != 10 && length != 20) || text[4] != '-' || text[7] != '-')
		return false;
	year = digits(text, 4);
	month = digits(text + 5, 2);
	day = digits(text + 8, 2);
	if (year < 1970 || month < 1 || month > MONTHS_PER_YEAR || day < 1 ||
		day > day_tab[isleap(year)][month - 1])
		return false;
	if (length == 20)
	{
		int hour = digits(text + 11, 2);
		int minute = digits(text + 14, 2);
		int second = digits(text + 17, 2);

		if (text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z' ||
			hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
			second < 0 || second > 59)
			return false;
	}
	*result = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* The port behind a colon: digits up to 65535, at least one. */
static bool
valid_port(const char *text, size_t length)
{
	int port;

	if (length < 1 || length > 5)
		return false;
	port = digits(text, (int) length);
	return port >= 1 && port <= 65535;
}

/*
 * Stricter than a URL need be: only what libcurl and this function are sure to
 * read in the same way, since hosts are checked here and connected to there.
 */
const char *
tt_value_url(const char *text, TtUrl *url)
{
	const char *authority;
	const char *end;
	const char *host_end;

	if (pg_strncasecmp(text, "https://", 8) == 0)
		url->https = true;
	else if (pg_strncasecmp(text, "http://", 7) == 0)
		url->https = false;
	else
		return "The URL must begin with https:// or http://.";
	authority = text + (url->https ? 8 : 7);
	for (const char *p = authority; *p != '\0'; p++)
	{
		if (*p <= ' ' || *p >= 0x7f || strchr("\\\"<>^`{|}", *p) != NULL)
			return "The URL contains a character that must be percent-encoded.";
		if (*p == '?' || *p == '#')
			return "The URL must not contain a query or a fragment.";
	}
	end = authority + strcspn(authority, "/");
	if (memchr(authority, '@', end - authority) != NULL)
		return "The URL must not contain a user name or password.";
	if (*authority == '[')
	{
		host_end = authority + 1 + strspn(authority + 1, "0123456789abcdefABCDEF:.");
		if (*host_end != ']' || host_end == authority + 1)
			return "The URL has no valid host.";
		url->host = pnstrdup(authority + 1, host_end - authority - 1);
		host_end++;
	}
	else
	{
		host_end = authority;
		while (isalnum((unsigned char) *host_end) || (*host_end != '\0' &&
													  strchr(".-_", *host_end) != NULL))
			host_end++;
		if (host_end == authority)
			return "The URL has no valid host.";
		url->host = pnstrdup(authority, host_end - authority);
	}
	if (host_end != end &&
		(*host_end != ':' || !valid_port(host_end + 1, end - host_end - 1)))
		return "The URL has no valid host and port.";
	for (char *p = url->host; *p != '\0'; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	url->path = end;
	return NULL;
}

/* The next element of a comma-separated list, trimmed; moves *list behind it. */
static char *
next_element(const char **list)
{
	const char *start = *list;
	const char *end = start + strcspn(start, ",");

	*list = *end == ',' ? end + 1 : NULL;
	while (start < end && isspace((unsigned char) *start))
		start++;
	while (end > start && isspace((unsigned char) end[-1]))
		end--;
	return pnstrdup(start, end - start);
}

typedef struct PlacedId
{
	int64 id;
	int	  place;
} PlacedId;

static int
compare_ids(const void *a, const void *b)
{
	const PlacedId *x = a;
	const PlacedId *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->place - y->place;
}

/* Take repeats out of a list, which keeps its order; returns what is left. */
static int
drop_repeats(int64 *list, int n)
{
	PlacedId *sorted = palloc(Max(n, 1) * sizeof(PlacedId));
	int		  left = 0;

	for (int i = 0; i < n; i++)
		sorted[i] = (PlacedId){list[i], i};
	qsort(sorted, n, sizeof(PlacedId), compare_ids);
	for (int i = 1; i < n; i++)
		if (sorted[i].id == sorted[i - 1].id)
			list[sorted[i].place] = 0; /* no id */
	for (int i = 0; i < n; i++)
		if (list[i] != 0)
			list[left++] = list[i];
	pfree(sorted);
	return left;
}

const char *
tt_value_accounts(const char *text, int *naccounts, int64 **accounts)
{
	int	   room = 1;
	int	   n = 0;
	int64 *list;

	for (const char *p = text; *p != '\0'; p++)
		room += *p == ',';
	list = palloc(room * sizeof(int64));
	for (const char *rest = text; rest != NULL;)
	{
		char *element = next_element(&rest);
		int64 id = 0;

		if (element[0] == '\0')
			return "The list has an empty element.";
		for (const char *p = element; *p != '\0'; p++)
		{
			if (*p < '0' || *p > '9' || pg_mul_s64_overflow(id, 10, &id) ||
				pg_add_s64_overflow(id, *p - '0', &id))
				return "An id is a positive integer of at most 19 digits.";
		}
		if (id == 0)
			return "An id is a positive integer of at most 19 digits.";
		list[n++] = id;
	}
	*naccounts = drop_repeats(list, n);
	*accounts = list;
	return NULL;
}

const char *
tt_value_names(const char *text, bool upper, int max, List **names)
{
	const char *allowed = upper ? NAME_CHARS_UPPER : NAME_CHARS_LOWER;

	*names = NIL;
	for (const char *rest = text; rest != NULL;)
	{
		char	 *element = next_element(&rest);
		ListCell *lc;

		if (element[0] == '\0')
			return "The list has an empty element.";
		if (strlen(element) >= NAMEDATALEN || strspn(element, allowed) != strlen(element))
			return upper ? "A name consists of capital letters, digits and underscores."
						 : "A name consists of small letters, digits and underscores.";
		foreach(lc, *names)
		{
			if (strcmp(lfirst(lc), element) == 0)
				return "The list names something twice.";
		}
		if (list_length(*names) == max)
			return psprintf("The list has more than %d elements.", max);
		*names = lappend(*names, element);
	}
	return NULL;
}

/* Names separated by dots, each at least one character; any characters. */
const char *
tt_value_path(const char *text)
{
	for (const char *p = text;;)
	{
		size_t length = strcspn(p, ".");

		if (length == 0)
			return "A name in the path is empty.";
		p += length;
		if (*p == '\0')
			return NULL;
		p++;
	}
}

/* What goes into a header or a URL must not be able to end it. */
const char *
tt_value_credential(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return "It must consist of printable ASCII characters without spaces.";
	return NULL;
}

int
tt_name_distance(const char *name, const char *candidate)
{
	int length = (int) strlen(name);
	int limit = Min(4, length / 2);
	int distance;

	if (length == 0 || length > NAMEDATALEN)
		return -1;
	distance = varstr_levenshtein_less_equal(name, length, candidate, (int) strlen(candidate),
											 1, 1, 1, limit, true);
	return distance <= limit ? distance : -1;
}
