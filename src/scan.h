/*
 * scan.h
 *	  Executor callbacks and the state of a running scan.
 */
#ifndef TT_SCAN_H
#define TT_SCAN_H

#include "postgres.h"

#include "decode.h"
#include "fetch.h"
#include "foreign/fdwapi.h"
#include "nodes/execnodes.h"
#include "query.h"

typedef struct TtScanState
{
	MemoryContext context;		/* lives as long as the scan */
	MemoryContext run;			/* of one run: reset by a rescan */
	TtTable    *table;
	Oid			userid;			/* with whose user mapping */
	TtOptions  *options;		/* without user mapping until started */
	List	   *attrs;
	List	   *quals;			/* TtQual; their values are ExprStates */
	Oid		   *types;			/* of the values, in order */
	TtProjection *projection;
	TtDecoder  *decoder;
	bool		started;
	bool		finished;
	TtQuery		query;
	TtBounds	bounds;
	TtFetch    *fetch;			/* NULL: nothing to ask */
	TtPage	   *page;			/* being handed on */
	int			row;			/* next row of it */
	int			naccounts;		/* looked up; kept for rescans */
	int64	   *accounts;
	TtFetchStats stats;
} TtScanState;

extern void tiktokBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *tiktokIterateForeignScan(ForeignScanState *node);
extern void tiktokReScanForeignScan(ForeignScanState *node);
extern void tiktokEndForeignScan(ForeignScanState *node);
extern void tiktokShutdownForeignScan(ForeignScanState *node);

/*
 * Compute the values that conditions have now and narrow state->bounds by
 * them.  only_known: leave out values that are not known before execution;
 * returns how many conditions were left out.
 */
extern int	tt_scan_bounds(ForeignScanState *node, bool only_known);

#endif							/* TT_SCAN_H */
