/*
 * idle.c
 *	  Rows in which nothing happened.
 *
 * Without a time dimension the API lists every id there is, with zeros where
 * nothing was delivered.  By which metrics that is judged is always the same
 * (tt_idle_metric), so they are always asked for: whether a row is one must not
 * depend on the columns that a query reads.  Totals are checked before: the API
 * counts these rows.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#define METRICS "metrics."

/*
 * Of sums that are added up further no row may be missing that has something to
 * add, so each metric counts.
 */
static void
add_metrics(TtFetch *fetch)
{
	const TtProjection *projection = fetch->projection;

	for (int slot = 0; slot < projection->npaths; slot++)
	{
		const TtMetric *metric = NULL;

		if (strncmp(projection->paths[slot], METRICS, strlen(METRICS)) == 0)
			metric = tt_metric_find(projection->paths[slot] + strlen(METRICS));
		if (metric != NULL && !metric->attribute)
			fetch->idle_slots[fetch->nidle++] = slot;
	}
}

void
tt_idle_init(TtFetch *fetch)
{
	const TtProjection *projection = fetch->projection;

	if (!fetch->query->leave_out_idle || fetch->query->totals_only)
		return;
	fetch->idle_slots = palloc(sizeof(int) * projection->npaths);
	if (fetch->query->adds_up)
	{
		add_metrics(fetch);
		return;
	}
	for (int i = 0; tt_idle_metric(i) != NULL; i++)
		for (int slot = 0; slot < projection->npaths; slot++)
			if (strncmp(projection->paths[slot], METRICS, strlen(METRICS)) == 0 &&
				strcmp(projection->paths[slot] + strlen(METRICS), tt_idle_metric(i)) == 0)
			{
				fetch->idle_slots[fetch->nidle++] = slot;
				break;
			}
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
is_idle(const TtFetch *fetch, const TtReply *reply, int row)
{
	for (int i = 0; i < fetch->nidle; i++)
		if (!is_nothing(tt_reply_value(reply, row, fetch->idle_slots[i])))
			return false;
	return true;
}

void
tt_idle_leave_out(TtFetch *fetch, TtReply *reply)
{
	int kept = 0;

	if (fetch->nidle == 0)
		return;
	for (int row = 0; row < reply->nrows; row++)
	{
		if (is_idle(fetch, reply, row))
			continue;
		if (kept < row)
			memcpy(reply->values + (size_t) kept * reply->nslots,
				   reply->values + (size_t) row * reply->nslots,
				   sizeof(TtValue) * reply->nslots);
		kept++;
	}
	fetch->stats->idle += reply->nrows - kept;
	reply->nrows = kept;
}
