/*
 * probe.c
 *	  Finding out which metric the API refuses, when it does not say.
 *
 * "Conflict occurs. The input params including metrics and dimensions have no
 * relation." names nobody.  So requests of one row find the shortest run of the
 * metrics, from the first, that is refused (log2 n of them): its last metric
 * does not go with the dimensions, or with the metrics before it, and is no
 * longer asked for.  What waits for the answer is not sent in the meantime; if
 * it is refused again, there is another one to be found.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

/* names of the slice of which n are not refused */
static int
prefix_length(const TtQuery *query, int first, int n)
{
	int length = 0;

	for (; n > 0; length++)
		n -= !query->refused[first + length];
	return length;
}

static void
block(TtFetch *fetch, TtFetchJob *job)
{
	dlist_delete(&job->node);
	dlist_push_tail(&fetch->probe.blocked, &job->node);
}

void
tt_probe_cancel(TtFetch *fetch)
{
	fetch->probe.unit = NULL;
	while (!dlist_is_empty(&fetch->probe.blocked))
	{
		TtFetchJob *job = dlist_container(TtFetchJob, node,
										  dlist_pop_head_node(&fetch->probe.blocked));

		job->tries = 0;
		dlist_push_tail(&fetch->waiting, &job->node);
	}
}

/* Ask for the run between what goes and what does not. */
static void
ask(TtFetch *fetch)
{
	TtProbe *probe = &fetch->probe;
	int		 n = probe->good + (probe->bad - probe->good) / 2;

	probe->asked = n;
	probe->unit->unit.names.n = prefix_length(fetch->query, probe->unit->unit.names.first, n);
	tt_unit_restart(fetch, probe->unit);
}

bool
tt_probe_start(TtFetch *fetch, TtFetchJob *job, const char *message)
{
	TtProbe		*probe = &fetch->probe;
	TtFetchUnit *unit = job->unit;
	TtUnit		 spec = unit->unit;
	TtFetchUnit	 like = *unit;

	if (probe->useless)
		return false;
	if (probe->unit == NULL)
	{
		strlcpy(probe->message, message, sizeof(probe->message));
		probe->good = -1;
		probe->bad = tt_unit_names(fetch->query, &spec);
		/* not even the least is known to go: that is a run of none */
		spec.names.n = 0;
		like.max_rows = 1;
		probe->unit = tt_unit_begin(fetch, &spec, &like);
		ask(fetch);
	}
	block(fetch, job);
	return true;
}

void
tt_probe_answer(TtFetch *fetch, bool good)
{
	TtProbe *probe = &fetch->probe;
	TtQuery *query = fetch->query;
	int		 first = probe->unit->unit.names.first;
	int		 culprit;

	fetch->stats->retries++;
	if (good)
		probe->good = probe->asked;
	else
		probe->bad = probe->asked;
	if (probe->bad - probe->good > 1)
	{
		ask(fetch);
		return;
	}
	if (probe->bad == 0)
	{
		/* no metric's fault */
		probe->useless = true;
		tt_unit_drop(fetch, probe->unit);
		return;
	}
	culprit = first + prefix_length(query, first, probe->bad) - 1;
	tt_metric_refused(fetch, culprit, probe->message);
	tt_unit_drop(fetch, probe->unit);
}
