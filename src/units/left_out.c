/*
 * left_out.c
 *	  Rows that leave a page before it is handed on, although the API gave them.
 *
 * They were asked for, and the totals count them: so they go last, when the page
 * was found to be complete.
 */
#include "postgres.h"

#include "units/units_private.h"

#include "table/refusals.h"

void
tt_unit_leave_out_rows(const TtReading *reading, TtFetchUnit *unit, TtReply *reply)
{
	int kept = 0;

	for (int row = 0; row < reply->nrows; row++)
		if (!tt_row_is_hourless(&reading->verify, reply, row))
			tt_reply_move_row(reply, row, kept++);
	/* each part of a unit has the row */
	if (unit->part == 0)
		unit->hourless += reply->nrows - kept;
	reply->nrows = kept;
}

/* ---- rows in which nothing happened ----------------------------------------- */

/*
 * Without a time dimension the API lists every id there is, with zeros where
 * nothing was delivered.  Some metrics are always asked for (tt_idle_metric), so that
 * whether a row is one depends as little as may be on the columns that a query
 * reads; but a row with a value that was asked for is none.  Totals are checked before: the API
 * counts these rows.
 */

#define METRICS "metrics."

/* Each metric that is asked for counts. */
static void
add_metrics(TtReading *reading)
{
	const TtProjection *projection = reading->verify.projection;

	for (int slot = 0; slot < projection->npaths; slot++)
	{
		const TtMetric *metric = NULL;

		if (strncmp(projection->paths[slot], METRICS, strlen(METRICS)) == 0)
			metric = tt_metric_find(projection->paths[slot] + strlen(METRICS));
		if (metric != NULL && !metric->attribute)
			reading->idle_slots[reading->nidle++] = slot;
	}
}

/* The metrics of columns that are read, without those only rows are judged by. */
static void
find_summed(TtReading *reading)
{
	const TtTable *table = reading->table;

	reading->summed = palloc(sizeof(TtTableColumn *) * Max(table->natts, 1));
	for (int i = 0; i < table->natts; i++)
		if (reading->verify.projection->slots[i] >= 0 && table->columns[i].metric != NULL &&
			!table->columns[i].metric->attribute)
			reading->summed[reading->nsummed++] = &table->columns[i];
}

void
tt_idle_init(TtReading *reading)
{
	const TtProjection *projection = reading->verify.projection;

	if (!reading->query->leave_out_idle || reading->query->totals_only)
		return;
	reading->idle_slots = palloc(sizeof(int) * projection->npaths);
	add_metrics(reading);
	if (reading->query->adds_up)
		find_summed(reading);
}

/* 0, 0.00, and what stands for no value; "<5" is a few. */
static bool
is_nothing(const TtValue *value)
{
	if (value->kind <= TT_VALUE_NULL)
		return true;
	if (value->kind != TT_VALUE_STRING && value->kind != TT_VALUE_NUMBER)
		return false;
	return value->text[strspn(value->text, "0.")] == '\0' || strcmp(value->text, "-") == 0;
}

static bool
is_idle(const TtReading *reading, const TtReply *reply, int row)
{
	for (int i = 0; i < reading->nidle; i++)
		if (!is_nothing(tt_reply_value(reply, row, reading->idle_slots[i])))
			return false;
	return true;
}

/* No value in a sum of something: the days may have one, and NULL adds nothing. */
static void
check_summed(const TtReading *reading, const TtReply *reply, int row)
{
	const TtTable *table = reading->table;

	for (int i = 0; i < reading->nsummed; i++)
	{
		const TtTableColumn *column = reading->summed[i];
		int					 slot = reading->verify.projection->slots[column - table->columns];
		const TtValue		*value = tt_reply_value(reply, row, slot);

		if (value->kind == TT_VALUE_STRING && strcmp(value->text, "-") == 0)
			tt_sums_refused(table, column->metric_name,
							psprintf("gives no value of metric \"%s\"", column->metric_name),
							"A row in which something happened has \"-\", where the days may have a number.");
	}
}

void
tt_idle_leave_out(TtReading *reading, TtReply *reply)
{
	int kept = 0;

	if (reading->nidle == 0)
		return;
	for (int row = 0; row < reply->nrows; row++)
	{
		if (is_idle(reading, reply, row))
			continue;
		check_summed(reading, reply, row);
		tt_reply_move_row(reply, row, kept++);
	}
	reading->stats->idle += reply->nrows - kept;
	reply->nrows = kept;
}
