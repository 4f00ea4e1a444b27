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
#include "scan/row_order.h"

/* a column that is to be equal to one of the values that a join sets (TtPlanKey) */
typedef struct TtScanKey
{
	TtQual qual; /* without values */
	Oid	   type; /* of the values */
	int	   nvalues;
	Datum *values; /* the join's; valid until it sets others */
} TtScanKey;

/* as what rows are read, and from which values of a reply */
typedef struct TtScanForm
{
	TtTable		 *table;
	TtProjection *projection;
	TtDecoder	 *decoder;
} TtScanForm;

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
	int			  nkeys;
	TtScanKey	 *keys;
	ExprState	 *limit; /* LIMIT and OFFSET, NULL: no hint */
	ExprState	 *offset;
	bool		  counting; /* only the number of rows is wanted */
	TtProjection *projection;
	TtDecoder	 *decoder;
	TtScanForm	  other;   /* of sums: the days, and the sums while those are read */
	bool		  by_days; /* they are: the sums of this run are nothing but zeros */
	TtRowOrder	  order;
	bool		  started;
	bool		  ahead; /* started, and nobody has asked it for a row yet */
	bool		  finished;
	TtQuery		  query;
	TtBounds	  bounds;
	TtAsked		  asked;	 /* which of the quals' bounds are the query's */
	const void	 *append;	 /* whose arm this is, when it runs async */
	TtFetch		 *fetch;	 /* NULL: nothing to ask */
	TtPage		 *page;		 /* being handed on */
	int			  row;		 /* next row of it */
	int64		  handed_on; /* rows of this run */
	int64		  idle;		 /* stats.idle before it */
	int			  page_size; /* of a count that has to read all */
	int			  naccounts; /* looked up; kept for rescans */
	int64		 *accounts;
	TtCurrencies *currencies; /* likewise; NULL: not asked for */
	TtSecondIds	 *second;	  /* likewise */
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

/*
 * The values of a key (by index in TT_PLAN_KEYS, none of them null) for the run
 * that the next rescan begins.  They stay the caller's, who keeps them for that long.
 */
extern void tt_scan_set_key(ForeignScanState *node, int key, int nvalues, Datum *values);

/* Whether the rows of a plan are sums of days (TT_PLAN_SUMS). */
extern bool tt_scan_summed(const ForeignScan *plan);

/* Make the fetch of state->query: nothing is sent before a page is taken. */
extern void tt_scan_ask(ForeignScanState *node);

/* A scan that counts asks for totals first; the one row of it, then none. */
extern void			   tt_scan_count_begin(TtScanState *state);
extern TupleTableSlot *tt_scan_count(ForeignScanState *node);

/* Take the next page to hand on; false at the end, or if wait is false. */
extern bool tt_scan_next_page(TtScanState *state, bool wait);

/* Decode row of a page into values and nulls, in the page's context. */
extern void tt_scan_decode(TtScanState *state, TtPage *page, int row, Datum *values,
						   bool *nulls);

#endif /* TT_SCAN_H */
