/*
 * options.h
 *	  The options of servers, user mappings, foreign tables and columns, as they
 *	  are in effect for a scan.
 */
#ifndef TT_OPTIONS_H
#define TT_OPTIONS_H

#include "postgres.h"

#include "catalog/catalog.h"
#include "option_defs/option_set.h"

/*
 * The options in effect for user userid on a server, overridden by those of
 * the foreign table relid (InvalidOid: none), in the current memory context;
 * secrets in it are wiped when that goes away.  Never talks to the network.
 *
 * need_mapping: reads the user mapping too: its absence, or an empty
 * access_token, is ERROR 28000; a host that is not allowed is ERROR 42501.
 * Without it (planner, EXPLAIN) access_token, app_id and secret stay NULL and
 * nothing is raised.
 */
extern TtOptions *tt_options_get(Oid serverid, Oid relid, Oid userid,
								 bool need_mapping);

/*
 * The stream of a foreign table as its options name it; *report is the report
 * to ask for (zeroed if the stream is none).  For stream 'report' the result's
 * name is "report" and report is made from report_type, data_level,
 * dimensions and grain.  Result and strings live in the current memory context.
 * ERROR HV00D/HV024/HV00J if the options do not define a stream.
 */
extern const TtStream *tt_options_stream(Oid relid);

/* whether rows of nothing but zeros are rows of the table too */
extern bool tt_options_include_idle(Oid relid);

/* option "path" of the columns 1 to natts; NULL where it is not given */
extern const char **tt_options_column_paths(Oid relid, int natts);

#endif /* TT_OPTIONS_H */
