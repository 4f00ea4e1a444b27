/*
 * kin.c
 *	  Units that ask an account for objects of different kinds: no row is of two.
 *
 * An API that does not know a parameter may ignore it, and would give each row
 * once for every kind.  So the keys of a page are looked up among those of the
 * account's units of other kinds, also of finished ones until all are; beyond
 * the 800,000 keys that key_set.c has in memory, a row is known by the first
 * ones only, which such an API repeats like the others.
 */
#include "postgres.h"

#include "fetch/belongs.h"
#include "fetch/fetch_private.h"

/* the keys of a finished unit */
typedef struct Kin
{
	dlist_node node; /* in fetch->kin */
	int		   account;
	int		   kind;
	uint64	   period;
	TtKeySet  *seen;
} Kin;

static void
check_against(TtFetch *fetch, const TtFetchUnit *unit, int kind, const TtKeySet *seen,
			  const TtReply *reply, const TtFailure *failure)
{
	TtUnit other = unit->unit;

	other.kind = kind;
	for (int row = 0; row < reply->nrows; row++)
	{
		uint64 hash;

		if (!tt_row_key(fetch, reply, row, &hash) || !tt_key_set_has(seen, hash))
			continue;
		tt_failure_repeated(failure, tt_belongs_param(fetch->query, fetch->units, &unit->unit,
													  &other));
	}
}

void
tt_kin_check(TtFetch *fetch, const TtFetchUnit *unit, const TtReply *reply,
			 const TtFailure *failure)
{
	dlist_iter iter;

	if (!fetch->kindred)
		return;
	dlist_foreach(iter, &fetch->active)
	{
		TtFetchUnit *other = dlist_container(TtFetchUnit, node, iter.cur);

		if (other->unit.account == unit->unit.account && other->unit.kind != unit->unit.kind &&
			tt_unit_period_hash(fetch, other) == tt_unit_period_hash(fetch, unit))
			check_against(fetch, unit, other->unit.kind, other->seen, reply, failure);
	}
	dlist_foreach(iter, &fetch->kin)
	{
		Kin *other = dlist_container(Kin, node, iter.cur);

		if (other->account == unit->unit.account && other->kind != unit->unit.kind &&
			other->period == tt_unit_period_hash(fetch, unit))
			check_against(fetch, unit, other->kind, other->seen, reply, failure);
	}
}

/* Whether units of an account are being read, or are next. */
static bool
account_goes_on(TtFetch *fetch, int account)
{
	dlist_iter iter;

	dlist_foreach(iter, &fetch->active)
	{
		TtFetchUnit *unit = dlist_container(TtFetchUnit, node, iter.cur);

		if (unit->unit.account == account)
			return true;
	}
	return fetch->next_unit < fetch->units->count &&
		   tt_units_get(fetch->units, fetch->query, fetch->next_unit).account == account;
}

void
tt_kin_keep(TtFetch *fetch, TtFetchUnit *unit)
{
	dlist_mutable_iter iter;

	if (!fetch->kindred)
		return;
	if (unit->seen != NULL)
	{
		Kin *kin = MemoryContextAlloc(fetch->context, sizeof(Kin));

		kin->account = unit->unit.account;
		kin->kind = unit->unit.kind;
		kin->period = tt_unit_period_hash(fetch, unit);
		kin->seen = unit->seen;
		unit->seen = NULL;
		dlist_push_tail(&fetch->kin, &kin->node);
	}
	dlist_foreach_modify(iter, &fetch->kin)
	{
		Kin *kin = dlist_container(Kin, node, iter.cur);

		if (account_goes_on(fetch, kin->account))
			continue;
		dlist_delete(&kin->node);
		tt_key_set_free(kin->seen);
		pfree(kin);
	}
}

void
tt_kin_forget(TtFetch *fetch)
{
	while (!dlist_is_empty(&fetch->kin))
	{
		Kin *kin = dlist_container(Kin, node, dlist_pop_head_node(&fetch->kin));

		tt_key_set_free(kin->seen);
		pfree(kin);
	}
}
