/*
 * ask.c
 *	  Requests that SQL functions make without a foreign table: tiktok.check()
 *	  and tiktok.completeness().
 *
 * What such a function needs beside options, accounts and fetch, all of which it
 * shares with scans: a server by its name, a stream without a foreign table, and
 * an error that does not end the function.
 */
#include "postgres.h"

#include "check/ask.h"

#include "access/xact.h"
#include "catalog/pg_foreign_server.h"
#include "compat.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

ForeignServer *
tt_ask_server(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, false);
	AclResult	   acl = TT_SERVER_ACLCHECK(server->serverid, GetUserId(), ACL_USAGE);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_SERVER, name);
	if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "tiktok_fdw") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" is not a server of tiktok_fdw", name)));
	return server;
}

TtTable *
tt_ask_table(const TtStream *stream)
{
	TtTable		   *table = palloc0(sizeof(TtTable));
	const TtColumn *column;
	bool			report = stream->kind == TT_KIND_REPORT;

	table->name = pstrdup(stream->name);
	table->stream = stream;
	table->key_paths = palloc(sizeof(char *) * TT_MAX_DIMENSIONS);
	for (int i = 0; (column = tt_stream_column(stream, i, false)) != NULL &&
					table->nkeys < TT_MAX_DIMENSIONS;
		 i++)
		if (tt_list_contains(stream->key, column->name))
			table->key_paths[table->nkeys++] =
				psprintf("%s%s", report ? "dimensions." : "", column->name);
	return table;
}

ErrorData *
tt_ask_try(TtAskStep step, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext own = AllocSetContextCreate(context, "tiktok_fdw step", ALLOCSET_DEFAULT_SIZES);
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(own);
	PG_TRY();
	{
		step(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		/* a fetch that failed ends here: what it has in flight counts no more */
		MemoryContextDelete(own);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL && (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
						  error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN))
		ReThrowError(error);
	return error;
}
