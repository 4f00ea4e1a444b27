/*
 * settings.h
 *	  The settings tiktok_fdw.… (GUCs): their values, and their definition.
 */
#ifndef TT_SETTINGS_H
#define TT_SETTINGS_H

#include "postgres.h"

/* tiktok_fdw.allowed_hosts: where servers that no superuser owns may connect to */
extern char *tt_allowed_hosts;

/* tiktok_fdw.enable_pushdown: off, only accounts and report dates narrow a query */
extern bool tt_enable_pushdown;

/* tiktok_fdw.enable_aggregate_pushdown: on, the API may add up days */
extern bool tt_enable_aggregate_pushdown;

/* tiktok_fdw.enable_batched_join: on, a join may hand its keys over many at a time */
extern bool tt_enable_batched_join;
/* tiktok_fdw.enable_prefetch: on, the scans of one query start together */
extern bool tt_enable_prefetch;

/* tiktok_fdw.snapshot_refresh: nothing may be left out; set by the refresh */
extern bool tt_snapshot_refresh;

/* when the library is loaded */
extern void tt_settings_define(void);

#endif /* TT_SETTINGS_H */
