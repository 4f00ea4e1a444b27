/*
 * belongs.h
 *	  Whether the rows of a reply belong to the request they came with.
 *
 * An API that does not know a parameter ignores it: then the rows of one
 * account, window or batch of ids come with every other one, too.  So what a row
 * tells of the parameters that narrow its request is compared with them.
 */
#ifndef TT_BELONGS_H
#define TT_BELONGS_H

#include "postgres.h"

#include "query/query.h"
#include "reply/reply.h"
#include "request/request.h"

/* a row that was not asked for */
typedef struct TtStray
{
	const char	  *param;  /* the parameter that seems to be ignored */
	const char	  *column; /* what tells it; NULL: the number of rows does */
	const TtValue *value;
	bool		   filter; /* without pushdown it is not sent */
} TtStray;

/*
 * Compare the rows of a page with the parameters of its unit's request; false
 * fills *stray.  plain: only the batched condition was sent.  A value that is
 * missing, or is written in a way that is not understood, is no evidence.
 */
extern bool tt_belongs_page(const TtQuery *query, const TtUnits *units, const TtUnit *unit,
							bool plain, const TtProjection *projection,
							const TtReply *reply, TtStray *stray);

/*
 * Whether no two units of a query can have a row of the same key: it names an
 * object that belongs to one account.
 */
extern bool tt_belongs_once(const TtQuery *query);

/* The parameter that tells two units of a query apart. */
extern const char *tt_belongs_param(const TtQuery *query, const TtUnits *units,
									const TtUnit *one, const TtUnit *other);

#endif /* TT_BELONGS_H */
