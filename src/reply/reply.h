/*
 * reply.h
 *	  One page of a reply: envelope, page_info, and of each row the values that
 *	  the scan wants; and what the API's codes mean.
 */
#ifndef TT_REPLY_H
#define TT_REPLY_H

#include "postgres.h"

typedef enum TtValueKind
{
	TT_VALUE_MISSING, /* no such key in the row */
	TT_VALUE_NULL,
	TT_VALUE_STRING, /* text: the string, unescaped */
	TT_VALUE_NUMBER, /* text: the lexeme, never through a double */
	TT_VALUE_BOOL,	 /* text: true or false */
	TT_VALUE_JSON	 /* text: an array or object; \u escapes above ASCII gone */
} TtValueKind;

typedef struct TtValue
{
	TtValueKind kind;
	int			length;
	char	   *text; /* NUL-terminated UTF-8; NULL if missing or null */
} TtValue;

/*
 * The values wanted of a row, by path ("ad_id", "metrics.spend", "a.b.c").
 * Slot i of a row is the value of path i; paths may repeat, and one may lead
 * into the object that another one names.
 */
typedef struct TtPaths TtPaths;

extern TtPaths *tt_paths_create(const char *list_key, int npaths,
								const char *const *paths);

/* data.<key> is an object: the values of that one are the only row; NULL: data itself is */
extern TtPaths *tt_paths_create_single(const char *key, int npaths,
									   const char *const *paths);

typedef struct TtReply
{
	bool	 has_code; /* the envelope has an integer code */
	int64	 code;
	char	*message;	 /* fit to print; "" if none, cut at 1,000 bytes */
	char	*request_id; /* fit to print; "" if none */
	bool	 has_data;	 /* data is an object */
	bool	 has_list;	 /* data.<list_key> is there */
	bool	 has_page_info;
	int64	 total_number; /* these four of page_info; -1: not there */
	int64	 total_page;
	int64	 page;
	int64	 page_size;
	int		 more;			/* data.has_more: 1 or 0; -1: not there */
	char	*cursor;		/* data.cursor, a string or a number; NULL: not there, or neither */
	bool	 ads_throttled; /* extra_info.search_ads_throttle, or the header */
	int		 nrows;
	int		 nslots;
	TtValue *values; /* nrows * nslots */
} TtReply;

/*
 * Parse a page.  body should be UTF-8, and is not kept.  The result lives
 * in the current memory context, values together: none can be pfree'd by itself.
 * Returns NULL and sets *error (a phrase such
 * as "invalid JSON: …") if the text is no JSON object in valid UTF-8, or nests
 * deeper than 64 levels; does not ereport for anything that the server sent
 * (except out of memory).  NUL escapes and lone surrogates become U+FFFD.
 */
extern TtReply *tt_reply_parse(const TtPaths *paths, const char *body, size_t length,
							   const char **error);

#define tt_reply_value(reply, row, slot) \
	(&(reply)->values[(size_t) (row) * (reply)->nslots + (slot)])

/* Row to is what row from was, where some are taken out: to is no greater. */
static inline void
tt_reply_move_row(TtReply *reply, int from, int to)
{
	if (to < from)
		memcpy(tt_reply_value(reply, to, 0), tt_reply_value(reply, from, 0),
			   sizeof(TtValue) * reply->nslots);
}

/*
 * The elements of a JSON array (the text of a TT_VALUE_JSON) as values (nested
 * ones as TT_VALUE_JSON); false if it is no array.
 */
extern bool tt_reply_array(const char *text, int length, int *nelems,
						   TtValue **elems);

/* reads a string or number that is an integer; false if it is none */
extern bool tt_reply_int(const TtValue *value, int64 *result);

/* what to do about an API code */
typedef enum TtCodeClass
{
	TT_CODE_OK,
	TT_CODE_RETRY,		 /* service side, what is not ready, transient conflicts */
	TT_CODE_RATE,		 /* throttled */
	TT_CODE_MAINTENANCE, /* 60001: retry slowly */
	TT_CODE_TOO_LARGE,	 /* 40011, 40067: ask for less */
	TT_CODE_FORBIDDEN,	 /* 40001, 4030x: this account, not the query */
	TT_CODE_PARAMETER,	 /* 40000, 40002, 40007 */
	TT_CODE_AUTH,		 /* 401xx: token, app */
	TT_CODE_FATAL		 /* everything else */
} TtCodeClass;

extern TtCodeClass tt_code_class(int64 code);
extern int		   tt_code_sqlstate(int64 code); /* of an error that is final */

#endif /* TT_REPLY_H */
