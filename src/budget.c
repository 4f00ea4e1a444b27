/*
 * budget.c
 *	  What the backends of the cluster share: request budgets, penalties and
 *	  request counters.
 *
 * The promise: at the API, no second has more than rate requests.  Kept by a
 * sliding window per key, counted in slots of 20 ms over a little more than a
 * second; the surplus absorbs what the network shifts.  A request is granted
 * first, but counts in the window from the moment it goes out: between the two
 * (a connection may have to be made) it counts as unsent, that is, always.
 *
 * An unsent grant must end.  Callers say so with tt_budget_sent(); for those
 * that forget or die, each backend keeps a list of its unsent grants, and what
 * is on it at the end of a transaction counts as sent then.  kill -9 makes the
 * postmaster set up shared memory anew.
 *
 * Shared memory is of fixed size (about 19 kB) under two LWLocks, which are
 * held for a walk through an array: no wait, no ereport, no palloc, no catalog
 * look-up under them.  tt_budget_sent() may be called from a reset callback of a
 * memory context.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_foreign_server.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "compat.h"
#include "budget.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/*
 * Count up when the layout changes: an updated library may meet the memory of
 * the one before.
 */
#define SHARED_NAME "tiktok_fdw 1"

/* the sliding window; all times are in milliseconds of now_ms() */
#define SLOT_MS 20
#define SLOTS	64 /* in the ring; a power of two */
#define WINDOW	53 /* that count: 1040 to 1060 ms */

/* keys whose budgets are known at the same time */
#define BUDGETS 32

/* higher rates count as this: a slot is 16 bits wide */
#define MAX_RATE 60000

/* how long a lower rate holds for others of the same key */
#define RATE_MEMORY_MS 60000

/* ask again after this long when it is not known when to */
#define ASK_AGAIN_MS 50

/* the waiting do not all ask in the same millisecond */
#define JITTER_MS 5

typedef struct Budget
{
	TtBudgetKey key;	 /* 0: free */
	int			rate;	 /* the lowest within the last minute */
	int			unsent;	 /* granted, not yet sent: count always */
	int64		rate_at; /* when that rate was last used */
	int64		used_at; /* when anyone asked last */
	int64		penalty_until;
	int64		newest;		 /* number of the newest slot in use */
	uint16		sent[SLOTS]; /* by slot number modulo SLOTS */
} Budget;

#define COUNTERS		128
#define ENDPOINT_LENGTH 48

typedef struct Counter
{
	Oid				  database; /* InvalidOid: free */
	Oid				  server;
	char			  endpoint[ENDPOINT_LENGTH];
	TtRequestCounters counts;
} Counter;

typedef struct Shared
{
	int		tranche;
	LWLock	budget_lock;
	LWLock	counter_lock;
	Budget	budgets[BUDGETS];
	Counter counters[COUNTERS];
} Shared;

StaticAssertDecl(sizeof(Shared) <= 24 * 1024, "too much for a corner of shared memory");

static Shared *shared = NULL;

/*
 * This backend's unsent grants.  malloc'ed, so that it can be looked at
 * whatever memory contexts go.
 */
static TtBudgetGrant *unsent = NULL;
static int			  n_unsent = 0;
static int			  max_unsent = 0;

static void at_transaction_end(XactEvent event, void *arg);

/* ---------------------------------------------------------------------------
 * Shared memory
 * ------------------------------------------------------------------------- */

static void
init_shared(void *memory)
{
	Shared *made = memory;

	memset(made, 0, sizeof(*made));
	made->tranche = LWLockNewTrancheId();
	LWLockInitialize(&made->budget_lock, made->tranche);
	LWLockInitialize(&made->counter_lock, made->tranche);
}

/* Once per backend; may ereport, so it comes before any lock. */
static void
attach(void)
{
	Shared *found_or_made;

	if (shared)
		return;

	found_or_made = tt_shared_memory(SHARED_NAME, sizeof(Shared), init_shared);
	LWLockRegisterTranche(found_or_made->tranche, "tiktok_fdw");
	RegisterXactCallback(at_transaction_end, NULL);
	shared = found_or_made;
}

/* Of a clock that is never set back and that all processes share. */
static int64
now_ms(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

/* ---------------------------------------------------------------------------
 * Budgets; the functions up to "grants" are called with budget_lock held
 * ------------------------------------------------------------------------- */

/* Let time pass: slots that are new since the last time are empty. */
static void
advance(Budget *budget, int64 now)
{
	int64 slot = now / SLOT_MS;

	if (slot - budget->newest >= SLOTS)
		memset(budget->sent, 0, sizeof(budget->sent));
	else
	{
		for (int64 i = budget->newest + 1; i <= slot; i++)
			budget->sent[i % SLOTS] = 0;
	}
	budget->newest = Max(budget->newest, slot);
}

static int
sent_in_window(const Budget *budget)
{
	int sum = 0;

	for (int64 i = budget->newest - WINDOW + 1; i <= budget->newest; i++)
		sum += budget->sent[i % SLOTS];
	return sum;
}

static void
count_sent(Budget *budget, int64 now)
{
	uint16 *slot;

	advance(budget, now);
	slot = &budget->sent[budget->newest % SLOTS];
	if (*slot < PG_UINT16_MAX)
		(*slot)++;
}

static Budget *
find_budget(TtBudgetKey key)
{
	for (int i = 0; i < BUDGETS; i++)
	{
		if (shared->budgets[i].key == key)
			return &shared->budgets[i];
	}
	return NULL;
}

/*
 * Find or make.  What is forgotten to make room must matter to nobody: nothing
 * unsent, nothing in the window, no penalty.  NULL when there is no such
 * entry, which ends at the latest with the shortest penalty.
 */
static Budget *
get_budget(TtBudgetKey key, int64 now)
{
	Budget *budget = find_budget(key);
	Budget *oldest = NULL;

	if (budget == NULL)
	{
		for (int i = 0; i < BUDGETS; i++)
		{
			budget = &shared->budgets[i];
			if (budget->key == 0)
			{
				oldest = budget;
				break;
			}
			advance(budget, now);
			if (budget->unsent > 0 || budget->penalty_until > now ||
				sent_in_window(budget) > 0)
				continue;
			if (oldest == NULL || budget->used_at < oldest->used_at)
				oldest = budget;
		}
		if (oldest == NULL)
			return NULL;
		budget = oldest;
		memset(budget, 0, sizeof(*budget));
		budget->key = key;
		budget->newest = now / SLOT_MS;
		budget->rate = MAX_RATE;
	}
	budget->used_at = now;
	return budget;
}

/* The rate that holds for all: the lowest that was used within a minute. */
static int
lowest_rate(Budget *budget, int rate, int64 now)
{
	rate = Max(1, Min(rate, MAX_RATE));
	if (rate <= budget->rate || now - budget->rate_at > RATE_MEMORY_MS)
	{
		budget->rate = rate;
		budget->rate_at = now;
	}
	return budget->rate;
}

/* When, in ms from now, has the window room again?  0: it has. */
static int
wait_for_room(const Budget *budget, int rate, int64 now)
{
	int must_go = sent_in_window(budget) + budget->unsent - rate + 1;

	if (must_go <= 0)
		return 0;
	for (int64 i = budget->newest - WINDOW + 1; i <= budget->newest; i++)
	{
		must_go -= budget->sent[i % SLOTS];
		if (must_go <= 0)
			return (int) Max((i + WINDOW) * SLOT_MS - now, 1);
	}

	/* the unsent alone fill it */
	return ASK_AGAIN_MS;
}

/* ---------------------------------------------------------------------------
 * Grants
 * ------------------------------------------------------------------------- */

TtBudgetKey
tt_budget_key(const char *app_id, const char *host, const char *token)
{
	TtBudgetKey key;

	if (app_id && app_id[0] != '\0')
		key = hash_bytes_extended((const unsigned char *) app_id, (int) strlen(app_id), 1);
	else
	{
		key = hash_bytes_extended((const unsigned char *) host, (int) strlen(host), 2);
		key = hash_bytes_extended((const unsigned char *) token, (int) strlen(token), key);
	}
	return key != 0 ? key : 1; /* 0 is a free entry */
}

/* Room for one more on this backend's list, before any lock is taken. */
static void
reserve_unsent(void)
{
	if (n_unsent >= max_unsent)
	{
		int			   max = Max(64, max_unsent * 2);
		TtBudgetGrant *grown = realloc(unsent, max * sizeof(TtBudgetGrant));

		if (grown == NULL)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
		unsent = grown;
		max_unsent = max;
	}
}

/* Take it off the list; false: it is not on it, being sent. */
static bool
forget_unsent(TtBudgetGrant *grant)
{
	bool known = false;

	for (int i = n_unsent - 1; i >= 0 && !known; i--)
	{
		if (unsent[i].key == grant->key && unsent[i].slot == grant->slot)
		{
			unsent[i] = unsent[--n_unsent];
			known = true;
		}
	}
	grant->slot = 0;
	return known;
}

int
tt_budget_acquire(TtBudgetKey key, int rate, TtBudgetGrant *grant)
{
	static int64 grants = 0;
	Budget		*budget;
	int64		 now;
	int64		 wait = 0;

	attach();
	reserve_unsent();

	LWLockAcquire(&shared->budget_lock, LW_EXCLUSIVE);
	now = now_ms(); /* with the lock held, or slots go backwards */
	budget = get_budget(key, now);
	if (budget == NULL)
		wait = ASK_AGAIN_MS;
	else
	{
		advance(budget, now);
		rate = lowest_rate(budget, rate, now);
		if (budget->penalty_until > now)
			wait = budget->penalty_until - now;
		else
			wait = wait_for_room(budget, rate, now);
		if (wait == 0)
			budget->unsent++;
	}
	LWLockRelease(&shared->budget_lock);

	if (wait > 0)
		return (int) Min(wait + (int64) pg_prng_uint64_range(&pg_global_prng_state, 0, JITTER_MS),
						 INT_MAX);

	grant->key = key;
	grant->slot = ++grants;
	unsent[n_unsent++] = *grant;
	return 0;
}

void
tt_budget_sent(TtBudgetGrant *grant)
{
	Budget *budget;

	if (!forget_unsent(grant))
		return;
	LWLockAcquire(&shared->budget_lock, LW_EXCLUSIVE);
	budget = find_budget(grant->key);
	if (budget)
	{
		count_sent(budget, now_ms());
		budget->unsent--;
	}
	LWLockRelease(&shared->budget_lock);
}

/*
 * No scan outlives its transaction, so grants that are still unsent are of
 * scans that died.  Whether their requests went out is not known: count them.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE ||
		event == XACT_EVENT_PARALLEL_PRE_COMMIT)
		return;
	while (n_unsent > 0)
	{
		TtBudgetGrant grant = unsent[n_unsent - 1];

		tt_budget_sent(&grant);
	}
}

void
tt_budget_penalty(TtBudgetKey key, int64 ms)
{
	Budget *budget;
	int64	now;

	attach();
	LWLockAcquire(&shared->budget_lock, LW_EXCLUSIVE);
	now = now_ms();
	budget = get_budget(key, now);
	if (budget)
		budget->penalty_until = Max(budget->penalty_until, now + ms);
	LWLockRelease(&shared->budget_lock);
}

/* ---------------------------------------------------------------------------
 * Counters
 * ------------------------------------------------------------------------- */

void
tt_budget_count(Oid serverid, const char *endpoint, const TtRequestCounters *delta)
{
	char	 name[ENDPOINT_LENGTH];
	Counter *free_entry = NULL;
	Counter *counter = NULL;

	attach();
	strlcpy(name, endpoint, sizeof(name));

	LWLockAcquire(&shared->counter_lock, LW_EXCLUSIVE);
	for (int i = 0; i < COUNTERS && counter == NULL; i++)
	{
		Counter *entry = &shared->counters[i];

		if (entry->database == InvalidOid)
		{
			if (free_entry == NULL)
				free_entry = entry;
		}
		else if (entry->database == MyDatabaseId && entry->server == serverid &&
				 strcmp(entry->endpoint, name) == 0)
			counter = entry;
	}
	if (counter == NULL && free_entry)
	{
		counter = free_entry;
		memset(counter, 0, sizeof(*counter));
		counter->database = MyDatabaseId;
		counter->server = serverid;
		strlcpy(counter->endpoint, name, sizeof(counter->endpoint));
	}
	if (counter)
	{
		counter->counts.requests += delta->requests;
		counter->counts.retries += delta->retries;
		counter->counts.throttled_ms += delta->throttled_ms;
		counter->counts.wire_bytes += delta->wire_bytes;
		counter->counts.rows += delta->rows;
		counter->counts.errors += delta->errors;
	}
	LWLockRelease(&shared->counter_lock);
}

/* A copy of all of them, palloc'ed, so that catalogs can be read at leisure. */
static Counter *
copy_counters(void)
{
	Counter *copy = palloc(sizeof(shared->counters));

	attach();
	LWLockAcquire(&shared->counter_lock, LW_SHARED);
	memcpy(copy, shared->counters, sizeof(shared->counters));
	LWLockRelease(&shared->counter_lock);
	return copy;
}

PG_FUNCTION_INFO_V1(tiktok_stat_requests);
PG_FUNCTION_INFO_V1(tiktok_stat_requests_reset);

/*
 * tiktok.stat_requests(): server, endpoint, requests, retries, throttled_ms,
 * wire_bytes, rows, errors; those of the current database.
 */
Datum
tiktok_stat_requests(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Counter		  *copy = copy_counters();

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < COUNTERS; i++)
	{
		const TtRequestCounters *counts = &copy[i].counts;
		ForeignServer			*server;
		Datum					 values[8];
		bool					 nulls[8] = {false};

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
	Counter *copy = copy_counters();

	for (int i = 0; i < COUNTERS; i++)
	{
		if (copy[i].database == InvalidOid ||
			(copy[i].database != MyDatabaseId &&
			 SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(copy[i].database))))
			continue;
		LWLockAcquire(&shared->counter_lock, LW_EXCLUSIVE);
		if (shared->counters[i].database == copy[i].database)
			shared->counters[i].database = InvalidOid;
		LWLockRelease(&shared->counter_lock);
	}
	PG_RETURN_VOID();
}
