/*
 * left_out.c
 *	  Rows that leave a page before it is handed on, although the API gave them.
 *
 * They were asked for, and the totals count them: so they go last, when the page
 * was found to be complete.
 */
#include "postgres.h"

#include "units/units.h"

void
tt_unit_leave_out_rows(const TtReading *reading, TtFetchUnit *unit, TtReply *reply)
{
	int kept = 0;

	for (int row = 0; row < reply->nrows; row++)
		if (!tt_row_is_hourless(&reading->verify, reply, row))
			tt_reply_move_row(reply, row, kept++);
	/* each part of a unit has the row */
	if (unit->part == 0)
		unit->hourless += reply->nrows - kept;
	reply->nrows = kept;
}
