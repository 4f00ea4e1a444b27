/*
 * counters.c
 *	  Counters of requests, of all backends; view tiktok.stat_requests.
 *
 * In shared memory, one for each database, server and endpoint.  Those of
 * servers and databases that were dropped leave at a reset and when there are
 * many.  The lock is held for a walk through chains:
 * no wait, no palloc, no catalog look-up under it.
 */
#include "postgres.h"

#include "budget/counters.h"

#include "commands/dbcommands.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "shared/shared.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h" /* get_database_name(), in later versions */
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#define ENDPOINT_LENGTH 48

/* more than this, and twice as many as at the last time, are looked through */
#define MANY 256

typedef struct Counter
{
	dsa_pointer		  next;
	Oid				  database;
	Oid				  server;
	char			  endpoint[ENDPOINT_LENGTH];
	TtBudgetKey		  budget; /* of the last request */
	Oid				  owner;
	TtRequestCounters counts;
} Counter;

/* Where the chain has it, or ends. */
static dsa_pointer *
find_counter(TtSharedTable *table, Oid database, Oid server, const char *endpoint)
{
	uint32		 hash = hash_combine(hash_combine(database, server),
									 hash_bytes((const unsigned char *) endpoint,
												(int) strlen(endpoint)));
	dsa_pointer *link = &table->chains[hash % TT_SHARED_CHAINS];
	Counter		*counter;

	while ((counter = tt_shared_at(link)) != NULL &&
		   (counter->database != database || counter->server != server ||
			strcmp(counter->endpoint, endpoint) != 0))
		link = &counter->next;
	return link;
}

/* A copy of all of them, palloc'ed, so that catalogs can be read at leisure. */
static Counter *
copy_counters(int64 *n)
{
	TtSharedTable *table = tt_shared_table(TT_SHARED_COUNTERS);
	int64		   room = 0;
	Counter		  *copy = NULL;

	for (;;)
	{
		LWLockAcquire(&table->lock, LW_SHARED);
		*n = 0;
		for (int i = 0; i < TT_SHARED_CHAINS && table->entries <= room; i++)
		{
			const Counter *counter = tt_shared_at(&table->chains[i]);

			for (; counter != NULL && *n < room; counter = tt_shared_at(&counter->next))
				copy[(*n)++] = *counter;
		}
		if (table->entries <= room)
			break;
		room = table->entries + MANY;
		LWLockRelease(&table->lock);
		copy = MemoryContextAllocHuge(CurrentMemoryContext, room * sizeof(Counter));
	}
	LWLockRelease(&table->lock);
	return copy;
}

static void
remove_counter(const Counter *copy)
{
	TtSharedTable *table = tt_shared_table(TT_SHARED_COUNTERS);
	dsa_pointer	  *link;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	link = find_counter(table, copy->database, copy->server, copy->endpoint);
	if (tt_shared_at(link) != NULL)
	{
		tt_shared_remove(link);
		table->entries--;
	}
	LWLockRelease(&table->lock);
}

static bool
is_dropped(const Counter *counter)
{
	if (counter->database == MyDatabaseId)
		return !SearchSysCacheExists1(FOREIGNSERVEROID, ObjectIdGetDatum(counter->server));
	return !SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(counter->database));
}

static int64
remove_dropped(void)
{
	int64	 n;
	Counter *copy = copy_counters(&n);

	for (int64 i = 0; i < n; i++)
	{
		if (is_dropped(&copy[i]))
			remove_counter(&copy[i]);
	}
	return n;
}

void
tt_counters_add(const TtBudgetUser *user, const char *endpoint, const TtRequestCounters *delta)
{
	static int64   many = MANY;
	TtSharedTable *table = tt_shared_table(TT_SHARED_COUNTERS);
	char		   name[ENDPOINT_LENGTH];
	dsa_pointer	  *link;
	Counter		  *counter;
	int64		   entries;

	strlcpy(name, endpoint, sizeof(name));
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	link = find_counter(table, MyDatabaseId, user->server, name);
	counter = tt_shared_at(link);
	if (counter == NULL && (counter = tt_shared_add(link, sizeof(Counter))) != NULL)
	{
		counter->database = MyDatabaseId;
		counter->server = user->server;
		strlcpy(counter->endpoint, name, sizeof(counter->endpoint));
		table->entries++;
	}
	if (counter != NULL) /* a want of memory costs what was counted, no query */
	{
		counter->budget = user->key;
		counter->owner = user->owner;
		counter->counts.requests += delta->requests;
		counter->counts.retries += delta->retries;
		counter->counts.throttled_ms += delta->throttled_ms;
		counter->counts.wire_bytes += delta->wire_bytes;
		counter->counts.rows += delta->rows;
		counter->counts.errors += delta->errors;
		counter->counts.timeouts += delta->timeouts;
	}
	entries = table->entries;
	LWLockRelease(&table->lock);

	if (entries > many)
		many = Max(2 * remove_dropped(), MANY);
}

/* rate_limit, rate_limit_server, rate_limit_database: null where not known */
static void
rate_values(const Counter *counter, Datum *values, bool *nulls)
{
	TtBudgetRate   rate;
	ForeignServer *server = NULL;
	char		  *database;

	nulls[0] = nulls[1] = nulls[2] = true;
	if (!tt_budget_rate(counter->budget, counter->owner, &rate))
		return;
	values[0] = Int32GetDatum(rate.rate);
	nulls[0] = false;
	if (rate.database == MyDatabaseId)
		server = GetForeignServerExtended(rate.server, FSV_MISSING_OK);
	if (server != NULL)
	{
		values[1] = CStringGetTextDatum(server->servername);
		nulls[1] = false;
	}
	database = get_database_name(rate.database);
	if (database != NULL)
	{
		values[2] = CStringGetTextDatum(database);
		nulls[2] = false;
	}
}

PG_FUNCTION_INFO_V1(tiktok_stat_requests);
PG_FUNCTION_INFO_V1(tiktok_stat_requests_reset);

/*
 * tiktok.stat_requests(): server, endpoint, requests, retries, throttled_ms,
 * wire_bytes, rows, errors, timeouts, rate_limit, rate_limit_server, rate_limit_database;
 * those of the current database.
 */
Datum
tiktok_stat_requests(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		   n;
	Counter		  *copy = copy_counters(&n);

	InitMaterializedSRF(fcinfo, 0);
	for (int64 i = 0; i < n; i++)
	{
		const TtRequestCounters *counts = &copy[i].counts;
		ForeignServer			*server;
		Datum					 values[12];
		bool					 nulls[12] = {false};

		if (copy[i].database != MyDatabaseId)
			continue;
		server = GetForeignServerExtended(copy[i].server, FSV_MISSING_OK);
		if (server == NULL)
			continue; /* dropped */
		values[0] = CStringGetTextDatum(server->servername);
		values[1] = CStringGetTextDatum(copy[i].endpoint);
		values[2] = Int64GetDatum(counts->requests);
		values[3] = Int64GetDatum(counts->retries);
		values[4] = Int64GetDatum(counts->throttled_ms);
		values[5] = Int64GetDatum(counts->wire_bytes);
		values[6] = Int64GetDatum(counts->rows);
		values[7] = Int64GetDatum(counts->errors);
		values[8] = Int64GetDatum(counts->timeouts);
		rate_values(&copy[i], values + 9, nulls + 9);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * tiktok.stat_requests_reset(): those of the current database start at zero,
 * and those of databases that are gone make room.
 */
Datum
tiktok_stat_requests_reset(PG_FUNCTION_ARGS)
{
	int64	 n;
	Counter *copy = copy_counters(&n);

	for (int64 i = 0; i < n; i++)
	{
		if (copy[i].database == MyDatabaseId || is_dropped(&copy[i]))
			remove_counter(&copy[i]);
	}
	PG_RETURN_VOID();
}
