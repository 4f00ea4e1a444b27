/*
 * key_set.h
 *	  Duplicate detection: the keys seen so far in a unit, as 64-bit hashes, in
 *	  bounded memory.
 */
#ifndef TT_KEY_SET_H
#define TT_KEY_SET_H

#include "postgres.h"

typedef struct TtKeySet TtKeySet;

extern TtKeySet *tt_key_set_create(MemoryContext context);

/*
 * false: it was there already.  Of more than 800,000 hashes, those after them
 * are compared with the first ones only, until tt_key_set_settle() is called.
 */
extern bool tt_key_set_add(TtKeySet *seen, uint64 hash);

/* Whether it is known to be there: one of the first 800,000 is. */
extern bool tt_key_set_has(const TtKeySet *seen, uint64 hash);

/* a hash was there already; whether that may be */
typedef bool (*TtKeySetAgain)(void *arg, uint64 hash);

/*
 * No more will be added: whether all hashes were different.  False if one was
 * there twice that tt_key_set_add() could not tell, and again() (NULL: nothing may)
 * does not allow it.
 */
extern bool tt_key_set_settle(TtKeySet *seen, TtKeySetAgain again, void *arg);

/* also closes files: must be called, unless the query failed */
extern void tt_key_set_free(TtKeySet *seen);

#endif /* TT_KEY_SET_H */
