/*
 * scan.h
 *	  Executor callbacks and the state of a running scan.
 */
#ifndef TT_SCAN_H
#define TT_SCAN_H

#include "postgres.h"

#include "accounts/accounts.h"
#include "reply/decode.h"
#include "fetch/fetch.h"
#include "foreign/fdwapi.h"
#include "query/option_bounds.h"
#include "nodes/execnodes.h"
#include "query/query.h"
#include "utils/sortsupport.h"
#include "utils/tuplesort.h"

/* ORDER BY that the plan relies on */
typedef struct TtScanOrder
{
	AttrNumber		attnum; /* 0: any order will do */
	Oid				operator;
	bool			descending;
	bool			nulls_first;
	bool			by_api; /* this run's rows come in order */
	SortSupportData sort;
	bool			has_last; /* last value handed on or checked */
	Datum			last;
	bool			last_null;
	Tuplesortstate *sorted; /* the API's order is of no use: our own */
	TupleTableSlot *sorted_slot;
} TtScanOrder;

typedef struct TtScanState
{
	MemoryContext context; /* lives as long as the scan */
	MemoryContext run;	   /* of one run: reset by a rescan */
	TtTable		 *table;
	Oid			  userid;  /* with whose user mapping */
	TtOptions	 *options; /* without user mapping until started */
	List		 *attrs;
	List		 *quals; /* TtQual; their values are ExprStates */
	Oid			 *types; /* of the values, in order */
	ExprState	 *limit; /* LIMIT and OFFSET, NULL: no hint */
	ExprState	 *offset;
	bool		  counting; /* only the number of rows is wanted */
	TtProjection *projection;
	TtDecoder	 *decoder;
	TtScanOrder	  order;
	bool		  started;
	bool		  finished;
	TtQuery		  query;
	TtBounds	  bounds;
	TtAsked		  asked;	 /* which of the quals' bounds are the query's */
	const void	 *append;	 /* whose arm this is, when it runs async */
	TtFetch		 *fetch;	 /* NULL: nothing to ask */
	TtPage		 *page;		 /* being handed on */
	int			  row;		 /* next row of it */
	int64		  handed_on; /* rows of this run */
	int			  naccounts; /* looked up; kept for rescans */
	int64		 *accounts;
	TtCurrencies *currencies; /* likewise; NULL: not asked for */
	TtFetchStats  stats;
} TtScanState;

extern void			   tiktokBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *tiktokIterateForeignScan(ForeignScanState *node);
extern void			   tiktokReScanForeignScan(ForeignScanState *node);
extern void			   tiktokEndForeignScan(ForeignScanState *node);

extern bool tiktokIsForeignPathAsyncCapable(ForeignPath *path);
extern void tiktokForeignAsyncRequest(AsyncRequest *areq);
extern void tiktokForeignAsyncConfigureWait(AsyncRequest *areq);
extern void tiktokForeignAsyncNotify(AsyncRequest *areq);

/*
 * Compute the values that conditions have now and narrow state->bounds by
 * them.  only_known: leave out values that are not known before execution;
 * returns how many conditions were left out.
 */
extern int tt_scan_bounds(ForeignScanState *node, bool only_known);

/* Take the next page to hand on; false at the end, or if wait is false. */
extern bool tt_scan_next_page(TtScanState *state, bool wait);

/* Decode row of a page into values and nulls, in the page's context. */
extern void tt_scan_decode(TtScanState *state, TtPage *page, int row, Datum *values,
						   bool *nulls);

/* scan_order.c */

extern void tt_scan_order_init(TtScanOrder *order, List *plan_order, TupleDesc desc);

/* Whether the API orders this run's rows: then ask for it. */
extern void tt_scan_order_ask(TtScanState *state);

/*
 * The page's rows continue the order.  If not: false as long as no row was
 * handed on, else ERROR.
 */
extern bool tt_scan_order_check(TtScanState *state, TtPage *page, int natts);

/* Read everything and sort it; then rows come from tt_scan_order_next(). */
extern void tt_scan_order_sort(TtScanState *state, TupleTableSlot *slot);
extern bool tt_scan_order_next(TtScanState *state, TupleTableSlot *slot);

/* Forget a run's order. */
extern void tt_scan_order_end(TtScanOrder *order);

#endif /* TT_SCAN_H */
