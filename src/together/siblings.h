/*
 * siblings.h
 *	  The scans of our tables that one query has: when one is asked for its first row,
 *	  the others that are certain to be asked begin, too.
 */
#ifndef TT_SIBLINGS_H
#define TT_SIBLINGS_H

#include "postgres.h"

#include "nodes/execnodes.h"

/* requests that a scan may send ahead: any number */
#define TT_AHEAD_ANY PG_INT32_MAX

/* what a scan has to offer for that */
typedef struct TtSiblingMethods
{
	/* whether its values can be computed now, without running anything of the query */
	bool (*ready)(ForeignScanState *scan);

	/*
	 * Begin, to send so many requests at most; false: not now.  May raise, which is
	 * as if it had returned false for ever: it is raised when the scan is asked.
	 */
	bool (*start)(ForeignScanState *scan, int most);

	/* as if it had not begun; after false and after an error */
	void (*forget)(ForeignScanState *scan);
} TtSiblingMethods;

/* A scan is there, and is no longer. */
extern void tt_siblings_enter(ForeignScanState *scan, const TtSiblingMethods *methods);
extern void tt_siblings_leave(ForeignScanState *scan);

/* A scan is asked for its first row: it has begun, and the others of its query may. */
extern void tt_siblings_begin(ForeignScanState *scan);

/* Another scan of the query for which same() holds; NULL: none */
extern ForeignScanState *tt_siblings_find(ForeignScanState *scan,
										  bool (*same)(ForeignScanState *scan,
													   ForeignScanState *other));

#endif /* TT_SIBLINGS_H */
