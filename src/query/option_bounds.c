/*
 * option_bounds.c
 *	  What a foreign table holds: options advertiser_ids and start_date.
 *
 * Days are bounded where ranges become windows, in tt_bounds_days(); accounts
 * and the NOTICE are here.
 */
#include "postgres.h"

#include "query/option_bounds.h"
#include "qual/days.h"

#include "catalog/pg_type.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* days by which a range may be wider than a condition on a timestamptz */
#define SLACK 2

static bool
is_named(const TtOptions *options, int64 account)
{
	for (int i = 0; i < options->naccounts; i++)
		if (options->accounts[i] == account)
			return true;
	return false;
}

void
tt_option_bounds_asked(TtAsked *asked, const TtTable *table, const TtQual *qual, int nvalues,
					   const Oid *types)
{
	if (qual->role == TT_ROLE_ACCOUNT)
		asked->accounts = true;
	if (qual->role == TT_ROLE_FROM)
		asked->days = true;
	if (qual->role != TT_ROLE_DAY && qual->role != TT_ROLE_HOUR)
		return;
	asked->days = true;
	if (table->columns[qual->attnum - 1].type == TIMESTAMPTZOID)
		asked->inexact = true;
	for (int i = 0; i < nvalues; i++)
	{
		Oid element = get_base_element_type(types[i]);

		if (getBaseType(OidIsValid(element) ? element : types[i]) == TIMESTAMPTZOID)
			asked->inexact = true;
	}
}

static int
compare_int64(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return (x > y) - (x < y);
}

int
tt_option_bounds_accounts(const TtOptions *options, const TtBounds *bounds, int64 **accounts)
{
	int64 *both;
	int	   n = 0;

	*accounts = bounds->has_accounts ? bounds->accounts : options->accounts;
	if (!bounds->has_accounts || options->naccounts == 0)
		return bounds->has_accounts ? bounds->naccounts : options->naccounts;
	/* both are without repeats, the bounds' are sorted */
	both = palloc(sizeof(int64) * options->naccounts);
	for (int i = 0; i < options->naccounts; i++)
		if (bsearch(&options->accounts[i], bounds->accounts, bounds->naccounts,
					sizeof(int64), compare_int64) != NULL)
			both[n++] = options->accounts[i];
	qsort(both, n, sizeof(int64), compare_int64);
	*accounts = both;
	return n;
}

bool
tt_option_bounds_account(const TtOptions *options, int64 account)
{
	return options->naccounts == 0 || is_named(options, account);
}

/* The object whose option is in effect, and the command that alters it. */
static char *
bounding_object(const TtTable *table, const TtOptions *options, const char *option,
				char **alter)
{
	ListCell *lc;

	foreach(lc, GetForeignTable(table->relid)->options)
		if (strcmp(((DefElem *) lfirst(lc))->defname, option) == 0)
		{
			*alter = psprintf("ALTER FOREIGN TABLE %s", table->name);
			return psprintf("foreign table %s", table->name);
		}
	*alter = psprintf("ALTER SERVER %s", quote_identifier(options->server_name));
	return psprintf("server \"%s\"", options->server_name);
}

/* Returns whether there was something to say; so does notice_days(). */
static bool
notice_accounts(const TtTable *table, const TtOptions *options, const TtBounds *bounds)
{
	int64 *held;
	int	   nheld = tt_option_bounds_accounts(options, bounds, &held);
	int	   n = bounds->naccounts - nheld;
	int	   first = 0;
	char  *object;
	char  *alter;

	if (n == 0)
		return false;
	/* both are sorted: where they part is the first that is not held */
	while (first < nheld && held[first] == bounds->accounts[first])
		first++;
	object = bounding_object(table, options, "advertiser_ids", &alter);
	ereport(NOTICE,
			(n == 1
				 ? errmsg("foreign table %s holds no rows of account " INT64_FORMAT,
						  table->name, bounds->accounts[first])
				 : errmsg("foreign table %s holds no rows of %d accounts that are asked for, such as " INT64_FORMAT,
						  table->name, n, bounds->accounts[first]),
			 errdetail("Option \"advertiser_ids\" of %s names the accounts that it holds.",
					   object),
			 errhint("%s OPTIONS (SET advertiser_ids '...'), if it is to hold more.", alter)));
	return true;
}

/* Whether a week or month that conditions ask for begins before a day. */
static bool
period_before(const TtTable *table, const TtBounds *bounds, TtDay day)
{
	TtDays	before = {TT_FIRST_DAY, day - 1};
	TtDays *days;
	TtDays *periods;
	int		n = tt_ranges_intersect(bounds->ranges, bounds->nranges, &before, 1, &days);

	if (n < 0)
		return false;
	n = tt_periods(table->stream->report.grain, days, n, &periods);
	free(days);
	free(periods);
	return n > 0;
}

/* Whether conditions ask for days, or periods that begin, before the table does. */
static bool
asks_before(const TtTable *table, const TtOptions *options, const TtBounds *bounds, int64 slack)
{
	TtDay start = options->start_date;
	bool  all_before = bounds->ranges[bounds->nranges - 1].to < start;

	if (table->stream->report.grain == TT_GRAIN_PERIOD)
	{
		for (int i = 0; i < bounds->first_days.n; i++)
			if (bounds->first_days.days[i] < start)
				return true;
		return false;
	}
	if (!all_before && (!bounds->has_lower || bounds->ranges[0].from + slack >= start))
		return false;
	return !tt_report_by_period(&table->stream->report) || period_before(table, bounds, start);
}

static bool
notice_days(const TtTable *table, const TtOptions *options, const TtBounds *bounds,
			int64 slack)
{
	bool  by_period = tt_report_by_period(&table->stream->report);
	char  start[16];
	char *object;
	char *alter;

	if (!asks_before(table, options, bounds, slack))
		return false;
	object = bounding_object(table, options, "start_date", &alter);
	tt_day_format(options->start_date, start);
	ereport(NOTICE,
			(by_period
				 ? errmsg("foreign table %s holds no %ss that begin before %s, which are asked for",
						  table->name, tt_grain_name(table->stream->report.grain), start)
				 : errmsg("foreign table %s holds no days before %s, which are asked for",
						  table->name, start),
			 errdetail("Option \"start_date\" of %s is the first day that it holds.",
					   object),
			 errhint("%s OPTIONS (SET start_date '...'), if it is to hold more.", alter)));
	return true;
}

void
tt_option_bounds_notice(const TtTable *table, const TtOptions *options, const TtBounds *bounds,
						TtAsked *asked)
{
	if (bounds->nothing)
		return;
	if (asked->accounts && bounds->has_accounts && options->naccounts > 0 &&
		!asked->told_accounts)
		asked->told_accounts = notice_accounts(table, options, bounds);
	if (asked->days && options->has_start_date && bounds->nranges > 0 &&
		!asked->told_days)
		asked->told_days = notice_days(table, options, bounds, asked->inexact ? SLACK : 0);
}
