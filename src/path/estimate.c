/*
 * estimate.c
 *	  What a scan will cost, from the conditions and what earlier scans found.
 *
 * The conditions whose values are known become the very query that the scan
 * would send, and its units are counted.
 */
#include "postgres.h"

#include <math.h>

#include "path/estimate.h"

#include "accounts/accounts.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "options/settings.h"
#include "query/query.h"
#include "shared/row_estimates.h"
#include "utils/lsyscache.h"

/* guesses for what was never seen */
#define GUESS_ACCOUNTS	10
#define GUESS_LIST_ROWS 1000 /* rows of a list per account */
#define GUESS_DAY_ROWS	100	 /* report rows per account and day */
#define GUESS_IDS		10	 /* values of an array known at run time */
#define GUESS_CHILDREN	10	 /* rows that an id has which does not tell them apart */

/* bits: what is known of a period at execution only */
#define UNKNOWN_FROM 1
#define UNKNOWN_TO	 2

/* what only execution will tell */
typedef struct Unknown
{
	double	   ids;
	double	   accounts;
	double	   second; /* what requests name beside the account */
	bool	   days;
	bool	   compared; /* a comparison with such a value is among what tells them */
	int		   period;	 /* UNKNOWN_* */
	double	   required; /* combinations of values that are */
	Bitmapset *told;	 /* columns that the endpoint has to be told, and is */
} Unknown;

/* How many values a condition has, where only execution knows. */
static double
guess_values(const TtQual *qual)
{
	double	  n = 0;
	ListCell *lc;

	foreach(lc, qual->values)
		n += OidIsValid(get_base_element_type(exprType(lfirst(lc)))) ? GUESS_IDS : 1;
	return n;
}

/* Values that are known, or can be estimated, while planning. */
static void
estimate_bounds(PlannerInfo *root, TtRelInfo *info, List *quals, TtBounds *bounds,
				Unknown *unknown)
{
	ListCell *lc;

	foreach(lc, quals)
	{
		TtQual *qual = lfirst(lc);
		int		n = list_length(qual->values);
		Datum  *values = palloc(sizeof(Datum) * n);
		bool   *nulls = palloc(sizeof(bool) * n);
		Oid	   *types = palloc(sizeof(Oid) * n);
		bool	known = true;

		if (qual->role == TT_ROLE_REQUIRED &&
			(info->table->columns[qual->attnum - 1].listed->flags & TT_CF_REQUIRED))
			unknown->told = bms_add_member(unknown->told, qual->attnum);
		if (qual->role == TT_ROLE_FILTER && !tt_enable_pushdown)
			continue; /* as the scan will do */
		for (int i = 0; i < n; i++)
		{
			Node *value = estimate_expression_value(root, list_nth(qual->values, i));

			known &= IsA(value, Const);
			if (!known)
				break;
			values[i] = ((Const *) value)->constvalue;
			nulls[i] = ((Const *) value)->constisnull;
			types[i] = exprType(value);
		}
		if (known)
			tt_bounds_apply(bounds, info->table, qual, n, values, nulls, types);
		else if (qual->role == TT_ROLE_ACCOUNT)
			unknown->accounts = guess_values(qual);
		else if (qual->role == TT_ROLE_SECOND)
			unknown->second = guess_values(qual);
		else if (qual->role == TT_ROLE_REQUIRED)
			unknown->required *= guess_values(qual);
		else if (qual->role == TT_ROLE_FILTER)
			unknown->ids = guess_values(qual);
		else if (qual->role == TT_ROLE_FROM || qual->role == TT_ROLE_TO)
			unknown->period |= qual->role == TT_ROLE_FROM ? UNKNOWN_FROM : UNKNOWN_TO;
		else if (qual->condition != NULL || qual->op >= TT_OP_EQ)
		{
			unknown->days = true;
			unknown->compared |= qual->condition == NULL;
		}
	}
}

static double
count_days(const TtQuery *query)
{
	double days = 0;

	for (int i = 0; i < query->nranges; i++)
		days += (double) query->ranges[i].to - query->ranges[i].from + 1;
	return days;
}

/* Rows of an account (and a day of it) where no scan has told. */
static double
stream_guess(const TtStream *stream)
{
	if (stream->endpoint->paging == TT_PAGING_OBJECT)
		return 1;
	return stream->kind == TT_KIND_REPORT ? GUESS_DAY_ROWS : GUESS_LIST_ROWS;
}

/* Whether it will be known at execution which days to ask for. */
static bool
bounds_suffice(const TtRelInfo *info, const TtBounds *bounds, const Unknown *unknown)
{
	const TtTable  *table = info->table->daily != NULL ? info->table->daily : info->table;
	const TtStream *stream = table->stream;

	if (!bounds->nothing && tt_stream_required(stream, bms_num_members(unknown->told)) != NULL)
		return false;
	if (stream->kind != TT_KIND_REPORT || stream->report.lifetime ||
		stream->report.grain == TT_GRAIN_NONE || bounds->nothing)
		return true;
	if (stream->report.grain == TT_GRAIN_PERIOD)
		return (bounds->first_days.given || (unknown->period & UNKNOWN_FROM) != 0) &&
			   (bounds->last_days.given || (unknown->period & UNKNOWN_TO) != 0);
	return bounds->has_lower || unknown->days || info->options->has_start_date;
}

/*
 * How many requests take what they name beside the account, for each account: one if
 * nothing is known, as most accounts have one.
 */
static double
second_series(const TtStream *stream, const TtBounds *bounds, double unknown, double accounts)
{
	double given = bounds->has_second ? bounds->nsecond : unknown;

	if (stream->endpoint->second == NULL || given == 0)
		return 1;
	return Max(ceil(given / stream->endpoint->second->most) / accounts, 1 / accounts);
}

/* Whether the session knows of something that will not be asked for. */
static bool
is_refused(const TtQuery *query)
{
	for (int i = 0; i < query->nnames; i++)
		if (query->refused[i])
			return true;
	return query->without != 0;
}

/*
 * Batches of keys, and the rows of a batch: of an account that has so many rows
 * in one of its units.
 */
static double
divide_by_keys(const TtJoinKeys *keys, double accounts, const TtRowEstimate *rows,
			   double times, double *per_unit)
{
	/* an id is of one account; who knows which asks only there */
	double own = Max(keys->ids / accounts, 1);
	double asked = keys->accounts > 0 ? own : keys->ids;
	double batches = ceil(asked / keys->per_request);
	double objects = rows->rows / (keys->tells_row ? 1 : GUESS_CHILDREN);

	/* accounts have more or fewer of them, and the last batch of each is not full */
	if (keys->accounts > 1)
		batches = Max(batches, asked / keys->per_request + 0.5);
	/* of a day there are those that delivered */
	if (times > 1)
		objects *= 2;
	if (objects > own)
		*per_unit *= own / objects;
	*per_unit = Max(*per_unit / batches, 1);
	return batches;
}

/* The accounts that are asked, of so many that the token has. */
static double
count_accounts(const TtQuery *query, const TtJoinKeys *keys, double unknown, double known)
{
	double accounts = unknown > 0 ? unknown : Max(known, 1);

	if (query->naccounts > 0)
		accounts = query->naccounts;
	if (unknown > 0)
		accounts = Min(accounts, unknown);
	if (keys != NULL && keys->accounts > 0)
		accounts = query->naccounts > 0 ? Min(accounts, keys->accounts) : keys->accounts;
	return accounts;
}

static TtEstimate
estimate(PlannerInfo *root, TtRelInfo *info, List *quals, const TtJoinKeys *keys)
{
	TtEstimate		result = {1, 0, true, false, false, 1};
	TtBounds		bounds;
	TtBounds		days;
	TtQuery			query;
	TtUnits		   *units;
	Unknown			unknown = {.required = 1};
	bool			known;
	double			accounts;
	double			series;
	double			per_unit;
	TtRowEstimate	known_rows = {stream_guess(info->table->stream), GUESS_ACCOUNTS};
	const TtStream *stream = info->table->stream;

	tt_bounds_init(&bounds);
	estimate_bounds(root, info, quals, &bounds, &unknown);
	result.possible = bounds_suffice(info, &bounds, &unknown);
	result.doubtful = unknown.days && !unknown.compared && !bounds.has_lower &&
					  !info->options->has_start_date;
	tt_query_build(&query, info->table, info->options, info->attrs, &bounds, false);
	if (!bounds.nothing && unknown.days && query.nranges == 0)
	{
		/* the days that are known and those that were assumed do not meet */
		tt_bounds_init(&days);
		bounds.nranges = days.nranges;
		bounds.ranges = days.ranges;
		tt_query_build(&query, info->table, info->options, info->attrs, &bounds, false);
	}
	result.refused = is_refused(&query);
	if (bounds.nothing)
	{
		result.requests = 0;
		return result;
	}
	known = tt_row_estimate_get(info->table->relid, &known_rows);
	if (known_rows.accounts == 0)
		known_rows.accounts = GUESS_ACCOUNTS;
	accounts = count_accounts(&query, keys, unknown.accounts, known_rows.accounts);
	info->naccounts = query.naccounts;
	query.naccounts = 1; /* count the units of one account */
	units = tt_units_create(&query);
	if (units == NULL)
		return result;
	info->units = (double) units->count;
	info->days = unknown.days ? 0 : count_days(&query);
	per_unit = known_rows.rows;
	/* of a day there are those that delivered, of sums all objects */
	if (query.adds_up)
		per_unit *= 2;
	else if (!unknown.days)
		per_unit *= tt_query_times(&query) / Max(units->nwindows, 1);
	if (query.nconditions > 0 || unknown.ids > 0)
		per_unit = Max(per_unit / 10, 1);
	if (stream->kind == TT_KIND_ACCOUNT)
		per_unit = 1;
	/* kinds share the rows; nearly all of them are of the first */
	series = accounts * ((double) units->count / units->nkinds) * unknown.required;
	series *= second_series(stream, &bounds, unknown.second, accounts);
	if (keys != NULL && !known)
		result.low = Max(keys->ids / accounts / known_rows.rows, 1);
	if (keys != NULL && keys->ids > 0)
		series *= divide_by_keys(keys, accounts, &known_rows, tt_query_times(&query),
								 &per_unit);
	result.rows = series * per_unit;
	result.requests = units->nkinds - 1;
	result.requests += query.page_size > 0 ? Max(ceil(per_unit / query.page_size), 1) : 1;
	result.requests *= series;
	if (stream->kind == TT_KIND_ACCOUNT)
		result.requests = 1;
	if (stream->endpoint->second != NULL)
		result.requests += accounts; /* which stores, say, each of them has */
	if (tt_currencies_wanted(info->table, info->attrs))
		result.requests += ceil(accounts / TT_MAX_IDS);
	tt_units_free(units);
	return result;
}

TtEstimate
tt_estimate_scan(PlannerInfo *root, TtRelInfo *info, List *quals)
{
	return estimate(root, info, quals, NULL);
}

TtEstimate
tt_estimate_joined(PlannerInfo *root, const TtRelInfo *info, const TtJoinKeys *keys)
{
	TtRelInfo copy = *info; /* what is known of the scan without a join stays */

	return estimate(root, &copy, info->quals, keys);
}
