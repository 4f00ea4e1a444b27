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

/* what the options of IMPORT FOREIGN SCHEMA say */
typedef struct ImportOptions
{
	bool all_metrics; /* metrics 'all' */
	bool all_streams; /* streams 'all' */
} ImportOptions;

/* one option, which takes one of two words */
typedef struct ImportOption
{
	const char *name;
	const char *what;
	const char *usual;
	size_t		offset; /* of the bool that is true with the other word, "all" */
} ImportOption;

static const ImportOption import_options[] = {
	{"metrics", "the columns of reports", "core", offsetof(ImportOptions, all_metrics)},
	{"streams", "the tables", "core", offsetof(ImportOptions, all_streams)},
};

static const ImportOption *
find_option(const char *name)
{
	for (size_t i = 0; i < lengthof(import_options); i++)
		if (strcmp(import_options[i].name, name) == 0)
			return &import_options[i];
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", name),
			 errhint("Valid options in this context are: metrics, streams")));
	return NULL; /* not reached */
}

static ImportOptions
read_options(List *options)
{
	ImportOptions result = {0};
	List		 *seen = NIL;
	ListCell	 *lc;

	foreach(lc, options)
	{
		DefElem			   *def = lfirst(lc);
		char			   *value = defGetString(def);
		const ImportOption *option = find_option(def->defname);

		if (list_member_ptr(seen, option))
			ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
							errmsg("option \"%s\" is given twice", def->defname),
							errhint("Leave one of the two out.")));
		seen = lappend(seen, unconstify(ImportOption *, option));
		if (strcmp(value, option->usual) != 0 && strcmp(value, "all") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					 errmsg("invalid value for option \"%s\": \"%s\"", option->name, value),
					 errhint("\"%s\" (%s) takes one of: %s, all.", option->name, option->what,
							 option->usual)));
		*(bool *) ((char *) &result + option->offset) = strcmp(value, "all") == 0;
	}
	return result;
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
	ImportOptions  options = read_options(stmt->options);
	bool		   named = stmt->list_type == FDW_IMPORT_SCHEMA_LIMIT_TO;
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

		/* what connectors do not know is there for those who ask for it */
		if (stream->seed_name == NULL && !named && (!options.all_streams || stream->named_only))
			continue;
		if (IsImportableForeignTable(stream->name, stmt))
			commands = lappend(commands, create_table_command(stream, server->servername,
															  options.all_metrics));
	}
	return commands;
}
