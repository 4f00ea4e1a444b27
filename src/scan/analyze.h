/*
 * analyze.h
 *	  ANALYZE of a foreign table.
 */
#ifndef TT_ANALYZE_H
#define TT_ANALYZE_H

#include "postgres.h"

#include "foreign/fdwapi.h"

extern bool tiktokAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func,
									  BlockNumber *totalpages);

#endif /* TT_ANALYZE_H */
