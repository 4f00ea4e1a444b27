/*
 * periods.c
 *	  Which weeks, months or periods a report is asked for.
 *
 * A period is asked for as a whole or not at all: what the API counts in a part
 * of it cannot be added to the rest.  So a period that begins before what the
 * table holds (option start_date) is left out, and one that goes on is asked for
 * up to the last day there is, which its column covered_to tells.
 */
#include "postgres.h"

#include "query/query_private.h"

#include "qual/days.h"
#include "utils/builtins.h"

/* Weeks or months that begin on the days that conditions leave. */
static int
calendar_periods(const TtTable *table, const TtBounds *bounds, bool has_start, TtDay start,
				 TtDay last_day, TtDays **periods)
{
	TtDays *days;
	TtDays *found;
	int		n = tt_bounds_days(bounds, table->stream, has_start, start, last_day, &days);

	if (n <= 0)
		return n;
	n = tt_periods(table->stream->report.grain, days, n, &found);
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	*periods = palloc(sizeof(TtDays) * Max(n, 1));
	memcpy(*periods, found, sizeof(TtDays) * n);
	free(found);
	return n;
}

/* The stream that has the same rows by month, as what to write in a hint. */
static const char *
monthly_twin(const TtTable *table)
{
	const TtReport *own = &table->stream->report;

	for (int i = 0; i < tt_stream_count(); i++)
	{
		const TtStream *stream = tt_stream_at(i);
		const TtReport *report = &stream->report;

		if (stream->kind == TT_KIND_REPORT && report->grain == TT_GRAIN_MONTH &&
			strcmp(report->report_type, own->report_type) == 0 && report->level == own->level &&
			report->ndimensions == own->ndimensions &&
			tt_report_has_dimension(report, own->dimensions[0]))
			return psprintf("stream \"%s\"", stream->name);
	}
	return "a table of the same report with the option grain 'month'";
}

static void
check_length(const TtTable *table, TtDays period)
{
	int64 length = (int64) period.to - period.from + 1;
	char  from[16];
	char  to[16];

	if (length <= TT_UNDATED_DAYS)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("foreign table %s cannot be asked for a period of more than %d days",
					table->name, TT_UNDATED_DAYS),
			 errdetail("%s to %s are " INT64_FORMAT " days. The TikTok API counts no longer period, and the counts of two cannot be added.",
					   tt_day_format(period.from, from), tt_day_format(period.to, to), length),
			 errhint("Ask for at most %d days, or for one month after the other from %s.",
					 TT_UNDATED_DAYS, monthly_twin(table))));
}

/* Each first day with each last one. */
static int
own_periods(const TtTable *table, const TtOptions *options, const TtBounds *bounds,
			TtDay last_day, TtDays **periods)
{
	const TtDaySet *firsts = &bounds->first_days;
	const TtDaySet *lasts = &bounds->last_days;
	int				n = 0;

	*periods = NULL;
	if (bounds->nothing)
		return 0;
	if (!firsts->given || !lasts->given)
		return -1;
	*periods = palloc(sizeof(TtDays) * Max(firsts->n * lasts->n, 1));
	for (int i = 0; i < firsts->n; i++)
		for (int k = 0; k < lasts->n; k++)
		{
			TtDays period = {firsts->days[i], lasts->days[k]};

			if (period.to < period.from || period.from > last_day || period.to < TT_FIRST_DAY ||
				(options->has_start_date && period.from < options->start_date))
				continue;
			check_length(table, period);
			(*periods)[n++] = period;
		}
	return n;
}

int
tt_query_periods(const TtTable *table, const TtOptions *options, const TtBounds *bounds,
				 TtDay last_day, TtDays **periods)
{
	if (table->stream->report.grain == TT_GRAIN_PERIOD)
		return own_periods(table, options, bounds, last_day, periods);
	return calendar_periods(table, bounds, options->has_start_date, options->start_date, last_day,
							periods);
}

int
tt_query_assumed_periods(const TtTable *table, const TtBounds *bounds, TtDay last_day,
						 TtDays **periods)
{
	TtGrain grain = table->stream->report.grain;
	TtDay	first = tt_period_begin(grain, last_day - TT_ASSUMED_DAYS + 1);

	if (grain != TT_GRAIN_PERIOD)
		return calendar_periods(table, bounds, true, first, last_day, periods);
	*periods = palloc(sizeof(TtDays));
	(*periods)[0].from = last_day - TT_ASSUMED_DAYS + 1;
	(*periods)[0].to = last_day;
	return 1;
}

/* What the table calls the column of a value; NULL: it has none. */
static const char *
period_column(const TtTable *table, TtPeriodValue value)
{
	for (int i = 0; i < table->natts; i++)
		if (!table->columns[i].dropped && table->columns[i].period != NULL &&
			table->columns[i].period->value == value)
			return table->columns[i].name;
	return NULL;
}

void
tt_query_missing_period(const TtTable *table, const TtBounds *bounds)
{
	bool		from_given = bounds->first_days.given;
	bool		to_given = bounds->last_days.given;
	const char *from = period_column(table, TT_PERIOD_FROM);
	const char *to = period_column(table, TT_PERIOD_TO);

	if (from == NULL || to == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
				 errmsg("foreign table %s has no column \"%s\"", table->name,
						from == NULL ? "start_date" : "end_date"),
				 errhint("ALTER FOREIGN TABLE %s ADD COLUMN %s date;", table->name,
						 from == NULL ? "start_date" : "end_date")));
	from = quote_identifier(from);
	to = quote_identifier(to);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
			 errmsg("foreign table %s needs to know the period", table->name),
			 errdetail("The API counts over the days that it is asked for, so \"%s\" and \"%s\" must each be equal to something.",
					   from, to),
			 from_given || to_given
				 ? errhint("Add a condition such as %s = %s.", from_given ? to : from,
						   from_given ? "current_date - 1" : "current_date - 28")
				 : errhint("Add conditions such as WHERE %s = current_date - 28 AND %s = current_date - 1.",
						   from, to)));
}
