/*
 * currency.c
 *	  The currencies of ad accounts, for reports that cannot carry them.
 *
 * Asked for at advertiser/info, 100 accounts a request, and kept for a scan: a
 * rescan asks for accounts that it did not have before.
 */
#include "postgres.h"

#include "accounts/accounts.h"

struct TtCurrencies
{
	int	   naccounts;
	int64 *accounts;
	char **names; /* NULL: the API does not tell */
	bool   warned;
};

bool
tt_currencies_wanted(const TtTable *table, const List *attrs)
{
	ListCell *lc;

	foreach(lc, attrs)
		if (table->columns[lfirst_int(lc) - 1].is_currency)
			return true;
	return false;
}

static char **
find_name(const TtCurrencies *currencies, int64 account)
{
	for (int i = 0; i < currencies->naccounts; i++)
		if (currencies->accounts[i] == account)
			return &currencies->names[i];
	return NULL;
}

/* The accounts that are new from here on; returns how many. */
static int
add_accounts(TtCurrencies *currencies, int naccounts, const int64 *accounts)
{
	int before = currencies->naccounts;
	int room = Max(before + naccounts, 1);

	if (currencies->accounts == NULL)
	{
		currencies->accounts = palloc(sizeof(int64) * room);
		currencies->names = palloc(sizeof(char *) * room);
	}
	else
	{
		currencies->accounts = repalloc(currencies->accounts, sizeof(int64) * room);
		currencies->names = repalloc(currencies->names, sizeof(char *) * room);
	}
	for (int i = 0; i < naccounts; i++)
	{
		if (find_name(currencies, accounts[i]) != NULL)
			continue;
		currencies->accounts[currencies->naccounts] = accounts[i];
		currencies->names[currencies->naccounts++] = NULL;
	}
	return currencies->naccounts - before;
}

/* The requests count as the scan's; accounts that are refused here are not skipped there. */
static void
add_stats(TtFetchStats *stats, const TtFetchStats *own)
{
	stats->requests += own->requests;
	stats->replies += own->replies;
	stats->pages += own->pages;
	stats->rows += own->rows;
	stats->retries += own->retries;
	stats->backoff_ms += own->backoff_ms;
	stats->throttled_ms += own->throttled_ms;
	stats->wire_bytes += own->wire_bytes;
	stats->body_bytes += own->body_bytes;
	stats->peak_in_flight = Max(stats->peak_in_flight, own->peak_in_flight);
}

static void
warn_refused(const TtCurrencies *currencies, int first, const TtTable *table)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = first; i < currencies->naccounts; i++)
		if (currencies->names[i] == NULL)
			appendStringInfo(&buf, "%s" INT64_FORMAT, buf.len > 0 ? ", " : "",
							 currencies->accounts[i]);
	ereport(WARNING,
			(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
			 errmsg("the TikTok API refuses to tell the currency of advertisers %s; it reads as NULL in foreign table \"%s\"",
					buf.data, table->name)));
}

static void
ask(TtCurrencies *currencies, int first, const TtTable *table, const TtOptions *options,
	TtFetchStats *scan_stats)
{
	static const char *const paths[] = {"advertiser_id", "currency"};
	TtProjection			 projection = {lengthof(paths), (const char **) paths, 1, NULL};
	bool					 refused[lengthof(paths)] = {false};
	TtOptions				 own = *options;
	TtQuery					 query = {0};
	TtFetchStats			 stats = {0};
	int64					 told = 0;
	TtFetch					*fetch;
	TtPage					*page;
	bool					 finished;

	/* a missing name is no reason to lack the rows, unless they are stored */
	own.skip_failed_accounts = true;
	query.stream = tt_stream_find("advertisers");
	query.naccounts = currencies->naccounts - first;
	query.accounts = currencies->accounts + first;
	query.nnames = lengthof(paths);
	query.names = (const char **) paths;
	query.refused = refused;
	query.send_names = true;
	fetch = tt_fetch_create(table, &own, &query, &projection, &stats);
	while ((page = tt_fetch_next(fetch, true, &finished)) != NULL)
	{
		for (int row = 0; row < page->reply->nrows; row++)
		{
			const TtValue *name = tt_reply_value(page->reply, row, 1);
			char		 **place;
			int64		   account;

			if (!tt_reply_int(tt_reply_value(page->reply, row, 0), &account) ||
				(place = find_name(currencies, account)) == NULL)
				continue;
			told++;
			if (name->text != NULL)
				*place = pnstrdup(name->text, name->length);
		}
		tt_fetch_release(page);
	}
	tt_fetch_end(fetch);
	add_stats(scan_stats, &stats);
	if (stats.skipped_accounts > 0)
		warn_refused(currencies, first, table);
	if (told + stats.skipped_accounts < currencies->naccounts - first)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("incomplete reply from the TikTok API: it tells of " INT64_FORMAT " of %d accounts",
						told, currencies->naccounts - first),
				 errdetail("Endpoint %s, for the currency in foreign table \"%s\".",
						   query.stream->endpoint->path, table->name),
				 errhint("Run the query again, or leave the column out.")));
}

TtCurrencies *
tt_currencies_read(TtCurrencies *currencies, const TtTable *table, const TtOptions *options,
				   int naccounts, const int64 *accounts, TtFetchStats *stats)
{
	int first;

	if (currencies == NULL)
		currencies = palloc0(sizeof(TtCurrencies));
	if (options->sandbox)
	{
		if (!currencies->warned)
			ereport(WARNING,
					(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
					 errmsg("TikTok's sandbox does not tell the currency of accounts; it reads as NULL in foreign table \"%s\"",
							table->name)));
		currencies->warned = true;
		return currencies;
	}
	first = currencies->naccounts;
	if (add_accounts(currencies, naccounts, accounts) > 0)
		ask(currencies, first, table, options, stats);
	return currencies;
}

const char *
tt_currencies_get(const TtCurrencies *currencies, int64 account)
{
	char **name = currencies != NULL ? find_name(currencies, account) : NULL;

	return name != NULL ? *name : NULL;
}
