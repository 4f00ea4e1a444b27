/*
 * option_bounds.h
 *	  What a foreign table holds: the accounts of option advertiser_ids, and the
 *	  days from option start_date on.
 *
 * Both bound the table whatever a query asks for, so that its rows never
 * depend on the plan: conditions only narrow.  One that asks for more gets a
 * NOTICE.
 */
#ifndef TT_OPTION_BOUNDS_H
#define TT_OPTION_BOUNDS_H

#include "postgres.h"

#include "options/options.h"
#include "query/bounds.h"
#include "table/table.h"

/* what the conditions of the query itself, not of a partition, speak of */
typedef struct TtAsked
{
	bool accounts;
	bool days;
	bool inexact;		/* the days may be wider than what is asked for */
	bool told_accounts; /* a NOTICE is enough */
	bool told_days;
} TtAsked;

/* Add a condition of the query to what is asked. */
extern void tt_option_bounds_asked(TtAsked *asked, const TtTable *table, const TtQual *qual,
								   int nvalues, const Oid *types);

/*
 * The accounts to ask for, sorted if bounds has any; 0: all of the token's,
 * unless bounds has accounts.
 */
extern int tt_option_bounds_accounts(const TtOptions *options, const TtBounds *bounds,
									 int64 **accounts);

extern bool tt_option_bounds_account(const TtOptions *options, int64 account);

/* NOTICE, once a scan, if bounds ask for what the table does not hold. */
extern void tt_option_bounds_notice(const TtTable *table, const TtOptions *options,
									const TtBounds *bounds, TtAsked *asked);

#endif /* TT_OPTION_BOUNDS_H */
