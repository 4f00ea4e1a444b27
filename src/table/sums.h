/*
 * sums.h
 *	  A report by day or hour, seen as the report of the sums of its days.
 */
#ifndef TT_SUMS_H
#define TT_SUMS_H

#include "postgres.h"

#include "access/attnum.h"
#include "table/table.h"

/*
 * The id dimension of a report whose other dimensions are times; NULL: it has
 * none, or others.
 */
extern const char *tt_sums_dimension(const TtTable *table);

/*
 * TT_LV_* of the objects that a column describes: all rows of one of them have
 * the same value there, on any day and in reports of all levels from theirs
 * down.  0: the column describes no object.
 */
extern int tt_sums_column_level(const TtTable *table, AttrNumber attnum);

/* Whether a column is the id of an account, campaign, ad group or ad. */
extern bool tt_sums_column_is_id(const TtTable *table, AttrNumber attnum);

/*
 * The table whose rows are the sums of the days of another, for the objects of
 * a level (TT_LV_*).  daily: has an id dimension, and must outlive the result.
 * Lives in the current memory context.
 */
extern TtTable *tt_table_sums(const TtTable *daily, int level);

#endif /* TT_SUMS_H */
