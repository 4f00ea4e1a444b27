/*
 * request_fuzz.c
 *	  src/request.c against jansson and counting: nothing that a query wants is
 *	  left out or asked for twice, and parameters read back as what was meant.
 *
 * An input: bytes that choose a stream, accounts, days and filters, then kinds of
 * objects, ids to keep to and what is cut off a unit, then lines, the values of
 * the conditions.
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
#define MAX_NAMES	   9
#define MAX_KINDS	   3
#define MAX_REQUIRED   2
#define MAX_SECOND	   40
#define HEAD		   24 /* bytes before the lines */

static TtFilter const filters[] = {
	TT_FILTER_IDS, TT_FILTER_IDS20, TT_FILTER_TOP_IDS, TT_FILTER_MUSIC_IDS, TT_FILTER_EQ,
	TT_FILTER_ENUMS, TT_FILTER_CREATED, TT_FILTER_MODIFIED};
static const char *const params[MAX_CONDITIONS] = {"first_ids", "second_ids", "third_ids"};
static const char		*names[MAX_NAMES] = {"spend", "clicks", "impressions", "reach", "cpc",
											 "cpm", "ctr", "result", "frequency"};
static const char		*buying_types[] = {"AUCTION", "RESERVATION_RF", "RESERVATION_TOP_VIEW"};
static const char		*origins[] = {"TT_ADS_PLATFORM", "PROMOTE"};

/* a query, its memory, and how much of it the units have asked for */
typedef struct Case
{
	TtQuery		query;
	int64_t		accounts[MAX_ACCOUNTS];
	TtDays		ranges[MAX_RANGES];
	TtCondition conditions[MAX_CONDITIONS];
	TtKind		kinds[MAX_KINDS];
	bool		refused[MAX_NAMES];
	TtWithin	within;
	TtSecond	second[MAX_SECOND];
	TtCondition required[MAX_REQUIRED];
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

/* head: one byte for each kind, 0: it has no filters */
static void
make_kinds(Case *c, const uint8_t *head, int n)
{
	for (int i = 0; i < n; i++)
	{
		TtKind *kind = &c->kinds[i];

		memset(kind, 0, sizeof(*kind));
		kind->buying_types = buying_types + head[i] % 3;
		kind->nbuying_types = head[i] / 4 % 4 % (4 - head[i] % 3);
		kind->origins = origins + head[i] / 16 % 2;
		kind->norigins = head[i] / 32 % 3 % (3 - head[i] / 16 % 2);
		kind->max_page_size = head[i] & 128 ? TT_TOP_VIEW_PAGE : 0;
	}
	c->query.kinds = c->kinds;
	c->query.nkinds = n;
}

/* It lists accounts, or what belongs to none. */
static bool
names_no_account(const TtQuery *query)
{
	return query->stream->endpoint->account_param == TT_ACCOUNT_NONE ||
		   query->stream->endpoint->account_param == TT_ACCOUNT_TOKEN;
}

/* What the endpoint wants beside the account, and values that it has to be told. */
static void
make_asked(Case *c, uint8_t how)
{
	static const TtFilter	 forms[] = {TT_FILTER_PARAM, TT_FILTER_IDS};
	static const char *const told[MAX_REQUIRED][2] = {{"object.first", "told_ids"},
													  {"second", "told_too"}};
	static const char *const ids[] = {"71", "72", "73"};
	TtQuery					*query = &c->query;

	if (query->stream->endpoint->second != NULL && (how & 1) != 0)
	{
		bool token = names_no_account(query);

		query->second = c->second;
		for (int i = 0; i < (token ? 1 : query->naccounts); i++)
			for (int k = 0; k < (how / 2 + i) % 4 && query->nsecond < MAX_SECOND; k++)
			{
				c->second[query->nsecond].account = token ? 0 : query->accounts[i];
				c->second[query->nsecond++].id = ids[k % 3];
			}
	}
	query->required = c->required;
	if (tt_stream_is_integrated(query->stream))
		return;
	query->nrequired = how / 8 % (MAX_REQUIRED + 1);
	for (int i = 0; i < query->nrequired; i++)
	{
		TtCondition *condition = &c->required[i];
		int			 form = how / (32 << i) % 2;

		memset(condition, 0, sizeof(*condition));
		condition->filter = forms[form];
		condition->param = told[i][form];
		condition->nvalues = form > 0 ? 1 + how : 1 + how % 5;
		condition->values = malloc(sizeof(char *) * (size_t) condition->nvalues);
		CHECK(condition->values != NULL);
		for (int k = 0; k < condition->nvalues; k++)
			condition->values[k] = ids[k % 3];
	}
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
		c->accounts[i] = INT64_C(7000000000000000001) + i * (1 + head[4]);
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
	query->nnames = head[13] % (MAX_NAMES + 1);
	query->refused = (head[13] & 128) != 0 ? c->refused : NULL;
	for (int i = 0; i < MAX_NAMES; i++)
		c->refused[i] = i > 0 && (head[16] >> (i - 1) & 1) != 0;
	query->without = head[17] / 4 & 7;
	make_kinds(c, head + 18, head[17] % (MAX_KINDS + 1));
	query->send_names = (head[8] & 2) != 0;
	query->include_deleted = (head[8] & 4) != 0;
	query->page_size = head[14] * 4;
	query->order_field = head[8] & 8 ? "spend" : NULL;
	query->descending = (head[8] & 16) != 0;
	query->app_id = "123";
	query->secret = c->nlines > 0 ? c->lines[0] : "s&=%";
	make_asked(c, head[22]);
}


/* ----------
 * The parameters read back
 * ----------
 */

static int
hex(char c)
{
	CHECK((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'));
	return c <= '9' ? c - '0' : c - 'A' + 10;
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
	else if (query->stream->endpoint->account_param == TT_ACCOUNT_NONE)
	{
		json_object_set_new(expected, "app_id", json_string(query->app_id));
		json_object_set_new(expected, "secret", json_string(query->secret));
	}
	json_decref(ids);
}

static void
expect_second(const TtQuery *query, const TtUnit *unit, json_t *expected)
{
	const TtSecondId *second = query->stream->endpoint->second;
	json_t			 *ids = json_array();

	if (query->second != NULL)
	{
		CHECK(unit->second.n > 0 && unit->second.n <= second->most);
		for (int i = 0; i < unit->second.n; i++)
		{
			const TtSecond *one = &query->second[unit->second.first + i];

			CHECK(one->account ==
				  (names_no_account(query) ? 0 : query->accounts[unit->account]));
			json_array_append_new(ids, json_string(one->id));
		}
		json_object_set(expected, second->param,
						second->array ? ids : json_array_get(ids, 0));
	}
	else
		CHECK(unit->second.n == 0);
	json_decref(ids);
}

/* Everything in one object is in the other, too. */
static void
check_contains(json_t *got, json_t *part)
{
	const char *name;
	json_t	   *value;

	json_object_foreach(part, name, value)
	{
		CHECK(json_object_get(got, name) != NULL);
		if (json_is_object(value))
			check_contains(json_object_get(got, name), value);
		else
			CHECK(json_equal(json_object_get(got, name), value));
	}
}

static void
check_fixed(const TtQuery *query, json_t *got)
{
	const char *text = query->stream->fixed;
	json_t	   *fixed = json_loads(text, 0, NULL);

	CHECK((fixed == NULL) == (text[0] == '\0'));
	check_contains(got, fixed);
	json_decref(fixed);
}

/* those that are strings beside filtering */
static void
expect_required(const TtQuery *query, const TtUnit *unit, json_t *expected)
{
	for (int i = 0; i < query->nrequired; i++)
	{
		const char **values;

		(void) tt_required_values(query, unit, i, &values);
		if (query->required[i].filter == TT_FILTER_PARAM &&
			strchr(query->required[i].param, '.') == NULL && values[0][0] != '\0')
			json_object_set_new(expected, query->required[i].param, json_string(values[0]));
	}
}

static void
check_required(const TtQuery *query, const TtUnit *unit, json_t *got)
{
	for (int i = 0; i < query->nrequired; i++)
	{
		const TtCondition *condition = &query->required[i];
		const char		 **values;
		int				   n = tt_required_values(query, unit, i, &values);
		const char		  *dot = strchr(condition->param, '.');

		CHECK(n > 0 && n <= (condition->filter == TT_FILTER_PARAM ? 1 : TT_MAX_IDS));
		if (condition->filter == TT_FILTER_PARAM)
		{
			json_t	   *at = dot ? json_object_get(got, "object") : got;
			const char *text = json_string_value(
				json_object_get(at, dot ? dot + 1 : condition->param));

			/* an empty one need not be named */
			CHECK(values[0][0] == '\0' ? text == NULL
									   : text != NULL && strcmp(text, values[0]) == 0);
		}
		else
			CHECK((int) json_array_size(json_object_get(json_object_get(got, "filtering"),
														condition->param)) == n);
	}
}

static bool
is_kept_to(const TtUnit *unit, const char *param)
{
	return unit->within != NULL && strcmp(unit->within->param, param) == 0;
}

/* the values of a condition in this unit, whose own are known to be right */
static json_t *
expected_values(const TtQuery *query, const TtUnits *units, const TtUnit *unit, int i)
{
	const TtCondition *condition = &query->conditions[i];

	CHECK(units->batched == i || condition->nvalues <= TT_MAX_IDS ||
		  condition->filter == TT_FILTER_CREATED);
	if (units->batched == i)
		return strings(condition->values + unit->values.first, unit->values.n);
	return strings(condition->values, condition->nvalues);
}

/* what the options of a table add: { name: value } in the order of a report */
static json_t *
expected_options(const TtQuery *query, const TtUnit *unit)
{
	const TtStream *stream = query->stream;
	bool			report = tt_stream_is_integrated(stream);
	bool			listed = stream->kind == TT_KIND_REPORT;
	json_t		   *options = json_object();
	const TtKind   *kind = query->nkinds > 0 ? &query->kinds[unit->kind] : NULL;
	const char	   *status = listed ? stream->endpoint->status : "primary_status";
	const char	   *wanted = query->include_deleted ? "STATUS_ALL" : "STATUS_NOT_DELETE";
	bool			told = report ? query->include_deleted && tt_stream_hides_objects(stream)
								  : stream->endpoint->hides != TT_HIDES_NOTHING;

	if (listed && !report)
		told = told && query->include_deleted;
	if (report)
		status = tt_level_status_field(stream->report.level);
	if (told && status != NULL && (unit->without & TT_OPTION_FILTER_STATUS) == 0)
		json_object_set_new(options, status, listed ? strings(&wanted, 1) : json_string(wanted));
	if (kind != NULL && kind->nbuying_types > 0 && (unit->without & TT_OPTION_FILTER_BUYING) == 0)
		json_object_set_new(options, report ? "buying_type" : "buying_types",
							strings(kind->buying_types, kind->nbuying_types));
	if (kind != NULL && kind->norigins > 0 && (unit->without & TT_OPTION_FILTER_ORIGINS) == 0)
		json_object_set_new(options, "campaign_system_origins",
							strings(kind->origins, kind->norigins));
	return options;
}

static void
day_text(TtDay day, char *buf)
{
	time_t	  seconds = ((time_t) day + 10957) * 86400;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(buf, 32, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* an entry of a report's filtering, whose value is the text of a list; frees expected */
static void
check_filter(const json_t *filter, const char *param, json_t *expected)
{
	const char *text = json_string_value(json_object_get(filter, "filter_value"));
	json_t	   *got = text ? json_loads(text, 0, NULL) : NULL;

	CHECK(got != NULL && json_equal(got, expected));
	text = json_string_value(json_object_get(filter, "field_name"));
	CHECK(text != NULL && strcmp(text, param) == 0);
	json_decref(got);
	json_decref(expected);
}

static void
check_report_filter(const TtQuery *query, const TtUnits *units, const TtUnit *unit,
					const json_t *filtering)
{
	json_t	   *options = expected_options(query, unit);
	const char *name;
	json_t	   *value;
	size_t		n = 0;

	json_object_foreach(options, name, value)
		check_filter(json_array_get(filtering, n++), name, json_incref(value));
	if (unit->within != NULL)
		check_filter(json_array_get(filtering, n++), unit->within->param,
					 strings(unit->within->ids, unit->within->nids));
	for (int i = 0; i < query->nconditions; i++)
	{
		if (!is_kept_to(unit, query->conditions[i].param))
			check_filter(json_array_get(filtering, n++), query->conditions[i].param,
						 expected_values(query, units, unit, i));
	}
	CHECK(json_array_size(filtering) == n && (filtering == NULL) == (n == 0));
	json_decref(options);
}

static void
check_list_filter(const TtQuery *query, const TtUnits *units, const TtUnit *unit, json_t *got)
{
	json_t	   *filtering = json_object_get(got, "filtering");
	json_t	   *options = expected_options(query, unit);
	const char *name;
	json_t	   *option;

	json_object_foreach(options, name, option)
		CHECK(json_equal(json_object_get(filtering, name), option));
	json_decref(options);
	if (unit->within != NULL)
	{
		json_t *ids = strings(unit->within->ids, unit->within->nids);

		CHECK(json_equal(json_object_get(filtering, unit->within->param), ids));
		json_decref(ids);
	}
	for (int i = 0; i < query->nconditions; i++)
	{
		const TtCondition *condition = &query->conditions[i];
		bool			   is_top = condition->filter == TT_FILTER_TOP_IDS;
		json_t			  *value = json_object_get(is_top ? got : filtering, condition->param);
		json_t			  *expected;

		if (is_kept_to(unit, condition->param))
			continue;
		expected = expected_values(query, units, unit, i);
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

/* those wanted and not refused; of a report that of the order too, and one at least */
static json_t *
expected_names(const TtQuery *query, const TtUnit *unit)
{
	json_t *list = json_array();
	bool	ordered = query->order_field == NULL;

	for (int i = unit->names.first; i < unit->names.first + unit->names.n; i++)
	{
		ordered = ordered || strcmp(names[i], query->order_field) == 0;
		if (query->refused == NULL || !query->refused[i])
			json_array_append_new(list, json_string(names[i]));
	}
	CHECK((int) json_array_size(list) == tt_unit_names(query, unit));
	if (query->stream->kind != TT_KIND_REPORT)
		return list;
	if (!ordered)
		json_array_append_new(list, json_string(query->order_field));
	if (json_array_size(list) == 0)
		json_array_append_new(list, json_string(tt_stream_is_integrated(query->stream) ? "spend"
																					   : "cost"));
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
	if (tt_stream_is_integrated(query->stream))
		json_object_set_new(expected, "report_type", json_string(report->report_type));
	if (!report->lifetime)
	{
		json_object_set_new(expected, "start_date", json_string(from));
		json_object_set_new(expected, "end_date", json_string(to));
	}
	if (report->data_level != NULL)
		json_object_set_new(expected, "data_level", json_string(report->data_level));
	if (query->order_field != NULL && tt_stream_is_integrated(query->stream))
	{
		json_object_set_new(expected, "order_field", json_string(query->order_field));
		json_object_set_new(expected, "order_type",
							json_string(query->descending ? "DESC" : "ASC"));
	}
	if (query->send_names)
		json_object_set_new(expected, "metrics", expected_names(query, unit));
}

static int
expected_page_size(const TtQuery *query, const TtUnit *unit)
{
	int most = query->nkinds > 0 ? query->kinds[unit->kind].max_page_size : 0;

	return most == 0 || most > query->page_size ? query->page_size : most;
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
	expect_second(query, unit, expected);
	expect_required(query, unit, expected);
	if (query->stream->kind == TT_KIND_REPORT)
		expect_report(query, unit, expected);
	else if (query->send_names && query->stream->endpoint->has_fields)
		json_object_set_new(expected, "fields", expected_names(query, unit));
	if (query->page_size > 0 && query->stream->endpoint->paging == TT_PAGING_CURSOR)
		json_object_set_new(expected, "count", json_integer(expected_page_size(query, unit)));
	else if (query->page_size > 0)
	{
		json_object_set_new(expected, "page", json_integer(page));
		json_object_set_new(expected, "page_size", json_integer(expected_page_size(query, unit)));
	}
	CHECK(tt_request_params(query, units, unit, page, &result));
	CHECK(strlen(result.query) <= TT_MAX_QUERY_STRING);
	CHECK(result.body == NULL || result.query[0] == '\0');
	got = result.body ? json_loads(result.body, JSON_REJECT_DUPLICATES, NULL)
					  : read_back(&result, expected);
	CHECK(got != NULL);
	json_object_foreach(expected, name, value)
		CHECK(json_equal(json_object_get(got, name), value));
	if (tt_stream_is_integrated(query->stream))
		check_report_filter(query, units, unit, json_object_get(got, "filtering"));
	else
		check_list_filter(query, units, unit, got);
	check_fixed(query, got);
	check_required(query, unit, got);
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

/* Cut something off a unit, as is done when it is too much; head: 0 is nothing. */
static void
cut(const Case *c, const TtUnits *units, const uint8_t *head, TtUnit *unit)
{
	int days = unit->days.to - unit->days.from + 1;

	if (units->batched >= 0 && head[0] > 0)
	{
		int n = 1 + head[0] % unit->values.n;

		unit->values.first += head[0] / 2 % (unit->values.n - n + 1);
		unit->values.n = n;
	}
	if (units->windows != NULL && days > 1 && head[1] > 0)
		unit->days.from += head[1] % days;
	if (c->within.nids > 0)
		unit->within = &c->within;
}

/* Ids to keep to: some of the lines, by a parameter of their own or of a condition. */
static void
make_within(Case *c, uint8_t how)
{
	int n = how % 8 < c->nlines ? how % 8 : c->nlines;

	c->within.nids = n;
	c->within.ids = (const char **) c->lines + (c->nlines - n);
	c->within.param = how & 64 ? params[how / 8 % MAX_CONDITIONS] : "campaign_ids";
}

/* The names of all parts together are those of the unit; every request asks for a part. */
static void
check_parts(const TtQuery *query, const TtUnits *units, const TtUnit *unit, int max)
{
	TtUnit part = *unit;
	int	   n = 0;
	int	   sum = 0;

	if (max == 0)
	{
		check_params(query, units, unit, 1);
		return;
	}
	part.names.n = 0;
	while (tt_unit_next_part(query, unit, max, &part))
	{
		int asked = tt_unit_names(query, &part);

		CHECK(asked > 0 && asked <= max);
		sum += asked;
		if (n++ < 2)
			check_params(query, units, &part, n);
	}
	CHECK(sum == tt_unit_names(query, unit));
	CHECK(n == (sum + max - 1) / max);
}

static void
check_unit(const TtQuery *query, const TtUnits *units, const TtUnit *unit, int64_t i, int *account)
{
	int batch = (int) (i % units->nbatches);
	int kind = (int) (i / units->nbatches % units->nkinds);

	CHECK(unit->kind == kind && unit->without == query->without && unit->within == NULL);
	CHECK(unit->names.first == 0 && unit->names.n == query->nnames);
	CHECK(query->without != 0 || !tt_unit_is_vain(query, unit));
	if (units->batched >= 0)
	{
		const TtCondition *condition = &query->conditions[units->batched];
		int				   limit = condition->filter == TT_FILTER_IDS20 ? 20 : 100;
		int				   left = condition->nvalues - batch * limit;

		CHECK(unit->values.first == batch * limit && left > 0);
		CHECK(unit->values.n == (left < limit ? left : limit));
	}
	if (names_no_account(query) || query->second != NULL)
		return;
	CHECK(unit->account == *account && unit->naccounts > 0 && unit->naccounts <= TT_MAX_IDS);
	if (batch == units->nbatches - 1 && kind == units->nkinds - 1 &&
		unit->required == units->nrequired - 1)
		*account += unit->naccounts;
}

/* of required values that a unit asks for */
static int64_t
combinations(const TtQuery *query, const TtUnit *unit)
{
	const char **values;
	int64_t		 n = 1;

	for (int i = 0; i < query->nrequired; i++)
		n *= tt_required_values(query, unit, i, &values);
	return n;
}

static void
check_units(const Case *c, const TtUnits *units, const uint8_t *head)
{
	const TtQuery *query = &c->query;
	int64_t		   per_window = (int64_t) units->naccount_groups * units->nrequired *
						 units->nkinds * units->nbatches;
	int64_t told = 0;
	int64_t wanted = (int64_t) units->naccount_groups * units->nkinds * units->nbatches;
	int64_t looked_at = (head[15] & 1) != 0 ? per_window - 1 : 0;
	int		account = 0;

	CHECK(units->nkinds == (query->nkinds > 0 ? query->nkinds : 1));
	CHECK(units->count == per_window * units->nwindows);
	if (units->windows != NULL)
		check_windows(query, units);
	if (units->count == 0)
		return;
	for (int64_t i = 0; i < per_window; i++)
	{
		TtUnit unit = tt_units_get(units, query, i);

		check_unit(query, units, &unit, i, &account);
		told += combinations(query, &unit);
		if (i != looked_at)
			continue;
		cut(c, units, head + 21, &unit);
		check_parts(query, units, &unit, head[15] / 2 % 8);
	}
	CHECK(names_no_account(query) || query->second != NULL || account == query->naccounts);
	for (int i = 0; i < query->nrequired; i++)
		wanted *= query->required[i].nvalues;
	CHECK(told == wanted);
	if (units->batched >= 0)
	{
		const TtCondition *condition = &query->conditions[units->batched];
		int				   limit = condition->filter == TT_FILTER_IDS20 ? 20 : 100;

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
	make_within(&c, head[23]);
	units = tt_units_create(&c.query);
	CHECK(units != NULL);
	check_units(&c, units, head);
	tt_units_free(units);
	for (int i = 0; i < c.query.nrequired; i++)
		free(c.required[i].values);
	free(c.text);
	return 0;
}
