/*
 * queries.h
 *	  Queries for the tests of requests, and a reader of what becomes of them.
 */
#ifndef TT_TEST_QUERIES_H
#define TT_TEST_QUERIES_H

#include "request/request.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* a query with room; texts live in static storage */
static int64_t	   many_accounts[250];
static char		   id_texts[2000][24];
static const char *ids[2000];

static void
init_values(void)
{
	for (int i = 0; i < 250; i++)
		many_accounts[i] = INT64_C(7002238017842757633) + i;
	for (int i = 0; i < 2000; i++)
	{
		snprintf(id_texts[i], sizeof(id_texts[i]), "%" PRId64, INT64_C(1714125042508817) + i);
		ids[i] = id_texts[i];
	}
}

static TtQuery
query_of(const char *stream, int naccounts)
{
	TtQuery query = {0};

	query.stream = tt_stream_find(stream);
	if (query.stream == NULL)
	{
		printf("Bail out! no stream %s\n", stream);
		exit(1);
	}
	query.naccounts = naccounts;
	query.accounts = many_accounts;
	query.include_deleted = true;
	query.page_size = query.stream->endpoint->max_page_size;
	return query;
}

static TtCondition
condition_of(TtFilter filter, const char *param, int nvalues)
{
	TtCondition condition = {0};

	condition.filter = filter;
	condition.param = param;
	condition.nvalues = nvalues;
	condition.values = ids;
	return condition;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10
																 : -1;
}

/*
 * The parameters as an object of JSON values: text that is a JSON array or
 * object counts as such, as the API reads it.  NULL if the string is malformed.
 */
static json_t *
parse_query(const char *text)
{
	json_t *object = json_pack("{}");
	char   *copy = strdup(text);
	char   *rest = copy;
	char   *pair;
	bool	good = true;

	while (good && (pair = strsep(&rest, "&")) != NULL)
	{
		char   *value = strchr(pair, '=');
		char   *out = value + 1;
		json_t *parsed;

		if (value == NULL || pair == value)
		{
			good = false;
			break;
		}
		*value++ = '\0';
		for (char *p = value; *p != '\0'; p++)
		{
			if (*p == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0)
			{
				*out++ = (char) (hex_digit(p[1]) * 16 + hex_digit(p[2]));
				p += 2;
			}
			else if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~",
							*p) != NULL)
				*out++ = *p;
			else
				good = false;
		}
		*out = '\0';
		parsed = *value == '[' || *value == '{' ? json_loads(value, 0, NULL) : NULL;
		if (json_object_get(object, pair) != NULL)
			good = false;
		json_object_set_new(object, pair, parsed != NULL ? parsed : json_string(value));
	}
	free(copy);
	if (good)
		return object;
	json_decref(object);
	return NULL;
}

#endif /* TT_TEST_QUERIES_H */
