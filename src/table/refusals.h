/*
 * refusals.h
 *	  Memory of what the API refused to this session, so that it is not asked again;
 *	  what is done about a refusal is in refused/.
 *
 * By foreign table and name: a metric, or a filter of the table's options; by
 * foreign table, level and name: the same in the report of its sums (sums.h); by
 * server and name: all ads of an account in one report.  What is known of a table
 * is forgotten when the table changes, all of it when the session ends: TikTok
 * may accept tomorrow what it refuses today.
 */
#ifndef TT_REFUSALS_H
#define TT_REFUSALS_H

#include "postgres.h"

#include "compat.h"
#include "table/table.h"

/* several values of campaign_system_origins at once */
#define TT_ORIGINS_TOGETHER "campaign_system_origins together"

extern void tt_refusal_note(Oid relid, const char *name);
extern bool tt_refusal_known(Oid relid, const char *name);

/* Whether it was refused for the table or, where that is one of sums, for these. */
extern bool tt_table_refusal_known(const TtTable *table, const char *name);

/*
 * A table of sums lacks a metric, an attribute or a filter: ERROR, since the days
 * may have it.  Noted, so that in this session the days are read: plans made by
 * now are made again.  what: is completed by "for the sums of foreign table …";
 * detail: without secrets.
 */
TT_NORETURN extern void tt_sums_refused(const TtTable *table, const char *name,
										const char *what, const char *detail);

#endif /* TT_REFUSALS_H */
