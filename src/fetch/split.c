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
 * The ids are listed by a fetch of its own, which goes on whenever this one
 * does and is never waited for alone.  Units that need a list wait for it as
 * specifications, and become units a few at a time.  That an account is cut is
 * remembered for the session: its next report begins split.
 *
 * Ownership: everything lives in fetch->context, the fetch of a list below it.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include "fetch/failure.h"
#include "table/refusals.h"
#include "utils/memutils.h"

#define LIST_PATIENCE 5 /* ms until a list is looked at again */

/* what a report can be split by, the coarsest first */
static const struct
{
	const char *id;
	const char *stream; /* that lists them */
	const char *one;
} levels[] = {
	{"campaign_id", "campaigns", "campaign"},
	{"adgroup_id", "ad_groups", "ad group"},
	{"ad_id", "ads", "ad"}};

/*
 * Every object there is: those that lists give by themselves and Promote, which
 * may have to be asked for one after the other, and TopView.
 */
static const char *const top_view[] = {"RESERVATION_TOP_VIEW"};
static const char *const origins[] = {"TT_ADS_PLATFORM", "PROMOTE"};

#define ORIGINS(first, n) .norigins = (n), .origins = (const char **) origins + (first)

static const TtKind every_kind[] = {
	{ORIGINS(0, 2), .halves = 2},
	{.nbuying_types = 1, .buying_types = (const char **) top_view},
	{ORIGINS(0, 1)},
	{ORIGINS(1, 1)}};

#define NKINDS 2 /* without the halves of the first */

/* the ids of one level within an object of the level above, or an account */
typedef struct IdList
{
	dlist_node	 node; /* in split.lists */
	int			 account;
	int			 level;
	const char	*parent; /* NULL: all of the account */
	bool		 known;
	int			 n;
	int			 size;
	const char **ids;
	const char	*path; /* these are of the fetch that reads it */
	TtProjection projection;
	TtQuery		 query;
	TtCondition	 condition;
	TtFetch		*fetch;
} IdList;

/* a unit that is to be split as soon as a list is known */
typedef struct Waiting
{
	dlist_node	node; /* in split.waiting */
	TtUnit		spec;
	TtFetchUnit like;
	IdList	   *list;
} Waiting;

/* Whether each row of the report is of one object of a level, or of one below. */
static bool
can_split(const TtReport *report, int level)
{
	if (level >= lengthof(levels) || tt_report_id_filter(report, levels[level].id) == NULL)
		return false;
	for (int i = level; i < lengthof(levels); i++)
		if (tt_report_has_dimension(report, levels[i].id))
			return true;
	return tt_report_has_dimension(report, "ad_id_v2");
}

static bool
splittable(const TtFetch *fetch)
{
	const TtStream *stream = fetch->query->stream;

	return stream->kind == TT_KIND_REPORT &&
		   stream->endpoint->account_param == TT_ACCOUNT_ONE &&
		   can_split(&stream->report, 0);
}

/*
 * The finest level that a unit already keeps to ids of, and these ids; -1: none.
 * plain: of its conditions only the batched one is sent.
 */
static int
unit_level(const TtFetch *fetch, const TtUnit *spec, bool plain, const char ***ids, int *n)
{
	const TtQuery *query = fetch->query;

	*n = 0;
	for (int level = lengthof(levels) - 1; level >= 0; level--)
	{
		const char *param = tt_report_id_filter(&query->stream->report, levels[level].id);

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
			bool			   batched = i == fetch->units->batched;

			if (strcmp(condition->param, param) != 0 ||
				(plain && !(batched && tt_unit_cut_by_values(query, fetch->units, spec))))
				continue;
			*ids = condition->values + (batched ? spec->values.first : 0);
			*n = batched ? spec->values.n : condition->nvalues;
			return level;
		}
	}
	return -1;
}

static const TtWithin *
make_within(const TtFetch *fetch, int level, const char **ids, int n)
{
	TtWithin *within = MemoryContextAlloc(fetch->context, sizeof(TtWithin));

	within->param = tt_report_id_filter(&fetch->query->stream->report, levels[level].id);
	within->nids = n;
	within->ids = ids;
	return within;
}

/* ---- what is known to be cut -------------------------------------------- */

static char *
cut_name(const TtFetch *fetch, int account)
{
	return psprintf("all ads of " INT64_FORMAT, fetch->query->accounts[account]);
}

static bool
known_cut(const TtFetch *fetch, int account)
{
	char *name = cut_name(fetch, account);
	bool  known = tt_refusal_known(fetch->options->serverid, name);

	pfree(name);
	return known;
}

static void
note_cut(const TtFetch *fetch, int account)
{
	char *name = cut_name(fetch, account);

	tt_refusal_note(fetch->options->serverid, name);
	pfree(name);
}

/* ---- lists ---------------------------------------------------------------- */

/* The kinds to ask a list for, in the current memory context. */
static const TtKind *
kinds_of(const TtStream *stream)
{
	TtKind *kinds = palloc(sizeof(every_kind));

	memcpy(kinds, every_kind, sizeof(every_kind));
	if (strcmp(stream->name, "ad_groups") == 0)
		kinds[1].max_page_size = TT_TOP_VIEW_PAGE;
	return kinds;
}

static IdList *
find_list(TtFetch *fetch, int account, int level, const char *parent)
{
	dlist_iter iter;
	IdList	  *list;

	dlist_foreach(iter, &fetch->split.lists)
	{
		list = dlist_container(IdList, node, iter.cur);
		if (list->account == account && list->level == level &&
			(parent == NULL ? list->parent == NULL
							: list->parent != NULL && strcmp(list->parent, parent) == 0))
			return list;
	}
	list = MemoryContextAllocZero(fetch->context, sizeof(IdList));
	list->account = account;
	list->level = level;
	list->parent = parent;
	dlist_push_tail(&fetch->split.lists, &list->node);
	return list;
}

static void
start_list(TtFetch *fetch, IdList *list)
{
	MemoryContext old = MemoryContextSwitchTo(fetch->context);
	TtTable		 *table = palloc(sizeof(TtTable));
	TtQuery		 *query = &list->query;

	/* what the list's endpoint refuses says nothing of the table */
	*table = *fetch->table;
	table->relid = InvalidOid;

	list->path = levels[list->level].id;
	list->projection.npaths = 1;
	list->projection.paths = &list->path;
	list->projection.nkeys = 1;
	query->stream = tt_stream_find(levels[list->level].stream);
	query->naccounts = 1;
	query->accounts = &fetch->query->accounts[list->account];
	query->nnames = 1;
	query->names = &list->path;
	query->refused = palloc0(sizeof(bool));
	query->send_names = true;
	query->include_deleted = true;
	query->nkinds = NKINDS;
	query->kinds = kinds_of(query->stream);
	query->page_size = tt_query_page_size(query->stream, fetch->options);
	if (list->parent != NULL)
	{
		list->condition.filter = TT_FILTER_IDS;
		list->condition.param = tt_stream_find_column(query->stream,
													  levels[list->level - 1].id)
									->filter_param;
		list->condition.nvalues = 1;
		list->condition.values = &list->parent;
		query->nconditions = 1;
		query->conditions = &list->condition;
		/* without the condition, it would be another list */
		query->exact = true;
	}
	list->fetch = tt_fetch_create(table, fetch->options, query, &list->projection,
								  fetch->stats);
	list->fetch->served[0] = fetch->served[list->account];
	MemoryContextSwitchTo(old);
}

static void
add_ids(TtFetch *fetch, IdList *list, const TtReply *reply)
{
	for (int row = 0; row < reply->nrows; row++)
	{
		const TtValue *value = tt_reply_value(reply, row, 0);
		int64		   id;

		if (!tt_reply_int(value, &id) || id <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("malformed reply from the TikTok API: a row without %s",
							levels[list->level].id),
					 errdetail("Endpoint %s.", list->query.stream->endpoint->path)));
		if (list->n == list->size)
		{
			list->size = Max(list->size * 2, 128);
			list->ids = list->ids == NULL
							? MemoryContextAlloc(fetch->context, sizeof(char *) * list->size)
							: repalloc_huge(list->ids, sizeof(char *) * list->size);
		}
		list->ids[list->n++] = MemoryContextStrdup(fetch->context, value->text);
	}
}

static int
compare_ids(const void *a, const void *b)
{
	const char *x = *(const char *const *) a;
	const char *y = *(const char *const *) b;
	size_t		nx = strlen(x);
	size_t		ny = strlen(y);

	/* the newest first, as lists come */
	return nx != ny ? (nx < ny) - (nx > ny) : strcmp(y, x);
}

/* Each id once: one in two batches would be two rows. */
static void
settle_ids(IdList *list)
{
	int n = 0;

	if (list->n == 0)
		return;
	qsort(list->ids, list->n, sizeof(char *), compare_ids);
	for (int i = 0; i < list->n; i++)
		if (n == 0 || strcmp(list->ids[n - 1], list->ids[i]) != 0)
			list->ids[n++] = list->ids[i];
	list->n = n;
}

static void
raise_empty(const TtFetch *fetch, const IdList *list)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the TikTok API truncates the report of foreign table \"%s\", and lists nothing to split it by",
					fetch->table->name),
			 errdetail("Advertiser " INT64_FORMAT ", endpoint %s: the list of %s is empty.",
					   fetch->query->accounts[list->account],
					   list->query.stream->endpoint->path, levels[list->level].stream),
			 errhint("The access token may lack the permission to read %s.",
					 levels[list->level].stream)));
}

/* The list of an account that is skipped: so is the account. */
static void
list_ended(TtFetch *fetch, IdList *list)
{
	int64 account = fetch->query->accounts[list->account];

	tt_fetch_end(list->fetch);
	list->fetch = NULL;
	if (tt_skip_known(fetch->stats, account))
	{
		dlist_delete(&list->node);
		tt_account_give_up(fetch, account);
		return;
	}
	settle_ids(list);
	if (list->n == 0)
		raise_empty(fetch, list);
	list->known = true;
}

/* the list that is being read, or is next; NULL: none is needed */
static IdList *
open_list(TtFetch *fetch)
{
	dlist_iter iter;

	dlist_foreach(iter, &fetch->split.waiting)
	{
		Waiting *waiting = dlist_container(Waiting, node, iter.cur);

		if (!waiting->list->known)
			return waiting->list;
	}
	return NULL;
}

bool
tt_split_advance(TtFetch *fetch, TimestampTz *wake)
{
	IdList	   *list = open_list(fetch);
	TimestampTz again;
	TtPage	   *page;
	bool		finished;

	if (list == NULL)
		return false;
	if (list->fetch == NULL)
		start_list(fetch, list);
	while ((page = tt_fetch_next(list->fetch, false, &finished)) != NULL)
	{
		add_ids(fetch, list, page->reply);
		tt_fetch_release(page);
	}
	if (finished)
	{
		list_ended(fetch, list);
		return true;
	}
	again = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LIST_PATIENCE);
	*wake = *wake == 0 ? again : Min(*wake, again);
	return false;
}

/* ---- units that wait ------------------------------------------------------ */

static void
add_waiting(TtFetch *fetch, const TtUnit *spec, const TtFetchUnit *like, int level,
			const char *parent)
{
	Waiting *waiting = MemoryContextAllocZero(fetch->context, sizeof(Waiting));

	waiting->spec = *spec;
	if (like != NULL)
		waiting->like = *like;
	else
		waiting->like.max_names = TT_MAX_METRICS;
	waiting->list = find_list(fetch, spec->account, level, parent);
	dlist_push_tail(&fetch->split.waiting, &waiting->node);
	fetch->split.nwaiting++;
	fetch->stats->splits++;
	/* several units: the API's order is none of all of their rows */
	tt_order_lose(fetch);
}

static void
remove_waiting(TtFetch *fetch, Waiting *waiting)
{
	dlist_delete(&waiting->node);
	fetch->split.nwaiting--;
	pfree(waiting);
}

void
tt_split_forget(TtFetch *fetch, int64 account)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &fetch->split.waiting)
	{
		Waiting *waiting = dlist_container(Waiting, node, iter.cur);

		if (account == 0 || fetch->query->accounts[waiting->spec.account] == account)
			remove_waiting(fetch, waiting);
	}
}

/* How many ids of a level one request may have, and is answered in time for. */
static int
batch_size(const TtFetch *fetch, int level)
{
	return level == 0 && fetch->query->stream->report.level == TT_LV_AD ? 30 : TT_MAX_IDS;
}

TtFetchUnit *
tt_split_begin_next(TtFetch *fetch)
{
	dlist_iter iter;

	dlist_foreach(iter, &fetch->split.waiting)
	{
		Waiting		*waiting = dlist_container(Waiting, node, iter.cur);
		IdList		*list = waiting->list;
		int			 size = batch_size(fetch, list->level);
		TtFetchUnit *first = NULL;

		if (!list->known)
			continue;
		for (int i = 0; i < list->n; i += size)
		{
			TtUnit		 spec = waiting->spec;
			TtFetchUnit *unit;

			spec.within = make_within(fetch, list->level, list->ids + i, Min(size, list->n - i));
			unit = tt_unit_begin(fetch, &spec, &waiting->like);
			if (first == NULL)
				first = unit;
		}
		remove_waiting(fetch, waiting);
		return first;
	}
	return NULL;
}

bool
tt_split_before(TtFetch *fetch, const TtUnit *spec)
{
	const char **ids;
	int			 n;

	if (!splittable(fetch) || !known_cut(fetch, spec->account) ||
		unit_level(fetch, spec, false, &ids, &n) >= 0)
		return false;
	add_waiting(fetch, spec, NULL, 0, NULL);
	return true;
}

/* ---- a truncated reply ---------------------------------------------------- */

/* The account's other units would be truncated, too. */
static void
split_others(TtFetch *fetch, int account)
{
	dlist_iter iter;

again:
	dlist_foreach(iter, &fetch->active)
	{
		TtFetchUnit *unit = dlist_container(TtFetchUnit, node, iter.cur);
		TtUnit		 spec = *tt_unit_whole(unit);
		TtFetchUnit	 like = *unit;
		const char **ids;
		int			 n;

		if (spec.account != account || unit == fetch->probe.unit || tt_unit_handed_on(unit) ||
			unit_level(fetch, &spec, unit->plain, &ids, &n) >= 0)
			continue;
		tt_unit_drop(fetch, unit);
		add_waiting(fetch, &spec, &like, 0, NULL);
		/* what was dropped may be parts of one unit */
		goto again;
	}
}

/* What can be done about a report that cannot be split further. */
static void
raise_truncated(const TtFetch *fetch, const TtFailure *failure, int level, const char *id)
{
	const TtReport *report = &fetch->query->stream->report;

	if (level < 0)
		tt_failure_truncated(failure, "Without the id of a campaign, ad group or ad in its rows, a report cannot be split. Read a report of campaigns instead, for example stream campaigns_reports_daily, and sum it up.");
	if (fetch->table->daily != NULL && fetch->table->daily->stream->report.level != report->level)
		tt_failure_truncated(failure, psprintf("The %s %s alone has that many ads. SET tiktok_fdw.enable_aggregate_pushdown = off, so that the table's own rows are read.",
											   levels[level].one, id));
	if (level + 1 < lengthof(levels) && !can_split(report, level + 1))
		tt_failure_truncated(failure, psprintf("The %s %s alone has that many ads. Read a report of %ss instead, and sum it up.",
											   levels[level].one, id, levels[level + 1].one));
	tt_failure_truncated(failure, "Add a condition that leaves fewer ads.");
}

void
tt_split_truncated(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure)
{
	const TtReport *report = &fetch->query->stream->report;
	TtUnit			first = *tt_unit_whole(unit);
	TtUnit			second = first;
	TtFetchUnit		like = *unit;
	const char	  **ids = NULL;
	int				n;
	int				level;

	if (fetch->query->stream->kind != TT_KIND_REPORT)
		tt_failure_truncated(failure, "Add a condition on an id.");
	if (tt_unit_handed_on(unit))
		tt_failure_truncated(failure, "Rows had been returned before TikTok said so: run the query again.");
	level = unit_level(fetch, &first, unit->plain, &ids, &n);
	if (n > 1 && can_split(report, level))
	{
		first.within = make_within(fetch, level, ids, n / 2);
		second.within = make_within(fetch, level, ids + n / 2, n - n / 2);
		fetch->stats->splits++;
		tt_unit_replace(fetch, unit, &first, &second);
		return;
	}
	if (n > 1 || !splittable(fetch) || !can_split(report, level + 1))
		raise_truncated(fetch, failure, level, n > 0 ? ids[0] : NULL);
	tt_unit_drop(fetch, unit);
	add_waiting(fetch, &first, &like, level + 1, n > 0 ? ids[0] : NULL);
	if (level >= 0)
		return;
	note_cut(fetch, first.account);
	split_others(fetch, first.account);
}

void
tt_split_end(TtFetch *fetch)
{
	dlist_iter iter;

	dlist_foreach(iter, &fetch->split.lists)
	{
		IdList *list = dlist_container(IdList, node, iter.cur);

		if (list->fetch != NULL)
			tt_fetch_end(list->fetch);
		list->fetch = NULL;
	}
}
