/*
 * split.c
 *	  Reports of accounts that have more ads than a report covers.
 *
 * TikTok looks at the newest 20,000 ads of an account and says so in a header;
 * what ids in the filters leave is what counts.  So a truncated unit is replaced
 * by units that keep to some of the account's campaigns each, a single campaign
 * that is still too much by its ad groups, an ad group by its ads.  Each row still
 * comes from exactly one request: a level is split only if every row of the
 * report is of one object of that level.
 *
 * Units that need a list of ids wait for it as specifications, and become units
 * a few at a time.  That an account is cut is remembered for the session: its next
 * report begins split.
 *
 * Ownership: everything lives in reading->context.
 */
#include "postgres.h"

#include "cut/cut_private.h"

#include "table/refusals.h"

/* a unit that is to be split as soon as a list is known */
typedef struct Waiting
{
	dlist_node	node; /* in split->waiting */
	TtUnit		spec;
	TtFetchUnit like;
	TtIdList   *list;
} Waiting;

/* Whether each row of the report is of one object of a level, or of one below. */
static bool
can_split(const TtReport *report, int level)
{
	if (level >= TT_SPLIT_LEVELS || tt_report_id_filter(report, tt_split_levels[level].id) == NULL)
		return false;
	for (int i = level; i < TT_SPLIT_LEVELS; i++)
		if (tt_report_has_dimension(report, tt_split_levels[i].id))
			return true;
	return tt_report_has_dimension(report, "ad_id_v2");
}

static bool
splittable(const TtReading *reading)
{
	const TtStream *stream = reading->query->stream;

	return stream->kind == TT_KIND_REPORT &&
		   stream->endpoint->account_param == TT_ACCOUNT_ONE &&
		   can_split(&stream->report, 0);
}

/*
 * The finest level that a unit already keeps to ids of, and these ids; -1: none.
 * plain: of its conditions only the batched one is sent.
 */
static int
unit_level(const TtReading *reading, const TtUnit *spec, bool plain, const char ***ids, int *n)
{
	const TtQuery *query = reading->query;

	*n = 0;
	for (int level = TT_SPLIT_LEVELS - 1; level >= 0; level--)
	{
		const char *param = tt_report_id_filter(&query->stream->report, tt_split_levels[level].id);

		if (param == NULL)
			continue;
		if (spec->within != NULL && strcmp(spec->within->param, param) == 0)
		{
			*ids = spec->within->ids;
			*n = spec->within->nids;
			return level;
		}
		for (int i = 0; i < query->nconditions; i++)
		{
			const TtCondition *condition = &query->conditions[i];
			bool			   batched = i == reading->units->batched;

			if (strcmp(condition->param, param) != 0 ||
				(plain && !(batched && tt_unit_cut_by_values(query, reading->units, spec))))
				continue;
			*ids = condition->values + (batched ? spec->values.first : 0);
			*n = batched ? spec->values.n : condition->nvalues;
			return level;
		}
	}
	return -1;
}

static const TtWithin *
make_within(const TtReading *reading, int level, const char **ids, int n)
{
	TtWithin *within = MemoryContextAlloc(reading->context, sizeof(TtWithin));

	within->param = tt_report_id_filter(&reading->query->stream->report, tt_split_levels[level].id);
	within->nids = n;
	within->ids = ids;
	return within;
}

/* ---- what is known to be cut -------------------------------------------- */

static char *
cut_name(const TtReading *reading, int account)
{
	return psprintf("all ads of " INT64_FORMAT, reading->query->accounts[account]);
}

static bool
known_cut(const TtReading *reading, int account)
{
	char *name = cut_name(reading, account);
	bool  known = tt_refusal_known(reading->options->serverid, name);

	pfree(name);
	return known;
}

static void
note_cut(const TtReading *reading, int account)
{
	char *name = cut_name(reading, account);

	tt_refusal_note(reading->options->serverid, name);
	pfree(name);
}

/* ---- units that wait ------------------------------------------------------ */

/* the list that is being read, or is next; NULL: none is needed */
static TtIdList *
open_list(TtSplit *split)
{
	dlist_iter iter;

	dlist_foreach(iter, &split->waiting)
	{
		Waiting *waiting = dlist_container(Waiting, node, iter.cur);

		if (!waiting->list->known)
			return waiting->list;
	}
	return NULL;
}

TtSplitState
tt_split_advance(TtSplit *split, int64 *refused_account)
{
	TtIdList	*list = open_list(split);
	TtSplitState state = TT_SPLIT_IDLE;

	if (list != NULL)
		state = tt_id_list_advance(split, list);
	if (state == TT_SPLIT_REFUSED)
		*refused_account = split->reading->query->accounts[list->account];
	return state;
}

static void
add_waiting(TtSplit *split, const TtUnit *spec, const TtFetchUnit *like, int level,
			const char *parent)
{
	TtReading *reading = split->reading;
	Waiting	  *waiting = MemoryContextAllocZero(reading->context, sizeof(Waiting));

	waiting->spec = *spec;
	if (like != NULL)
		waiting->like = *like;
	else
		waiting->like.max_names = TT_MAX_METRICS;
	waiting->list = tt_id_list_find(split, spec->account, level, parent);
	dlist_push_tail(&split->waiting, &waiting->node);
	split->nwaiting++;
	reading->stats->splits++;
	/* several units: the API's order is none of all of their rows */
	tt_order_lose(reading);
}

static void
remove_waiting(TtSplit *split, Waiting *waiting)
{
	dlist_delete(&waiting->node);
	split->nwaiting--;
	pfree(waiting);
}

void
tt_split_forget(TtSplit *split, int64 account)
{
	TtReading		  *reading = split->reading;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &split->waiting)
	{
		Waiting *waiting = dlist_container(Waiting, node, iter.cur);

		if (account == 0 || reading->query->accounts[waiting->spec.account] == account)
			remove_waiting(split, waiting);
	}
	/* what nobody looks after would hold requests */
	tt_id_lists_forget(split, account);
}

/* How many ids of a level one request may have, and is answered in time for. */
static int
batch_size(const TtReading *reading, int level)
{
	return level == 0 && reading->query->stream->report.level == TT_LV_AD ? 30 : TT_MAX_IDS;
}

TtFetchUnit *
tt_split_begin_next(TtSplit *split)
{
	TtReading *reading = split->reading;
	dlist_iter iter;

	dlist_foreach(iter, &split->waiting)
	{
		Waiting		*waiting = dlist_container(Waiting, node, iter.cur);
		TtIdList	*list = waiting->list;
		int			 size = batch_size(reading, list->level);
		TtFetchUnit *first = NULL;

		if (!list->known)
			continue;
		for (int i = 0; i < list->n; i += size)
		{
			TtUnit		 spec = waiting->spec;
			TtFetchUnit *unit;

			spec.within = make_within(reading, list->level, list->ids + i, Min(size, list->n - i));
			unit = tt_unit_begin(reading, &spec, &waiting->like);
			if (first == NULL)
				first = unit;
		}
		remove_waiting(split, waiting);
		return first;
	}
	return NULL;
}

bool
tt_split_before(TtSplit *split, const TtUnit *spec)
{
	TtReading	*reading = split->reading;
	const char **ids;
	int			 n;

	if (!splittable(reading) || !known_cut(reading, spec->account) ||
		unit_level(reading, spec, false, &ids, &n) >= 0)
		return false;
	add_waiting(split, spec, NULL, 0, NULL);
	return true;
}

/* ---- a truncated reply ---------------------------------------------------- */

/* The account's other units would be truncated, too. */
static void
split_others(TtSplit *split, int account)
{
	TtReading *reading = split->reading;
	dlist_iter iter;

again:
	dlist_foreach(iter, &reading->active)
	{
		TtFetchUnit *unit = dlist_container(TtFetchUnit, node, iter.cur);
		TtUnit		 spec = *tt_unit_whole(unit);
		TtFetchUnit	 like = *unit;
		const char **ids;
		int			 n;

		if (spec.account != account || unit == reading->alone || tt_unit_handed_on(unit) ||
			unit_level(reading, &spec, unit->plain, &ids, &n) >= 0)
			continue;
		tt_unit_drop(reading, unit);
		add_waiting(split, &spec, &like, 0, NULL);
		/* what was dropped may be parts of one unit */
		goto again;
	}
}

/* What can be done about a report that cannot be split further. */
static void
raise_truncated(const TtReading *reading, const TtFailure *failure, int level, const char *id)
{
	const TtReport *report = &reading->query->stream->report;

	if (level < 0)
		tt_failure_truncated(failure, "Without the id of a campaign, ad group or ad in its rows, a report cannot be split. Read a report of campaigns instead, for example stream campaigns_reports_daily, and sum it up.");
	if (reading->table->daily != NULL &&
		reading->table->daily->stream->report.level != report->level)
		tt_failure_truncated(failure,
							 psprintf("The %s %s alone has that many ads. SET tiktok_fdw.enable_aggregate_pushdown = off, so that the table's own rows are read.",
									  tt_split_levels[level].one, id));
	if (level + 1 < TT_SPLIT_LEVELS && !can_split(report, level + 1))
		tt_failure_truncated(failure,
							 psprintf("The %s %s alone has that many ads. Read a report of %ss instead, and sum it up.",
									  tt_split_levels[level].one, id,
									  tt_split_levels[level + 1].one));
	tt_failure_truncated(failure, "Add a condition that leaves fewer ads.");
}

void
tt_split_truncated(TtSplit *split, TtFetchUnit *unit, const TtFailure *failure)
{
	TtReading	   *reading = split->reading;
	const TtReport *report = &reading->query->stream->report;
	TtUnit			first = *tt_unit_whole(unit);
	TtUnit			second = first;
	TtFetchUnit		like = *unit;
	const char	  **ids = NULL;
	int				n;
	int				level;

	if (reading->query->stream->kind != TT_KIND_REPORT)
		tt_failure_truncated(failure, "Add a condition on an id.");
	if (tt_unit_handed_on(unit))
		tt_failure_truncated(failure, "Rows had been returned before TikTok said so: run the query again.");
	level = unit_level(reading, &first, unit->plain, &ids, &n);
	if (n > 1 && can_split(report, level))
	{
		first.within = make_within(reading, level, ids, n / 2);
		second.within = make_within(reading, level, ids + n / 2, n - n / 2);
		reading->stats->splits++;
		tt_unit_replace(reading, unit, &first, &second);
		return;
	}
	if (n > 1 || !splittable(reading) || !can_split(report, level + 1))
		raise_truncated(reading, failure, level, n > 0 ? ids[0] : NULL);
	tt_unit_drop(reading, unit);
	add_waiting(split, &first, &like, level + 1, n > 0 ? ids[0] : NULL);
	if (level >= 0)
		return;
	note_cut(reading, first.account);
	split_others(split, first.account);
}

void
tt_split_init(TtSplit *split, TtReading *reading, const TtListReader *reader)
{
	memset(split, 0, sizeof(*split));
	split->reading = reading;
	split->reader = *reader;
	dlist_init(&split->lists);
	dlist_init(&split->waiting);
}

void
tt_split_end(TtSplit *split)
{
	tt_id_lists_end(split);
}
