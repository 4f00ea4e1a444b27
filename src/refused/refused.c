/*
 * refused.c
 *	  What is left out when the API refuses a parameter: in which order it is tried.
 *
 * Metrics and fields that the message names, the order, conditions: if need be
 * one after the other, as long as the rows stay right.  What cannot be left out
 * is an error.
 */
#include "postgres.h"

#include "refused/refused_private.h"

void
tt_refused_init(TtRefused *refused, TtReading *reading)
{
	memset(refused, 0, sizeof(*refused));
	refused->reading = reading;
	tt_metrics_tell(reading);
	tt_filters_tell(reading);
}

/* Whether a report's unit asks for no more than it must. */
static bool
asks_least(const TtQuery *query, const TtUnit *unit)
{
	const char *last = tt_stream_last_metric(query->stream);

	if (tt_unit_names(query, unit) > 1)
		return false;
	for (int i = unit->names.first; i < unit->names.first + unit->names.n; i++)
		if (!query->refused[i] && strcmp(query->names[i], last) != 0)
			return false;
	return true;
}

static bool
drop_order(TtReading *reading, TtFetchUnit *unit)
{
	if (reading->query->order_field == NULL || tt_unit_handed_on(unit))
		return false;
	tt_order_lose(reading);
	reading->stats->retries++;
	tt_unit_restart(reading, unit);
	return true;
}

/*
 * Ask without the metrics that a message names and the catalogue knows; named:
 * whether it names any.  Returns whether one was dropped.  A name that is an
 * ordinary word ("result") counts only if the message speaks of metrics.
 */
static bool
drop_named_metrics(TtReading *reading, const char *message, bool about_metrics, bool *named)
{
	TtQuery	   *query = reading->query;
	const char *refusal = tt_message_before_valid(message);
	bool		dropped = false;

	*named = false;
	for (int i = 0; i < query->nnames; i++)
	{
		const char *name = query->names[i];
		bool		quoted;

		if (query->refused[i] || !tt_message_names(refusal, name, &quoted) ||
			!(about_metrics || quoted || strchr(name, '_') != NULL))
			continue;
		*named = true;
		if (!tt_stream_knows_metric(query->stream, name))
			continue;
		tt_metric_refused(reading, i, message);
		dropped = true;
	}
	return dropped;
}

/*
 * A metric that the catalogue knows and the API refuses is no longer asked
 * for, and reads as NULL.  Returns whether there was one, or *searching: it is not
 * known which.
 */
static bool
drop_refused_metrics(TtRefused *refused, TtFetchJob *job, const char *message,
					 bool *searching)
{
	TtReading	 *reading = refused->reading;
	TtQuery		 *query = reading->query;
	const TtUnit *unit = &job->unit->unit;
	bool		  about_metrics = strstr(message, "metric") != NULL ||
						 strstr(message, "Metric") != NULL;
	bool named;
	bool dropped;

	if (query->stream->kind != TT_KIND_REPORT || !query->send_names)
		return false;
	/* another job may have dropped what this one asked for: then just ask again */
	if (job->nnames > tt_unit_names(query, unit))
		return true;
	if (asks_least(query, unit))
		return false;
	dropped = drop_named_metrics(reading, message, about_metrics, &named);
	/* each run would ask for the metric that orders the rows, too */
	*searching = !named && about_metrics &&
				 (drop_order(reading, job->unit) ||
				  tt_conflict_search_start(refused, job, message));
	return dropped || *searching;
}

/*
 * A field that the catalogue knows and the API refuses by name: ask for whole
 * rows instead.  Returns whether that may help.
 */
static bool
drop_refused_fields(TtQuery *query, const TtFetchJob *job, const char *message)
{
	if (query->stream->kind == TT_KIND_REPORT || job->nnames == 0)
		return false;
	for (int i = 0; i < query->nnames && query->send_names; i++)
	{
		bool quoted;

		if (tt_message_names(message, query->names[i], &quoted) &&
			(quoted || strchr(query->names[i], '_') != NULL ||
			 strstr(message, "field") != NULL))
			query->send_names = false;
	}
	return !query->send_names;
}

/*
 * Ask without the conditions, where they are rechecked.  One that is cut into
 * batches stays as long as it may: each batch without it would give all rows.
 * If it is what is refused, everything is asked for again in one piece.
 */
static TtRefusedVerdict
drop_conditions(TtReading *reading, TtFetchUnit *unit)
{
	TtQuery *query = reading->query;
	bool	 batched = tt_unit_cut_by_values(query, reading->units, &unit->unit);

	if (query->nconditions == 0 || query->exact || tt_unit_handed_on(unit))
		return TT_REFUSED_FINAL;
	if (!unit->plain && query->nconditions > batched)
	{
		unit->plain = true;
		reading->stats->retries++;
		tt_row_bound_forget(reading);
		tt_unit_restart(reading, unit);
		return TT_REFUSED_ASKED_ANEW;
	}
	if (batched && !reading->handed_on)
	{
		query->nconditions = 0;
		reading->stats->retries++;
		tt_row_bound_forget(reading);
		return TT_REFUSED_START_OVER;
	}
	return TT_REFUSED_FINAL;
}

/* Ask for the same page without names that are dropped by now. */
static void
ask_without_names(TtReading *reading, TtFetchJob *job, bool order_lost)
{
	if (!order_lost)
	{
		tt_job_renew(reading, job);
		return;
	}
	tt_row_bound_forget(reading);
	tt_unit_restart(reading, job->unit);
}

/*
 * Metrics, fields, the order, conditions and filters of options can be left out, if
 * need be one after the other.  The latter, which cost rows, are only suspected
 * when nothing else is.
 */
TtRefusedVerdict
tt_refused_parameter(TtRefused *refused, TtFetchJob *job, const TtFailure *failure)
{
	TtReading		*reading = refused->reading;
	TtFetchUnit		*unit = job->unit;
	const char		*message = failure->reply->message;
	bool			 ordered = reading->query->order_field != NULL;
	bool			 searching = false;
	TtRefusedVerdict verdict;

	if (tt_conflict_search_of(refused, unit))
	{
		tt_conflict_search_answered(refused, false);
		return TT_REFUSED_ASKED_ANEW;
	}
	if ((strstr(message, "order_field") != NULL || strstr(message, "order_type") != NULL) &&
		drop_order(reading, unit))
		return TT_REFUSED_ASKED_ANEW;
	if (tt_filter_refused(refused, unit, message))
		return TT_REFUSED_ASKED_ANEW;
	if (drop_refused_metrics(refused, job, message, &searching) ||
		drop_refused_fields(reading->query, job, message))
	{
		if (!searching)
			ask_without_names(reading, job, ordered && reading->query->order_field == NULL);
		return TT_REFUSED_ASKED_ANEW;
	}
	verdict = drop_conditions(reading, unit);
	if (verdict == TT_REFUSED_FINAL &&
		(drop_order(reading, unit) || tt_filters_try(refused, unit, message)))
		verdict = TT_REFUSED_ASKED_ANEW;
	return verdict;
}

bool
tt_refused_answered(TtRefused *refused, TtFetchUnit *unit)
{
	if (tt_conflict_search_of(refused, unit))
	{
		tt_conflict_search_answered(refused, true);
		return true;
	}
	tt_filters_answered(refused, unit);
	return false;
}
