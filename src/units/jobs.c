/*
 * jobs.c
 *	  Jobs: each is one request for one page of one unit, sent until it is answered.
 */
#include "postgres.h"

#include "units/units_private.h"

static int64 session_requests = 0;

int64
tt_jobs_of_session(void)
{
	return session_requests;
}

void
tt_job_add(TtReading *reading, TtFetchUnit *unit)
{
	TtFetchJob *job = MemoryContextAllocZero(reading->context, sizeof(TtFetchJob));

	job->unit = unit;
	job->page = unit->next_page++;
	unit->jobs++;
	reading->njobs++;
	dlist_push_tail(&reading->waiting, &job->node);
}

void
tt_job_postpone(TtReading *reading, TtFetchJob *job, int64 wait_ms)
{
	job->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_ms);
	dlist_delete(&job->node);
	dlist_push_tail(&reading->waiting, &job->node);
}

void
tt_job_renew(TtReading *reading, TtFetchJob *job)
{
	job->tries = 0;
	dlist_delete(&job->node);
	dlist_push_head(&reading->waiting, &job->node);
}

void
tt_job_block(TtReading *reading, TtFetchJob *job)
{
	dlist_delete(&job->node);
	dlist_push_tail(&reading->blocked, &job->node);
}

void
tt_jobs_unblock(TtReading *reading)
{
	while (!dlist_is_empty(&reading->blocked))
	{
		TtFetchJob *job = dlist_container(TtFetchJob, node,
										  dlist_pop_head_node(&reading->blocked));

		job->tries = 0;
		dlist_push_tail(&reading->waiting, &job->node);
	}
}

void
tt_job_count(TtReading *reading, const TtFetchJob *job, TtRequestCounters *delta)
{
	session_requests++;
	reading->stats->requests++;
	delta->requests = 1;
	delta->retries = job->tries > 1;
	tt_counters_add(&reading->budget, reading->query->stream->endpoint->path, delta);
}

void
tt_job_count_given_up(TtReading *reading, const TtFetchJob *job)
{
	TtRequestCounters delta = {0};

	if (job->transfer != NULL && job->sent)
		tt_job_count(reading, job, &delta);
}

void
tt_job_free(TtReading *reading, TtFetchJob *job)
{
	tt_job_count_given_up(reading, job);
	tt_budget_answered(&job->grant, TT_BUDGET_ANSWER_NONE);
	if (job->transfer != NULL)
		tt_http_release(job->transfer);
	dlist_delete(&job->node);
	job->unit->jobs--;
	reading->njobs--;
	pfree(job);
}

void
tt_jobs_drop(TtReading *reading, const TtFetchUnit *unit)
{
	dlist_head *const lists[] = {&reading->waiting, &reading->flying, &reading->blocked};

	for (int i = 0; i < lengthof(lists); i++)
	{
		dlist_mutable_iter iter;

		dlist_foreach_modify(iter, lists[i])
		{
			TtFetchJob *job = dlist_container(TtFetchJob, node, iter.cur);

			if (job->unit == unit)
				tt_job_free(reading, job);
		}
	}
}
