/*
 * request.c
 *	  What a scan asks for → requests and their parameters.
 *
 * Cuts a query into units and writes the parameters of a request.  Parameters
 * are built as one JSON object: in the query string, strings stand as they are
 * and everything else as JSON text; a long one is sent as the object itself.
 *
 * Pure C.  jansson's json_object() must not be called: PostgreSQL's server
 * exports a function of that name, and it would win; json_pack("{}") is safe.
 */
#include "request/request.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
condition_batches(const TtCondition *condition)
{
	int limit = tt_filter_limit(condition->filter);

	return limit == 0 ? 1 : (condition->nvalues + limit - 1) / limit;
}

/* Whether the rows of a request for some ids are those of requests for a part of them each. */
static bool
condition_divides(const TtCondition *condition)
{
	return condition->nvalues > 1 && condition->filter != TT_FILTER_ENUMS &&
		   tt_filter_limit(condition->filter) > 1;
}

/*
 * Keep the batched condition that needs fewest requests, drop the others.  Where
 * each condition fits in a request, the one with most ids is a single batch, so
 * that its units can be cut.
 */
static void
choose_batched(TtQuery *query, TtUnits *units)
{
	int n = 0;
	int most = 1;

	units->batched = -1;
	units->nbatches = 1;
	for (int i = 0; i < query->nconditions; i++)
	{
		int batches = condition_batches(&query->conditions[i]);

		if (batches > 1 && (units->batched < 0 || batches < units->nbatches))
		{
			units->batched = i;
			units->nbatches = batches;
		}
	}
	for (int i = 0; i < query->nconditions; i++)
	{
		if (condition_batches(&query->conditions[i]) > 1 && i != units->batched)
			continue;
		if (i == units->batched)
			units->batched = n;
		query->conditions[n++] = query->conditions[i];
	}
	query->nconditions = n;
	for (int i = 0; i < n && units->nbatches == 1; i++)
	{
		if (!condition_divides(&query->conditions[i]) || query->conditions[i].nvalues <= most)
			continue;
		units->batched = i;
		most = query->conditions[i].nvalues;
	}
}

/* A period is asked for up to the last day that there can be anything of. */
static TtDays
days_until(TtDays period, TtDay last_day)
{
	if (period.to > last_day)
		period.to = last_day;
	return period;
}

TtUnits *
tt_units_create(TtQuery *query)
{
	TtUnits		  *units = calloc(1, sizeof(TtUnits));
	TtAccountParam how = query->stream->endpoint->account_param;
	bool		   dated = query->stream->kind == TT_KIND_REPORT &&
				 !query->stream->report.lifetime;

	if (units == NULL)
		return NULL;
	units->nwindows = 1;
	if (dated)
	{
		units->nwindows = tt_query_windows(query, &units->windows);
		if (units->nwindows < 0)
		{
			free(units);
			return NULL;
		}
	}
	units->nrequired = tt_required_count(query);
	if (query->second != NULL)
	{
		units->naccount_groups = tt_second_groups(query, &units->seconds);
		if (units->naccount_groups < 0)
		{
			tt_units_free(units);
			return NULL;
		}
	}
	else if (how == TT_ACCOUNT_NONE || how == TT_ACCOUNT_TOKEN)
		units->naccount_groups = 1;
	else if (how == TT_ACCOUNT_ONE)
		units->naccount_groups = query->naccounts;
	else
		units->naccount_groups = (query->naccounts + TT_MAX_IDS - 1) / TT_MAX_IDS;
	units->nkinds = query->nkinds > 0 ? query->nkinds : 1;
	choose_batched(query, units);
	units->count = (int64_t) units->nwindows * units->naccount_groups * units->nrequired *
				   units->nkinds * units->nbatches;
	return units;
}

TtUnit
tt_units_get(const TtUnits *units, const TtQuery *query, int64_t i)
{
	TtUnit	unit = {0};
	int64_t group;

	if (units->batched >= 0)
	{
		const TtCondition *condition = &query->conditions[units->batched];
		int				   limit = tt_filter_limit(condition->filter);

		unit.values.first = (int) (i % units->nbatches) * limit;
		unit.values.n = condition->nvalues - unit.values.first;
		if (unit.values.n > limit)
			unit.values.n = limit;
	}
	i /= units->nbatches;
	unit.names.n = query->nnames;
	unit.without = query->without;
	unit.kind = (int) (i % units->nkinds);
	i /= units->nkinds;
	unit.required = i % units->nrequired;
	i /= units->nrequired;
	group = i % units->naccount_groups;
	i /= units->naccount_groups;
	if (units->windows != NULL)
		unit.days = units->windows[units->nwindows - 1 - i];
	unit.period_to = unit.days.to;
	if (tt_report_by_period(&query->stream->report))
		unit.days = days_until(unit.days, query->last_day);
	if (units->seconds != NULL)
	{
		unit.second = units->seconds[group].second;
		unit.naccounts = units->seconds[group].account >= 0;
		unit.account = unit.naccounts > 0 ? units->seconds[group].account : 0;
	}
	else if (query->stream->endpoint->account_param == TT_ACCOUNT_MANY)
	{
		unit.account = (int) group * TT_MAX_IDS;
		unit.naccounts = query->naccounts - unit.account;
		if (unit.naccounts > TT_MAX_IDS)
			unit.naccounts = TT_MAX_IDS;
	}
	else if (query->stream->endpoint->account_param == TT_ACCOUNT_ONE)
	{
		unit.account = (int) group;
		unit.naccounts = 1;
	}
	return unit;
}

void
tt_units_free(TtUnits *units)
{
	if (units == NULL)
		return;
	free(units->windows);
	free(units->seconds);
	free(units);
}

static json_t *
account_id(int64_t account)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%" PRId64, account);
	return json_string(buf);
}

static json_t *
string_array(const char *const *values, int n)
{
	json_t *array = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(array, json_string(values[i]));
	return array;
}

static json_t *
typed_value(const char *value, TtJsonType type)
{
	if (type == TT_JSON_NUMBER)
		return json_integer(strtoll(value, NULL, 10));
	if (type == TT_JSON_BOOL)
		return json_boolean(strcmp(value, "true") == 0);
	return json_string(value);
}

/*
 * The values of condition i that the unit asks for; 0: it keeps to other ids
 * of that parameter.
 */
static int
unit_values(const TtUnits *units, const TtUnit *unit,
			const TtQuery *query, int i, const char ***values)
{
	const TtCondition *condition = &query->conditions[i];

	*values = condition->values;
	if (unit->within != NULL && strcmp(unit->within->param, condition->param) == 0)
		return 0;
	if (i != units->batched)
		return condition->nvalues;
	*values += unit->values.first;
	return unit->values.n;
}

bool
tt_unit_cut_by_values(const TtQuery *query, const TtUnits *units, const TtUnit *unit)
{
	return units->batched >= 0 && unit->values.n < query->conditions[units->batched].nvalues;
}

int
tt_unit_page_size(const TtQuery *query, const TtUnit *unit)
{
	int most = query->nkinds > 0 ? query->kinds[unit->kind].max_page_size : 0;

	return most > 0 && query->page_size > most ? most : query->page_size;
}

static bool
name_refused(const TtQuery *query, int i)
{
	return query->refused != NULL && query->refused[i];
}

int
tt_unit_names(const TtQuery *query, const TtUnit *unit)
{
	int n = 0;

	for (int i = unit->names.first; i < unit->names.first + unit->names.n; i++)
		n += !name_refused(query, i);
	return n;
}

bool
tt_unit_next_part(const TtQuery *query, const TtUnit *unit, int max, TtUnit *part)
{
	int end = unit->names.first + unit->names.n;
	int n = 0;

	part->names.first += part->names.n;
	part->names.n = 0;
	while (part->names.first + part->names.n < end)
	{
		bool refused = name_refused(query, part->names.first + part->names.n);

		if (!refused && n == max)
			break;
		n += !refused;
		part->names.n++;
	}
	return n > 0;
}

/* Whether the rows are ordered by a metric that the unit does not ask for. */
static bool
order_missing(const TtQuery *query, const TtUnit *unit)
{
	if (query->order_field == NULL)
		return false;
	for (int i = unit->names.first; i < unit->names.first + unit->names.n; i++)
		if (strcmp(query->names[i], query->order_field) == 0)
			return false;
	return true;
}

/*
 * The names to send.  A report needs a metric: one that all reports have, when
 * those that were wanted are refused.
 */
static json_t *
unit_names(const TtQuery *query, const TtUnit *unit)
{
	json_t *names = json_array();

	for (int i = unit->names.first; i < unit->names.first + unit->names.n; i++)
		if (!name_refused(query, i))
			json_array_append_new(names, json_string(query->names[i]));
	if (query->stream->kind != TT_KIND_REPORT)
		return names;
	if (order_missing(query, unit))
		json_array_append_new(names, json_string(query->order_field));
	if (json_array_size(names) == 0)
		json_array_append_new(names, json_string(tt_stream_last_metric(query->stream)));
	return names;
}

/* {"field_name": …, "filter_type": "IN", "filter_value": "[\"…\"]"} */
static json_t *
report_filter(const char *field, const char *const *values, int n)
{
	json_t *list = string_array(values, n);
	char   *text = json_dumps(list, JSON_COMPACT);
	json_t *filter = NULL;

	if (text != NULL)
		filter = json_pack("{s:s, s:s, s:s}", "field_name", field,
						   "filter_type", "IN", "filter_value", text);
	free(text);
	json_decref(list);
	return filter;
}

/* What any report is asked for: dimensions, metrics, days. */
static void
add_dimensions(json_t *params, const TtQuery *query, const TtUnit *unit)
{
	const TtReport *report = &query->stream->report;
	char			buf[16];

	json_object_set_new(params, "dimensions",
						string_array(report->dimensions, report->ndimensions));
	if (query->send_names)
		json_object_set_new(params, "metrics", unit_names(query, unit));
	if (query->sums_only)
		json_object_set_new(params, "enable_total_metrics", json_true());
	if (report->lifetime)
		json_object_set_new(params, "query_lifetime", json_true());
	else
	{
		json_object_set_new(params, "start_date",
							json_string(tt_day_format(unit->days.from, buf)));
		json_object_set_new(params, "end_date",
							json_string(tt_day_format(unit->days.to, buf)));
	}
}

/* A report of report/integrated/get: its filtering is a list. */
static void
add_report(json_t *params, const TtQuery *query, const TtUnits *units,
		   const TtUnit *unit)
{
	const TtReport *report = &query->stream->report;
	TtOptionFilter	options[TT_MAX_OPTION_FILTERS];
	int				noptions = tt_unit_option_filters(query, unit, options);
	json_t		   *filtering = json_array();

	json_object_set_new(params, "report_type", json_string(report->report_type));
	if (report->data_level != NULL)
		json_object_set_new(params, "data_level", json_string(report->data_level));
	add_dimensions(params, query, unit);
	for (int i = 0; i < noptions; i++)
		json_array_append_new(filtering, report_filter(options[i].param, options[i].values,
													   options[i].nvalues));
	if (unit->within != NULL)
		json_array_append_new(filtering,
							  report_filter(unit->within->param, unit->within->ids,
											unit->within->nids));
	for (int i = 0; i < query->nconditions; i++)
	{
		const char **values;
		int			 n = unit_values(units, unit, query, i, &values);

		if (n > 0)
			json_array_append_new(filtering,
								  report_filter(query->conditions[i].param, values, n));
	}
	if (json_array_size(filtering) > 0)
		json_object_set(params, "filtering", filtering);
	json_decref(filtering);
	if (query->order_field != NULL)
	{
		json_object_set_new(params, "order_field", json_string(query->order_field));
		json_object_set_new(params, "order_type",
							json_string(query->descending ? "DESC" : "ASC"));
	}
}

/* A parameter beside filtering: a string, or one in an object ("object.name"). */
static void
add_param(json_t *params, const char *name, const char *value)
{
	const char *dot = strchr(name, '.');
	char		object[64];

	if (dot == NULL || (size_t) (dot - name) >= sizeof(object))
	{
		json_object_set_new(params, name, json_string(value));
		return;
	}
	memcpy(object, name, (size_t) (dot - name));
	object[dot - name] = '\0';
	if (json_object_get(params, object) == NULL)
		json_object_set_new(params, object, json_pack("{}"));
	json_object_set_new(json_object_get(params, object), dot + 1, json_string(value));
}

/* One condition of an endpoint whose filtering is an object. */
static void
add_condition(json_t *params, json_t *filtering, const TtCondition *condition,
			  const char **values, int n)
{
	switch (condition->filter)
	{
		case TT_FILTER_TOP_IDS:
			json_object_set_new(params, condition->param, string_array(values, n));
			break;
		case TT_FILTER_MUSIC_IDS:
			json_object_set_new(params, "search_type",
								json_string("SEARCH_BY_MUSIC_ID"));
			json_object_set_new(filtering, condition->param, string_array(values, n));
			break;
		case TT_FILTER_EQ:
			json_object_set_new(filtering, condition->param,
								typed_value(values[0], condition->type));
			break;
		case TT_FILTER_PARAM:
			/* empty: a value that the request need not name */
			if (values[0][0] != '\0')
				add_param(params, condition->param, values[0]);
			break;
		case TT_FILTER_CREATED:
			if (values[0][0] != '\0')
				json_object_set_new(filtering, "creation_filter_start_time",
									json_string(values[0]));
			if (values[1][0] != '\0')
				json_object_set_new(filtering, "creation_filter_end_time",
									json_string(values[1]));
			break;
		case TT_FILTER_MODIFIED:
			json_object_set_new(filtering, "modified_after", json_string(values[0]));
			break;
		default:
			json_object_set_new(filtering, condition->param, string_array(values, n));
			break;
	}
}

static void
add_list(json_t *params, const TtQuery *query, const TtUnits *units,
		 const TtUnit *unit)
{
	const TtEndpoint *endpoint = query->stream->endpoint;
	TtOptionFilter	  options[TT_MAX_OPTION_FILTERS];
	int				  noptions = tt_unit_option_filters(query, unit, options);
	bool			  report = query->stream->kind == TT_KIND_REPORT;
	json_t			 *filtering = json_pack("{}");
	const char		**values;

	for (int i = 0; i < query->nrequired; i++)
	{
		int n = tt_required_values(query, unit, i, &values);

		add_condition(params, filtering, &query->required[i], values, n);
	}
	for (int i = 0; i < query->nconditions; i++)
	{
		int n = unit_values(units, unit, query, i, &values);

		if (n == 0)
			continue;
		add_condition(params, filtering, &query->conditions[i], values, n);
	}
	for (int i = 0; i < noptions; i++)
		json_object_set_new(filtering, options[i].param,
							options[i].bit == TT_OPTION_FILTER_STATUS && !report
								? json_string(options[i].values[0])
								: string_array(options[i].values, options[i].nvalues));
	if (unit->within != NULL)
		json_object_set_new(filtering, unit->within->param,
							string_array(unit->within->ids, unit->within->nids));
	if (json_object_size(filtering) > 0)
		json_object_set(params, "filtering", filtering);
	json_decref(filtering);
	if (endpoint->has_fields && query->send_names)
		json_object_set_new(params, "fields", unit_names(query, unit));
}

/* What each request of the stream has, beside what stands there already. */
static void
merge_fixed(json_t *params, json_t *fixed)
{
	const char *name;
	json_t	   *value;

	json_object_foreach(fixed, name, value)
	{
		json_t *present = json_object_get(params, name);

		if (json_is_object(present) && json_is_object(value))
			merge_fixed(present, value);
		else
			json_object_set(params, name, value);
	}
}

static void
add_fixed(json_t *params, const TtQuery *query)
{
	const char *text = query->stream->fixed;
	json_t	   *fixed = text != NULL && text[0] != '\0' ? json_loads(text, 0, NULL) : NULL;

	if (fixed != NULL)
		merge_fixed(params, fixed);
	json_decref(fixed);
}

/* What a request names beside the account. */
static void
add_second(json_t *params, const TtQuery *query, const TtUnit *unit)
{
	const TtSecondId *second = query->stream->endpoint->second;
	json_t			 *ids = json_array();

	for (int i = unit->second.first; i < unit->second.first + unit->second.n; i++)
		json_array_append_new(ids, json_string(query->second[i].id));
	json_object_set(params, second->param, second->array ? ids : json_array_get(ids, 0));
	json_decref(ids);
}

static void
add_paging(json_t *params, const TtQuery *query, const TtUnit *unit, int page)
{
	json_t *size = json_integer(tt_unit_page_size(query, unit));

	if (query->page_size > 0 && query->stream->endpoint->paging == TT_PAGING_CURSOR)
	{
		if (unit->cursor != NULL)
			json_object_set_new(params, "cursor", json_string(unit->cursor));
		json_object_set(params, "count", size);
	}
	else if (query->page_size > 0)
	{
		json_object_set_new(params, "page", json_integer(page));
		json_object_set(params, "page_size", size);
	}
	json_decref(size);
}

static json_t *
request_object(const TtQuery *query, const TtUnits *units, const TtUnit *unit,
			   int page)
{
	const TtEndpoint *endpoint = query->stream->endpoint;
	json_t			 *params = json_pack("{}");

	if (endpoint->account_param == TT_ACCOUNT_ONE)
		json_object_set_new(params, "advertiser_id",
							account_id(query->accounts[unit->account]));
	else if (endpoint->account_param == TT_ACCOUNT_MANY)
	{
		json_t *ids = json_array();

		for (int i = 0; i < unit->naccounts; i++)
			json_array_append_new(ids, account_id(query->accounts[unit->account + i]));
		json_object_set_new(params, "advertiser_ids", ids);
	}
	else if (endpoint->account_param == TT_ACCOUNT_NONE)
	{
		json_object_set_new(params, "app_id", json_string(query->app_id));
		json_object_set_new(params, "secret", json_string(query->secret));
	}
	if (unit->second.n > 0)
		add_second(params, query, unit);
	if (tt_stream_is_integrated(query->stream))
		add_report(params, query, units, unit);
	else
	{
		if (query->stream->kind == TT_KIND_REPORT)
			add_dimensions(params, query, unit);
		add_list(params, query, units, unit);
		add_fixed(params, query);
	}
	add_paging(params, query, unit, page);
	return params;
}

typedef struct Buffer
{
	char  *data;
	size_t length;
	size_t size;
} Buffer;

static bool
buffer_append(Buffer *buffer, const char *text, size_t n)
{
	if (buffer->length + n + 1 > buffer->size)
	{
		size_t size = (buffer->length + n + 1) * 2;
		char  *data = realloc(buffer->data, size);

		if (data == NULL)
			return false;
		buffer->data = data;
		buffer->size = size;
	}
	memcpy(buffer->data + buffer->length, text, n);
	buffer->length += n;
	buffer->data[buffer->length] = '\0';
	return true;
}

/* percent-encode all but RFC 3986's unreserved characters */
static bool
append_encoded(Buffer *buffer, const char *text)
{
	static const char unreserved[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	static const char digits[] = "0123456789ABCDEF";

	while (*text != '\0')
	{
		size_t		  plain = strspn(text, unreserved);
		unsigned char c = (unsigned char) text[plain];
		const char	  code[3] = {'%', digits[c >> 4], digits[c & 15]};

		if (!buffer_append(buffer, text, plain) || (c != '\0' && !buffer_append(buffer, code, 3)))
			return false;
		text += plain + (c != '\0');
	}
	return true;
}

static bool
append_param(Buffer *buffer, const char *name, const json_t *value)
{
	char *text = NULL;
	bool  ok;

	if (!json_is_string(value))
	{
		text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		if (text == NULL)
			return false;
	}
	ok = (buffer->length == 0 || buffer_append(buffer, "&", 1)) &&
		 append_encoded(buffer, name) &&
		 buffer_append(buffer, "=", 1) &&
		 append_encoded(buffer, text != NULL ? text : json_string_value(value));
	free(text);
	return ok;
}

bool
tt_request_params(const TtQuery *query, const TtUnits *units, const TtUnit *unit,
				  int page, TtParams *params)
{
	json_t	   *object = request_object(query, units, unit, page);
	Buffer		buffer = {NULL, 0, 0};
	const char *name;
	json_t	   *value;
	bool		ok = object != NULL && buffer_append(&buffer, "", 0);

	params->query = NULL;
	params->body = NULL;
	json_object_foreach(object, name, value)
		ok = ok && append_param(&buffer, name, value);
	if (ok && buffer.length > TT_MAX_QUERY_STRING)
	{
		params->body = json_dumps(object, JSON_COMPACT);
		ok = params->body != NULL;
		buffer.data[0] = '\0';
	}
	json_decref(object);
	if (!ok)
	{
		free(buffer.data);
		return false;
	}
	params->query = buffer.data;
	return true;
}

void
tt_params_free(TtParams *params)
{
	if (params->query != NULL)
		explicit_bzero(params->query, strlen(params->query));
	free(params->query);
	free(params->body);
	params->query = NULL;
	params->body = NULL;
}
