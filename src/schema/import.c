/*
 * import.c
 *	  IMPORT FOREIGN SCHEMA tiktok: a foreign table for each stream.
 *
 * The tables need no column options: their columns stand where the defaults
 * say.  Both environments get all streams; one that the sandbox lacks says so
 * when it is read.  No network.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "schema/import.h"
#include "option_defs/stream.h"

#define REMOTE_SCHEMA "tiktok"

/* The import options: whether to list every metric. */
static bool
read_options(List *options)
{
	bool	  all_metrics = false;
	bool	  seen = false;
	ListCell *lc;

	foreach(lc, options)
	{
		DefElem *def = lfirst(lc);
		char	*value = defGetString(def);

		if (strcmp(def->defname, "metrics") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->defname),
					 errhint("Valid options in this context are: metrics")));
		if (seen)
			ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
							errmsg("option \"%s\" is given twice", def->defname),
							errhint("Leave one of the two out.")));
		seen = true;
		if (strcmp(value, "core") != 0 && strcmp(value, "all") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					 errmsg("invalid value for option \"metrics\": \"%s\"", value),
					 errhint("\"metrics\" (the columns of reports) takes one of: core, all.")));
		all_metrics = strcmp(value, "all") == 0;
	}
	return all_metrics;
}

/* LIMIT TO a table that there is not would import nothing without a word. */
static void
check_limit(ImportForeignSchemaStmt *stmt)
{
	ListCell *lc;

	if (stmt->list_type != FDW_IMPORT_SCHEMA_LIMIT_TO)
		return;
	foreach(lc, stmt->table_list)
	{
		RangeVar *table = lfirst(lc);

		if (strcmp(table->relname, "report") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
					 errmsg("stream \"report\" cannot be imported"),
					 errhint("Its columns are yours to choose: CREATE FOREIGN TABLE ... SERVER %s "
							 "OPTIONS (stream 'report', data_level '...', dimensions '...');",
							 quote_identifier(stmt->server_name))));
		(void) tt_stream_get(table->relname);
	}
}

static char *
create_table_command(const TtStream *stream, const char *server, bool all_metrics)
{
	StringInfoData	buf;
	const TtColumn *column;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE FOREIGN TABLE %s (", quote_identifier(stream->name));
	for (int i = 0; (column = tt_stream_column(stream, i, all_metrics)) != NULL; i++)
		appendStringInfo(&buf, "%s\n\t%s %s%s", i > 0 ? "," : "", quote_identifier(column->name),
						 tt_type_name(column->type), i == 0 ? " NOT NULL" : "");
	appendStringInfo(&buf, "\n) SERVER %s OPTIONS (stream %s)", quote_identifier(server),
					 quote_literal_cstr(stream->name));
	return buf.data;
}

List *
tiktokImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverid)
{
	ForeignServer *server = GetForeignServer(serverid);
	bool		   all_metrics = read_options(stmt->options);
	List		  *commands = NIL;

	if (strcmp(stmt->remote_schema, REMOTE_SCHEMA) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				 errmsg("remote schema \"%s\" does not exist", stmt->remote_schema),
				 errhint("The one remote schema is \"%s\": IMPORT FOREIGN SCHEMA %s FROM SERVER "
						 "%s INTO %s;",
						 REMOTE_SCHEMA, REMOTE_SCHEMA, quote_identifier(server->servername),
						 quote_identifier(stmt->local_schema))));
	check_limit(stmt);
	for (int i = 0; i < tt_stream_count(); i++)
	{
		const TtStream *stream = tt_stream_at(i);

		if (IsImportableForeignTable(stream->name, stmt))
			commands = lappend(commands,
							   create_table_command(stream, server->servername, all_metrics));
	}
	return commands;
}
