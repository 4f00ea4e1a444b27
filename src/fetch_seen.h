/*
 * fetch_seen.h
 *	  The keys seen so far in a unit, as 64-bit hashes, in bounded memory.
 */
#ifndef TT_FETCH_SEEN_H
#define TT_FETCH_SEEN_H

#include "postgres.h"

typedef struct TtSeen TtSeen;

extern TtSeen *tt_seen_create(MemoryContext context);

/*
 * false: it was there already.  Of more than 800,000 hashes, those after them
 * are compared with the first ones only, until tt_seen_settle() is called.
 */
extern bool tt_seen_add(TtSeen *seen, uint64 hash);

/* a hash was there already; whether that may be */
typedef bool (*TtSeenAgain)(void *arg, uint64 hash);

/*
 * No more will be added: whether all hashes were different.  False if one was
 * there twice that tt_seen_add() could not tell, and again() (NULL: nothing may)
 * does not allow it.
 */
extern bool tt_seen_settle(TtSeen *seen, TtSeenAgain again, void *arg);

/* also closes files: must be called, unless the query failed */
extern void tt_seen_free(TtSeen *seen);

#endif /* TT_FETCH_SEEN_H */
