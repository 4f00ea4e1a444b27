/*
 * accounts.h
 *	  The ad accounts of a token.
 */
#ifndef TT_ACCOUNTS_H
#define TT_ACCOUNTS_H

#include "postgres.h"

#include "fetch.h"

/*
 * The accounts that the token may read, by oauth2/advertiser/get; in the
 * current memory context.  table: for messages.  ERROR if the user mapping
 * lacks app_id or secret, or in the sandbox, where accounts must be named.
 */
extern int tt_accounts_get(const TtTable *table, const TtOptions *options,
						   TtFetchStats *stats, int64 **accounts);

/* ERROR if the token may read no account */
extern void tt_accounts_require(int naccounts);

/*
 * ERROR if the stream's endpoint lists accounts and the user mapping lacks
 * app_id or secret.
 */
extern void tt_accounts_require_app(const TtTable *table, const TtOptions *options);

/*
 * Whether a row that arrived is one of the table's: false for an account of the
 * token's list that option advertiser_ids does not name.
 */
extern bool tt_accounts_hold_row(const TtTable *table, const TtOptions *options,
								 const TtPage *page, int row);

#endif /* TT_ACCOUNTS_H */
