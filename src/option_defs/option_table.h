/*
 * option_table.h
 *	  The table of all options, and how the text of one becomes a setting.
 */
#ifndef TT_OPTION_TABLE_H
#define TT_OPTION_TABLE_H

#include "postgres.h"

#include "catalog/catalog.h"
#include "option_defs/option_set.h"

#define PRODUCTION_URL "https://business-api.tiktok.com/open_api/v1.3/"
#define SANDBOX_URL	   "https://sandbox-ads.tiktok.com/open_api/v1.3/"

/* where an option may stand (bits) */
#define IN_SERVER  1
#define IN_MAPPING 2
#define IN_TABLE   4
#define IN_COLUMN  8

/* option flags */
#define SECRET	  1 /* never shown */
#define SUPERUSER 2 /* only a superuser may set it */
#define HIDDEN	  4 /* may contain what must not be shown */

typedef enum TtOptionKind
{
	V_BOOL,
	V_EITHER, /* a bool that reads as one of two words */
	V_INTEGER,
	V_SECONDS,
	V_BYTES,
	V_WORD,	 /* one of the words listed */
	V_WORDS, /* some of them, as bits in their order */
	V_STREAM,
	V_ACCOUNTS,
	V_CENTERS,
	V_DATE,
	V_API_URL,
	V_PROXY,
	V_FILE,
	V_CREDENTIAL,
	V_DIMENSIONS,
	V_PATH
} TtOptionKind;

/* a stream takes the option or not */
typedef struct TtOptionLimit
{
	bool (*applies)(const TtStream *stream);
	const char *why; /* it does not: the end of a hint */
} TtOptionLimit;

typedef struct TtOptionDef
{
	const char	*name;
	int			 where; /* IN_* */
	TtOptionKind kind;
	size_t		 offset; /* in TtOptionSet */
	const char	*about;	 /* what it is, for hints */

	/* what most options have not */
	int					 flags;
	int64				 min; /* numbers */
	int64				 max;
	int64				 initial; /* number, bool or bits where nobody sets it */
	const char			*words;	  /* V_EITHER: false,true; V_WORD, V_WORDS */
	const TtOptionLimit *only;	  /* NULL: the tables of all streams take it */
} TtOptionDef;

/* option_table.c */

extern const TtOptionDef tt_option_table[];
extern const int		 tt_option_count;

/* NULL: there is no such option */
extern const TtOptionDef *tt_option_find(const char *name);

/* option_read.c */

/* what is in effect where nobody sets anything */
extern TtOptionSet *tt_option_set_new(void);

/* Read one option into *s, or raise HV024.  value must live as long as s. */
extern void tt_option_read(const TtOptionDef *def, const char *value, TtOptionSet *s);

/* Read a list of DefElem; HV00D for a name that is none. */
extern void tt_option_read_list(List *options, TtOptionSet *s);

/* whether a list of DefElem has an option */
extern bool tt_option_given(List *options, const char *name);

/* the stream that a table's options mean; ERROR if they mean none */
extern const TtStream *tt_option_stream(const TtOptionSet *s);

#endif /* TT_OPTION_TABLE_H */
