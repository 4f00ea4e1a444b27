/*
 * refused.c
 *	  What is left out when the API refuses a parameter.
 *
 * Metrics and fields that the message names, the order, conditions: if need be
 * one after the other, as long as the rows stay right.  What cannot be left out
 * is an error.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include <ctype.h>

#include "failure/failure.h"
#include "table/refusals.h"
#include "options/settings.h"
#include "utils/formatting.h"

/* whether text names a word that is not part of a longer one */
bool
tt_names_word(const char *message, const char *word, bool *quoted)
{
	size_t n = strlen(word);

	*quoted = false;
	for (const char *p = strstr(message, word); p != NULL; p = strstr(p + 1, word))
	{
		char before = p > message ? p[-1] : ' ';
		char after = p[n];

		if (isalnum((unsigned char) before) || before == '_' ||
			isalnum((unsigned char) after) || after == '_')
			continue;
		*quoted = before != '\0' && strchr("'\"`[", before) != NULL;
		return true;
	}
	return false;
}

/*
 * What a message says before it lists what is valid ("metrics.2: Must be one
 * of: spend, ..."): the names of that list are not refused.
 */
static const char *
before_valid_names(const char *message)
{
	static const char *const lists[] = {
		"be one of", "not one of", "expected one of", "valid metrics", "valid values",
		"valid fields", "valid options", "supported metrics", "supported values",
		"supported fields", "allowed metrics", "allowed values", "allowed fields",
		"available metrics", "permitted values", "choose from"};
	char *text = pstrdup(message);
	char *lower = asc_tolower(message, strlen(message));

	for (int i = 0; i < lengthof(lists); i++)
		for (char *p = strstr(lower, lists[i]); p != NULL; p = strstr(p + 1, lists[i]))
		{
			/* "invalid metrics: cpm", "not supported metrics: cpm" */
			if ((p > lower && isalnum((unsigned char) p[-1])) ||
				(p - lower >= 4 && strncmp(p - 4, "not ", 4) == 0))
				continue;
			text[p - lower] = '\0';
			break;
		}
	return text;
}

/* Whether a report's unit asks for no more than it must. */
static bool
asks_least(const TtQuery *query, const TtUnit *unit)
{
	if (tt_unit_names(query, unit) > 1)
		return false;
	for (int i = unit->names.first; i < unit->names.first + unit->names.n; i++)
		if (!query->refused[i] && strcmp(query->names[i], TT_LAST_METRIC) != 0)
			return false;
	return true;
}

void
tt_metric_refused(TtFetch *fetch, int i, const char *message)
{
	TtQuery	   *query = fetch->query;
	const char *name = query->names[i];
	bool		ordered = query->order_field != NULL && strcmp(query->order_field, name) == 0;
	bool		fatal = tt_snapshot_refresh || tt_metric_find(name) == NULL ||
				 (ordered && fetch->handed_on);

	ereport(fatal ? ERROR : WARNING,
			(errcode(fatal ? ERRCODE_INVALID_PARAMETER_VALUE
						   : ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
			 fatal ? errmsg("the TikTok API refuses metric \"%s\" for foreign table %s", name,
							fetch->table->name)
				   : errmsg("the TikTok API refuses metric \"%s\" for foreign table \"%s\"; it reads as NULL",
							name, fetch->table->name),
			 errdetail("The API says: %s", tt_redact(fetch->options, message)),
			 fatal ? errhint("Leave the column out, or drop it from the foreign table.") : 0));
	query->refused[i] = true;
	tt_refusal_note(fetch->table->relid, name);
	/* without it all its values are NULL, and any order of them is right */
	if (ordered)
		query->order_field = NULL;
}

static bool
drop_order(TtFetch *fetch, TtFetchUnit *unit)
{
	if (fetch->query->order_field == NULL || tt_unit_handed_on(unit))
		return false;
	tt_order_lose(fetch);
	fetch->stats->retries++;
	tt_unit_restart(fetch, unit);
	return true;
}

/*
 * A metric that the catalogue knows and the API refuses is no longer asked
 * for, and reads as NULL.  Returns whether there was one, or *probing: it is not
 * known which.  A name that is an ordinary word ("result") counts only if the
 * message speaks of metrics.
 */
static bool
drop_refused_metrics(TtFetch *fetch, TtFetchJob *job, const TtFailure *failure,
					 bool *probing)
{
	TtQuery	   *query = fetch->query;
	const char *message = failure->reply->message;
	bool		about_metrics = strstr(message, "metric") != NULL ||
						 strstr(message, "Metric") != NULL;
	const char *refusal;
	bool		named = false;
	bool		dropped = false;

	if (query->stream->kind != TT_KIND_REPORT || !query->send_names)
		return false;
	/* another job may have dropped what this one asked for: then just ask again */
	if (job->nnames > tt_unit_names(query, &job->unit->unit))
		return true;
	if (asks_least(query, &job->unit->unit))
		return false;
	refusal = before_valid_names(message);
	for (int i = 0; i < query->nnames; i++)
	{
		const char *name = query->names[i];
		bool		quoted;

		if (query->refused[i] || !tt_names_word(refusal, name, &quoted) ||
			!(about_metrics || quoted || strchr(name, '_') != NULL))
			continue;
		named = true;
		if (tt_metric_find(name) == NULL)
			continue;
		tt_metric_refused(fetch, i, message);
		dropped = true;
	}
	/* each run would ask for the metric that orders the rows, too */
	if (!named && about_metrics && drop_order(fetch, job->unit))
	{
		*probing = true;
		return true;
	}
	if (named || !about_metrics || !tt_probe_start(fetch, job, message))
		return dropped;
	*probing = true;
	return true;
}

/*
 * A field that the catalogue knows and the API refuses by name: ask for whole
 * rows instead.  Returns whether that may help.
 */
static bool
drop_refused_fields(TtFetch *fetch, TtFetchJob *job, const TtFailure *failure)
{
	TtQuery	   *query = fetch->query;
	const char *message = failure->reply->message;

	if (query->stream->kind == TT_KIND_REPORT || job->nnames == 0)
		return false;
	for (int i = 0; i < query->nnames && query->send_names; i++)
	{
		bool quoted;

		if (tt_names_word(message, query->names[i], &quoted) &&
			(quoted || strchr(query->names[i], '_') != NULL ||
			 strstr(message, "field") != NULL))
			query->send_names = false;
	}
	return !query->send_names;
}

/*
 * What was thought to be enough rows may not be: conditions or the order are
 * gone.  Units that begin (again) from now on read whole pages.
 */
void
tt_forget_row_bound(TtFetch *fetch)
{
	fetch->query->row_bound = 0;
	fetch->query->page_size = tt_query_page_size(fetch->query->stream, fetch->options);
}

void
tt_order_lose(TtFetch *fetch)
{
	if (fetch->query->order_field == NULL)
		return;
	fetch->query->order_field = NULL;
	fetch->query->order_refused = true;
	tt_forget_row_bound(fetch);
}

/*
 * Ask without the conditions, where they are rechecked.  One that is cut into
 * batches stays as long as it may: each batch without it would give all rows.
 * If it is what is refused, everything is asked for again in one piece.
 */
static bool
drop_conditions(TtFetch *fetch, TtFetchUnit *unit)
{
	TtQuery *query = fetch->query;
	bool	 batched = tt_unit_cut_by_values(query, fetch->units, &unit->unit);

	if (query->nconditions == 0 || query->exact || tt_unit_handed_on(unit))
		return false;
	if (!unit->plain && query->nconditions > batched)
	{
		unit->plain = true;
		tt_forget_row_bound(fetch);
		tt_unit_restart(fetch, unit);
	}
	else if (batched && !fetch->handed_on)
	{
		tt_forget_row_bound(fetch);
		query->nconditions = 0;
		tt_fetch_restart(fetch);
	}
	else
		return false;
	fetch->stats->retries++;
	return true;
}

/*
 * A refused parameter: metrics, fields, the order, conditions and filters of
 * options can be left out, if need be one after the other; otherwise it is an
 * error.  The latter, which cost rows, are only suspected when nothing else is.
 */
void
tt_parameter_refused(TtFetch *fetch, TtFetchJob *job, const TtFailure *failure)
{
	const char *message = failure->reply->message;
	bool		ordered = fetch->query->order_field != NULL;
	bool		probing = false;

	if (job->unit == fetch->probe.unit)
	{
		tt_probe_answer(fetch, false);
		return;
	}
	if ((strstr(message, "order_field") != NULL || strstr(message, "order_type") != NULL) &&
		drop_order(fetch, job->unit))
		return;
	if (tt_filter_refused(fetch, job->unit, message))
		return;
	if (drop_refused_metrics(fetch, job, failure, &probing) ||
		drop_refused_fields(fetch, job, failure))
	{
		if (probing)
			return;
		if (ordered && fetch->query->order_field == NULL)
		{
			tt_forget_row_bound(fetch);
			tt_unit_restart(fetch, job->unit);
			return;
		}
		job->tries = 0;
		dlist_delete(&job->node);
		dlist_push_head(&fetch->waiting, &job->node);
		return;
	}
	if (!drop_conditions(fetch, job->unit) && !drop_order(fetch, job->unit) &&
		!tt_filters_try(fetch, job->unit, message))
		tt_failure_raise(failure);
}
