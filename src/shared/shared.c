/*
 * shared.c
 *	  Memory that the backends of the cluster share and that grows.
 *
 * A root of fixed size (about 8 kB) is found by its name: a corner of the main
 * segment before PostgreSQL 17, a named segment since.  It has the locks and
 * the chains' beginnings, and the handle of a DSA area for the entries, which
 * the first backend that needs it creates and pins: it outlives them all.
 * Each backend keeps it mapped until it exits.
 *
 * dsa_get_address() may have to map a segment that another backend added, and
 * that may ereport; the locks are released then.  An entry whose address a
 * backend has seen is mapped there.
 */
#include "postgres.h"

#include "shared/shared.h"

#include "compat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * Count up when the layout of anything in it changes: an updated library may
 * meet the memory of the one before.
 */
#define ROOT_NAME "tiktok_fdw 5"

typedef struct Root
{
	int			  tranche;
	TimestampTz	  since; /* see tt_shared_since() */
	LWLock		  lock;	 /* of the area's creation */
	bool		  has_area;
	dsa_handle	  area;
	TtSharedTable tables[TT_SHARED_TABLES];
} Root;

StaticAssertDecl(sizeof(Root) <= 9 * 1024, "too much for a corner of shared memory");

/* an entry, as far as it is known here */
typedef struct Entry
{
	dsa_pointer next;
} Entry;

static Root		*root = NULL;
static dsa_area *area = NULL;

static void
init_root(void *memory)
{
	Root *made = memory;

	memset(made, 0, sizeof(*made));
	made->tranche = LWLockNewTrancheId();
	made->since = MyStartTimestamp;
	LWLockInitialize(&made->lock, made->tranche);
	for (int i = 0; i < TT_SHARED_TABLES; i++)
		LWLockInitialize(&made->tables[i].lock, made->tranche);
}

static void
attach(void)
{
	MemoryContext old;

	if (root == NULL)
	{
		Root *found_or_made = tt_shared_memory(ROOT_NAME, sizeof(Root), init_root);

		LWLockRegisterTranche(found_or_made->tranche, "tiktok_fdw");
		root = found_or_made;
	}

	old = MemoryContextSwitchTo(TopMemoryContext);
	LWLockAcquire(&root->lock, LW_EXCLUSIVE);
	if (root->has_area)
		area = dsa_attach(root->area);
	else
	{
		area = dsa_create(root->tranche);
		dsa_pin(area);
		root->area = dsa_get_handle(area);
		root->has_area = true;
	}
	LWLockRelease(&root->lock);
	dsa_pin_mapping(area);
	MemoryContextSwitchTo(old);
}

TtSharedTable *
tt_shared_table(TtSharedName name)
{
	if (area == NULL)
		attach();
	return &root->tables[name];
}

TimestampTz
tt_shared_since(void)
{
	return root->since;
}

void *
tt_shared_add(dsa_pointer *link, Size size)
{
	dsa_pointer added = dsa_allocate_extended(area, size, DSA_ALLOC_NO_OOM | DSA_ALLOC_ZERO);
	Entry	   *entry;

	if (!DsaPointerIsValid(added))
		return NULL;
	entry = dsa_get_address(area, added);
	entry->next = *link;
	*link = added;
	return entry;
}

void *
tt_shared_at(const dsa_pointer *link)
{
	return DsaPointerIsValid(*link) ? dsa_get_address(area, *link) : NULL;
}

void
tt_shared_remove(dsa_pointer *link)
{
	dsa_pointer removed = *link;
	Entry	   *entry = dsa_get_address(area, removed);

	*link = entry->next;
	dsa_free(area, removed);
}
