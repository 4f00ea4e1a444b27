/*
 * qual_private.h
 *	  What a clause is as a comparison; qual.c's, for what other clauses imply
 *	  (qual_derive.c).
 */
#ifndef TT_QUAL_PRIVATE_H
#define TT_QUAL_PRIVATE_H

#include "qual/qual.h"

/*
 * The comparison that a clause is, or NULL and a reason (for EXPLAIN) if the
 * API cannot evaluate it.
 */
extern TtQual *tt_qual_classify(Index varno, const TtTable *table, Expr *clause,
								const char **reason);

/* A value the executor can compute before the scan: no column of ours. */
extern bool tt_qual_value_ok(Node *node, Index varno);

#endif /* TT_QUAL_PRIVATE_H */
