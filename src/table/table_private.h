/*
 * table_private.h
 *	  For table_cache.c: reading a table's description anew.
 */
#ifndef TT_TABLE_PRIVATE_H
#define TT_TABLE_PRIVATE_H

#include "table/table.h"

/*
 * Describe a foreign table, in the current memory context.  table->name is set
 * already: messages need it.
 */
extern void tt_table_describe(Relation rel, TtTable *table);

#endif /* TT_TABLE_PRIVATE_H */
