/*
 * option_value_fuzz.c
 *	  src/option_value.c against second readers: libcurl of URLs, timegm() of
 *	  days, and plain ones written here.
 *
 * An input is a letter that says which function, and the text of an option.
 */
#include "postgres.h"

#include <curl/curl.h>
#include <time.h>

#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "fuzz.h"
#include "option_defs/option_value.h"


/* ----------
 * What option_value.c needs of a server, beside shim.c
 * ----------
 */

const int day_tab[2][13] = {
	{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0},
	{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0}};

static int64
days_from_civil(int year, int month, int day)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};

	return timegm(&tm) / SECS_PER_DAY;
}

int
date2j(int year, int month, int day)
{
	return (int) (days_from_civil(year, month, day) + UNIX_EPOCH_JDATE);
}

static int64
unit_factor(const char *unit, int flags)
{
	static const struct
	{
		int			flags;
		const char *name;
		int64		factor;
	} units[] = {
		{GUC_UNIT_S, "s", 1},
		{GUC_UNIT_S, "min", 60},
		{GUC_UNIT_S, "h", 3600},
		{GUC_UNIT_S, "d", 86400},
		{GUC_UNIT_BYTE, "B", 1},
		{GUC_UNIT_BYTE, "kB", 1024},
		{GUC_UNIT_BYTE, "MB", 1024 * 1024},
		{GUC_UNIT_BYTE, "GB", 1024 * 1024 * 1024},
		{GUC_UNIT_BYTE, "TB", INT64CONST(1024) * 1024 * 1024 * 1024}};

	for (int i = 0; i < lengthof(units); i++)
	{
		if (units[i].flags == flags && strcmp(units[i].name, unit) == 0)
			return units[i].factor;
	}
	return 0;
}

/* as the server's: C's integer, white space around it, perhaps a unit */
bool
parse_int(const char *value, int *result, int flags, const char **hintmsg)
{
	char  *end;
	char   unit[4] = "";
	int	   n = 0;
	int64  number;
	double scaled;

	errno = 0;
	number = strtol(value, &end, 0);
	if (end == value || errno == ERANGE)
		return false;
	while (isspace((unsigned char) *end))
		end++;
	while (*end != '\0' && !isspace((unsigned char) *end) && n < lengthof(unit) - 1)
		unit[n++] = *end++;
	while (isspace((unsigned char) *end))
		end++;
	if (*end != '\0' || (unit[0] != '\0' && unit_factor(unit, flags) == 0))
		return false;
	scaled = (double) number * (unit[0] ? unit_factor(unit, flags) : 1);
	if (scaled > INT_MAX || scaled < INT_MIN)
		return false;
	*result = (int) scaled;
	return true;
}

int
varstr_levenshtein_less_equal(const char *source, int slen, const char *target, int tlen,
							  int ins_c, int del_c, int sub_c, int max_d, bool trusted)
{
	int row[2][256];

	CHECK(slen < 256 && tlen < 256 && ins_c == 1 && del_c == 1 && sub_c == 1);
	for (int j = 0; j <= tlen; j++)
		row[0][j] = j;
	for (int i = 1; i <= slen; i++)
	{
		int *now = row[i % 2];
		int *before = row[(i - 1) % 2];

		now[0] = i;
		for (int j = 1; j <= tlen; j++)
			now[j] = Min(Min(now[j - 1], before[j]) + 1,
						 before[j - 1] + (source[i - 1] != target[j - 1]));
	}
	return Min(row[slen % 2][tlen], max_d + 1);
}

/* lists: names only */
List *
lappend(List *list, void *datum)
{
	if (list == NIL)
	{
		list = palloc0(sizeof(List));
		list->type = T_List;
	}
	list->elements = list->elements == NULL
						 ? palloc(sizeof(ListCell))
						 : repalloc(list->elements, (list->length + 1) * sizeof(ListCell));
	list->elements[list->length++].ptr_value = datum;
	return list;
}


/* ----------
 * The checks
 * ----------
 */

static void
check_integer(const char *text, int unit)
{
	int64  result = -1;
	bool   good = tt_value_integer(text, unit, 1, 1000000, &result);
	size_t length;
	int64  number = 0;
	int64  factor = 1;

	/* blanks stand for nothing, except where there is no unit */
	if (unit != 0)
	{
		char *end;

		text += strspn(text, " ");
		text = pstrdup(text);
		for (end = (char *) text + strlen(text); end > text && end[-1] == ' '; end--)
			end[-1] = '\0';
	}
	length = strspn(text, "0123456789");

	for (size_t i = 0; i < length && number <= INT_MAX; i++)
		number = number * 10 + (text[i] - '0');
	if (text[length] != '\0')
		factor = unit_factor(text + length + strspn(text + length, " "), unit);
	if (good)
		CHECK(result >= 1 && result <= 1000000 && length > 0 && text[0] != '0' &&
			  result == number * (factor > 0 ? factor : 1));
	else
		CHECK(length == 0 || text[0] == '0' || factor == 0 ||
			  number > 1000000 || number * factor > 1000000 ||
			  (unit == 0 && text[length] != '\0'));
}

/* the text with every digit as 9 */
static bool
has_shape(const char *text, const char *shape)
{
	for (; *text != '\0'; text++, shape++)
	{
		if ((*text >= '0' && *text <= '9' ? '9' : *text) != *shape)
			return false;
	}
	return *shape == '\0';
}

static void
check_date(const char *text)
{
	DateADT	  result;
	bool	  good = tt_value_date(text, &result);
	bool	  expected = has_shape(text, "9999-99-99") || has_shape(text, "9999-99-99T99:99:99Z");
	struct tm tm = {0};

	if (expected)
	{
		struct tm was;

		sscanf(text, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
			   &tm.tm_min, &tm.tm_sec);
		tm.tm_year -= 1900;
		tm.tm_mon--;
		was = tm;
		timegm(&tm);
		expected = tm.tm_year >= 70 && tm.tm_year == was.tm_year && tm.tm_mon == was.tm_mon &&
				   tm.tm_mday == was.tm_mday && tm.tm_hour == was.tm_hour &&
				   tm.tm_min == was.tm_min && tm.tm_sec == was.tm_sec;
	}
	CHECK(good == expected);
	if (good)
		CHECK(result == days_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) -
							(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE));
}

static char *
url_part(CURLU *url, CURLUPart part)
{
	char *result = NULL;

	CHECK(curl_url_get(url, part, &result, 0) == CURLUE_OK);
	return result;
}

/* what is accepted, libcurl reads in the same way: it must not go elsewhere */
static void
check_url(const char *text)
{
	TtUrl		url = {0};
	const char *complaint = tt_value_url(text, &url);
	CURLU	   *curl;
	char	   *scheme;
	char	   *host;
	char	   *path;
	char	   *user = NULL;
	size_t		length;

	if (complaint != NULL)
		return;
	CHECK(url.host != NULL && url.host[0] != '\0');
	curl = curl_url();
	if (curl_url_set(curl, CURLUPART_URL, text, 0) == CURLUE_OK)
	{
		scheme = url_part(curl, CURLUPART_SCHEME);
		host = url_part(curl, CURLUPART_HOST);
		path = url_part(curl, CURLUPART_PATH);
		length = strlen(host);
		CHECK(strcmp(scheme, url.https ? "https" : "http") == 0);
		/* it keeps the brackets, and writes an IPv4 address in full */
		if (host[0] == '[')
			CHECK(length > 2);
		else if (strspn(url.host, "0123456789abcdefx.") != strlen(url.host))
			CHECK(pg_strcasecmp(host, url.host) == 0);
		CHECK(strcmp(path, url.path[0] != '\0' ? url.path : "/") == 0 ||
			  strstr(url.path, "/.") != NULL ||
			  strchr(url.path, '%') != NULL);
		CHECK(curl_url_get(curl, CURLUPART_USER, &user, 0) == CURLUE_NO_USER);
		CHECK(curl_url_get(curl, CURLUPART_QUERY, &user, 0) == CURLUE_NO_QUERY);
		CHECK(curl_url_get(curl, CURLUPART_FRAGMENT, &user, 0) == CURLUE_NO_FRAGMENT);
		curl_free(scheme);
		curl_free(host);
		curl_free(path);
	}
	curl_url_cleanup(curl);
}

/* the next element of a list, trimmed, in a buffer: false behind the last */
static bool
split(const char **rest, char *element, size_t size)
{
	const char *start = *rest;
	size_t		n = 0;

	if (start == NULL)
		return false;
	while (isspace((unsigned char) *start))
		start++;
	for (; *start != ',' && *start != '\0'; start++)
	{
		if (n < size - 1)
			element[n++] = *start;
	}
	while (n > 0 && isspace((unsigned char) element[n - 1]))
		n--;
	element[n] = '\0';
	*rest = *start == ',' ? start + 1 : NULL;
	return true;
}

static void
check_accounts(const char *text)
{
	int64	   *accounts = NULL;
	int64		expected[2048];
	int			n = 0;
	int			nexpected = 0;
	bool		good = tt_value_accounts(text, &n, &accounts) == NULL;
	const char *rest = text;
	char		element[5000];

	while (split(&rest, element, sizeof(element)))
	{
		int64 id;
		int	  seen = 0;

		errno = 0;
		id = strtoll(element, NULL, 10);
		if (element[0] == '\0' || strspn(element, "0123456789") != strlen(element) ||
			errno != 0 || id == 0)
		{
			CHECK(!good);
			return;
		}
		while (seen < nexpected && expected[seen] != id)
			seen++;
		if (seen == nexpected && nexpected < lengthof(expected))
			expected[nexpected++] = id;
	}
	CHECK(good && n == nexpected && memcmp(accounts, expected, n * sizeof(int64)) == 0);
}

static void
check_names(const char *text, bool upper)
{
	List	   *names;
	bool		good = tt_value_names(text, upper, 3, &names) == NULL;
	const char *rest = text;
	char		element[5000];
	char		seen[3][NAMEDATALEN];
	int			n = 0;
	bool		expected = true;

	while (expected && split(&rest, element, sizeof(element)))
	{
		expected = element[0] != '\0' && strlen(element) < NAMEDATALEN && n < 3;
		for (char *c = element; *c != '\0'; c++)
			expected = expected && (*c == '_' || (*c >= '0' && *c <= '9') ||
									(upper ? *c >= 'A' && *c <= 'Z' : *c >= 'a' && *c <= 'z'));
		for (int i = 0; i < n; i++)
			expected = expected && strcmp(seen[i], element) != 0;
		if (expected)
			strcpy(seen[n++], element);
	}
	CHECK(good == expected);
	if (!good)
		return;
	CHECK(list_length(names) == n);
	for (int i = 0; i < n; i++)
		CHECK(strcmp(list_nth(names, i), seen[i]) == 0);
}

static void
check_distance(const char *text)
{
	static const char *const names[] = {"advertiser_ids", "url", "rate_limit",
										"on_advertiser_error", ""};

	for (int i = 0; i < lengthof(names); i++)
	{
		int distance = tt_name_distance(text, names[i]);

		CHECK(distance >= -1 && distance <= 4);
		CHECK((distance == 0) == (text[0] != '\0' && strcmp(text, names[i]) == 0));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text;
	const char *c;

	if (size == 0)
		return 0;
	text = pnstrdup((const char *) data + 1, size - 1);
	switch (data[0])
	{
		case 'i':
			check_integer(text, 0);
			break;
		case 's':
			check_integer(text, GUC_UNIT_S);
			break;
		case 'b':
			check_integer(text, GUC_UNIT_BYTE);
			break;
		case 'd':
			check_date(text);
			break;
		case 'u':
			check_url(text);
			break;
		case 'a':
			check_accounts(text);
			break;
		case 'n':
		case 'N':
			check_names(text, data[0] == 'N');
			break;
		case 'p':
			CHECK((tt_value_path(text) == NULL) ==
				  (text[0] != '\0' && text[0] != '.' && text[strlen(text) - 1] != '.' &&
				   strstr(text, "..") == NULL));
			break;
		case 'c':
			for (c = text; *c > ' ' && *c < 0x7f;)
				c++;
			CHECK((tt_value_credential(text) == NULL) == (*c == '\0'));
			break;
		case 'l':
			check_distance(text);
			break;
	}
	shim_reset();
	return 0;
}
