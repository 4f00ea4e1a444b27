/*
 * key_set.c
 *	  The keys seen so far in a unit, as 64-bit hashes.
 *
 * A unit may have ten million rows and more, so what is kept of them in memory
 * is bounded.  The first hashes stand in one array (open addressing, linear
 * probing, at most four fifths full): whatever repeats one of them is found at
 * once.  Further ones are put aside in temporary files, by their low bits, and
 * compared with each other when the unit is over (tt_key_set_settle): what repeats
 * one of them is found then.
 *
 * Memory: at most twelve megabytes while the array grows, eight after, twenty
 * in tt_key_set_settle(), and a buffer of a block for each file.  Lives in the memory
 * context it was created in.  The files belong to the resource owner of the query
 * and go with it on error; otherwise tt_key_set_free() must be called.  May ereport
 * when memory or disk space is out.
 */
#include "postgres.h"

#include "verify/key_set.h"

#include "miscadmin.h"
#include "storage/buffile.h"
#include "utils/memutils.h"

#define FIRST_SIZE 128
#define LAST_SIZE  (1024 * 1024)
#define NFILES	   64 /* a power of two */

/* hashes that an array of some size takes */
#define ROOM(size) ((size) / 5 * 4)

typedef struct Aside
{
	BufFile *file; /* NULL: nothing put aside */
	uint64	 count;
} Aside;

struct TtKeySet
{
	MemoryContext context;
	uint64		 *hashes; /* 0: free */
	uint64		  size;
	uint64		  used;
	Aside		 *aside; /* NFILES; NULL as long as the array takes all */
};

/* Where to look first: the high bits of a hash, scaled to the array. */
static inline uint64
home(const TtKeySet *seen, uint64 hash)
{
	return ((hash >> 32) * seen->size) >> 32;
}

/* The place of a hash, or the free one where it belongs. */
static inline uint64 *
place(const TtKeySet *seen, uint64 hash)
{
	uint64 at = home(seen, hash);

	while (seen->hashes[at] != 0 && seen->hashes[at] != hash)
		if (++at == seen->size)
			at = 0;
	return &seen->hashes[at];
}

TtKeySet *
tt_key_set_create(MemoryContext context)
{
	TtKeySet *seen = MemoryContextAllocZero(context, sizeof(TtKeySet));

	seen->context = context;
	seen->size = FIRST_SIZE;
	seen->hashes = MemoryContextAllocZero(context, seen->size * sizeof(uint64));
	return seen;
}

static void
grow(TtKeySet *seen)
{
	uint64 *old = seen->hashes;
	uint64	old_size = seen->size;

	seen->hashes = MemoryContextAllocZero(seen->context, old_size * 2 * sizeof(uint64));
	seen->size = old_size * 2;
	for (uint64 i = 0; i < old_size; i++)
		if (old[i] != 0)
			*place(seen, old[i]) = old[i];
	pfree(old);
}

static void
put_aside(TtKeySet *seen, uint64 hash)
{
	Aside		 *aside;
	MemoryContext old = MemoryContextSwitchTo(seen->context);

	if (seen->aside == NULL)
		seen->aside = palloc0(sizeof(Aside) * NFILES);
	aside = &seen->aside[hash % NFILES];
	if (aside->file == NULL)
		aside->file = BufFileCreateTemp(false);
	BufFileWrite(aside->file, &hash, sizeof(hash));
	aside->count++;
	MemoryContextSwitchTo(old);
}

bool
tt_key_set_add(TtKeySet *seen, uint64 hash)
{
	uint64 *found;

	if (hash == 0)
		hash = 1;
	if (seen->used == ROOM(seen->size) && seen->size < LAST_SIZE)
		grow(seen);
	found = place(seen, hash);
	if (*found == hash)
		return false;
	if (seen->used == ROOM(seen->size))
		put_aside(seen, hash);
	else
	{
		*found = hash;
		seen->used++;
	}
	return true;
}

bool
tt_key_set_has(const TtKeySet *seen, uint64 hash)
{
	if (hash == 0)
		hash = 1;
	return *place(seen, hash) == hash;
}

/*
 * Whether the hashes of a file differ, but for those that may be there again; in
 * turns, if they are too many for one.
 */
static bool
all_differ(TtKeySet *seen, const Aside *aside, TtKeySetAgain again, void *arg)
{
	uint64 turns = aside->count / (ROOM(LAST_SIZE) / 2) + 1;
	bool   differ = true;

	for (uint64 turn = 0; turn < turns && differ; turn++)
	{
		TtKeySet *those = tt_key_set_create(seen->context);

		CHECK_FOR_INTERRUPTS();
		if (BufFileSeek(aside->file, 0, 0, SEEK_SET) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not rewind temporary file: %m")));
		for (uint64 i = 0; i < aside->count && differ; i++)
		{
			uint64 hash;

			if (BufFileRead(aside->file, &hash, sizeof(hash)) != sizeof(hash))
				ereport(ERROR,
						(errcode_for_file_access(),
						 errmsg("could not read from temporary file: %m")));
			if (hash / NFILES % turns == turn)
				differ = tt_key_set_add(those, hash) || (again != NULL && again(arg, hash));
		}
		Assert(those->aside == NULL);
		tt_key_set_free(those);
	}
	return differ;
}

bool
tt_key_set_settle(TtKeySet *seen, TtKeySetAgain again, void *arg)
{
	bool differ = true;

	if (seen->aside == NULL)
		return true;
	for (int i = 0; i < NFILES && differ; i++)
		if (seen->aside[i].file != NULL)
			differ = all_differ(seen, &seen->aside[i], again, arg);
	return differ;
}

void
tt_key_set_free(TtKeySet *seen)
{
	if (seen->aside != NULL)
	{
		for (int i = 0; i < NFILES; i++)
			if (seen->aside[i].file != NULL)
				BufFileClose(seen->aside[i].file);
		pfree(seen->aside);
	}
	pfree(seen->hashes);
	pfree(seen);
}
