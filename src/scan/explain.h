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

/*
 * From PostgreSQL 18 on, EXPLAIN ANALYZE of a plan that has several scans adds up their
 * requests below the plan.
 */
extern void tt_explain_define(void);

#endif /* TT_EXPLAIN_H */
