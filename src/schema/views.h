/*
 * views.h
 *	  The catalogue as rows: what the views of schema tiktok read.
 */
#ifndef TT_VIEWS_H
#define TT_VIEWS_H

#include "postgres.h"

#include "fmgr.h"

/* set-returning; the columns are those of sql/parts/11_catalogue.sql and 12_requests.sql */
extern Datum tt_views_streams(PG_FUNCTION_ARGS);
extern Datum tt_views_stream_columns(PG_FUNCTION_ARGS);
extern Datum tt_views_report_metrics(PG_FUNCTION_ARGS);

#endif /* TT_VIEWS_H */
