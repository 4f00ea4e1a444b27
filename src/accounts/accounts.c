/*
 * accounts.c
 *	  The ad accounts to scan when neither the query nor option advertiser_ids names any:
 *	  those of the Business Centers of option bc_id, else those of the token.
 *
 * One small request per scan (or one for 50 accounts), never cached across queries: a token that is
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
				 errhint("ALTER USER MAPPING FOR %s SERVER %s OPTIONS (%s), or name the accounts: ALTER SERVER %s OPTIONS (ADD advertiser_ids '...'), or a Business Center that has them: ALTER SERVER %s OPTIONS (ADD bc_id '...').",
						 user != NULL ? quote_identifier(user) : "PUBLIC", server,
						 options->app_id != NULL   ? "ADD secret '...'"
						 : options->secret != NULL ? "ADD app_id '...'"
												   : "ADD app_id '...', ADD secret '...'",
						 server, server)));
}

void
tt_accounts_require_app(const TtTable *table, const TtOptions *options)
{
	if (table->stream->endpoint->account_param == TT_ACCOUNT_NONE)
		require_app(options);
}

void
tt_accounts_require(const TtOptions *options, int naccounts)
{
	if (naccounts > 0)
		return;
	if (options->ncenters > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the Business Centers of option bc_id of server \"%s\" have no account that the token may read",
						options->server_name),
				 errhint("Link an ad account to one of them, or ALTER SERVER %s OPTIONS (DROP bc_id).",
						 quote_identifier(options->server_name))));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("the token may read no account"),
			 errhint("Give it access to an ad account in TikTok Ads Manager.")));
}

/* ERROR: the sandbox cannot tell */
static void
refuse_sandbox(const TtOptions *options)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
			 errmsg("server \"%s\" needs the option advertiser_ids", options->server_name),
			 options->ncenters > 0
				 ? errdetail("TikTok's sandbox has no Business Centers, so that option bc_id tells no accounts.")
				 : errdetail("TikTok's sandbox cannot list the accounts of a token."),
			 errhint("ALTER SERVER %s OPTIONS (ADD advertiser_ids '...'), or add a condition on advertiser_id.",
					 quote_identifier(options->server_name))));
}

/*
 * What to ask for the accounts of the Business Centers of option bc_id: their assets
 * of one type.
 */
static void
ask_centers(TtQuery *query, const TtOptions *options)
{
	static const char *types[] = {"ADVERTISER"};
	TtSecond		  *centers = palloc(sizeof(TtSecond) * options->ncenters);
	TtCondition		  *type = palloc0(sizeof(TtCondition));

	query->stream = tt_stream_find("bc_assets");
	for (int i = 0; i < options->ncenters; i++)
	{
		centers[i].account = 0;
		centers[i].id = psprintf(INT64_FORMAT, options->centers[i]);
	}
	query->second = centers;
	query->nsecond = options->ncenters;
	type->filter = TT_FILTER_PARAM;
	type->param = "asset_type";
	type->path = "asset_type";
	type->nvalues = lengthof(types);
	type->values = types;
	query->required = type;
	query->nrequired = 1;
	query->page_size = query->stream->endpoint->max_page_size;
}

/* Whether the user may read the account: those that wait, or were refused, are listed, too. */
static bool
is_bound(const TtReply *reply, int row)
{
	const TtValue *status = tt_reply_value(reply, row, 1);

	return status->text == NULL || status->text[0] == '\0' ||
		   strcmp(status->text, "BOUND") == 0;
}

static int
compare_accounts(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* In order and once each: an account can be in several Business Centers. */
static int
without_repeats(int64 *accounts, int n)
{
	int unique = 0;

	qsort(accounts, n, sizeof(int64), compare_accounts);
	for (int i = 0; i < n; i++)
		if (i == 0 || accounts[i] != accounts[unique - 1])
			accounts[unique++] = accounts[i];
	return unique;
}

int
tt_accounts_get(const TtTable *table, const TtOptions *options, TtFetchStats *stats,
				int64 **accounts)
{
	static const char *const own[] = {"advertiser_id"};
	static const char *const assets[] = {"asset_id", "relation_status", "asset_type"};
	bool					 of_centers = options->ncenters > 0;
	TtProjection			 projection = {1, (const char **) own, 1, NULL};
	TtQuery					 query = {0};
	TtFetch					*fetch;
	TtPage					*page;
	bool					 finished;
	int						 n = 0;
	int						 size = 64;

	if (options->sandbox)
		refuse_sandbox(options);
	if (of_centers)
	{
		projection.npaths = lengthof(assets);
		projection.paths = (const char **) assets;
		ask_centers(&query, options);
	}
	else
	{
		require_app(options);
		query.stream = tt_stream_find("advertiser_ids");
		query.app_id = options->app_id;
		query.secret = options->secret;
	}
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
						 errmsg("malformed reply from the TikTok API: an account without %s",
								projection.paths[0]),
						 errdetail("Endpoint %s.", query.stream->endpoint->path)));
			if (of_centers && !is_bound(page->reply, row))
				continue;
			if (n == size)
				*accounts = repalloc(*accounts, sizeof(int64) * (size *= 2));
			(*accounts)[n++] = id;
		}
		tt_fetch_release(page);
	}
	tt_fetch_end(fetch);
	return of_centers ? without_repeats(*accounts, n) : n;
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
