/*
 * settings.c
 *	  The settings tiktok_fdw.… (GUCs).
 */
#include "postgres.h"

#include "options/settings.h"

#include "utils/guc.h"
#include "utils/plancache.h"

char *tt_allowed_hosts = NULL;
bool  tt_enable_pushdown = true;
bool  tt_enable_aggregate_pushdown = false;
bool  tt_enable_batched_join = true;
bool  tt_enable_prefetch = true;
bool  tt_snapshot_refresh = false;

/* cached plans may count on what the setting allows */
static void
replan(bool newval, void *extra)
{
	ResetPlanCache();
}

void
tt_settings_define(void)
{
	DefineCustomStringVariable("tiktok_fdw.allowed_hosts",
							   "Hosts that servers not owned by a superuser may connect to.",
							   "Names separated by commas, compared as a whole; https only.",
							   &tt_allowed_hosts,
							   "business-api.tiktok.com,sandbox-ads.tiktok.com", PGC_SUSET,
							   GUC_LIST_INPUT, NULL, NULL, NULL);
	DefineCustomBoolVariable("tiktok_fdw.enable_pushdown",
							 "Lets the API narrow what a query reads.",
							 "Off, conditions other than accounts and report dates are "
							 "checked here only: the rows are the same.",
							 &tt_enable_pushdown, true, PGC_USERSET, 0, NULL,
							 replan, NULL);
	DefineCustomBoolVariable("tiktok_fdw.enable_aggregate_pushdown",
							 "Lets the API add up the days of a report.",
							 "Sums of counts are the same; of money, which the API rounds "
							 "per row, they may differ by half a cent a row and day.",
							 &tt_enable_aggregate_pushdown, false, PGC_USERSET, 0, NULL,
							 replan, NULL);
	DefineCustomBoolVariable("tiktok_fdw.enable_batched_join",
							 "Lets a join hand its keys to the API many at a time.",
							 "Off, a join asks for each key by itself, or reads the whole "
							 "table: the rows are the same.",
							 &tt_enable_batched_join, true, PGC_USERSET, 0, NULL,
							 replan, NULL);
	DefineCustomBoolVariable("tiktok_fdw.enable_prefetch",
							 "Lets the scans of one query send their first requests together.",
							 "Off, each of them sends nothing before it is asked for a row: the rows are the same.",
							 &tt_enable_prefetch, true, PGC_USERSET, 0, NULL,
							 NULL, NULL);
	DefineCustomBoolVariable("tiktok_fdw.snapshot_refresh",
							 "A snapshot is being read: nothing may be left out.",
							 "Internal; set by the functions that refresh snapshots. A "
							 "refused account or metric is an error then.",
							 &tt_snapshot_refresh, false, PGC_USERSET,
							 GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	MarkGUCPrefixReserved("tiktok_fdw");
}
