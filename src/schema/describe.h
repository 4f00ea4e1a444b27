/*
 * describe.h
 *	  The catalogue as people read it: in the views of schema tiktok and in the
 *	  reference.  No PostgreSQL header is needed.
 */
#ifndef TT_DESCRIBE_H
#define TT_DESCRIBE_H

#include "catalog/catalog.h"

/*
 * The operators by which a condition on a column narrows what the API is asked
 * for, e.g. "=, IN"; NULL if there are none.
 */
extern const char *tt_describe_pushdown(const TtStream *stream, const TtColumn *column);

/* where a column's value stands in a row; NULL: it is filled in. buf: 128 bytes */
extern const char *tt_describe_path(const TtStream *stream, const TtColumn *column, char *buf);

/* element i of a set, NULL past the last */
extern const char *tt_describe_environment(int environments, int i);
extern const char *tt_describe_level(int levels, int i);
extern const char *tt_describe_restriction(int restrictions, int i);

/* "yes", "no", "unsure", or beside which dimensions */
extern const char *tt_describe_audience(TtAudience audience);

/* where a metric that may otherwise be summed may not; NULL: nowhere, or never */
extern const char *tt_describe_additive_unless(TtAdditive additive);

/* "pages", "cursor", NULL; "core", "all", "named" */
extern const char *tt_describe_paging(const TtStream *stream);
extern const char *tt_describe_import(const TtStream *stream);

#endif /* TT_DESCRIBE_H */
