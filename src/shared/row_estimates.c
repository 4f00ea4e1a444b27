/*
 * row_estimates.c
 *	  What earlier scans found, for the planner's estimates.
 *
 * A small table in shared memory, by database and foreign table: complete
 * scans and ANALYZE leave how many rows an account has.  It is lost with a
 * restart, which costs estimates only.  The oldest entry makes room.  The lock
 * is held for a walk through the array: nothing is waited for or raised there.
 */
#include "postgres.h"

#include "shared/row_estimates.h"

#include "compat.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

/* counts up when the layout changes, see shared.c */
#define SHARED_NAME "tiktok_fdw row estimates 1"

#define ENTRIES 256

typedef struct Entry
{
	Oid			  dbid;
	Oid			  relid; /* InvalidOid: free */
	uint64		  used;	 /* when it was last stored, by shared->clock */
	TtRowEstimate estimate;
} Entry;

typedef struct Shared
{
	int	   tranche;
	LWLock lock;
	uint64 clock;
	Entry  entries[ENTRIES];
} Shared;

static Shared *shared = NULL;

static void
init_shared(void *memory)
{
	Shared *made = memory;

	memset(made, 0, sizeof(*made));
	made->tranche = LWLockNewTrancheId();
	LWLockInitialize(&made->lock, made->tranche);
}

static void
attach(void)
{
	if (shared == NULL)
	{
		Shared *memory = tt_shared_memory(SHARED_NAME, sizeof(Shared), init_shared);

		LWLockRegisterTranche(memory->tranche, "tiktok_fdw");
		shared = memory;
	}
}

static Entry *
find_entry(Oid relid)
{
	for (int i = 0; i < ENTRIES; i++)
		if (shared->entries[i].relid == relid && shared->entries[i].dbid == MyDatabaseId)
			return &shared->entries[i];
	return NULL;
}

bool
tt_row_estimate_get(Oid relid, TtRowEstimate *estimate)
{
	Entry *entry;

	attach();
	LWLockAcquire(&shared->lock, LW_SHARED);
	entry = find_entry(relid);
	if (entry != NULL)
		*estimate = entry->estimate;
	LWLockRelease(&shared->lock);
	return entry != NULL;
}

void
tt_row_estimate_store(Oid relid, double rows, int accounts)
{
	Entry *entry;

	attach();
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	entry = find_entry(relid);
	if (entry == NULL)
	{
		entry = &shared->entries[0];
		for (int i = 1; i < ENTRIES; i++)
			if (shared->entries[i].used < entry->used)
				entry = &shared->entries[i];
		memset(entry, 0, sizeof(*entry));
		entry->dbid = MyDatabaseId;
		entry->relid = relid;
	}
	entry->used = ++shared->clock;
	entry->estimate.rows = rows;
	if (accounts > 0)
		entry->estimate.accounts = accounts;
	LWLockRelease(&shared->lock);
}
