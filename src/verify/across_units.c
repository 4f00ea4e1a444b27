/*
 * across_units.c
 *	  Rows across the units of a scan: none comes with two of them.
 *
 * An API that ignores what tells two units apart gives both the same list, and
 * often its rows do not tell (belongs.c).  So the first row of each unit is
 * remembered, where a row can be of one unit only.
 *
 * Of units that ask an account for different kinds of objects all rows are
 * compared: the keys of a page are looked up among those of the account's other
 * units, also of finished ones until all are.  Beyond the 800,000 keys that
 * key_set.c has in memory, a row is known by the first ones only, which such an
 * API repeats like the others.
 */
#include "postgres.h"

#include "verify/verify_private.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"

typedef struct First
{
	uint64 key;
	TtUnit unit;
} First;

/* the keys of a finished unit */
typedef struct Finished
{
	dlist_node node; /* in verify->finished */
	int		   account;
	int		   kind;
	uint64	   period;
	TtKeySet  *keys;
} Finished;

/* ---- what tells units apart ----------------------------------------------- */

/*
 * Whether no two units of a query can have a row of the same key: it names an
 * object that belongs to one account.
 */
static bool
rows_are_of_one_unit(const TtQuery *query)
{
	const TtReport *report = &query->stream->report;

	if (query->stream->kind == TT_KIND_ENTITY)
		return true;
	return query->stream->kind == TT_KIND_REPORT &&
		   (tt_report_has_dimension(report, "campaign_id") ||
			tt_report_has_dimension(report, "adgroup_id") ||
			tt_report_has_dimension(report, "ad_id"));
}

/* What tells two kinds of objects apart. */
static const char *
kinds_param(const TtQuery *query, const TtKind *one, const TtKind *other)
{
	if (one->nbuying_types == other->nbuying_types && one->norigins > 0 && other->norigins > 0)
		return "campaign_system_origins";
	return query->stream->kind == TT_KIND_REPORT ? "buying_type" : "buying_types";
}

/* The parameter that tells two units of a query apart. */
static const char *
differing_param(const TtVerify *verify, const TtUnit *one, const TtUnit *other)
{
	const TtQuery *query = verify->query;

	if (one->account != other->account)
		return "advertiser_id";
	if (one->second.first != other->second.first)
		return query->stream->endpoint->second->param;
	for (int i = 0; i < query->nrequired; i++)
	{
		const char **values;
		const char **others;

		(void) tt_required_values(query, one, i, &values);
		(void) tt_required_values(query, other, i, &others);
		if (values != others)
			return query->required[i].param;
	}
	if (one->kind != other->kind)
		return kinds_param(query, &query->kinds[one->kind], &query->kinds[other->kind]);
	if (one->within != other->within)
		return one->within != NULL ? one->within->param : other->within->param;
	if (verify->units->batched >= 0 && one->values.first != other->values.first)
		return query->conditions[verify->units->batched].param;
	return "start_date";
}

/* What tells the rows of one period from those of another; 0: they tell it themselves. */
static uint64
period_hash(const TtVerify *verify, const TtUnit *unit)
{
	if (verify->query->adds_up)
		return hash_combine64((uint64) unit->days.from, (uint64) unit->days.to);
	if (!tt_report_by_period(&verify->query->stream->report))
		return 0;
	return hash_combine64((uint64) unit->days.from, (uint64) unit->period_to);
}

/*
 * What tells the rows of one store, say, from those of another, where they do not tell it
 * themselves and it is in their key: two Business Centers may have the same account.
 */
static uint64
second_hash(const TtVerify *verify, const TtUnit *unit)
{
	const TtStream	 *stream = verify->query->stream;
	const TtSecondId *second = stream->endpoint->second;

	if (unit->second.n != 1 || second == NULL || stream->kind == TT_KIND_REPORT ||
		!tt_list_contains(stream->key, second->column) ||
		!tt_stream_asks(stream, second->column))
		return 0;
	return (uint64) strtoll(verify->query->second[unit->second.first].id, NULL, 10);
}

/* ---- the first row of each unit -------------------------------------------- */

/*
 * The key of the page's first row that has one, together with the account, whose
 * key it is only, and with what is in the key and rows do not tell; 0: none has.
 */
static uint64
first_key(const TtUnitRows *rows, const TtReply *reply)
{
	const TtVerify *verify = rows->verify;
	int64			account = rows->unit->naccounts == 1
								  ? verify->query->accounts[rows->unit->account]
								  : 0;
	uint64			key;

	for (int row = 0; row < reply->nrows; row++)
		if (!tt_row_is_hourless(verify, reply, row) && tt_row_key(verify, reply, row, &key))
			return hash_combine64(hash_combine64(hash_combine64(key, (uint64) account),
												 second_hash(verify, rows->unit)),
								  period_hash(verify, rows->unit));
	return 0;
}

void
tt_rows_check_first(TtUnitRows *rows, const TtReply *reply, const TtFailure *failure)
{
	TtVerify *verify = rows->verify;
	uint64	  key;
	bool	  found;
	First	 *first;

	if (!rows_are_of_one_unit(verify->query))
		return;
	key = first_key(rows, reply);
	if (key == 0)
		return;
	if (verify->firsts == NULL)
	{
		HASHCTL control = {0};

		control.keysize = sizeof(uint64);
		control.entrysize = sizeof(First);
		control.hcxt = verify->context;
		verify->firsts = hash_create("tiktok_fdw first rows", 64, &control,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	first = hash_search(verify->firsts, &key, HASH_ENTER, &found);
	if (found)
		tt_failure_repeated(failure, differing_param(verify, &first->unit, rows->unit));
	first->unit = *rows->unit;
	rows->first_key = key;
}

/* ---- kinds of objects ------------------------------------------------------ */

static void
check_against(const TtUnitRows *rows, int kind, const TtKeySet *keys, const TtReply *reply,
			  const TtFailure *failure)
{
	TtUnit other = *rows->unit;

	other.kind = kind;
	for (int row = 0; row < reply->nrows; row++)
	{
		uint64 hash;

		if (tt_row_key(rows->verify, reply, row, &hash) && tt_key_set_has(keys, hash))
			tt_failure_repeated(failure, differing_param(rows->verify, rows->unit, &other));
	}
}

void
tt_rows_check_kinds(const TtUnitRows *rows, const TtReply *reply, const TtFailure *failure)
{
	const TtVerify *verify = rows->verify;
	const TtUnit   *unit = rows->unit;
	dlist_iter		iter;

	if (!verify->kindred)
		return;
	dlist_foreach(iter, unconstify(dlist_head *, &verify->reading))
	{
		const TtUnitRows *other = dlist_container(TtUnitRows, node, iter.cur);

		if (other->unit->account == unit->account && other->unit->kind != unit->kind &&
			period_hash(verify, other->unit) == period_hash(verify, unit))
			check_against(rows, other->unit->kind, other->keys, reply, failure);
	}
	dlist_foreach(iter, unconstify(dlist_head *, &verify->finished))
	{
		const Finished *other = dlist_container(Finished, node, iter.cur);

		if (other->account == unit->account && other->kind != unit->kind &&
			other->period == period_hash(verify, unit))
			check_against(rows, other->kind, other->keys, reply, failure);
	}
}

static void
free_finished(Finished *finished)
{
	dlist_delete(&finished->node);
	tt_key_set_free(finished->keys);
	pfree(finished);
}

/* Whether units of an account are being read, or are next. */
static bool
account_goes_on(const TtVerify *verify, int account, int next_account)
{
	dlist_iter iter;

	dlist_foreach(iter, unconstify(dlist_head *, &verify->reading))
	{
		const TtUnitRows *rows = dlist_container(TtUnitRows, node, iter.cur);

		if (rows->unit->account == account)
			return true;
	}
	return account == next_account;
}

/* Keep the keys of a finished unit, as long as others of the account may need them. */
static void
keep_keys(TtUnitRows *rows, int next_account)
{
	TtVerify		  *verify = rows->verify;
	Finished		  *finished = MemoryContextAlloc(verify->context, sizeof(Finished));
	dlist_mutable_iter iter;

	finished->account = rows->unit->account;
	finished->kind = rows->unit->kind;
	finished->period = period_hash(verify, rows->unit);
	finished->keys = rows->keys;
	rows->keys = NULL;
	dlist_push_tail(&verify->finished, &finished->node);
	dlist_foreach_modify(iter, &verify->finished)
	{
		finished = dlist_container(Finished, node, iter.cur);
		if (!account_goes_on(verify, finished->account, next_account))
			free_finished(finished);
	}
}

/* ---- from the first page of a unit to its last ----------------------------- */

void
tt_verify_init(TtVerify *verify, MemoryContext context, const TtQuery *query,
			   const TtProjection *projection)
{
	memset(verify, 0, sizeof(*verify));
	verify->context = context;
	verify->query = query;
	verify->projection = projection;
	verify->hour_slot = tt_hour_slot(query, projection);
	verify->kindred = query->nkinds > 1;
	dlist_init(&verify->reading);
	dlist_init(&verify->finished);
}

static void
forget_finished(TtVerify *verify)
{
	while (!dlist_is_empty(&verify->finished))
		free_finished(dlist_head_element(Finished, node, &verify->finished));
}

void
tt_verify_start(TtVerify *verify, const TtUnits *units)
{
	Assert(dlist_is_empty(&verify->reading));
	if (verify->firsts != NULL)
		hash_destroy(verify->firsts);
	verify->firsts = NULL;
	forget_finished(verify);
	verify->units = units;
}

void
tt_rows_begin(TtVerify *verify, TtUnitRows *rows, const TtUnit *unit)
{
	rows->verify = verify;
	rows->unit = unit;
	rows->keys = tt_key_set_create(verify->context);
	rows->open = true;
	dlist_push_tail(&verify->reading, &rows->node);
}

/* It is no longer read, and its keys are not needed. */
static void
close_rows(TtUnitRows *rows)
{
	if (rows->keys != NULL)
		tt_key_set_free(rows->keys);
	if (rows->again != NULL)
		tt_key_set_free(rows->again);
	rows->keys = NULL;
	rows->again = NULL;
	if (rows->open)
		dlist_delete(&rows->node);
	rows->open = false;
}

void
tt_rows_forget(TtUnitRows *rows)
{
	close_rows(rows);
	if (rows->first_key != 0)
		(void) hash_search(rows->verify->firsts, &rows->first_key, HASH_REMOVE, NULL);
	rows->first_key = 0;
}

void
tt_rows_finish(TtUnitRows *rows, int next_account)
{
	if (rows->verify->kindred)
		keep_keys(rows, next_account);
	close_rows(rows);
}

void
tt_verify_end(TtVerify *verify)
{
	while (!dlist_is_empty(&verify->reading))
		close_rows(dlist_head_element(TtUnitRows, node, &verify->reading));
	forget_finished(verify);
}
