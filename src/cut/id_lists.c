/*
 * id_lists.c
 *	  Lists of the campaigns, ad groups or ads that a report is split by.
 *
 * A list is read beside the report, by a query of its own (TtListReader), which
 * goes on whenever the report does and is never waited for alone.
 *
 * Ownership: everything lives in reading->context.
 */
#include "postgres.h"

#include "cut/cut_private.h"

const TtSplitLevel tt_split_levels[TT_SPLIT_LEVELS] = {
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

TtIdList *
tt_id_list_find(TtSplit *split, int account, int level, const char *parent)
{
	dlist_iter iter;
	TtIdList  *list;

	dlist_foreach(iter, &split->lists)
	{
		list = dlist_container(TtIdList, node, iter.cur);
		if (list->account == account && list->level == level &&
			(parent == NULL ? list->parent == NULL
							: list->parent != NULL && strcmp(list->parent, parent) == 0))
			return list;
	}
	list = MemoryContextAllocZero(split->reading->context, sizeof(TtIdList));
	list->reading = split->reading;
	list->account = account;
	list->level = level;
	list->parent = parent;
	dlist_push_tail(&split->lists, &list->node);
	return list;
}

static void
start_list(TtSplit *split, TtIdList *list)
{
	TtReading	 *reading = list->reading;
	MemoryContext old = MemoryContextSwitchTo(reading->context);
	TtQuery		 *query = &list->query;

	/* what the list's endpoint refuses says nothing of the table */
	list->table = *reading->table;
	list->table.relid = InvalidOid;

	list->path = tt_split_levels[list->level].id;
	list->projection.npaths = 1;
	list->projection.paths = &list->path;
	list->projection.nkeys = 1;
	query->stream = tt_stream_find(tt_split_levels[list->level].stream);
	query->naccounts = 1;
	query->accounts = &reading->query->accounts[list->account];
	query->nnames = 1;
	query->names = &list->path;
	query->refused = palloc0(sizeof(bool));
	query->send_names = true;
	query->include_deleted = true;
	query->nkinds = NKINDS;
	query->kinds = kinds_of(query->stream);
	query->page_size = tt_query_page_size(query->stream, reading->options);
	if (list->parent != NULL)
	{
		list->condition.filter = TT_FILTER_IDS;
		list->condition.param = tt_stream_find_column(query->stream,
													  tt_split_levels[list->level - 1].id)
									->filter_param;
		list->condition.nvalues = 1;
		list->condition.values = &list->parent;
		query->nconditions = 1;
		query->conditions = &list->condition;
		/* without the condition, it would be another list */
		query->exact = true;
	}
	list->reader = split->reader.begin(split->reader.arg, list->account, &list->table, query,
									   &list->projection);
	MemoryContextSwitchTo(old);
}

static void
add_ids(void *arg, const TtReply *reply)
{
	TtIdList	 *list = arg;
	MemoryContext context = list->reading->context;

	for (int row = 0; row < reply->nrows; row++)
	{
		const TtValue *value = tt_reply_value(reply, row, 0);
		int64		   id;

		if (!tt_reply_int(value, &id) || id <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("malformed reply from the TikTok API: a row without %s",
							tt_split_levels[list->level].id),
					 errdetail("Endpoint %s.", list->query.stream->endpoint->path)));
		if (list->n == list->size)
		{
			list->size = Max(list->size * 2, 128);
			list->ids = list->ids == NULL
							? MemoryContextAlloc(context, sizeof(char *) * list->size)
							: repalloc_huge(list->ids, sizeof(char *) * list->size);
		}
		list->ids[list->n++] = MemoryContextStrdup(context, value->text);
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
settle_ids(TtIdList *list)
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
raise_empty(const TtIdList *list)
{
	const TtReading *reading = list->reading;

	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the TikTok API truncates the report of foreign table \"%s\", and lists nothing to split it by",
					reading->table->name),
			 errdetail("Advertiser " INT64_FORMAT ", endpoint %s: the list of %s is empty.",
					   reading->query->accounts[list->account],
					   list->query.stream->endpoint->path, tt_split_levels[list->level].stream),
			 errhint("The access token may lack the permission to read %s.",
					 tt_split_levels[list->level].stream)));
}

static void
end_reader(const TtSplit *split, TtIdList *list)
{
	if (list->reader != NULL)
		split->reader.end(list->reader);
	list->reader = NULL;
}

TtSplitState
tt_id_list_advance(TtSplit *split, TtIdList *list)
{
	TtReading *reading = list->reading;

	if (list->reader == NULL)
		start_list(split, list);
	if (!split->reader.read(list->reader, add_ids, list))
		return TT_SPLIT_READING;
	end_reader(split, list);
	/* of an account that is skipped, there is no list */
	if (tt_skip_known(reading->stats, reading->query->accounts[list->account], false))
	{
		dlist_delete(&list->node);
		return TT_SPLIT_REFUSED;
	}
	settle_ids(list);
	if (list->n == 0)
		raise_empty(list);
	list->known = true;
	return TT_SPLIT_READY;
}

void
tt_id_lists_forget(TtSplit *split, int64 account)
{
	dlist_iter iter;

	dlist_foreach(iter, &split->lists)
	{
		TtIdList *list = dlist_container(TtIdList, node, iter.cur);

		if (list->known ||
			(account != 0 && split->reading->query->accounts[list->account] != account))
			continue;
		/* it begins anew where other units want it */
		end_reader(split, list);
		list->n = 0;
	}
}

void
tt_id_lists_end(TtSplit *split)
{
	dlist_iter iter;

	dlist_foreach(iter, &split->lists)
		end_reader(split, dlist_container(TtIdList, node, iter.cur));
}
