/*
 * verify_private.h
 *	  What the files of this folder share: the hour in the key of a row
 *	  (repeated_hour.c), for within_unit.c.  Nobody else includes it.
 */
#ifndef TT_VERIFY_PRIVATE_H
#define TT_VERIFY_PRIVATE_H

#include "verify/key_set.h"
#include "verify/verify.h"

/* where an hourly report has the hour among its keys; -1: it is none */
extern int tt_hour_slot(const TtQuery *query, const TtProjection *projection);

/* the hash of a key that has the hour in it */
extern uint64 tt_hour_tag(uint64 hash, const TtValue *value);

/* A key was there before; whether it may come again. */
extern bool tt_hour_repeats(TtUnitRows *rows, uint64 hash);

/* All rows came; whether none was there too often. */
extern bool tt_hour_settle(TtUnitRows *rows);

#endif /* TT_VERIFY_PRIVATE_H */
