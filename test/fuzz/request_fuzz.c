/*
 * request_fuzz.c
 *	  src/request.c against jansson and counting: nothing that a query wants is
 *	  left out or asked for twice, and parameters read back as what was meant.
 *
 * An input: bytes that choose a stream, accounts, days and filters, then lines,
 * the values of the conditions.
 */
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "fuzz.h"
#include "request/request.h"

#define MAX_ACCOUNTS   250
#define MAX_RANGES	   4
#define MAX_CONDITIONS 3
#define MAX_VALUES	   260
#define HEAD		   16 /* bytes before the lines */

static TtFilter const filters[] = {
	TT_FILTER_IDS, TT_FILTER_IDS20, TT_FILTER_TOP_IDS, TT_FILTER_MUSIC_IDS, TT_FILTER_EQ,
	TT_FILTER_ENUMS, TT_FILTER_CREATED, TT_FILTER_MODIFIED};
static const char *const params[MAX_CONDITIONS] = {"first_ids", "second_ids", "third_ids"};
static const char		*names[] = {"spend", "clicks", "impressions"};

/* a query, its memory, and how much of it the units have asked for */
typedef struct Case
{
	TtQuery		query;
	int64_t		accounts[MAX_ACCOUNTS];
	TtDays		ranges[MAX_RANGES];
	TtCondition conditions[MAX_CONDITIONS];
	const char *values[MAX_CONDITIONS][MAX_VALUES];
	char	   *text; /* the lines */
	int			nlines;
	char	   *lines[MAX_VALUES];
} Case;


/* ----------
 * The query
 * ----------
 */

/* the lines as C strings; json can hold UTF-8 only, and so can a query */
static void
read_lines(Case *c, const uint8_t *data, size_t size)
{
	char *line;

	c->text = malloc(size + 1);
	CHECK(c->text != NULL);
	memcpy(c->text, data, size);
	c->text[size] = '\0';
	for (line = strtok(c->text, "\n"); line != NULL && c->nlines < MAX_VALUES;
		 line = strtok(NULL, "\n"))
	{
		json_t *json = json_string(line);

		if (json != NULL)
			c->lines[c->nlines++] = line;
		json_decref(json);
	}
}

static void
make_condition(Case *c, int i, uint8_t how)
{
	TtCondition *condition = &c->conditions[i];
	int			 times = (how & 224) == 224 ? 40 : 1; /* many values out of few lines */

	condition->filter = filters[how % 8];
	condition->param = params[i];
	condition->type = (TtJsonType) (how / 8 % 3);
	condition->values = c->values[i];
	for (int j = 0; j < c->nlines * times && condition->nvalues < MAX_VALUES; j++)
		c->values[i][condition->nvalues++] = c->lines[(i + j) % c->nlines];
	if (condition->nvalues == 0)
		c->values[i][condition->nvalues++] = "";
	if (condition->filter == TT_FILTER_CREATED && condition->nvalues == 1)
		c->values[i][condition->nvalues++] = "";
	if (condition->filter == TT_FILTER_CREATED)
		condition->nvalues = 2;
	if (condition->filter == TT_FILTER_EQ || condition->filter == TT_FILTER_MODIFIED)
		condition->nvalues = 1;
}

static void
make_query(Case *c, const uint8_t *head)
{
	TtQuery *query = &c->query;
	TtDay	 day = (TtDay) (head[1] * 256 + head[2]) - 20000;

	query->stream = tt_stream_at(head[0] % tt_stream_count());
	query->naccounts = 1 + head[3] % ((head[8] & 224) == 224 ? MAX_ACCOUNTS : 4);
	query->accounts = c->accounts;
	for (int i = 0; i < query->naccounts; i++)
		c->accounts[i] = INT64_C(7000000000000000001) + i * head[4];
	query->ranges = c->ranges;
	query->nranges = 1 + head[5] % MAX_RANGES;
	for (int i = 0; i < query->nranges; i++)
	{
		c->ranges[i].from = day + (head[6] & (15 << i));
		c->ranges[i].to = c->ranges[i].from + head[7] % (40 / (i + 1)) - 1;
		day += head[7] / 4;
	}
	query->nranges = tt_ranges_normalise(c->ranges, query->nranges);
	query->conditions = c->conditions;
	query->nconditions = head[9] % (MAX_CONDITIONS + 1);
	for (int i = 0; i < query->nconditions; i++)
		make_condition(c, i, head[10 + i]);
	query->names = names;
	query->nnames = head[13] % 4;
	query->send_names = (head[8] & 2) != 0;
	query->include_deleted = (head[8] & 4) != 0;
	query->page_size = head[14] * 4;
	query->order_field = head[8] & 8 ? "spend" : NULL;
	query->descending = (head[8] & 16) != 0;
	query->app_id = "123";
	query->secret = c->nlines > 0 ? c->lines[0] : "s&=%";
}


/* ----------
 * The parameters read back
 * ----------
 */

static int
hex(char c)
{
	const char *digits = "0123456789ABCDEF";
	const char *found = strchr(digits, c);

	CHECK(c != '\0' && found != NULL);
	return (int) (found - digits);
}

/* up to one of the ends, without percents; only what needs no encoding stands as it is */
static const char *
decode(const char *s, char *to)
{
	while (*s != '\0' && *s != '&' && *s != '=')
	{
		if (*s == '%')
		{
			*to++ = (char) (hex(s[1]) * 16 + hex(s[2]));
			s += 3;
			continue;
		}
		CHECK((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
			  strchr("-._~", *s) != NULL);
		*to++ = *s++;
	}
	*to = '\0';
	return s;
}

/* what the API's own reader sees: strings as they are, all else as JSON */
static json_t *
read_back(const TtParams *result, json_t *expected)
{
	json_t	   *object = json_object();
	const char *s = result->query;
	char	   *name = malloc(strlen(s) + 1);
	char	   *text = malloc(strlen(s) + 1);

	while (*s != '\0')
	{
		json_t *value;

		s = decode(s, name);
		CHECK(*s == '=');
		s = decode(s + 1, text);
		CHECK(*s == '&' || *s == '\0');
		CHECK(*s != '&' || s[1] != '\0');
		s += *s == '&';
		value = NULL;
		if (!json_is_string(json_object_get(expected, name)))
			value = json_loads(text, JSON_DECODE_ANY, NULL);
		if (value == NULL)
			value = json_string(text);
		CHECK(value != NULL && json_object_get(object, name) == NULL);
		json_object_set_new(object, name, value);
	}
	free(name);
	free(text);
	return object;
}

static json_t *
strings(const char *const *values, int n)
{
	json_t *array = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(array, json_string(values[i]));
	return array;
}

static void
expect_accounts(const TtQuery *query, const TtUnit *unit, json_t *expected)
{
	char	buf[32];
	json_t *ids = json_array();

	for (int i = 0; i < unit->naccounts; i++)
	{
		snprintf(buf, sizeof(buf), "%lld", (long long) query->accounts[unit->account + i]);
		json_array_append_new(ids, json_string(buf));
	}
	if (query->stream->endpoint->account_param == TT_ACCOUNT_MANY)
		json_object_set(expected, "advertiser_ids", ids);
	else if (query->stream->endpoint->account_param == TT_ACCOUNT_ONE)
		json_object_set(expected, "advertiser_id", json_array_get(ids, 0));
	else
	{
		json_object_set_new(expected, "app_id", json_string(query->app_id));
		json_object_set_new(expected, "secret", json_string(query->secret));
	}
	json_decref(ids);
}

/* the values of a condition in this unit, by counting from its beginning */
static json_t *
expected_values(const TtQuery *query, const TtUnits *units, const TtUnit *unit, int i)
{
	const TtCondition *condition = &query->conditions[i];
	int				   limit = condition->filter == TT_FILTER_IDS20 ? 20 : 100;
	int				   first = units->batched == i ? unit->values.first : 0;
	int				   n = condition->nvalues - first;

	if (condition->filter != TT_FILTER_CREATED && condition->filter != TT_FILTER_MODIFIED &&
		n > limit)
		n = limit;
	CHECK(n > 0);
	return strings(condition->values + first, n);
}

static void
day_text(TtDay day, char *buf)
{
	time_t	  seconds = ((time_t) day + 10957) * 86400;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(buf, 32, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* a report's filtering: a list of objects whose value is the text of a list */
static void
check_report_filter(const TtQuery *query, const TtUnits *units, const TtUnit *unit,
					json_t *filtering)
{
	size_t skip = json_array_size(filtering) - (size_t) query->nconditions;

	CHECK(skip <= 1);
	for (int i = 0; i < query->nconditions; i++)
	{
		json_t	   *filter = json_array_get(filtering, skip + (size_t) i);
		const char *text = json_string_value(json_object_get(filter, "filter_value"));
		json_t	   *got = text ? json_loads(text, 0, NULL) : NULL;
		json_t	   *expected = expected_values(query, units, unit, i);

		CHECK(got != NULL && json_equal(got, expected));
		text = json_string_value(json_object_get(filter, "field_name"));
		CHECK(text != NULL && strcmp(text, query->conditions[i].param) == 0);
		json_decref(got);
		json_decref(expected);
	}
}

static void
check_list_filter(const TtQuery *query, const TtUnits *units, const TtUnit *unit, json_t *got)
{
	json_t *filtering = json_object_get(got, "filtering");

	for (int i = 0; i < query->nconditions; i++)
	{
		const TtCondition *condition = &query->conditions[i];
		bool			   is_top = condition->filter == TT_FILTER_TOP_IDS;
		json_t			  *value = json_object_get(is_top ? got : filtering, condition->param);
		json_t			  *expected = expected_values(query, units, unit, i);

		switch (condition->filter)
		{
			case TT_FILTER_CREATED:
			case TT_FILTER_MODIFIED:
				break;
			case TT_FILTER_EQ:
				CHECK(value != NULL);
				if (condition->type == TT_JSON_STRING)
					CHECK(json_equal(value, json_array_get(expected, 0)));
				break;
			default:
				CHECK(json_equal(value, expected));
				break;
		}
		json_decref(expected);
	}
}

/* those wanted, that of the order, and one at least */
static json_t *
expected_metrics(const TtQuery *query)
{
	json_t *list = strings(query->names, query->nnames);
	bool	found = query->order_field == NULL;

	for (int i = 0; i < query->nnames; i++)
		found = found || strcmp(query->names[i], query->order_field) == 0;
	if (!found)
		json_array_append_new(list, json_string(query->order_field));
	if (json_array_size(list) == 0)
		json_array_append_new(list, json_string("spend"));
	return list;
}

static void
expect_report(const TtQuery *query, const TtUnit *unit, json_t *expected)
{
	const TtReport *report = &query->stream->report;
	char			from[32];
	char			to[32];

	day_text(unit->days.from, from);
	day_text(unit->days.to, to);
	json_object_set_new(expected, "report_type", json_string(report->report_type));
	if (!report->lifetime)
	{
		json_object_set_new(expected, "start_date", json_string(from));
		json_object_set_new(expected, "end_date", json_string(to));
	}
	if (report->data_level != NULL)
		json_object_set_new(expected, "data_level", json_string(report->data_level));
	if (query->order_field != NULL)
	{
		json_object_set_new(expected, "order_field", json_string(query->order_field));
		json_object_set_new(expected, "order_type",
							json_string(query->descending ? "DESC" : "ASC"));
	}
	if (query->send_names)
		json_object_set_new(expected, "metrics", expected_metrics(query));
}

static void
check_params(const TtQuery *query, const TtUnits *units, const TtUnit *unit, int page)
{
	TtParams result;
	json_t	*expected = json_object();
	json_t	*got;
	json_t	*value;

	const char *name;

	expect_accounts(query, unit, expected);
	if (query->stream->kind == TT_KIND_REPORT)
		expect_report(query, unit, expected);
	else if (query->send_names && query->stream->endpoint->has_fields)
		json_object_set_new(expected, "fields", strings(query->names, query->nnames));
	if (query->page_size > 0)
	{
		json_object_set_new(expected, "page", json_integer(page));
		json_object_set_new(expected, "page_size", json_integer(query->page_size));
	}
	CHECK(tt_request_params(query, units, unit, page, &result));
	CHECK(strlen(result.query) <= TT_MAX_QUERY_STRING);
	CHECK(result.body == NULL || result.query[0] == '\0');
	got = result.body ? json_loads(result.body, JSON_REJECT_DUPLICATES, NULL)
					  : read_back(&result, expected);
	CHECK(got != NULL);
	json_object_foreach(expected, name, value)
		CHECK(json_equal(json_object_get(got, name), value));
	if (query->stream->kind == TT_KIND_REPORT)
		check_report_filter(query, units, unit, json_object_get(got, "filtering"));
	else
		check_list_filter(query, units, unit, got);
	json_decref(got);
	json_decref(expected);
	tt_params_free(&result);
}


/* ----------
 * The units
 * ----------
 */

/* every wanted day in one window, and no window longer than the API takes */
static void
check_windows(const TtQuery *query, const TtUnits *units)
{
	int span = tt_request_span(query->stream);

	for (int w = 0; w < units->nwindows; w++)
	{
		CHECK(units->windows[w].from <= units->windows[w].to);
		CHECK(span == 0 || units->windows[w].to - units->windows[w].from < span);
		CHECK(w == 0 || units->windows[w].from > units->windows[w - 1].to);
	}
	for (int i = 0, w = 0; i < query->nranges; i++)
	{
		for (TtDay day = query->ranges[i].from; day <= query->ranges[i].to; day++)
		{
			while (w < units->nwindows && units->windows[w].to < day)
				w++;
			CHECK(w < units->nwindows && units->windows[w].from <= day);
		}
	}
}

static void
check_units(const TtQuery *query, const TtUnits *units, bool last)
{
	TtAccountParam how = query->stream->endpoint->account_param;
	int			   limit = 0;
	int64_t		   per_window = (int64_t) units->naccount_groups * units->nbatches;
	int			   account = 0;

	CHECK(units->count == per_window * units->nwindows);
	if (units->windows != NULL)
		check_windows(query, units);
	if (units->count == 0)
		return;
	if (units->batched >= 0)
		limit = query->conditions[units->batched].filter == TT_FILTER_IDS20 ? 20 : 100;
	for (int64_t i = 0; i < per_window; i++)
	{
		TtUnit unit = tt_units_get(units, query, i);
		int	   batch = (int) (i % units->nbatches);

		CHECK(unit.values.first == batch * limit);
		if (how != TT_ACCOUNT_NONE)
		{
			CHECK(unit.account == account && unit.naccounts > 0 && unit.naccounts <= TT_MAX_IDS);
			if (batch == units->nbatches - 1)
				account += unit.naccounts;
		}
		if (i == (last ? per_window - 1 : 0))
			check_params(query, units, &unit, 1 + (int) i);
	}
	CHECK(how == TT_ACCOUNT_NONE || account == query->naccounts);
	if (units->batched >= 0)
	{
		const TtCondition *condition = &query->conditions[units->batched];

		CHECK(units->nbatches * limit >= condition->nvalues);
		CHECK((units->nbatches - 1) * limit < condition->nvalues);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static Case c;
	uint8_t		head[HEAD] = {0};
	size_t		n = size < HEAD ? size : HEAD;
	TtUnits	   *units;

	memset(&c, 0, offsetof(Case, values));
	c.nlines = 0;
	memcpy(head, data, n);
	read_lines(&c, data + n, size - n);
	make_query(&c, head);
	units = tt_units_create(&c.query);
	CHECK(units != NULL);
	check_units(&c.query, units, (head[15] & 1) != 0);
	tt_units_free(units);
	free(c.text);
	return 0;
}
