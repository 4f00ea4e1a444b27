/*
 * views.h
 *	  The catalogue as rows: what the views of schema tiktok read.
 */
#ifndef TT_VIEWS_H
#define TT_VIEWS_H

#include "postgres.h"

#include "fmgr.h"

/* set-returning; the columns are those of sql/tiktok_fdw--1.0.sql */
extern Datum tt_views_streams(PG_FUNCTION_ARGS);
extern Datum tt_views_stream_columns(PG_FUNCTION_ARGS);
extern Datum tt_views_report_metrics(PG_FUNCTION_ARGS);

#endif /* TT_VIEWS_H */
