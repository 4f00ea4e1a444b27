/*
 * ask.h
 *	  Requests that SQL functions make without a foreign table: tiktok.check()
 *	  and tiktok.completeness().
 */
#ifndef TT_ASK_H
#define TT_ASK_H

#include "postgres.h"

#include "foreign/foreign.h"
#include "table/table.h"

/* The server of that name: ERROR unless it is ours and the user may use it. */
extern ForeignServer *tt_ask_server(const char *name);

/* A stream as a table without columns, in the current memory context. */
extern TtTable *tt_ask_table(const TtStream *stream);

typedef void (*TtAskStep)(void *arg);

/*
 * Run a step in a subtransaction; returns its error, or NULL.  A cancel is no
 * finding, and raised.  What the step allocates lives as long as the caller's
 * memory context; after an error it is gone.
 */
extern ErrorData *tt_ask_try(TtAskStep step, void *arg);

#endif /* TT_ASK_H */
