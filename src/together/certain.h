/*
 * certain.h
 *	  Which scans of a plan are certain to be asked for rows, once it runs.
 */
#ifndef TT_CERTAIN_H
#define TT_CERTAIN_H

#include "postgres.h"

#include "nodes/execnodes.h"

/* how much of a node's rows is asked for */
typedef enum TtNeed
{
	TT_NEED_NOTHING, /* that is certain */
	TT_NEED_FIRST,	 /* the first, or to be told that there is none */
	TT_NEED_ALL
} TtNeed;

/*
 * How sure.  Of two sides of a join that is read to its end, one may turn out to be
 * empty, and the other is not read then.
 */
typedef enum TtSureness
{
	TT_SURE,
	TT_SURE_UNLESS_EMPTY,
	TT_SURENESSES
} TtSureness;

/* returns whether the scan is one that computes its values when it is asked first */
typedef bool (*TtCertainScan)(const ForeignScan *scan, void *arg);

/*
 * Call back for each foreign scan of the plan that is certain to be asked, maybe more
 * than once.  whole: the statement is run to its end.
 */
extern void tt_certain_scans(EState *estate, bool whole, TtSureness sureness,
							 TtCertainScan found, void *arg);

#endif /* TT_CERTAIN_H */
