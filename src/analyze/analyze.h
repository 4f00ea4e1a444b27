/*
 * analyze.h
 *	  ANALYZE of a foreign table.
 */
#ifndef TT_ANALYZE_H
#define TT_ANALYZE_H

#include "postgres.h"

#include "compat.h"
#include "foreign/fdwapi.h"

extern bool tiktokAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func,
									  BlockNumber *totalpages);

#ifdef TT_HAVE_IMPORT_STATISTICS
extern bool tiktokImportForeignStatistics(Relation relation, List *va_cols, int elevel);
#endif

#endif /* TT_ANALYZE_H */
