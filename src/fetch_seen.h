/*
 * fetch_seen.h
 *	  The keys seen so far in a unit, as 64-bit hashes.
 */
#ifndef TT_FETCH_SEEN_H
#define TT_FETCH_SEEN_H

#include "postgres.h"

typedef struct TtSeen TtSeen;

extern TtSeen *tt_seen_create(MemoryContext context);

/* false: it was there already */
extern bool tt_seen_add(TtSeen *seen, uint64 hash);

extern void tt_seen_free(TtSeen *seen);

#endif /* TT_FETCH_SEEN_H */
