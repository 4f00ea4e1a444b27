/*
 * tiktok_fdw.c
 *	  The door: what PostgreSQL looks up by name.  Settings, the handler, the
 *	  validator and the SQL functions; they only forward.
 *
 * Loading does nothing that a later fork or the postmaster would inherit: no
 * libcurl, no shared memory, no hooks.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "utils/guc.h"
#include "utils/plancache.h"

#include "analyze.h"
#include "check.h"
#include "compat.h"
#include "completeness.h"
#include "explain.h"
#include "import.h"
#include "options.h"
#include "plan.h"
#include "scan.h"
#include "http.h"
#include "utils/builtins.h"
#include "views.h"

TT_MODULE_MAGIC("tiktok_fdw", TT_VERSION);

char *tt_allowed_hosts = NULL;
bool  tt_enable_pushdown = true;
bool  tt_snapshot_refresh = false;

PG_FUNCTION_INFO_V1(tiktok_fdw_handler);
PG_FUNCTION_INFO_V1(tiktok_fdw_validator);
PG_FUNCTION_INFO_V1(tiktok_streams);
PG_FUNCTION_INFO_V1(tiktok_stream_columns);
PG_FUNCTION_INFO_V1(tiktok_report_metrics);
PG_FUNCTION_INFO_V1(tiktok_check);
PG_FUNCTION_INFO_V1(tiktok_completeness);
PG_FUNCTION_INFO_V1(tiktok_version);

void _PG_init(void);

/* cached plans may count on what the setting allows */
static void
replan(bool newval, void *extra)
{
	ResetPlanCache();
}

void
_PG_init(void)
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
	DefineCustomBoolVariable("tiktok_fdw.snapshot_refresh",
							 "A snapshot is being read: nothing may be left out.",
							 "Internal; set by the functions that refresh snapshots. A "
							 "refused account or metric is an error then.",
							 &tt_snapshot_refresh, false, PGC_USERSET,
							 GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	MarkGUCPrefixReserved("tiktok_fdw");
}

Datum
tiktok_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = tiktokGetForeignRelSize;
	routine->GetForeignPaths = tiktokGetForeignPaths;
	routine->GetForeignPlan = tiktokGetForeignPlan;
	routine->GetForeignUpperPaths = tiktokGetForeignUpperPaths;
	routine->BeginForeignScan = tiktokBeginForeignScan;
	routine->IterateForeignScan = tiktokIterateForeignScan;
	routine->ReScanForeignScan = tiktokReScanForeignScan;
	routine->EndForeignScan = tiktokEndForeignScan;
	routine->ExplainForeignScan = tiktokExplainForeignScan;
	routine->IsForeignPathAsyncCapable = tiktokIsForeignPathAsyncCapable;
	routine->ForeignAsyncRequest = tiktokForeignAsyncRequest;
	routine->ForeignAsyncConfigureWait = tiktokForeignAsyncConfigureWait;
	routine->ForeignAsyncNotify = tiktokForeignAsyncNotify;
	routine->AnalyzeForeignTable = tiktokAnalyzeForeignTable;
	routine->ImportForeignSchema = tiktokImportForeignSchema;
	PG_RETURN_POINTER(routine);
}

Datum
tiktok_fdw_validator(PG_FUNCTION_ARGS)
{
	tt_options_validate(untransformRelOptions(PG_GETARG_DATUM(0)), PG_GETARG_OID(1));
	PG_RETURN_VOID();
}

Datum
tiktok_streams(PG_FUNCTION_ARGS)
{
	return tt_views_streams(fcinfo);
}

Datum
tiktok_stream_columns(PG_FUNCTION_ARGS)
{
	return tt_views_stream_columns(fcinfo);
}

Datum
tiktok_report_metrics(PG_FUNCTION_ARGS)
{
	return tt_views_report_metrics(fcinfo);
}

Datum
tiktok_check(PG_FUNCTION_ARGS)
{
	return tt_check(fcinfo);
}

Datum
tiktok_completeness(PG_FUNCTION_ARGS)
{
	return tt_completeness(fcinfo);
}

Datum
tiktok_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("tiktok_fdw %s, PostgreSQL %s, %s",
											  TT_VERSION, PG_VERSION,
											  tt_http_version())));
}
