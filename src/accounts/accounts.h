/*
 * accounts.h
 *	  The ad accounts of a token, which a scan asks where nobody names any
 *	  (accounts.c), the currency of each (currency.c), and what it has that requests
 *	  name beside it (second.c).
 */
#ifndef TT_ACCOUNTS_H
#define TT_ACCOUNTS_H

#include "postgres.h"

#include "fetch/fetch.h"

/*
 * The accounts of the Business Centers of option bc_id, by bc/asset/get, or else
 * those that the token may read, by oauth2/advertiser/get, where it is an ERROR if the
 * user mapping lacks app_id or secret.  In the current memory context.  table: for
 * messages.  ERROR in the sandbox, where accounts must be named.
 */
extern int tt_accounts_get(const TtTable *table, const TtOptions *options,
						   TtFetchStats *stats, int64 **accounts);

/* ERROR if there is no account to ask */
extern void tt_accounts_require(const TtOptions *options, int naccounts);

/*
 * ERROR if the stream's endpoint lists accounts and the user mapping lacks
 * app_id or secret.
 */
extern void tt_accounts_require_app(const TtTable *table, const TtOptions *options);

/*
 * Whether a row that arrived is one of the table's: false for an account of the
 * token's list, or of a list of a Business Center's, that option advertiser_ids does not name.
 */
extern bool tt_accounts_hold_row(const TtTable *table, const TtOptions *options,
								 const TtPage *page, int row);

/* the currencies of some accounts */
typedef struct TtCurrencies TtCurrencies;

/* whether one of these attributes is a currency that the report cannot carry */
extern bool tt_currencies_wanted(const TtTable *table, const List *attrs);

/*
 * Ask for the currencies of accounts that are not known yet: a request for 100.
 * currencies: NULL at first; in the current memory context, which must be the
 * same every time.  An account that is refused has none, with a WARNING; an
 * ERROR in a refresh.  In the sandbox none has, with a WARNING.
 */
extern TtCurrencies *tt_currencies_read(TtCurrencies *currencies, const TtTable *table,
										const TtOptions *options, int naccounts,
										const int64 *accounts, TtFetchStats *stats);

/* NULL: not known */
extern const char *tt_currencies_get(const TtCurrencies *currencies, int64 account);

/*
 * second.c: what requests of an endpoint name beside the account, such as its stores.
 */
typedef struct TtSecondIds TtSecondIds;

/*
 * Ask which there are, of accounts that were not asked for yet: a request for each.  ids: NULL
 * at first; in the current memory context, which must be the same every time.
 */
extern TtSecondIds *tt_second_ids_read(TtSecondIds *ids, const TtTable *table,
									   const TtOptions *options, const TtQuery *query,
									   TtFetchStats *stats);

/* Those of the query's accounts, as far as conditions leave them, become query->second. */
extern void tt_second_ids_fill(const TtSecondIds *ids, const TtBounds *bounds, TtQuery *query);

#endif /* TT_ACCOUNTS_H */
