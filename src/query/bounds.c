/*
 * bounds.c
 *	  Values of conditions → accounts, days and filters to ask for.
 *
 * Nothing here knows of clauses, plans or the network.  Whatever is derived
 * from values may be wider than the condition, never narrower.
 */
#include "postgres.h"

#include "query/bounds.h"
#include "compat.h"
#include "qual/days.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* no time zone of PostgreSQL's is as many days from UTC: at most 167:59:59 */
#define ZONE_DAYS 8

/* TikTok advises creation and modification filters under six months */
#define FILTER_RANGE (180 * USECS_PER_DAY)

void
tt_bounds_init(TtBounds *bounds)
{
	memset(bounds, 0, sizeof(*bounds));
	bounds->nranges = 1;
	bounds->ranges = palloc(sizeof(TtDays));
	bounds->ranges[0].from = TT_DAY_MIN;
	bounds->ranges[0].to = TT_DAY_MAX;
}

/*
 * An integer id out of a value; false if it can be none.  Text is one only as
 * the API spells it, and so as a column of text reads.
 */
static bool
value_to_id(Datum value, Oid type, int64 *id)
{
	switch (getBaseType(type))
	{
		case INT2OID:
			*id = DatumGetInt16(value);
			break;
		case INT4OID:
			*id = DatumGetInt32(value);
			break;
		case INT8OID:
			*id = DatumGetInt64(value);
			break;
		case TEXTOID:
		case VARCHAROID:
		{
			char *digits = TextDatumGetCString(value);

			errno = 0;
			*id = strtoll(digits, NULL, 10);
			if (errno != 0 || strcmp(psprintf(INT64_FORMAT, *id), digits) != 0)
				return false;
			break;
		}
		default:
			return false;
	}
	return *id > 0;
}

/* whether value_to_id() knows the type: otherwise nothing may be concluded */
static bool
type_has_ids(Oid type)
{
	Oid base = getBaseType(type);

	return base == INT2OID || base == INT4OID || base == INT8OID ||
		   base == TEXTOID || base == VARCHAROID;
}

static int
compare_int64(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* Narrow a set of ids, sorted, to those among the values. */
static void
apply_ids(TtBounds *bounds, bool *given, int *ngiven, int64 **given_ids, int n,
		  const Datum *values, const Oid *types)
{
	int64 *ids = palloc(sizeof(int64) * Max(n, 1));
	int	   nids = 0;
	int	   unique = 0;

	for (int i = 0; i < n; i++)
	{
		if (!type_has_ids(types[i]))
			return;
		if (value_to_id(values[i], types[i], &ids[nids]))
			nids++;
	}
	qsort(ids, nids, sizeof(int64), compare_int64);
	for (int i = 0; i < nids; i++)
	{
		if (unique > 0 && ids[unique - 1] == ids[i])
			continue;
		if (*given &&
			bsearch(&ids[i], *given_ids, *ngiven, sizeof(int64), compare_int64) == NULL)
			continue;
		ids[unique++] = ids[i];
	}
	*given = true;
	*ngiven = unique;
	*given_ids = ids;
	if (unique == 0)
		bounds->nothing = true;
}

/* A date or a moment, as a day; of infinity only the sign. */
typedef struct Moment
{
	int64 day;
	bool  midnight; /* the very beginning of the day */
	bool  zoned;	/* the day depends on the session's time zone */
	int	  infinite; /* -1, 0, 1 */
} Moment;

/* false: of a type that is no date */
static bool
moment_of(Datum value, Oid type, Moment *moment)
{
	int64 usecs;

	memset(moment, 0, sizeof(*moment));
	switch (getBaseType(type))
	{
		case DATEOID:
			moment->midnight = true;
			moment->day = DatumGetDateADT(value);
			if (DATE_IS_NOBEGIN(moment->day) || DATE_IS_NOEND(moment->day))
				moment->infinite = DATE_IS_NOEND(moment->day) ? 1 : -1;
			return true;
		case TIMESTAMPTZOID:
			moment->zoned = true;
			TT_FALLTHROUGH;
		case TIMESTAMPOID:
			usecs = DatumGetTimestamp(value);
			if (TIMESTAMP_NOT_FINITE(usecs))
				moment->infinite = usecs > 0 ? 1 : -1;
			moment->day = usecs / USECS_PER_DAY;
			if (usecs % USECS_PER_DAY < 0)
				moment->day--;
			moment->midnight = usecs % USECS_PER_DAY == 0;
			return true;
		default:
			return false;
	}
}

/*
 * The days on which "column op value" can hold.  A timestamptz is compared in
 * the session's time zone, whichever that is; the days among them on which the
 * comparison holds are found by asking (apply_condition).
 */
static bool
value_to_days(TtQualRole role, TtQualOp op, Oid column_type, Datum value, Oid type,
			  TtDays *days)
{
	Moment moment;
	int	   widen;

	days->from = TT_DAY_MIN;
	days->to = TT_DAY_MAX;
	if (!moment_of(value, type, &moment))
		return false;
	if (moment.infinite != 0)
	{
		/* either no bound at all, or nothing can match */
		if (op == TT_OP_EQ || (moment.infinite > 0 ? op >= TT_OP_EQ : op <= TT_OP_EQ))
		{
			days->from = TT_DAY_MAX;
			days->to = TT_DAY_MIN;
		}
		return true;
	}
	widen = moment.zoned || column_type == TIMESTAMPTZOID ? ZONE_DAYS : 0;
	if (op == TT_OP_EQ || op == TT_OP_GE || op == TT_OP_GT)
	{
		int64 from = moment.day - widen;

		/* a day is its midnight: it cannot equal or follow a later moment of it */
		if (widen == 0 && role == TT_ROLE_DAY && (op == TT_OP_GT || !moment.midnight))
			from++;
		days->from = (TtDay) Max(Min(from, TT_DAY_MAX), TT_DAY_MIN + 1);
	}
	if (op == TT_OP_EQ || op == TT_OP_LE || op == TT_OP_LT)
	{
		int64 to = moment.day + widen;

		if (widen == 0 && op == TT_OP_LT && moment.midnight)
			to--;
		days->to = (TtDay) Max(Min(to, TT_DAY_MAX), TT_DAY_MIN);
	}
	return true;
}

static void
intersect_days(TtBounds *bounds, const TtDays *days, int n)
{
	TtDays *both;
	int		nboth = tt_ranges_intersect(bounds->ranges, bounds->nranges, days, n, &both);

	if (nboth < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	bounds->ranges = palloc(sizeof(TtDays) * Max(nboth, 1));
	memcpy(bounds->ranges, both, sizeof(TtDays) * nboth);
	free(both);
	bounds->nranges = nboth;
	if (nboth == 0)
		bounds->nothing = true;
}

static void
apply_days(TtBounds *bounds, Oid column_type, const TtQual *qual, int n, const Datum *values,
		   const Oid *types)
{
	TtDays *days = palloc(sizeof(TtDays) * Max(n, 1));

	for (int i = 0; i < n; i++)
		if (!value_to_days(qual->role, qual->op, column_type, values[i], types[i],
						   &days[i]))
			return;
	n = tt_ranges_normalise(days, n);
	if (n > 0 && days[0].from > TT_DAY_MIN)
		bounds->has_lower = true;
	intersect_days(bounds, days, n);
}

/*
 * The day whose midnight a value is.  A timestamptz is compared with a date in
 * the session's time zone.  False: no day equals it.
 */
static bool
value_to_midnight(Datum value, Oid type, TtDay *day)
{
	Timestamp when = DatumGetTimestamp(value);
	int		  overflow = 0;

	switch (getBaseType(type))
	{
		case DATEOID:
			*day = DatumGetDateADT(value);
			return !DATE_NOT_FINITE(*day);
		case TIMESTAMPTZOID:
			if (TIMESTAMP_NOT_FINITE(when))
				return false;
			/* its day there; where clocks skip midnight, that begins later */
			*day = DatumGetDateADT(DirectFunctionCall1(timestamptz_date, value));
			return date2timestamptz_opt_overflow(*day, &overflow) == when && overflow == 0;
		case TIMESTAMPOID:
			if (TIMESTAMP_NOT_FINITE(when) || when % USECS_PER_DAY != 0)
				return false;
			*day = (TtDay) (when / USECS_PER_DAY);
			return true;
		default:
			return false;
	}
}

static bool
set_has_day(const TtDaySet *set, TtDay day)
{
	for (int i = 0; i < set->n; i++)
		if (set->days[i] == day)
			return true;
	return false;
}

static void
apply_day_set(TtBounds *bounds, TtDaySet *set, int n, const Datum *values, const Oid *types)
{
	TtDaySet both = {true, 0, palloc(sizeof(TtDay) * Max(n, 1))};

	for (int i = 0; i < n; i++)
	{
		TtDay day;

		if (value_to_midnight(values[i], types[i], &day) && !set_has_day(&both, day) &&
			(!set->given || set_has_day(set, day)))
			both.days[both.n++] = day;
	}
	*set = both;
	if (both.n == 0)
		bounds->nothing = true;
}

/* Of the days that are left, those that meet a condition of any form. */
static void
apply_condition(TtBounds *bounds, const TtTable *table, const TtQual *qual, int nvalues,
				const Datum *values, const bool *nulls, const Oid *types)
{
	TtDayCondition condition;
	TtDays		  *days;
	int			   ndays;

	condition.expr = qual->condition;
	condition.type = table->columns[qual->attnum - 1].type;
	condition.hours = qual->role == TT_ROLE_HOUR;
	condition.nvalues = nvalues;
	condition.values = values;
	condition.nulls = nulls;
	condition.types = types;
	if (tt_days_ask(&condition, bounds->ranges, bounds->nranges, &days, &ndays,
					&bounds->has_lower))
		intersect_days(bounds, days, ndays);
}

static TtBoundFilter *
find_filter(TtBounds *bounds, const TtTable *table, AttrNumber attnum)
{
	const TtColumn *listed = table->columns[attnum - 1].listed;
	TtBoundFilter  *filter;
	ListCell	   *lc;

	foreach(lc, bounds->filters)
	{
		filter = lfirst(lc);
		if (filter->attnum == attnum)
			return filter;
	}
	filter = palloc0(sizeof(TtBoundFilter));
	filter->attnum = attnum;
	filter->condition.filter = tt_qual_filter(table, attnum, &filter->condition.param);
	filter->condition.path = table->columns[attnum - 1].path;
	filter->required = listed != NULL &&
					   (listed->flags & (TT_CF_REQUIRED | TT_CF_EACH | TT_CF_OPTIONAL)) != 0;
	filter->known = listed != NULL && !filter->required ? listed->values : NULL;
	filter->positive = tt_qual_positive(table, attnum);
	filter->number = tt_stream_is_integrated(table->stream) ||
					 (listed != NULL && listed->type == TT_TYPE_bigint);
	filter->condition.nvalues = -1; /* no value yet */
	bounds->filters = lappend(bounds->filters, filter);
	return filter;
}

static void
apply_times(TtBoundFilter *filter, TtQualOp op, Datum value, Oid type)
{
	TimestampTz when;
	int			overflow = 0;

	/* as the comparison does: a local time is one of the session's zone */
	switch (getBaseType(type))
	{
		case DATEOID:
			when = date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
			break;
		case TIMESTAMPOID:
			when = timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow);
			break;
		case TIMESTAMPTZOID:
			when = DatumGetTimestampTz(value);
			break;
		default:
			return;
	}
	if (overflow != 0 || TIMESTAMP_NOT_FINITE(when))
		return;
	if (op != TT_OP_LT && op != TT_OP_LE && (!filter->has_from || when > filter->from))
	{
		filter->has_from = true;
		filter->from = when;
	}
	if (op != TT_OP_GT && op != TT_OP_GE && (!filter->has_to || when < filter->to))
	{
		filter->has_to = true;
		filter->to = when;
	}
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/*
 * Whether the API may know the text as a value of an enum: it refuses others,
 * and a refused request is one for nothing.
 */
static bool
looks_like_enum(const char *s)
{
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
}

/*
 * A filter value as the API spells it, NULL if it cannot be sent: then nothing
 * may be concluded from the condition.  False: no row can have this value.
 */
static bool
value_to_text(const TtBoundFilter *filter, Datum value, Oid type, const char **result)
{
	Oid		 base = getBaseType(type);
	TtFilter kind = filter->condition.filter;
	int64	 id;
	char	*s;

	*result = NULL;
	if (base == DATEOID || base == TIMESTAMPOID)
	{
		TtDay day;

		if (!value_to_midnight(value, type, &day))
			return false;
		*result = tt_day_format(day, palloc(16));
	}
	else if (base == BOOLOID)
		*result = DatumGetBool(value) ? "true" : "false";
	else if (base == INT2OID || base == INT4OID || base == INT8OID)
	{
		if (!value_to_id(value, type, &id))
			return !filter->positive;
		*result = psprintf(INT64_FORMAT, id);
	}
	else if (base == TEXTOID || base == VARCHAROID)
	{
		s = TextDatumGetCString(value);
		/* only what is UTF-8 can be sent; an empty string selects nothing there */
		s = (char *) pg_do_encoding_conversion((unsigned char *) s, strlen(s),
											   GetDatabaseEncoding(), PG_UTF8);
		if (*s != '\0' && pg_verify_mbstr(PG_UTF8, s, strlen(s), true) &&
			((kind != TT_FILTER_EQ && kind != TT_FILTER_ENUMS) || looks_like_enum(s)) &&
			(filter->known == NULL || tt_list_contains(filter->known, s)) &&
			(!filter->number || value_to_id(value, type, &id)))
			*result = s;
	}
	return true;
}

static TtJsonType
json_type(Oid type)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
			return TT_JSON_BOOL;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return TT_JSON_NUMBER;
		default:
			return TT_JSON_STRING;
	}
}

static void
apply_values(TtBounds *bounds, TtBoundFilter *filter, int n, const Datum *values,
			 const Oid *types)
{
	TtCondition *condition = &filter->condition;
	const char **texts = palloc(sizeof(char *) * Max(n, 1));
	int			 ntexts = 0;
	int			 unique = 0;

	for (int i = 0; i < n; i++)
	{
		if (!value_to_text(filter, values[i], types[i], &texts[ntexts]))
			continue;
		if (texts[ntexts++] == NULL)
			return;
	}
	if (n > 0)
		condition->type = filter->number ? TT_JSON_NUMBER : json_type(types[0]);
	qsort(texts, ntexts, sizeof(char *), compare_strings);
	for (int i = 0; i < ntexts; i++)
	{
		if (unique > 0 && strcmp(texts[unique - 1], texts[i]) == 0)
			continue;
		if (condition->nvalues >= 0 &&
			bsearch(&texts[i], condition->values, condition->nvalues, sizeof(char *),
					compare_strings) == NULL)
			continue;
		texts[unique++] = texts[i];
	}
	condition->values = texts;
	condition->nvalues = unique;
	if (unique == 0)
		bounds->nothing = true;
}

static void
apply_filter(TtBounds *bounds, const TtTable *table, const TtQual *qual, int n,
			 const Datum *values, const Oid *types)
{
	TtBoundFilter *filter = find_filter(bounds, table, qual->attnum);

	switch (filter->condition.filter)
	{
		case TT_FILTER_CREATED:
		case TT_FILTER_MODIFIED:
			if (n == 1)
				apply_times(filter, qual->op, values[0], types[0]);
			break;
		default:
			apply_values(bounds, filter, n, values, types);
			break;
	}
}

/* Arrays to their elements, without NULLs, which match nothing. */
static int
flatten(int nvalues, const Datum *values, const bool *nulls, const Oid *types,
		Datum **out, Oid **out_types)
{
	int n = 0;
	int size = nvalues;

	*out = palloc(sizeof(Datum) * Max(size, 1));
	*out_types = palloc(sizeof(Oid) * Max(size, 1));
	for (int i = 0; i < nvalues; i++)
	{
		Datum *elems;
		bool  *elem_nulls;
		int	   nelems = 1;
		Oid	   type = types[i];
		bool   is_array = OidIsValid(get_base_element_type(type));

		if (nulls[i])
			continue;
		if (is_array)
		{
			ArrayType *array = DatumGetArrayTypeP(values[i]);
			int16	   typlen;
			bool	   typbyval;
			char	   typalign;

			type = ARR_ELEMTYPE(array);
			get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
			deconstruct_array(array, type, typlen, typbyval, typalign, &elems,
							  &elem_nulls, &nelems);
		}
		if (n + nelems > size)
		{
			size = (n + nelems) * 2;
			*out = repalloc(*out, sizeof(Datum) * size);
			*out_types = repalloc(*out_types, sizeof(Oid) * size);
		}
		for (int k = 0; k < nelems; k++)
		{
			if (is_array && elem_nulls[k])
				continue;
			(*out)[n] = is_array ? elems[k] : values[i];
			(*out_types)[n++] = type;
		}
	}
	return n;
}

void
tt_bounds_apply(TtBounds *bounds, const TtTable *table, const TtQual *qual, int nvalues,
				const Datum *values, const bool *nulls, const Oid *types)
{
	Datum *flat;
	Oid	  *flat_types;
	int	   n;

	if (qual->condition != NULL)
	{
		apply_condition(bounds, table, qual, nvalues, values, nulls, types);
		return;
	}
	n = flatten(nvalues, values, nulls, types, &flat, &flat_types);
	if (n == 0)
	{
		bounds->nothing = true;
		return;
	}
	switch (qual->role)
	{
		case TT_ROLE_ACCOUNT:
			apply_ids(bounds, &bounds->has_accounts, &bounds->naccounts, &bounds->accounts, n,
					  flat, flat_types);
			break;
		case TT_ROLE_SECOND:
			apply_ids(bounds, &bounds->has_second, &bounds->nsecond, &bounds->second, n, flat,
					  flat_types);
			break;
		case TT_ROLE_DAY:
		case TT_ROLE_HOUR:
			apply_days(bounds, table->columns[qual->attnum - 1].type, qual, n, flat,
					   flat_types);
			break;
		case TT_ROLE_FROM:
			apply_day_set(bounds, &bounds->first_days, n, flat, flat_types);
			break;
		case TT_ROLE_TO:
			apply_day_set(bounds, &bounds->last_days, n, flat, flat_types);
			break;
		case TT_ROLE_FILTER:
		case TT_ROLE_REQUIRED:
			apply_filter(bounds, table, qual, n, flat, flat_types);
			break;
		case TT_ROLE_NONE:
			break;
	}
}

/* "YYYY-MM-DD HH:MM:SS" in UTC */
static const char *
format_utc(TimestampTz when)
{
	struct pg_tm tm;
	fsec_t		 fsec;

	if (timestamp2tm(when, NULL, &tm, &fsec, NULL, NULL) != 0)
		return "";
	return psprintf("%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year, tm.tm_mon, tm.tm_mday,
					tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/*
 * Bounds on times become filters only within the half year that TikTok
 * advises, widened by a second since its bounds are exclusive.
 */
static bool
time_condition(TtBoundFilter *filter, TtCondition *condition)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!filter->has_from)
		return false;
	if (condition->filter == TT_FILTER_MODIFIED || !filter->has_to)
	{
		if (now - filter->from > FILTER_RANGE || filter->from >= now)
			return false;
	}
	else if (filter->to - filter->from > FILTER_RANGE || filter->to < filter->from)
		return false;
	condition->values = palloc(sizeof(char *) * 2);
	condition->values[0] = format_utc(filter->from - 2 * USECS_PER_SEC);
	condition->values[1] = filter->has_to ? format_utc(filter->to + 2 * USECS_PER_SEC) : "";
	condition->nvalues = condition->filter == TT_FILTER_CREATED ? 2 : 1;
	return true;
}

/* Of values that each request asks for one of, those that conditions leave; found: NULL, all. */
static TtCondition
each_value(const TtColumn *column, const TtBoundFilter *found)
{
	char	   *values = pstrdup(column->values);
	TtCondition condition = {0};

	condition.filter = column->filter;
	condition.param = column->filter_param;
	condition.path = column->name;
	condition.values = palloc(sizeof(char *) * (strlen(values) + 1));
	for (char *value = strtok(values, ","); value != NULL; value = strtok(NULL, ","))
	{
		if (found == NULL || bsearch(&value, found->condition.values, found->condition.nvalues,
									 sizeof(char *), compare_strings) != NULL)
			condition.values[condition.nvalues++] = value;
	}
	return condition;
}

/* A value that requests need not name. */
static TtCondition
no_value(const TtColumn *column)
{
	TtCondition condition = {0};

	condition.filter = column->filter;
	condition.param = column->filter_param;
	condition.nvalues = 1;
	condition.values = palloc(sizeof(char *));
	condition.values[0] = "";
	return condition;
}

int
tt_bounds_required(const TtBounds *bounds, const TtTable *table, TtCondition **required,
				   List **missing)
{
	const TtColumn *column;
	int				n = 0;

	*missing = NIL;
	*required = NULL;
	for (int i = 0; (column = tt_stream_asked(table->stream, i)) != NULL; i++)
	{
		const TtBoundFilter *found = NULL;
		ListCell			*lc;

		foreach(lc, bounds->filters)
		{
			const TtBoundFilter *filter = lfirst(lc);

			if (filter->required && filter->condition.nvalues >= 0 &&
				table->columns[filter->attnum - 1].listed == column)
				found = filter;
		}
		if (*required == NULL)
			*required = palloc(sizeof(TtCondition) * TT_MAX_DIMENSIONS);
		if (column->flags & TT_CF_EACH)
			(*required)[n++] = each_value(column, found);
		else if (found == NULL && (column->flags & TT_CF_OPTIONAL))
			(*required)[n++] = no_value(column);
		else if (found == NULL)
			*missing = lappend(*missing, unconstify(TtColumn *, column));
		else
			(*required)[n++] = found->condition;
	}
	return n;
}

int
tt_bounds_filters(const TtBounds *bounds)
{
	ListCell *lc;
	int		  n = 0;

	foreach(lc, bounds->filters)
		n += !((const TtBoundFilter *) lfirst(lc))->required;
	return n;
}

int
tt_bounds_conditions(TtBounds *bounds, TtCondition **conditions)
{
	ListCell *lc;
	int		  n = 0;

	*conditions = palloc(sizeof(TtCondition) * (list_length(bounds->filters) + 1));
	foreach(lc, bounds->filters)
	{
		TtBoundFilter *filter = lfirst(lc);
		TtCondition	   condition = filter->condition;

		if (filter->required)
			continue;
		switch (condition.filter)
		{
			case TT_FILTER_CREATED:
			case TT_FILTER_MODIFIED:
				if (!time_condition(filter, &condition))
					continue;
				break;
			case TT_FILTER_EQ:
			case TT_FILTER_PARAM:
				/* several values would be several requests */
				if (condition.nvalues != 1)
					continue;
				break;
			default:
				if (condition.nvalues < 1)
					continue;
				break;
		}
		(*conditions)[n++] = condition;
	}
	return n;
}

int
tt_bounds_days(const TtBounds *bounds, const TtStream *stream, bool has_start_date,
			   TtDay start_date, TtDay last_day, TtDays **days)
{
	TtDays whole;
	int	   n;

	whole.from = TT_FIRST_DAY;
	whole.to = last_day;
	if (stream->report.grain == TT_GRAIN_NONE)
	{
		*days = palloc(sizeof(TtDays));
		whole.from = last_day - TT_UNDATED_DAYS + 1;
		if (has_start_date && start_date > whole.from)
			whole.from = start_date;
		**days = whole;
		return whole.from <= whole.to ? 1 : 0;
	}
	if (!bounds->has_lower && !has_start_date)
		return bounds->nothing ? 0 : -1;
	if (has_start_date)
		whole.from = Max(start_date, TT_FIRST_DAY);
	if (whole.from > whole.to)
		return 0;
	n = tt_ranges_intersect(bounds->ranges, bounds->nranges, &whole, 1, days);
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (n > 0)
	{
		TtDays *result = palloc(sizeof(TtDays) * n);

		memcpy(result, *days, sizeof(TtDays) * n);
		free(*days);
		*days = result;
	}
	return n;
}
