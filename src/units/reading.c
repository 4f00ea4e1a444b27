/*
 * reading.c
 *	  A query being read, as a whole: its beginning, what is given up, its end.
 */
#include "postgres.h"

#include "units/units_private.h"

#include "utils/memutils.h"

void
tt_reading_init(TtReading *reading, const TtTable *table, const TtOptions *options,
				TtQuery *query, const TtProjection *projection, TtFetchStats *stats)
{
	memset(reading, 0, sizeof(*reading));
	reading->context = CurrentMemoryContext;
	reading->table = table;
	reading->options = options;
	reading->query = query;
	reading->stats = stats;
	reading->max_days = PG_INT32_MAX;
	reading->max_values = PG_INT32_MAX;
	reading->max_names = TT_MAX_METRICS;
	dlist_init(&reading->active);
	dlist_init(&reading->waiting);
	dlist_init(&reading->flying);
	dlist_init(&reading->blocked);
	dlist_init(&reading->ready);
	tt_verify_init(&reading->verify, reading->context, query, projection);
	tt_idle_init(reading);
}

/* What is named where the endpoint names no account. */
static void
leave_out_second(const TtReading *reading)
{
	TtQuery	 *query = reading->query;
	TtSecond *second = MemoryContextAlloc(MemoryContextGetParent(reading->context),
										  sizeof(TtSecond) * (query->nsecond + 1));
	int		  n = 0;

	for (int i = 0; i < query->nsecond; i++)
		if (!tt_skip_known(reading->stats, strtoll(query->second[i].id, NULL, 10), true))
			second[n++] = query->second[i];
	query->second = second;
	query->nsecond = n;
}

/* The query leaves out those that are skipped. */
static void
leave_out_skipped(const TtReading *reading)
{
	TtQuery *query = reading->query;
	int64	*accounts;
	int		 n = 0;

	if (query->stream->endpoint->account_param == TT_ACCOUNT_TOKEN && query->second != NULL &&
		reading->stats->skipped_second > 0)
		leave_out_second(reading);
	if (reading->stats->skipped_accounts == reading->stats->skipped_second)
		return;
	/* the array may be the caller's; the query outlives the fetch */
	accounts = MemoryContextAlloc(MemoryContextGetParent(reading->context),
								  sizeof(int64) * Max(query->naccounts, 1));
	for (int i = 0; i < query->naccounts; i++)
		if (!tt_skip_known(reading->stats, query->accounts[i], false))
			accounts[n++] = query->accounts[i];
	query->accounts = accounts;
	query->naccounts = n;
}

void
tt_reading_start(TtReading *reading)
{
	TtQuery *query = reading->query;

	Assert(!reading->handed_on);
	while (!dlist_is_empty(&reading->active))
		tt_unit_drop(reading, dlist_head_element(TtFetchUnit, node, &reading->active));
	/* what is left is of finished units */
	tt_pages_drop_all(reading);
	leave_out_skipped(reading);
	tt_reading_free_units(reading);
	reading->units = tt_units_create(query);
	if (reading->units == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	reading->next_unit = 0;
	if (reading->served == NULL)
		reading->served =
			MemoryContextAllocZero(reading->context, Max(query->naccounts, query->nsecond) + 1);
	tt_verify_start(&reading->verify, reading->units);
}

static TtFetchUnit *
unit_of_owner(TtReading *reading, int64 owner)
{
	dlist_iter iter;

	dlist_foreach(iter, &reading->active)
	{
		TtFetchUnit *unit = dlist_container(TtFetchUnit, node, iter.cur);

		if (tt_unit_owner(reading->query, &unit->unit) == owner)
			return unit;
	}
	return NULL;
}

void
tt_reading_give_up(TtReading *reading, int64 owner)
{
	TtFetchUnit *unit;

	tt_pages_drop_owner(reading, owner);
	while ((unit = unit_of_owner(reading, owner)) != NULL)
		tt_unit_drop(reading, unit);
}

void
tt_reading_free_units(TtReading *reading)
{
	tt_units_free(reading->units);
	reading->units = NULL;
}

void
tt_reading_end(TtReading *reading)
{
	dlist_iter iter;

	dlist_foreach(iter, &reading->flying)
		tt_job_count_given_up(reading, dlist_container(TtFetchJob, node, iter.cur));
	tt_verify_end(&reading->verify);
}
