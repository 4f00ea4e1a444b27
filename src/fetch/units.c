/*
 * units.c
 *	  The units that are being read: beginning, restarting, ending them.
 *
 * A unit that wants more metrics than a request may have is read in parts, each
 * a unit of its own (join.c puts their rows together).  Parts begin and
 * end together: what is done to one, except its paging, is done to all.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include "common/hashfn.h"

int64
tt_unit_account(const TtFetch *fetch, const TtFetchUnit *unit)
{
	return unit->unit.naccounts == 1 ? fetch->query->accounts[unit->unit.account] : 0;
}

void
tt_job_free(TtFetch *fetch, TtFetchJob *job)
{
	tt_job_count_given_up(fetch, job);
	tt_budget_answered(&job->grant, TT_BUDGET_ANSWER_NONE);
	if (job->transfer != NULL)
		tt_http_release(job->transfer);
	dlist_delete(&job->node);
	job->unit->jobs--;
	fetch->njobs--;
	pfree(job);
}

/* The page that waits longest leaves the queue. */
TtPage *
tt_unit_take(TtFetch *fetch)
{
	TtReadyPage *ready = dlist_container(TtReadyPage, queue_node,
										 dlist_pop_head_node(&fetch->ready));
	TtPage		*page = ready->page;
	TtFetchUnit *unit = ready->unit;

	dlist_delete(&ready->node);
	fetch->nready--;
	pfree(ready);
	tt_unit_release(unit);
	return page;
}

uint64
tt_unit_period_hash(const TtFetch *fetch, const TtFetchUnit *unit)
{
	const TtUnit *spec = &unit->unit;

	if (fetch->query->adds_up)
		return hash_combine64((uint64) spec->days.from, (uint64) spec->days.to);
	if (!tt_report_by_period(&fetch->query->stream->report))
		return 0;
	return hash_combine64((uint64) spec->days.from, (uint64) spec->period_to);
}

/* The page says what its rows do not: the days that they are of. */
static void
tell_period(const TtFetch *fetch, const TtUnit *spec, TtPage *page)
{
	const TtDay days[TT_PERIOD_VALUES] = {
		[TT_PERIOD_FROM] = spec->days.from,
		[TT_PERIOD_TO] = spec->period_to,
		[TT_PERIOD_COVERED] = spec->days.to,
	};

	if (!tt_report_by_period(&fetch->query->stream->report))
		return;
	for (int i = 0; i < TT_PERIOD_VALUES; i++)
		page->period[i] = tt_day_format(days[i], MemoryContextAlloc(page->context, 16));
}

/* A page waits to be taken, and owns its context from now on. */
void
tt_unit_queue(TtFetch *fetch, TtFetchUnit *unit, TtReply *reply, int number,
			  MemoryContext context)
{
	TtReadyPage *ready = MemoryContextAllocZero(fetch->context, sizeof(TtReadyPage));

	ready->unit = unit;
	ready->page = MemoryContextAllocZero(context, sizeof(TtPage));
	ready->page->reply = reply;
	ready->page->account = tt_unit_account(fetch, unit);
	ready->page->number = number;
	ready->page->context = context;
	tt_idle_leave_out(fetch, reply);
	tell_period(fetch, &unit->unit, ready->page);
	dlist_push_tail(&unit->ready, &ready->node);
	dlist_push_tail(&fetch->ready, &ready->queue_node);
	fetch->nready++;
}

/* Free what was read to its end, when its last page was taken. */
void
tt_unit_release(TtFetchUnit *unit)
{
	if (unit->finished && unit->join == NULL && dlist_is_empty(&unit->ready))
		pfree(unit);
}

void
tt_unit_forget(TtFetchUnit *unit)
{
	if (unit->seen != NULL)
		tt_key_set_free(unit->seen);
	if (unit->again != NULL)
		tt_key_set_free(unit->again);
	unit->seen = NULL;
	unit->again = NULL;
}

static TtFetchUnit *
add_unit(TtFetch *fetch, const TtUnit *spec, const TtFetchUnit *like)
{
	TtFetchUnit *unit = MemoryContextAllocZero(fetch->context, sizeof(TtFetchUnit));

	unit->unit = *spec;
	unit->max_names = like != NULL ? like->max_names : fetch->max_names;
	unit->max_rows = like != NULL ? like->max_rows : 0;
	unit->slow = like != NULL && like->slow;
	unit->plain = like != NULL && like->plain;
	unit->reread = like != NULL && like->reread;
	unit->trial = like != NULL ? like->trial : 0;
	dlist_init(&unit->ready);
	dlist_push_tail(&fetch->active, &unit->node);
	tt_unit_restart(fetch, unit);
	return unit;
}

const TtUnit *
tt_unit_whole(const TtFetchUnit *unit)
{
	return unit->join != NULL ? tt_join_whole(unit->join) : &unit->unit;
}

bool
tt_unit_handed_on(const TtFetchUnit *unit)
{
	return unit->join != NULL ? tt_join_part(unit->join, 0)->handed_on : unit->handed_on;
}

TtFetchUnit *
tt_unit_begin(TtFetch *fetch, const TtUnit *spec, const TtFetchUnit *like)
{
	const TtQuery *query = fetch->query;
	int			   max_names = like != NULL ? like->max_names : fetch->max_names;
	TtUnit		   part = *spec;
	TtJoin		  *join;
	TtFetchUnit	  *first = NULL;

	/* each part is ordered by the same metric, so each asks for it */
	if (query->order_field != NULL && max_names > 1)
		max_names--;
	if (query->stream->kind != TT_KIND_REPORT || !query->send_names || query->totals_only ||
		tt_unit_names(query, spec) <= max_names)
		return add_unit(fetch, spec, like);
	join = tt_join_create(fetch, spec);
	part.names.n = 0;
	while (tt_unit_next_part(query, spec, max_names, &part))
	{
		TtFetchUnit *unit = add_unit(fetch, &part, like);

		tt_join_enter(join, unit);
		if (first == NULL)
			first = unit;
	}
	return first;
}

static void
drop_jobs(TtFetch *fetch, dlist_head *list, const TtFetchUnit *unit)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, list)
	{
		TtFetchJob *job = dlist_container(TtFetchJob, node, iter.cur);

		if (job->unit == unit)
			tt_job_free(fetch, job);
	}
}

/* Forget what came of a unit and what is under way for it. */
static void
clear_unit(TtFetch *fetch, TtFetchUnit *unit)
{
	drop_jobs(fetch, &fetch->waiting, unit);
	drop_jobs(fetch, &fetch->flying, unit);
	drop_jobs(fetch, &fetch->probe.blocked, unit);
	while (!dlist_is_empty(&unit->ready))
	{
		TtReadyPage *ready = dlist_container(TtReadyPage, node, dlist_pop_head_node(&unit->ready));

		dlist_delete(&ready->queue_node);
		fetch->nready--;
		tt_fetch_release(ready->page);
		pfree(ready);
	}
	tt_unit_forget(unit);
	tt_strays_forget(fetch, unit);
}

void
tt_unit_restart(TtFetch *fetch, TtFetchUnit *unit)
{
	if (unit->join != NULL)
	{
		TtUnit		whole = *tt_unit_whole(unit);
		TtFetchUnit like = *unit;

		tt_unit_drop(fetch, unit);
		(void) tt_unit_begin(fetch, &whole, &like);
		return;
	}
	clear_unit(fetch, unit);
	unit->known = false;
	unit->total = -1;
	unit->pages = 1;
	unit->next_page = 1;
	unit->page_size = tt_unit_page_size(fetch->query, &unit->unit);
	if (unit->max_rows > 0)
		unit->page_size = Min(unit->page_size, unit->max_rows);
	unit->rows = 0;
	unit->hourless = 0;
	unit->hourly = fetch->hour_slot >= 0;
	unit->seen = tt_key_set_create(fetch->context);
}

/* It is no longer read. */
static void
end_unit(TtFetchUnit *unit)
{
	Assert(unit->jobs == 0);
	tt_unit_forget(unit);
	dlist_delete(&unit->node);
	unit->finished = true;
}

void
tt_unit_finish(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure)
{
	fetch->stats->hourless_rows += unit->hourless;
	tt_kin_keep(fetch, unit);
	end_unit(unit);
	if (unit->join != NULL)
		tt_join_leave(unit, failure);
	else
		tt_unit_release(unit);
}

void
tt_unit_drop(TtFetch *fetch, TtFetchUnit *unit)
{
	TtJoin *join = unit->join;

	for (int i = 0; join != NULL && i < tt_join_parts(join); i++)
	{
		TtFetchUnit *part = tt_join_part(join, i);

		if (part == unit)
			continue;
		clear_unit(fetch, part);
		if (!part->finished)
			end_unit(part);
		pfree(part);
	}
	if (unit == fetch->probe.unit)
		tt_probe_cancel(fetch);
	clear_unit(fetch, unit);
	if (!unit->finished)
		end_unit(unit);
	pfree(unit);
	if (join != NULL)
		tt_join_free(fetch, join);
}

/* Begin anew with what the query says now; nothing was handed on yet. */
void
tt_fetch_restart(TtFetch *fetch)
{
	Assert(!fetch->handed_on);
	while (!dlist_is_empty(&fetch->active))
		tt_unit_drop(fetch, dlist_head_element(TtFetchUnit, node, &fetch->active));
	/* what is left is of finished units */
	tt_strays_forget_all(fetch);
	while (!dlist_is_empty(&fetch->ready))
		tt_fetch_release(tt_unit_take(fetch));
	tt_skip_accounts(fetch);
	tt_split_forget(fetch, 0);
	tt_kin_forget(fetch);
	tt_units_free(fetch->units);
	fetch->units = tt_units_create(fetch->query);
	if (fetch->units == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	fetch->next_unit = 0;
}
