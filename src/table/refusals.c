/*
 * refusals.c
 *	  What the API refused to this session.
 *
 * A hash table in CacheMemoryContext, made at the first refusal.
 */
#include "postgres.h"

#include "table/refusals.h"

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

#define NAME_SIZE 128

typedef struct Refusal
{
	/* the key; no padding between, and the rest of name is zero */
	Oid	 userid; /* another one's token may be given more */
	Oid	 relid;
	char name[NAME_SIZE];
} Refusal;

static HTAB *refusals = NULL;

static void
make_key(Oid relid, const char *name, Refusal *key)
{
	memset(key, 0, sizeof(*key));
	key->userid = GetUserId();
	key->relid = relid;
	strlcpy(key->name, name, NAME_SIZE);
}

/* The relation (InvalidOid: any) has changed. */
static void
forget(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	Refusal		   *refusal;

	hash_seq_init(&status, refusals);
	while ((refusal = hash_seq_search(&status)) != NULL)
		if (!OidIsValid(relid) || refusal->relid == relid)
			(void) hash_search(refusals, refusal, HASH_REMOVE, NULL);
}

/* A server or a user mapping has changed: it may be another API, or token. */
static void
forget_all(Datum arg, int cacheid, uint32 hashvalue)
{
	forget(arg, InvalidOid);
}

void
tt_refusal_note(Oid relid, const char *name)
{
	Refusal key;

	/* a table that is none (tiktok.check, the list of a split) has no memory */
	if (!OidIsValid(relid))
		return;
	if (refusals == NULL)
	{
		HASHCTL control = {0};

		control.keysize = sizeof(Refusal);
		control.entrysize = sizeof(Refusal);
		control.hcxt = CacheMemoryContext;
		refusals = hash_create("tiktok_fdw refusals", 64, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
		CacheRegisterSyscacheCallback(FOREIGNSERVEROID, forget_all, (Datum) 0);
		CacheRegisterSyscacheCallback(USERMAPPINGOID, forget_all, (Datum) 0);
	}
	make_key(relid, name, &key);
	(void) hash_search(refusals, &key, HASH_ENTER, NULL);
}

bool
tt_refusal_known(Oid relid, const char *name)
{
	Refusal key;

	if (refusals == NULL)
		return false;
	make_key(relid, name, &key);
	return hash_search(refusals, &key, HASH_FIND, NULL) != NULL;
}

/* Apart from what is refused by day: that reads as NULL, and this may not. */
static const char *
sums_name(const TtTable *sums, const char *name)
{
	return psprintf("%d of sums: %s", sums->stream->report.level, name);
}

bool
tt_table_refusal_known(const TtTable *table, const char *name)
{
	return tt_refusal_known(table->relid, name) ||
		   (table->daily != NULL && tt_refusal_known(table->relid, sums_name(table, name)));
}

void
tt_sums_refused(const TtTable *table, const char *name, const char *what, const char *detail)
{
	tt_refusal_note(table->relid, sums_name(table, name));
	ResetPlanCache();
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the TikTok API %s for the sums of foreign table \"%s\"", what, table->name),
			 errdetail("%s", detail),
			 errhint("SET tiktok_fdw.enable_aggregate_pushdown = off, so that the table's own rows are read; in this session they are when the query is run again.")));
}
