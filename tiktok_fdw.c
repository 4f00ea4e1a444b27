/*
 * tiktok_fdw.c
 *	  The door: what PostgreSQL looks up by name.  Settings, the handler, the
 *	  validator and the SQL functions; they only forward.
 *
 * Loading does nothing that a later fork or the postmaster would mind to inherit:
 * no libcurl, no shared memory, and of hooks the planner's for joins and EXPLAIN's only.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "utils/builtins.h"

#include "check/check.h"
#include "check/completeness.h"
#include "compat.h"
#include "join/join.h"
#include "options/settings.h"
#include "options/validate.h"
#include "plan/plan.h"
#include "plan/upper.h"
#include "analyze/analyze.h"
#include "scan/explain.h"
#include "scan/scan.h"
#include "schema/import.h"
#include "schema/views.h"
#include "wire/http.h"

TT_MODULE_MAGIC("tiktok_fdw", TT_VERSION);

PG_FUNCTION_INFO_V1(tiktok_fdw_handler);
PG_FUNCTION_INFO_V1(tiktok_fdw_validator);
PG_FUNCTION_INFO_V1(tiktok_streams);
PG_FUNCTION_INFO_V1(tiktok_stream_columns);
PG_FUNCTION_INFO_V1(tiktok_report_metrics);
PG_FUNCTION_INFO_V1(tiktok_check);
PG_FUNCTION_INFO_V1(tiktok_completeness);
PG_FUNCTION_INFO_V1(tiktok_version);

void _PG_init(void);

void
_PG_init(void)
{
	tt_settings_define();
	tt_join_define();
	tt_explain_define();
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
#ifdef TT_HAVE_IMPORT_STATISTICS
	routine->ImportForeignStatistics = tiktokImportForeignStatistics;
#endif
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
