/*
 * belongs.c
 *	  Does each row belong to its request?  What a row tells must fit the parameters sent.
 *
 * Each parameter that narrows a request, and of which its rows tell, is a
 * check: a set of ids or texts that the value is to be in, a span of time, or
 * what it must not be.  The checks of a page are few and made anew for it; the
 * rows are many, so that a value equal to the row's before costs a comparison.
 *
 * A row that is called a stranger wrongly is an error where there was none.
 * Hence nothing is concluded from what filters by more than equality (names),
 * from values that stand for several (…_STATUS_ALL), and from what reads as no
 * value at all.
 */
#include "postgres.h"

#include "verify/verify_private.h"

#include "utils/memutils.h"

#define DAY_SHAPE  "0000-00-00"
#define TIME_SHAPE "0000-00-00 00:00:00"

/* when clocks go back, a day has one hour more */
#define HOURS_A_DAY 25

/* accounts, days, both ends of two conditions on times, a kind, status, within */
#define OTHER_CHECKS 12

typedef enum Form
{
	FORM_IDS,	/* one of ids */
	FORM_TEXTS, /* one of texts */
	FORM_NONE,	/* none of texts */
	FORM_FROM,	/* a time, not before the first text */
	FORM_TO		/* not after it */
} Form;

typedef struct Check
{
	Form		   form;
	const char	  *param;
	const char	  *path;
	int			   slot;
	bool		   filter;
	int			   n;
	int64		  *ids;
	const char	 **texts;
	int			   length; /* of the first text */
	const TtValue *passed; /* the last value that did */
} Check;

typedef struct Checks
{
	const TtProjection *projection;
	int					n;
	Check			   *list;
} Checks;

/* a row that was not asked for */
typedef struct Stray
{
	const char	  *param;  /* the parameter that seems to be ignored */
	const char	  *column; /* what tells it; NULL: the number of rows does */
	const TtValue *value;
	bool		   filter; /* without pushdown it is not sent */
} Stray;

/* A check of the value at path, if there is one; the caller fills in the rest. */
static Check *
add_check(Checks *checks, Form form, const char *param, const char *path)
{
	for (int slot = 0; path != NULL && slot < checks->projection->npaths; slot++)
	{
		Check *check;

		if (strcmp(checks->projection->paths[slot], path) != 0)
			continue;
		check = &checks->list[checks->n++];
		memset(check, 0, sizeof(*check));
		check->form = form;
		check->param = param;
		check->path = path;
		check->slot = slot;
		return check;
	}
	return NULL;
}

static void
add_texts(Checks *checks, Form form, const char *param, const char *path, int n,
		  const char **texts, bool filter)
{
	Check *check = n > 0 ? add_check(checks, form, param, path) : NULL;

	if (check == NULL)
		return;
	check->n = n;
	check->texts = texts;
	check->length = strlen(texts[0]);
	check->filter = filter;
}

static int
compare_ids(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return (x > y) - (x < y);
}

static void
add_ids(Checks *checks, const char *param, const char *path, int n, const char **texts,
		bool filter)
{
	Check *check = add_check(checks, FORM_IDS, param, path);

	if (check == NULL)
		return;
	check->filter = filter;
	check->ids = palloc(sizeof(int64) * n);
	for (int i = 0; i < n; i++)
		check->ids[check->n++] = strtoll(texts[i], NULL, 10);
	qsort(check->ids, check->n, sizeof(int64), compare_ids);
}

static void
add_account(Checks *checks, const TtQuery *query, const TtUnit *unit)
{
	bool		many = query->stream->endpoint->account_param == TT_ACCOUNT_MANY;
	const char *param = many ? "advertiser_ids" : "advertiser_id";
	Check	   *check = NULL;

	if (unit->naccounts > 0)
		check = add_check(checks, FORM_IDS, param, tt_query_account_path(query->stream));
	if (check == NULL)
		return;
	check->n = unit->naccounts;
	check->ids = palloc(sizeof(int64) * check->n);
	for (int i = 0; i < check->n; i++)
		check->ids[i] = query->accounts[unit->account + i];
	qsort(check->ids, check->n, sizeof(int64), compare_ids);
}

static const char **
one_text(const char *text)
{
	const char **texts = palloc(sizeof(char *));

	*texts = pstrdup(text);
	return texts;
}

static const char *
day_path(const TtReport *report)
{
	return report->grain == TT_GRAIN_HOUR ? "dimensions.stat_time_hour"
										  : "dimensions.stat_time_day";
}

static void
add_days(Checks *checks, const TtQuery *query, const TtUnit *unit)
{
	const TtReport *report = &query->stream->report;
	char			from[16];
	char			to[16];

	if (query->stream->kind != TT_KIND_REPORT || report->lifetime ||
		report->grain == TT_GRAIN_NONE ||
		strlen(tt_day_format(unit->days.from, from)) != strlen(DAY_SHAPE) ||
		strlen(tt_day_format(unit->days.to, to)) != strlen(DAY_SHAPE))
		return;
	add_texts(checks, FORM_FROM, "start_date", day_path(report), 1, one_text(from), false);
	add_texts(checks, FORM_TO, "end_date", day_path(report), 1, one_text(to), false);
}

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text);

	return n >= strlen(end) && strcmp(text + n - strlen(end), end) == 0;
}

/* A value that stands for several others: their rows have other values. */
static bool
is_group(const char *param, const char *value)
{
	if (strcmp(param, "secondary_status") == 0)
		return ends_with(value, "_ALL") || ends_with(value, "DELETE");
	return strcmp(param, "objective_type") == 0 && strncmp(value, "APP", 3) == 0;
}

static void
add_equal(Checks *checks, const TtCondition *condition, int n, const char **values)
{
	static const char *true_texts[] = {"true", "1"};
	static const char *false_texts[] = {"false", "0"};

	for (int i = 0; i < n; i++)
		if (is_group(condition->param, values[i]))
			return;
	if (condition->type == TT_JSON_NUMBER)
		add_ids(checks, condition->param, condition->path, n, values, true);
	else if (condition->type == TT_JSON_STRING)
		add_texts(checks, FORM_TEXTS, condition->param, condition->path, n, values, true);
	/* not the other one: what else a boolean may look like is not known */
	else if (n == 1)
		add_texts(checks, FORM_NONE, condition->param, condition->path, 2,
				  strcmp(values[0], "true") == 0 ? false_texts : true_texts, true);
}

static void
add_condition(Checks *checks, const TtCondition *condition, int n, const char **values)
{
	switch (condition->filter)
	{
		case TT_FILTER_NONE:
			break;
		case TT_FILTER_CREATED:
			if (values[0][0] != '\0')
				add_texts(checks, FORM_FROM, "creation_filter_start_time", condition->path, 1,
						  &values[0], true);
			if (values[1][0] != '\0')
				add_texts(checks, FORM_TO, "creation_filter_end_time", condition->path, 1,
						  &values[1], true);
			break;
		case TT_FILTER_MODIFIED:
			add_texts(checks, FORM_FROM, "modified_after", condition->path, 1, values, true);
			break;
		default:
			add_equal(checks, condition, n, values);
			break;
	}
}

/* As they stand in the request: see unit_values() of request.c. */
static void
add_conditions(Checks *checks, const TtQuery *query, const TtUnits *units, const TtUnit *unit,
			   bool plain)
{
	for (int i = 0; i < query->nconditions; i++)
	{
		const TtCondition *condition = &query->conditions[i];

		if (unit->within != NULL && strcmp(unit->within->param, condition->param) == 0)
			continue;
		if (plain && (i != units->batched || !tt_unit_cut_by_values(query, units, unit)))
			continue;
		if (i == units->batched)
			add_condition(checks, condition, unit->values.n,
						  condition->values + unit->values.first);
		else
			add_condition(checks, condition, condition->nvalues, condition->values);
	}
}

/* "campaign_ids" asks for what stands at "campaign_id", or in a report's section. */
static void
add_within(Checks *checks, const TtQuery *query, const TtUnit *unit)
{
	const TtWithin *within = unit->within;
	bool			report = query->stream->kind == TT_KIND_REPORT;
	char		   *name;

	if (within == NULL || !ends_with(within->param, "_ids"))
		return;
	name = pnstrdup(within->param, strlen(within->param) - 1);
	add_ids(checks, within->param,
			!report ? name
					: psprintf("%s.%s",
							   tt_report_has_dimension(&query->stream->report, name)
								   ? "dimensions"
								   : "metrics",
							   name),
			within->nids, within->ids, false);
}

static void
add_kind(Checks *checks, const TtQuery *query, const TtUnit *unit)
{
	bool		  report = query->stream->kind == TT_KIND_REPORT;
	const TtKind *kind;

	if (query->nkinds == 0)
		return;
	kind = &query->kinds[unit->kind];
	add_texts(checks, FORM_TEXTS, report ? "buying_type" : "buying_types",
			  report ? "metrics.buying_type" : "buying_type", kind->nbuying_types,
			  kind->buying_types, false);
	add_texts(checks, FORM_TEXTS, "campaign_system_origins",
			  report ? "metrics.campaign_system_origin" : "campaign_system_origin",
			  kind->norigins, kind->origins, false);
}

/*
 * Deleted itself: TikTok does not say whether what belongs to something deleted
 * counts as deleted.
 */
static void
add_status(Checks *checks, const TtQuery *query)
{
	static const char *deleted[] = {"CAMPAIGN_STATUS_DELETE", "ADGROUP_STATUS_DELETE",
									"AD_STATUS_DELETE"};

	if (query->stream->endpoint->hides != TT_HIDES_NOTHING && !query->include_deleted)
		add_texts(checks, FORM_NONE, "primary_status", "secondary_status", lengthof(deleted),
				  deleted, false);
}

/* What stands for "no value" wherever it is found. */
static bool
is_nothing(const char *text)
{
	return text[0] == '\0' || strcmp(text, "-") == 0 || strcmp(text, "UNSET") == 0;
}

/* Whether it begins with a day of this length, or is a time of this length. */
static bool
is_time(const TtValue *value, int length)
{
	bool		day = length == strlen(DAY_SHAPE);
	const char *shape = day ? DAY_SHAPE : TIME_SHAPE;

	if (!day && (value->length != length || length != strlen(TIME_SHAPE)))
		return false;
	for (int i = 0; shape[i] != '\0'; i++)
	{
		char c = value->text[i];

		if (shape[i] == '0' ? c < '0' || c > '9' : c != shape[i])
			return false;
	}
	return true;
}

static bool
contains_text(const Check *check, const TtValue *value)
{
	for (int i = 0; i < check->n; i++)
		if (strcmp(check->texts[i], value->text) == 0)
			return true;
	return false;
}

static bool
contains_id(const Check *check, int64 id)
{
	int low = 0;
	int n = check->n;

	/* the greatest that is not above it */
	while (n > 1)
	{
		int half = n / 2;

		low += check->ids[low + half] <= id ? half : 0;
		n -= half;
	}
	return check->ids[low] == id;
}

static bool
value_fits(const Check *check, const TtValue *value)
{
	int64 id;
	int	  order;

	switch (check->form)
	{
		case FORM_IDS:
			/* 0 is no object's id, and of a width it is no value */
			return !tt_reply_int(value, &id) || id <= 0 || contains_id(check, id);
		case FORM_TEXTS:
			return contains_text(check, value) || is_nothing(value->text);
		case FORM_NONE:
			return !contains_text(check, value);
		case FORM_FROM:
		case FORM_TO:
			if (value->length < check->length)
				return true;
			order = memcmp(value->text, check->texts[0], check->length);
			return (check->form == FORM_FROM ? order >= 0 : order <= 0) ||
				   !is_time(value, check->length);
	}
	return true;
}

static inline bool
same_text(const TtValue *one, const TtValue *other)
{
	return one != NULL && one->length == other->length &&
		   memcmp(one->text, other->text, other->length) == 0;
}

static bool
rows_fit(Check *check, const TtReply *reply, Stray *stray)
{
	for (int row = 0; row < reply->nrows; row++)
	{
		const TtValue *value = tt_reply_value(reply, row, check->slot);

		if (value->kind <= TT_VALUE_NULL || value->kind == TT_VALUE_JSON ||
			same_text(check->passed, value))
			continue;
		if (!value_fits(check, value))
		{
			const char *dot = strrchr(check->path, '.');

			stray->param = check->param;
			stray->column = dot != NULL ? dot + 1 : check->path;
			stray->value = value;
			stray->filter = check->filter;
			return false;
		}
		check->passed = value;
	}
	return true;
}

/*
 * The most rows that there can be, where the key has nothing but what is asked
 * for by its values; -1: any number.  *params: the parameters that say so.
 */
static int64
most_rows(const Checks *checks, const TtQuery *query, const TtUnit *unit, const char **params,
		  bool *filter)
{
	const TtReport *report = &query->stream->report;
	int64			most = 1;

	*params = NULL;
	*filter = false;
	for (int key = 0; key < checks->projection->nkeys; key++)
	{
		const char	*path = checks->projection->paths[key];
		const Check *found = NULL;
		const char	*param;

		for (int i = 0; i < checks->n; i++)
			if (strcmp(checks->list[i].path, path) == 0 && checks->list[i].form != FORM_NONE)
				found = &checks->list[i];
		if (found == NULL)
			return -1;
		param = found->param;
		if (found->form == FORM_TO && strcmp(path, day_path(report)) == 0)
		{
			most *= (int64) unit->days.to - unit->days.from + 1;
			most *= report->grain == TT_GRAIN_HOUR ? HOURS_A_DAY : 1;
			param = "start_date\" or \"end_date";
		}
		else
			most *= found->n;
		*params = *params == NULL ? param : psprintf("%s\" or \"%s", *params, param);
		*filter = *filter || found->filter;
	}
	return *params != NULL ? most : -1;
}

/*
 * Compare the rows of a page with the parameters of its unit's request; false
 * fills *stray.
 */
static bool
page_fits(Checks *checks, const TtUnitRows *rows, bool plain, const TtReply *reply,
		  Stray *stray)
{
	const TtQuery *query = rows->verify->query;
	int64		   most;

	checks->list = palloc(sizeof(Check) * (OTHER_CHECKS + 2 * query->nconditions));
	add_account(checks, query, rows->unit);
	add_days(checks, query, rows->unit);
	add_within(checks, query, rows->unit);
	add_conditions(checks, query, rows->verify->units, rows->unit, plain);
	add_kind(checks, query, rows->unit);
	add_status(checks, query);
	for (int i = 0; i < checks->n; i++)
		if (!rows_fit(&checks->list[i], reply, stray))
			return false;
	if (reply->total_number <= 0)
		return true;
	most = most_rows(checks, query, rows->unit, &stray->param, &stray->filter);
	stray->column = NULL;
	return most < 0 || reply->total_number <= most;
}

void
tt_rows_check_asked_for(const TtUnitRows *rows, bool plain, const TtReply *reply,
						const TtFailure *failure)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tiktok_fdw checks",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Checks		  checks = {rows->verify->projection, 0, NULL};
	Stray		  stray = {0};

	if (!page_fits(&checks, rows, plain, reply, &stray))
		tt_failure_ignored(failure, stray.param, stray.column, stray.value, stray.filter);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
