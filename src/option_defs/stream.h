/*
 * stream.h
 *	  The stream a name stands for, and reports of the user's own making.
 */
#ifndef TT_STREAM_H
#define TT_STREAM_H

#include "postgres.h"

#include "catalog/catalog.h"
#include "nodes/pg_list.h"

/* a stream of the catalogue; ERROR HV024 with similar names if it has none */
extern const TtStream *tt_stream_get(const char *name);

/*
 * The stream "report" as the options of a table describe it.  dimensions: a
 * list of strings, kept; report_type may be NULL (BASIC), data_level too; grain
 * too: what the dimensions say.
 * ERROR HV024 or HV00J for what is certainly no report.
 */
extern const TtStream *tt_stream_own_report(const char *report_type,
											const char *data_level,
											List	   *dimensions,
											const char *grain);

#endif /* TT_STREAM_H */
