/*
 * fetch_seen.c
 *	  The keys seen so far in a unit, as 64-bit hashes.
 *
 * A unit may have more than a million rows, so a key costs 10 to 20 bytes at
 * most: the bare hashes in one array, open addressing, linear probing, at most
 * four fifths full.  Lives in the memory context it was created in; may
 * ereport when memory is out.
 */
#include "postgres.h"

#include "fetch_seen.h"

#include "utils/memutils.h"

#define FIRST_SIZE 128

struct TtSeen
{
	MemoryContext context;
	uint64		 *hashes; /* 0: free */
	uint64		  size;
	uint64		  used;
};

/* Where to look first: the high bits of a hash, scaled to the array. */
static inline uint64
home(const TtSeen *seen, uint64 hash)
{
	return ((hash >> 32) * seen->size) >> 32;
}

/* false: it is there already */
static bool
put(TtSeen *seen, uint64 hash)
{
	uint64 at = home(seen, hash);

	while (seen->hashes[at] != 0)
	{
		if (seen->hashes[at] == hash)
			return false;
		if (++at == seen->size)
			at = 0;
	}
	seen->hashes[at] = hash;
	return true;
}

static uint64 *
allocate(MemoryContext context, uint64 size)
{
	return MemoryContextAllocExtended(context, size * sizeof(uint64),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

TtSeen *
tt_seen_create(MemoryContext context)
{
	TtSeen *seen = MemoryContextAllocZero(context, sizeof(TtSeen));

	seen->context = context;
	seen->size = FIRST_SIZE;
	seen->hashes = allocate(context, seen->size);
	return seen;
}

bool
tt_seen_add(TtSeen *seen, uint64 hash)
{
	if (hash == 0)
		hash = 1;
	if ((seen->used + 1) * 5 > seen->size * 4)
	{
		uint64 *old = seen->hashes;
		uint64	old_size = seen->size;
		uint64 *grown = allocate(seen->context, old_size * 2);

		seen->hashes = grown;
		seen->size = old_size * 2;
		for (uint64 i = 0; i < old_size; i++)
			if (old[i] != 0)
				(void) put(seen, old[i]);
		pfree(old);
	}
	if (!put(seen, hash))
		return false;
	seen->used++;
	return true;
}

void
tt_seen_free(TtSeen *seen)
{
	pfree(seen->hashes);
	pfree(seen);
}
