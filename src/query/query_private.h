/*
 * query_private.h
 *	  What the files of this folder share: which kinds of objects a query asks for
 *	  (query_kinds.c), for query.c.  Nobody else includes it.
 */
#ifndef TT_QUERY_PRIVATE_H
#define TT_QUERY_PRIVATE_H

#include "query/query.h"

/* query_kinds.c: the objects that the options want, in as few request series as the API allows */
extern void tt_query_kinds(TtQuery *query, const TtTable *table, const TtOptions *options);

#endif /* TT_QUERY_PRIVATE_H */
