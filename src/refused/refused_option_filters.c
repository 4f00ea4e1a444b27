/*
 * filters.c
 *	  Filters that the options of a table add, when the API refuses them.
 *
 * What they let the API show is then asked for without, and a WARNING says
 * which rows may be missing.  A message that names a filter is believed;
 * otherwise, when nothing else can be left out, a unit is asked for without one
 * after the other, then without any, and what is answered tells which it was.
 * A filter that keeps objects out stays: without it there would be rows that
 * the options do not want.
 */
#include "postgres.h"

#include "refused/refused_private.h"

#include "options/settings.h"
#include "table/refusals.h"

static int
unit_filters(const TtReading *reading, const TtUnit *unit, TtOptionFilter *filters)
{
	return tt_unit_option_filters(reading->query, unit, filters);
}

/* What the table may lack without a filter, and the option that would say so. */
static const char *
missing_rows(int bit, const char **option, const char **value)
{
	switch (bit)
	{
		case TT_OPTION_FILTER_STATUS:
			*option = "include_deleted";
			*value = "false";
			return "deleted objects";
		case TT_OPTION_FILTER_ORIGINS:
			*option = "include_promote";
			*value = "false";
			return "Promote campaigns";
		default:
			*option = "buying_types";
			*value = "AUCTION,RESERVATION_RF";
			return "TopView campaigns";
	}
}

/*
 * One WARNING a scan; message: NULL if it was refused in an earlier one.  In a
 * refresh it is an error: rows that only seem to be gone would be deleted; of sums, too.
 */
static void
warn(TtReading *reading, const TtOptionFilter *filter, const char *message)
{
	const char *option;
	const char *value;
	const char *rows = missing_rows(filter->bit, &option, &value);
	bool		fatal = tt_snapshot_refresh;

	if ((reading->stats->told_filters & filter->bit) != 0)
		return;
	reading->stats->told_filters |= filter->bit;
	/* the days may be asked with it, or it may cost them other rows */
	if (reading->query->adds_up)
		tt_sums_refused(reading->table, filter->param,
						psprintf("refuses filter \"%s\"", filter->param),
						message != NULL
							? psprintf("The API says: %s", tt_redact(reading->options, message))
							: "It was refused in this session.");
	ereport(fatal ? ERROR : WARNING,
			(errcode(fatal ? ERRCODE_INVALID_PARAMETER_VALUE : ERRCODE_WARNING),
			 errmsg("the TikTok API refuses filter \"%s\" for foreign table \"%s\"; rows of %s may be missing",
					filter->param, reading->table->name, rows),
			 message != NULL
				 ? errdetail("The API says: %s", tt_redact(reading->options, message))
				 : errdetail("It was refused in this session, and is not asked for again."),
			 errhint("If they are not wanted: ALTER FOREIGN TABLE %s OPTIONS (ADD %s '%s');",
					 reading->table->name, option, value)));
}

void
tt_filters_tell(TtReading *reading)
{
	TtOptionFilter filters[TT_MAX_OPTION_FILTERS];

	for (int kind = 0; kind < reading->query->nkinds; kind++)
	{
		TtUnit unit = {.kind = kind};
		int	   n = unit_filters(reading, &unit, filters);

		for (int i = 0; i < n; i++)
			if ((filters[i].bit & reading->query->without) != 0)
				warn(reading, &filters[i], NULL);
	}
}

/* The filter is not asked for again, by this scan and its session. */
static void
leave_out(TtReading *reading, const TtOptionFilter *filter, const char *message)
{
	warn(reading, filter, message);
	tt_refusal_note(reading->table->relid, filter->param);
	reading->query->without |= filter->bit;
}

/* Read a unit anew without some filters, or not at all if another has its rows. */
static void
ask_without(TtReading *reading, TtFetchUnit *unit, int without, int trial)
{
	TtUnit		spec = *tt_unit_whole(unit);
	TtFetchUnit like = *unit;

	spec.without = without;
	like.trial = trial;
	reading->stats->retries++;
	tt_unit_drop(reading, unit);
	if (!tt_unit_is_vain(reading->query, &spec))
		(void) tt_unit_begin(reading, &spec, &like);
}

/* Both origins at once are refused: ask for them one after the other. */
static bool
split_origins(TtReading *reading, TtFetchUnit *unit)
{
	TtQuery *query = reading->query;
	TtUnit	 first = *tt_unit_whole(unit);
	TtUnit	 second = first;

	if (query->kinds[first.kind].halves == 0 || (query->without & TT_OPTION_FILTER_ORIGINS) != 0)
		return false;
	first.kind = query->kinds[first.kind].halves;
	second.kind = first.kind + 1;
	tt_refusal_note(reading->table->relid, TT_ORIGINS_TOGETHER);
	reading->verify.kindred = true;
	/* rows come from two series now: in no order, and not the first ones first */
	if (query->order_field != NULL)
	{
		query->order_field = NULL;
		query->order_refused = true;
	}
	tt_row_bound_forget(reading);
	reading->stats->retries++;
	tt_unit_replace(reading, unit, &first, &second);
	return true;
}

/* Whether a filter says what the API gives unasked. */
static bool
says_default(const TtReading *reading, const TtOptionFilter *filter)
{
	return reading->query->stream->kind != TT_KIND_REPORT &&
		   filter->bit == TT_OPTION_FILTER_BUYING &&
		   strcmp(filter->values[filter->nvalues - 1], "RESERVATION_TOP_VIEW") != 0;
}

bool
tt_filter_refused(TtRefused *refused, TtFetchUnit *unit, const char *message)
{
	TtReading	  *reading = refused->reading;
	const TtUnit  *spec = tt_unit_whole(unit);
	TtOptionFilter filters[TT_MAX_OPTION_FILTERS];
	int			   n = unit_filters(reading, spec, filters);

	for (int i = 0; i < n; i++)
	{
		bool quoted;

		if (!tt_message_names(message, filters[i].param, &quoted) ||
			!tt_option_filter_optional(reading->query, &filters[i]) || tt_unit_handed_on(unit))
			continue;
		if (filters[i].bit == TT_OPTION_FILTER_ORIGINS && split_origins(reading, unit))
			return true;
		if (!says_default(reading, &filters[i]))
			leave_out(reading, &filters[i], message);
		ask_without(reading, unit, spec->without | filters[i].bit, 0);
		return true;
	}
	return false;
}

/* Whether a message is about something that is no filter of an option. */
static bool
names_something_else(const TtReading *reading, const char *message)
{
	static const char *const params[] = {
		"fields", "metrics", "dimensions", "data_level", "report_type", "start_date",
		"end_date", "page", "page_size", "order_field", "order_type", "query_lifetime",
		"advertiser_id", "advertiser_ids"};
	bool quoted;

	for (int i = 0; i < lengthof(params); i++)
		if (tt_message_names(message, params[i], &quoted))
			return true;
	for (int i = 0; i < reading->query->nnames; i++)
		if (tt_message_names(message, reading->query->names[i], &quoted))
			return true;
	for (int i = 0; i < reading->query->nconditions; i++)
		if (tt_message_names(message, reading->query->conditions[i].param, &quoted))
			return true;
	return false;
}

bool
tt_filters_try(TtRefused *refused, TtFetchUnit *unit, const char *message)
{
	TtReading	  *reading = refused->reading;
	TtUnit		   spec = *tt_unit_whole(unit);
	TtOptionFilter filters[TT_MAX_OPTION_FILTERS];
	int			   n;
	int			   bits[TT_MAX_OPTION_FILTERS + 2] = {0}; /* first once more as it was */
	int			   nbits = 1;
	int			   all = 0;

	if (tt_snapshot_refresh || tt_unit_handed_on(unit) || names_something_else(reading, message))
		return false;
	/* without what is known to be refused by now, before anything is tried */
	if ((reading->query->without & ~spec.without) != 0)
	{
		ask_without(reading, unit, reading->query->without, 0);
		return true;
	}
	spec.without = reading->query->without;
	n = unit_filters(reading, &spec, filters);
	for (int i = n - 1; i >= 0; i--)
	{
		if (!tt_option_filter_optional(reading->query, &filters[i]) ||
			says_default(reading, &filters[i]))
			continue;
		/* the other kinds tell whether it is anything else */
		if (reading->query->stream->kind != TT_KIND_REPORT &&
			filters[i].bit == TT_OPTION_FILTER_BUYING)
		{
			leave_out(reading, &filters[i], message);
			ask_without(reading, unit, spec.without | filters[i].bit, 0);
			return true;
		}
		bits[nbits++] = filters[i].bit;
		all |= filters[i].bit;
	}
	if (nbits > 2)
		bits[nbits++] = all;
	if (nbits == 1 || unit->trial >= nbits)
		return false;
	strlcpy(refused->message, message, sizeof(refused->message));
	ask_without(reading, unit, spec.without | bits[unit->trial], unit->trial + 1);
	return true;
}

void
tt_filters_answered(TtRefused *refused, TtFetchUnit *unit)
{
	TtReading	  *reading = refused->reading;
	TtUnit		   spec = *tt_unit_whole(unit);
	TtOptionFilter filters[TT_MAX_OPTION_FILTERS];
	int			   without = spec.without;
	int			   n;

	if (unit->trial == 0)
		return;
	unit->trial = 0;
	spec.without = reading->query->without;
	n = unit_filters(reading, &spec, filters);
	for (int i = 0; i < n; i++)
		if ((filters[i].bit & without) != 0)
			leave_out(reading, &filters[i], refused->message);
}
