/*
 * layout.c
 *	  What the planner hands to the executor: plain nodes, no secret.
 */
#include "postgres.h"

#include <math.h>

#include "path/layout.h"

#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "qual/qual.h"

/*
 * The number of requests, for a plan.  With a point: the text of a plan tells a
 * Float from an Integer by nothing else, and a plan that is written and read
 * (debug_write_read_parse_plan_trees) has to come back as it was.
 */
Node *
tt_plan_requests(double requests)
{
	return (Node *) makeFloat(psprintf("%.1f", rint(requests)));
}

List *
tt_plan_private(List *attrs, List *quals, Node *requests, int nlimit, List *order,
				bool counting, Node *sums, List *keys, List **exprs)
{
	List *items = NIL;
	List *conditions = NIL;
	List *private;
	ListCell *lc;

	*exprs = NIL;
	foreach(lc, quals)
	{
		TtQual *qual = lfirst(lc);

		items = lappend(items, list_make5_int(qual->attnum, qual->role, qual->op,
											  qual->asked, list_length(qual->values)));
		*exprs = list_concat(*exprs, qual->values);
		if (qual->condition != NULL)
			conditions = lappend(conditions, qual->condition);
	}
	private = list_make5(makeInteger(TT_PLAN_LAYOUT), attrs, items, requests,
						 makeInteger(nlimit));
	return list_concat(private,
					   list_make5(order, makeInteger(counting), conditions, sums, keys));
}
