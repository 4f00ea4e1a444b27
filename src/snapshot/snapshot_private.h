/*
 * snapshot_private.h
 *	  What the files of this room share; nobody else includes it.
 */
#ifndef TT_SNAPSHOT_PRIVATE_H
#define TT_SNAPSHOT_PRIVATE_H

#include "postgres.h"

#include "table/table.h"
#include "utils/rel.h"

/*
 * The foreign table, open; ERROR if it is none of ours (42809) or may not be
 * read (42501).
 */
extern Relation tt_source_open(Oid relid, Oid *serverid);

/* Whether values of the column may be added up, whichever rows they are of. */
extern bool tt_source_additive(const TtTableColumn *column);

#endif /* TT_SNAPSHOT_PRIVATE_H */
