/*
 * strays.c
 *	  Rows that came with a request that did not ask for them.
 *
 * What a row tells is compared with its request (belongs.c).  Where it does not
 * tell enough, an API that ignores what tells two units apart gives both the same
 * list: so the first row of each unit is remembered, where none can be in two.
 */
#include "postgres.h"

#include "fetch/belongs.h"
#include "common/hashfn.h"
#include "fetch/fetch_private.h"

#include "utils/hsearch.h"

typedef struct First
{
	uint64 key;
	TtUnit unit;
} First;

/*
 * The key of the page's first row that has one, together with the account, whose
 * key it is only, and with the period where rows do not tell it; 0: none has.
 */
static uint64
first_key(const TtFetch *fetch, const TtFetchUnit *unit, const TtReply *reply)
{
	uint64 key;

	for (int row = 0; row < reply->nrows; row++)
		if (!tt_hour_is_none(fetch, reply, row) && tt_row_key(fetch, reply, row, &key))
			return hash_combine64(hash_combine64(key, (uint64) tt_unit_account(fetch, unit)),
								  tt_unit_period_hash(fetch, unit));
	return 0;
}

static void
check_first(TtFetch *fetch, TtFetchUnit *unit, const TtReply *reply, const TtFailure *failure)
{
	uint64 key = first_key(fetch, unit, reply);
	bool   found;
	First *first;

	if (key == 0)
		return;
	if (fetch->firsts == NULL)
	{
		HASHCTL control = {0};

		control.keysize = sizeof(uint64);
		control.entrysize = sizeof(First);
		control.hcxt = fetch->context;
		fetch->firsts = hash_create("tiktok_fdw first rows", 64, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	first = hash_search(fetch->firsts, &key, HASH_ENTER, &found);
	if (found)
		tt_failure_repeated(failure, tt_belongs_param(fetch->query, fetch->units, &first->unit,
													  &unit->unit));
	first->unit = unit->unit;
	unit->first_key = key;
}

void
tt_strays_check(TtFetch *fetch, const TtFetchJob *job, const TtReply *reply,
				const TtFailure *failure)
{
	TtFetchUnit *unit = job->unit;
	TtStray		 stray;

	if (!tt_belongs_page(fetch->query, fetch->units, &unit->unit, unit->plain,
						 fetch->projection, reply, &stray))
		tt_failure_ignored(failure, stray.param, stray.column, stray.value, stray.filter);
	/* the parts of a unit have the same rows; one of them will do */
	if (job->page == 1 && unit->part == 0 && tt_belongs_once(fetch->query))
		check_first(fetch, unit, reply, failure);
}

void
tt_strays_forget(TtFetch *fetch, TtFetchUnit *unit)
{
	if (unit->first_key != 0)
		(void) hash_search(fetch->firsts, &unit->first_key, HASH_REMOVE, NULL);
	unit->first_key = 0;
}

void
tt_strays_forget_all(TtFetch *fetch)
{
	if (fetch->firsts != NULL)
		hash_destroy(fetch->firsts);
	fetch->firsts = NULL;
}
