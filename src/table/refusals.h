/*
 * refusals.h
 *	  Memory of what the API refused to this session, so that it is not asked again;
 *	  what is done about a refusal is in refused/.
 *
 * By foreign table and name: a metric, or a filter of the table's options; by
 * server and name: all ads of an account in one report.  What is known of a table
 * is forgotten when the table changes, all of it when the session ends: TikTok
 * may accept tomorrow what it refuses today.
 */
#ifndef TT_REFUSALS_H
#define TT_REFUSALS_H

#include "postgres.h"

/* several values of campaign_system_origins at once */
#define TT_ORIGINS_TOGETHER "campaign_system_origins together"

extern void tt_refusal_note(Oid relid, const char *name);
extern bool tt_refusal_known(Oid relid, const char *name);

#endif /* TT_REFUSALS_H */
