/*
 * shared.h
 *	  Memory that the backends of the cluster share and that grows: entries in
 *	  tables, each under a lock of its own.  Without preloading.
 *
 * A table is an array of chains.  Entries begin with the dsa_pointer of the
 * next one in their chain; whoever uses a table walks its chains, with the
 * table's lock held.  Entries stay where they are until they are freed, so a
 * backend may keep the address of one that it keeps alive.
 *
 * All of it is lost with a restart, also one after a crash.
 */
#ifndef TT_SHARED_H
#define TT_SHARED_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/lwlock.h"
#include "utils/dsa.h"

#define TT_SHARED_CHAINS 256

typedef enum TtSharedName
{
	TT_SHARED_BUDGETS,
	TT_SHARED_COUNTERS,
	TT_SHARED_TIMEOUTS,
	TT_SHARED_ACTIVITY,
	TT_SHARED_TABLES /* their number */
} TtSharedName;

typedef struct TtSharedTable
{
	LWLock		lock;
	int64		entries; /* the user's to count */
	dsa_pointer chains[TT_SHARED_CHAINS];
} TtSharedTable;

/* May ereport, so it comes before any lock; cheap after the first time. */
extern TtSharedTable *tt_shared_table(TtSharedName name);

/*
 * When the backend that made this memory started: no process that used an
 * earlier one lived then.  After tt_shared_table().
 */
extern TimestampTz tt_shared_since(void);

/*
 * A new entry, all zeros, linked in before what *link names; NULL: no memory.
 * With the table's lock held, like the rest.
 */
extern void *tt_shared_add(dsa_pointer *link, Size size);

/* What *link names; NULL: the chain ends there. */
extern void *tt_shared_at(const dsa_pointer *link);

/* Unlink and free what *link names; its successor follows there. */
extern void tt_shared_remove(dsa_pointer *link);

#endif /* TT_SHARED_H */
