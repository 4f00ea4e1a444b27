/*
 * table_cache.c
 *	  Descriptions of foreign tables, kept from one query to the next.
 *
 * A description depends on the foreign table's options and on its columns with
 * theirs, so it is forgotten whenever PostgreSQL says that the relation has
 * changed; the server's options and the table's name are no part of it.
 *
 * Each description has a memory context of its own.  tt_table_get() hands out
 * a copy of its head whose arrays are those of the cache, and pins it until
 * the caller's memory context goes away: what is forgotten meanwhile stays
 * readable for whom has it, and is freed by the last of them.
 *
 * The callbacks (invalidation, reset) free memory and do nothing else: they
 * run in the middle of anything, and must not ereport.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "table/table_private.h"

typedef struct Description
{
	MemoryContext context; /* that this is in */
	TtTable		  table;   /* without name */
	int			  pins;
	bool		  forgotten; /* not in the cache (any more) */
} Description;

typedef struct Entry
{
	Oid			 relid;
	uint32		 hashvalue; /* in the syscache FOREIGNTABLEREL */
	Description *description;
} Entry;

/* what a caller of tt_table_get() has in its memory context */
typedef struct Pin
{
	MemoryContextCallback callback;
	Description			 *description;
	TtTable				  table;
} Pin;

static HTAB	 *cache = NULL;
static uint64 invalidations = 0;

static void
forget(Entry *entry)
{
	Description *description = entry->description;

	(void) hash_search(cache, &entry->relid, HASH_REMOVE, NULL);
	description->forgotten = true;
	if (description->pins == 0)
		MemoryContextDelete(description->context);
}

/* hashvalue: 0 for all */
static void
forget_matching(uint32 hashvalue)
{
	HASH_SEQ_STATUS status;
	Entry		   *entry;

	invalidations++;
	hash_seq_init(&status, cache);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (hashvalue == 0 || entry->hashvalue == hashvalue)
			forget(entry);
}

/* The relation's columns, their options, or options of the table. */
static void
relation_changed(Datum arg, Oid relid)
{
	Entry *entry;

	if (!OidIsValid(relid))
	{
		forget_matching(0);
		return;
	}
	invalidations++;
	entry = hash_search(cache, &relid, HASH_FIND, NULL);
	if (entry != NULL)
		forget(entry);
}

/* The row of pg_foreign_table, also where no ALTER changed it. */
static void
options_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	forget_matching(hashvalue);
}

static void
create_cache(void)
{
	HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(Entry)};

	control.hcxt = CacheMemoryContext;
	cache = hash_create("tiktok_fdw tables", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNTABLEREL, options_changed, (Datum) 0);
}

static char *
qualified_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

/*
 * Describe a table and keep it.  If something was invalidated meanwhile, the
 * description serves the caller, who has a lock, and nobody after it.
 */
static Description *
describe(Relation rel, char *name)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tiktok_fdw table",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Description	 *description = palloc0(sizeof(Description));
	uint64		  before = invalidations;
	uint32		  hashvalue = GetSysCacheHashValue1(FOREIGNTABLEREL,
													ObjectIdGetDatum(RelationGetRelid(rel)));

	MemoryContextCopyAndSetIdentifier(context, name);
	description->context = context;
	description->table.name = name;
	tt_table_describe(rel, &description->table);
	description->table.name = NULL;
	MemoryContextSwitchTo(old);
	description->forgotten = before != invalidations;
	if (!description->forgotten)
	{
		Oid	   relid = RelationGetRelid(rel);
		Entry *entry = hash_search(cache, &relid, HASH_ENTER, NULL);

		entry->hashvalue = hashvalue;
		entry->description = description;
	}
	MemoryContextSetParent(context, CacheMemoryContext);
	return description;
}

/* Reset callback of a context in which a description was used. */
static void
unpin(void *arg)
{
	Description *description = ((Pin *) arg)->description;

	if (--description->pins == 0 && description->forgotten)
		MemoryContextDelete(description->context);
}

TtTable *
tt_table_get(Relation rel)
{
	Oid	   relid = RelationGetRelid(rel);
	char  *name = qualified_name(rel);
	Pin	  *pin = palloc0(sizeof(Pin));
	Entry *entry;

	if (cache == NULL)
		create_cache();
	entry = hash_search(cache, &relid, HASH_FIND, NULL);
	pin->description = entry != NULL ? entry->description : describe(rel, name);
	pin->description->pins++;
	pin->callback.func = unpin;
	pin->callback.arg = pin;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &pin->callback);
	pin->table = pin->description->table;
	pin->table.name = name;
	return &pin->table;
}
