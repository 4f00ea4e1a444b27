/*
 * validate.c
 *	  Whether the options of an object are valid, when DDL sets them.
 */
#include "postgres.h"

#include <limits.h>

#include "options/validate.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "compat.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "option_defs/option_table.h"
#include "option_defs/option_value.h"

TT_NORETURN static void misplaced_option(const TtOptionDef *def, int where);
TT_NORETURN static void unknown_option(const char *name, int where);

static int
context_of(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return IN_SERVER;
		case UserMappingRelationId:
			return IN_MAPPING;
		case ForeignTableRelationId:
			return IN_TABLE;
		case AttributeRelationId:
			return IN_COLUMN;
	}
	return 0; /* the foreign-data wrapper: no options */
}

static const char *
context_name(int where)
{
	if (where & IN_SERVER)
		return (where & IN_TABLE) ? "server or a foreign table" : "server";
	if (where & IN_MAPPING)
		return "user mapping";
	if (where & IN_TABLE)
		return "foreign table";
	return where & IN_COLUMN ? "column" : "foreign-data wrapper";
}

/* A name that no context knows. */
static void
unknown_option(const char *name, int where)
{
	StringInfoData valid;
	const char	  *closest = NULL;
	int			   best = INT_MAX;

	initStringInfo(&valid);
	for (int i = 0; i < tt_option_count; i++)
	{
		const TtOptionDef *def = &tt_option_table[i];
		int				   distance;

		if ((def->where & where) == 0)
			continue;
		appendStringInfo(&valid, "%s%s", valid.len > 0 ? ", " : "", def->name);
		distance = tt_name_distance(name, def->name);
		if (distance >= 0 && distance < best)
		{
			best = distance;
			closest = def->name;
		}
	}
	if (valid.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", name),
				 errhint("There are no valid options in this context.")));
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", name),
			 closest != NULL
				 ? errhint("Perhaps you meant the option \"%s\". "
						   "Valid options in this context are: %s",
						   closest, valid.data)
				 : errhint("Valid options in this context are: %s", valid.data)));
}

/* A name that belongs elsewhere; the value may be a secret. */
static void
misplaced_option(const TtOptionDef *def, int where)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("option \"%s\" is not valid for a %s", def->name, context_name(where)),
			 (def->where & IN_MAPPING) != 0
				 ? errhint("It belongs to a user mapping: CREATE USER MAPPING FOR CURRENT_USER "
						   "SERVER ... OPTIONS (%s '...').",
						   def->name)
				 : errhint("It is an option of a %s.", context_name(def->where))));
}

static void
check_mapping(List *options)
{
	if (!tt_option_given(options, "access_token"))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"access_token\" is required for a user mapping"),
				 errhint("Add OPTIONS (access_token '...').")));
	if (tt_option_given(options, "secret") && !tt_option_given(options, "app_id"))
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
						errmsg("option \"secret\" needs option \"app_id\""),
						errhint("Add OPTIONS (app_id '...'), the id of the app that the secret "
								"belongs to.")));
}

/* An option that would do nothing for the table's stream is an error. */
static void
check_table(List *options, const TtOptionSet *s)
{
	const TtStream *stream = tt_option_stream(s);

	for (int i = 0; i < tt_option_count; i++)
	{
		const TtOptionDef *def = &tt_option_table[i];

		if (def->only != NULL && tt_option_given(options, def->name) &&
			!def->only->applies(stream))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("option \"%s\" is not valid for stream \"%s\"", def->name,
							stream->name),
					 errhint("Leave \"%s\" out: %s.", def->name, def->only->why)));
	}
	if (s->o.page_size > stream->endpoint->max_page_size)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for option \"page_size\": \"%d\"", s->o.page_size),
				 errhint("Stream \"%s\" has at most %d rows per request.", stream->name,
						 stream->endpoint->max_page_size)));
}

void
tt_options_validate(List *options, Oid catalog)
{
	TtOptionSet *s = tt_option_set_new();
	int			 where = context_of(catalog);
	ListCell	*lc;

	foreach(lc, options)
	{
		DefElem			  *given = lfirst(lc);
		const TtOptionDef *def = tt_option_find(given->defname);

		if (def == NULL)
			unknown_option(given->defname, where);
		if ((def->where & where) == 0)
			misplaced_option(def, where);
		if ((def->flags & SUPERUSER) != 0 && !superuser())
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("only a superuser may set option \"%s\"", def->name),
					 errhint("Have a superuser own the server and set it, or leave \"%s\" out.",
							 def->name)));
		tt_option_read(def, defGetString(given), s);
	}
	if (where == IN_MAPPING)
		check_mapping(options);
	else if (where == IN_TABLE)
		check_table(options, s);
}
