/*
 * accounts.c
 *	  The ad accounts to scan when neither the query nor an option names any.
 *
 * One small request per scan, never cached across queries: a token that is
 * given another account sees it in the next query.
 */
#include "postgres.h"

#include "accounts/accounts.h"

#include "query/option_bounds.h"
#include "miscadmin.h"
#include "utils/builtins.h"

static void
require_app(const TtOptions *options)
{
	const char *server = quote_identifier(options->server_name);
	const char *user = GetUserNameFromId(options->userid, true);

	if (options->app_id == NULL || options->secret == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("user mapping for server \"%s\" needs %s to look up the accounts of the token",
						options->server_name, options->app_id == NULL ? "app_id" : "secret"),
				 errhint("ALTER USER MAPPING FOR %s SERVER %s OPTIONS (%s), or name the accounts: ALTER SERVER %s OPTIONS (ADD advertiser_ids '...').",
						 user != NULL ? quote_identifier(user) : "PUBLIC", server,
						 options->app_id != NULL   ? "ADD secret '...'"
						 : options->secret != NULL ? "ADD app_id '...'"
												   : "ADD app_id '...', ADD secret '...'",
						 server)));
}

void
tt_accounts_require_app(const TtTable *table, const TtOptions *options)
{
	if (table->stream->endpoint->account_param == TT_ACCOUNT_NONE)
		require_app(options);
}

void
tt_accounts_require(int naccounts)
{
	if (naccounts == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the token may read no account"),
				 errhint("Give it access to an ad account in TikTok Ads Manager.")));
}

int
tt_accounts_get(const TtTable *table, const TtOptions *options, TtFetchStats *stats,
				int64 **accounts)
{
	static const char *const paths[] = {"advertiser_id"};
	const char				*server = quote_identifier(options->server_name);
	TtProjection			 projection = {1, (const char **) paths, 1, NULL};
	TtQuery					 query = {0};
	TtFetch					*fetch;
	TtPage					*page;
	bool					 finished;
	int						 n = 0;
	int						 size = 64;

	if (options->sandbox)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("server \"%s\" needs the option advertiser_ids", options->server_name),
				 errdetail("TikTok's sandbox cannot list the accounts of a token."),
				 errhint("ALTER SERVER %s OPTIONS (ADD advertiser_ids '...'), or add a condition on advertiser_id.",
						 server)));
	require_app(options);
	query.stream = tt_stream_find("advertiser_ids");
	query.app_id = options->app_id;
	query.secret = options->secret;
	*accounts = palloc(sizeof(int64) * size);
	fetch = tt_fetch_create(table, options, &query, &projection, stats);
	while ((page = tt_fetch_next(fetch, true, &finished)) != NULL)
	{
		for (int row = 0; row < page->reply->nrows; row++)
		{
			const TtValue *value = tt_reply_value(page->reply, row, 0);
			int64		   id;

			if (!tt_reply_int(value, &id) || id <= 0)
				ereport(ERROR,
						(errcode(ERRCODE_FDW_ERROR),
						 errmsg("malformed reply from the TikTok API: an account without advertiser_id"),
						 errdetail("Endpoint %s.", query.stream->endpoint->path)));
			if (n == size)
				*accounts = repalloc(*accounts, sizeof(int64) * (size *= 2));
			(*accounts)[n++] = id;
		}
		tt_fetch_release(page);
	}
	tt_fetch_end(fetch);
	return n;
}

bool
tt_accounts_hold_row(const TtTable *table, const TtOptions *options, const TtPage *page,
					 int row)
{
	int64 id;

	if (table->stream->endpoint->account_param != TT_ACCOUNT_NONE &&
		(table->stream->endpoint->account_param != TT_ACCOUNT_TOKEN ||
		 strcmp(table->key_paths[0], "advertiser_id") != 0))
		return true;
	/* the key of a list of accounts begins with it: the first of each row's values */
	return !tt_reply_int(tt_reply_value(page->reply, row, 0), &id) ||
		   tt_option_bounds_account(options, id);
}
