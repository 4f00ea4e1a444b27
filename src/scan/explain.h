/*
 * explain.h
 *	  EXPLAIN of a scan.
 */
#ifndef TT_EXPLAIN_H
#define TT_EXPLAIN_H

#include "postgres.h"

#include "compat.h"
#include "nodes/execnodes.h"

extern void tiktokExplainForeignScan(ForeignScanState *node, ExplainState *es);

#endif /* TT_EXPLAIN_H */
