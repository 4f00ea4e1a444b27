/*
 * second.c
 *	  What requests of some endpoints name beside the account: its stores, its pixels.
 *
 * A list of the account's tells which there are: it is asked for whatever conditions
 * say, since an id that is not the account's would be refused, not just without
 * rows.  Kept for a scan: a rescan asks for accounts that it did not have before.
 */
#include "postgres.h"

#include "accounts/accounts.h"

#include "query/option_bounds.h"

struct TtSecondIds
{
	int		  naccounts; /* that were asked */
	int64	 *accounts;
	int		  n;
	int		  size;
	TtSecond *list;
};

static bool
was_asked(const TtSecondIds *ids, int64 account)
{
	for (int i = 0; i < ids->naccounts; i++)
		if (ids->accounts[i] == account)
			return true;
	return false;
}

/* The accounts of the query that are new from here on; the token itself is 0. */
static int
add_accounts(TtSecondIds *ids, const TtQuery *query)
{
	bool token = query->stream->endpoint->account_param == TT_ACCOUNT_TOKEN;
	int	 before = ids->naccounts;
	int	 n = token ? 1 : query->naccounts;
	int	 room = before + n + 1;

	ids->accounts = ids->accounts == NULL ? palloc(sizeof(int64) * room)
										  : repalloc(ids->accounts, sizeof(int64) * room);
	for (int i = 0; i < n; i++)
	{
		int64 account = token ? 0 : query->accounts[i];

		if (!was_asked(ids, account))
			ids->accounts[ids->naccounts++] = account;
	}
	return ids->naccounts - before;
}

static void
add_id(TtSecondIds *ids, int64 account, int64 id)
{
	if (ids->n == ids->size)
	{
		ids->size = Max(ids->size * 2, 16);
		ids->list = ids->list == NULL
						? palloc(sizeof(TtSecond) * ids->size)
						: repalloc(ids->list, sizeof(TtSecond) * ids->size);
	}
	ids->list[ids->n].account = account;
	ids->list[ids->n++].id = psprintf(INT64_FORMAT, id);
}

/* Whether a row says that it may not be asked for. */
static bool
is_unusable(const TtReply *reply, int row, int slot)
{
	const TtValue *value = slot < 0 ? NULL : tt_reply_value(reply, row, slot);

	return value != NULL && value->text != NULL && strcmp(value->text, "false") == 0;
}

static void
add_page(TtSecondIds *ids, const TtPage *page, const TtSecondId *second, const TtQuery *query)
{
	for (int row = 0; row < page->reply->nrows; row++)
	{
		int64 id;

		if (!tt_reply_int(tt_reply_value(page->reply, row, 0), &id) || id <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("malformed reply from the TikTok API: a row without \"%s\"",
							second->path),
					 errdetail("Endpoint %s, account " INT64_FORMAT ".",
							   query->stream->endpoint->path, page->account)));
		if (!is_unusable(page->reply, row, second->usable != NULL ? 1 : -1))
			add_id(ids, page->account, id);
	}
}

TtSecondIds *
tt_second_ids_read(TtSecondIds *ids, const TtTable *table, const TtOptions *options,
				   const TtQuery *query, TtFetchStats *stats)
{
	const TtSecondId *second = query->stream->endpoint->second;
	const char		 *paths[] = {second->path, second->usable};
	TtProjection	  projection = {second->usable != NULL ? 2 : 1, paths, 1, NULL};
	TtQuery			  list = {0};
	TtFetch			 *fetch;
	TtPage			 *page;
	bool			  finished;
	int				  first;

	if (ids == NULL)
		ids = palloc0(sizeof(TtSecondIds));
	first = ids->naccounts;
	if (add_accounts(ids, query) == 0)
		return ids;
	list.stream = tt_stream_find(second->stream);
	if (list.stream->endpoint->account_param != TT_ACCOUNT_TOKEN)
	{
		list.naccounts = ids->naccounts - first;
		list.accounts = ids->accounts + first;
	}
	list.page_size = tt_query_page_size(list.stream, options);
	fetch = tt_fetch_create(table, options, &list, &projection, stats);
	while ((page = tt_fetch_next(fetch, true, &finished)) != NULL)
	{
		add_page(ids, page, second, &list);
		tt_fetch_release(page);
	}
	tt_fetch_end(fetch);
	return ids;
}

static int
compare_seconds(const void *a, const void *b)
{
	const TtSecond *x = a;
	const TtSecond *y = b;
	int				order = (x->account > y->account) - (x->account < y->account);

	return order != 0 ? order : strcmp(x->id, y->id);
}

/* Whether conditions leave an id. */
static bool
is_wanted(const TtBounds *bounds, const char *id)
{
	int64 number = strtoll(id, NULL, 10);

	for (int i = 0; bounds->has_second && i < bounds->nsecond; i++)
		if (bounds->second[i] == number)
			return true;
	return !bounds->has_second;
}

void
tt_second_ids_fill(const TtSecondIds *ids, const TtBounds *bounds, TtQuery *query)
{
	TtSecond *list = palloc(sizeof(TtSecond) * Max(ids->n, 1));
	int		  n = 0;
	int		  unique = 0;

	for (int i = 0; i < ids->n; i++)
		if (is_wanted(bounds, ids->list[i].id))
			list[n++] = ids->list[i];
	qsort(list, n, sizeof(TtSecond), compare_seconds);
	for (int i = 0; i < n; i++)
		if (i == 0 || compare_seconds(&list[i], &list[unique - 1]) != 0)
			list[unique++] = list[i];
	query->second = list;
	query->nsecond = unique;
}
