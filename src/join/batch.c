/*
 * batch.c
 *	  Outer rows of a batched join, by key.
 *
 * Keys are told apart by their bytes: two of them that are equal and look
 * different are asked for twice, and the join clauses decide what they meet.
 */
#include "postgres.h"

#include "join/batch.h"

#include "access/htup_details.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#define FIRST_BUCKETS 256 /* a power of 2 */

TtBatch *
tt_batch_create(MemoryContext parent)
{
	TtBatch *batch = palloc0(sizeof(TtBatch));

	batch->context = AllocSetContextCreate(parent, "tiktok_fdw join batch",
										   ALLOCSET_DEFAULT_SIZES);
	tt_batch_reset(batch);
	return batch;
}

void
tt_batch_reset(TtBatch *batch)
{
	MemoryContextReset(batch->context);
	batch->used = 0;
	batch->nkeys = 0;
	batch->most = 0;
	batch->rows = NULL;
	batch->groups = NULL;
	batch->nrows = 0;
	batch->mask = FIRST_BUCKETS - 1;
	batch->key_buckets = MemoryContextAllocZero(batch->context,
												sizeof(TtBatchKey *) * FIRST_BUCKETS);
	batch->row_buckets = MemoryContextAllocZero(batch->context,
												sizeof(TtBatchRow *) * FIRST_BUCKETS);
}

static bool
same_value(const TtBatch *batch, int key, Datum one, Datum two)
{
	return datumIsEqual(one, two, batch->types[key].by_value, batch->types[key].length);
}

static Datum
copy_value(TtBatch *batch, int key, Datum value)
{
	const TtBatchType *type = &batch->types[key];

	if (!type->by_value)
		batch->used += datumGetSize(value, type->by_value, type->length);
	return datumCopy(value, type->by_value, type->length);
}

static TtBatchGroup *
find_group(TtBatch *batch, Datum value)
{
	TtBatchGroup *group = batch->groups;

	while (group != NULL && batch->grouped && !same_value(batch, 1, group->value, value))
		group = group->next;
	if (group != NULL)
		return group;
	group = palloc0(sizeof(TtBatchGroup));
	if (batch->grouped)
		group->value = copy_value(batch, 1, value);
	group->next = batch->groups;
	batch->groups = group;
	batch->used += sizeof(TtBatchGroup);
	return group;
}

/* Twice as many buckets; there are no more keys than rows. */
static void
grow(TtBatch *batch)
{
	uint32		 mask = batch->mask * 2 + 1;
	TtBatchKey **keys = palloc0(sizeof(TtBatchKey *) * ((Size) mask + 1));
	TtBatchRow **rows = palloc0(sizeof(TtBatchRow *) * ((Size) mask + 1));

	for (uint32 i = 0; i <= batch->mask; i++)
	{
		while (batch->key_buckets[i] != NULL)
		{
			TtBatchKey *key = batch->key_buckets[i];

			batch->key_buckets[i] = key->next;
			key->next = keys[key->hash & mask];
			keys[key->hash & mask] = key;
		}
		while (batch->row_buckets[i] != NULL)
		{
			TtBatchRow *row = batch->row_buckets[i];

			batch->row_buckets[i] = row->next_in_bucket;
			row->next_in_bucket = rows[row->hash & mask];
			rows[row->hash & mask] = row;
		}
	}
	pfree(batch->key_buckets);
	pfree(batch->row_buckets);
	batch->key_buckets = keys;
	batch->row_buckets = rows;
	batch->mask = mask;
}

static bool
has_key(const TtBatch *batch, const TtBatchGroup *group, Datum value, uint32 hash)
{
	const TtBatchKey *key = batch->key_buckets[hash & batch->mask];

	while (key != NULL && (key->hash != hash || key->group != group ||
						   !same_value(batch, 0, key->value, value)))
		key = key->next;
	return key != NULL;
}

static void
add_key(TtBatch *batch, TtBatchGroup *group, Datum value, uint32 hash)
{
	TtBatchKey *key = palloc0(sizeof(TtBatchKey));

	key->group = group;
	key->hash = hash;
	key->value = copy_value(batch, 0, value);
	key->next = batch->key_buckets[hash & batch->mask];
	batch->key_buckets[hash & batch->mask] = key;
	if (group->nkeys == group->size)
	{
		group->size = Max(group->size * 2, 16);
		group->values = group->values == NULL
							? palloc(sizeof(Datum) * group->size)
							: repalloc(group->values, sizeof(Datum) * group->size);
	}
	group->values[group->nkeys++] = key->value;
	batch->nkeys++;
	batch->most = Max(batch->most, group->nkeys);
	batch->used += sizeof(TtBatchKey) + sizeof(Datum);
}

TtBatchRow *
tt_batch_add(TtBatch *batch, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(batch->context);
	TtBatchRow	 *row = palloc0(sizeof(TtBatchRow));

	row->tuple = ExecCopySlotMinimalTuple(slot);
	row->next = batch->rows;
	batch->rows = row;
	batch->used += sizeof(TtBatchRow) + 2 * sizeof(void *) + row->tuple->t_len;
	MemoryContextSwitchTo(old);
	return row;
}

void
tt_batch_add_with_keys(TtBatch *batch, TupleTableSlot *slot, const Datum *keys,
					   uint32 key_hash, uint32 row_hash)
{
	TtBatchRow	 *row = tt_batch_add(batch, slot);
	MemoryContext old = MemoryContextSwitchTo(batch->context);

	if ((uint32) batch->nrows++ > batch->mask)
		grow(batch);
	row->group = find_group(batch, keys[1]);
	if (!has_key(batch, row->group, keys[0], key_hash))
		add_key(batch, row->group, keys[0], key_hash);
	row->hash = row_hash;
	row->next_in_bucket = batch->row_buckets[row_hash & batch->mask];
	batch->row_buckets[row_hash & batch->mask] = row;
	MemoryContextSwitchTo(old);
}

static TtBatchRow *
first_meant(TtBatchRow *row, const TtBatchGroup *group, uint32 hash)
{
	while (row != NULL && (row->hash != hash || row->group != group))
		row = row->next_in_bucket;
	return row;
}

TtBatchRow *
tt_batch_find(const TtBatch *batch, const TtBatchGroup *group, uint32 hash)
{
	return first_meant(batch->row_buckets[hash & batch->mask], group, hash);
}

TtBatchRow *
tt_batch_find_next(const TtBatchRow *row)
{
	return first_meant(row->next_in_bucket, row->group, row->hash);
}
