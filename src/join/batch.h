/*
 * batch.h
 *	  Outer rows of a batched join, by key: as many as are asked for together.
 *
 * Memory is one context, emptied for the next batch.
 */
#ifndef TT_BATCH_H
#define TT_BATCH_H

#include "postgres.h"

#include "executor/tuptable.h"

typedef struct TtBatchRow
{
	struct TtBatchRow	*next;			 /* of the batch */
	struct TtBatchRow	*next_in_bucket; /* of rows that may be looked up */
	struct TtBatchGroup *group;			 /* NULL: it has no key, and matches nothing */
	uint32				 hash;			 /* of all that it is looked up by */
	bool				 matched;
	MinimalTuple		 tuple;
} TtBatchRow;

/* a value that is asked for */
typedef struct TtBatchKey
{
	struct TtBatchKey	*next; /* of the bucket */
	struct TtBatchGroup *group;
	uint32				 hash; /* of the value */
	Datum				 value;
} TtBatchKey;

/* the keys that a run of the foreign scan asks for */
typedef struct TtBatchGroup
{
	struct TtBatchGroup *next;
	Datum				 value; /* of the second key; without one there is one group */
	int					 nkeys;
	int					 size; /* of values */
	Datum				*values;
} TtBatchGroup;

/* how values are stored and told apart */
typedef struct TtBatchType
{
	int16 length;
	bool  by_value;
} TtBatchType;

typedef struct TtBatch
{
	MemoryContext context;
	TtBatchType	  types[2]; /* of the keys */
	bool		  grouped;	/* there is a second key */
	Size		  used;		/* bytes, about */
	int			  nkeys;
	int			  most;	  /* keys of the largest group */
	TtBatchRow	 *rows;	  /* all of them, the newest first */
	TtBatchGroup *groups; /* likewise */
	int			  nrows;  /* those with keys */
	uint32		  mask;	  /* of hashes: number of buckets - 1 */
	TtBatchKey	**key_buckets;
	TtBatchRow	**row_buckets;
} TtBatch;

extern TtBatch *tt_batch_create(MemoryContext parent);

/* Drop all rows. */
extern void tt_batch_reset(TtBatch *batch);

/* Keep a copy of a row that has no key. */
extern TtBatchRow *tt_batch_add(TtBatch *batch, TupleTableSlot *slot);

/*
 * Keep a copy of a row, and of the keys to ask for (which are not null; the second one
 * counts if grouped).  key_hash: of the first key; row_hash: what it is looked up by.
 */
extern void tt_batch_add_with_keys(TtBatch *batch, TupleTableSlot *slot, const Datum *keys,
								   uint32 key_hash, uint32 row_hash);

/*
 * The rows of a group that have this hash: each of them may be meant.  They stay where
 * they are until another is added.
 */
extern TtBatchRow *tt_batch_find(const TtBatch *batch, const TtBatchGroup *group, uint32 hash);
extern TtBatchRow *tt_batch_find_next(const TtBatchRow *row);

#endif /* TT_BATCH_H */
