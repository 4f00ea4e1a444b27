/*
 * whole_days.c
 *	  Whether a condition on the days or hours of a report's rows selects whole
 *	  days, all of whose rows meet it.
 *
 * Only then can the rows of those days be left to the API to add up: nothing
 * is left to check.
 */
#include "postgres.h"

#include "qual/qual.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* rows of a day: the last is that of its last hour */
#define LAST_HOUR (23 * USECS_PER_HOUR)

/* the type of a value, or of the elements of an array of them */
static Oid
value_type(Node *value)
{
	Oid type = exprType(value);
	Oid element = get_base_element_type(type);

	return getBaseType(OidIsValid(element) ? element : type);
}

/* A comparison of an hour: its bound must be one between days. */
static bool
hour_comparison_is_whole(TtQualOp op, Node *value)
{
	int64 usecs = 0;

	if (value_type(value) == TIMESTAMPOID)
	{
		Timestamp bound;

		/* of a day which time it is, only a constant tells now */
		if (!IsA(value, Const) || ((Const *) value)->consttype != TIMESTAMPOID ||
			((Const *) value)->constisnull)
			return false;
		bound = DatumGetTimestamp(((Const *) value)->constvalue);
		if (TIMESTAMP_NOT_FINITE(bound))
			return false;
		usecs = bound % USECS_PER_DAY;
		if (usecs < 0)
			usecs += USECS_PER_DAY;
	}
	switch (op)
	{
		case TT_OP_GE:
			return usecs == 0;
		case TT_OP_LT:
			return usecs == 0 || usecs > LAST_HOUR;
		case TT_OP_LE:
			return usecs >= LAST_HOUR;
		default:
			return false;
	}
}

static bool
comparison_is_whole(const TtQual *qual)
{
	ListCell *lc;

	foreach(lc, qual->values)
	{
		Oid type = value_type(lfirst(lc));

		if (type != DATEOID && type != TIMESTAMPOID)
			return false;
		if (qual->role == TT_ROLE_HOUR && !hour_comparison_is_whole(qual->op, lfirst(lc)))
			return false;
	}
	return true;
}

bool
tt_qual_whole_days(Index varno, const TtTable *table, Expr *clause)
{
	const char *reason;
	List	   *quals = tt_qual_derive(varno, table, clause, &reason);
	ListCell   *lc;
	bool		rough = false;
	bool		asked = false; /* of each day */

	if (quals == NIL || reason != NULL)
		return false;
	foreach(lc, quals)
	{
		TtQual *qual = lfirst(lc);
		Oid		type = table->columns[qual->attnum - 1].type;

		if (qual->role != TT_ROLE_DAY && qual->role != TT_ROLE_HOUR)
			return false;
		if (type != DATEOID && type != TIMESTAMPOID)
			return false;
		/*
		 * A comparison with an instant is asked of each day.  Any other
		 * condition may fail for one, or be true of a day that is not known.
		 */
		if (qual->condition != NULL)
		{
			if (!rough || qual->role != TT_ROLE_DAY)
				return false;
			asked = true;
		}
		else if (qual->rough)
			rough = true;
		else if (!comparison_is_whole(qual))
			return false;
	}
	return rough == asked;
}
