/*
 * option_value.h
 *	  Reading the text of an option: numbers, days, URLs, lists; and finding the
 *	  name that was probably meant.  Nothing here ereports.
 */
#ifndef TT_OPTION_VALUE_H
#define TT_OPTION_VALUE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/date.h"

typedef struct TtUrl
{
	bool		https;
	char	   *host; /* lower case, without port and brackets */
	const char *path; /* in the text; "" if there is none */
} TtUrl;

/* unit: 0, GUC_UNIT_S or GUC_UNIT_BYTE; false if it is no such number in range */
extern bool tt_value_integer(const char *text, int unit, int64 min, int64 max,
							 int64 *result);

/* YYYY-MM-DD, also with THH:MM:SSZ behind it; 1970 to 9999 */
extern bool tt_value_date(const char *text, DateADT *result);

/*
 * These return NULL, or what is wrong: a sentence for DETAIL that repeats
 * nothing of the text.  Results live in the current memory context.
 */
extern const char *tt_value_url(const char *text, TtUrl *url);
extern const char *tt_value_accounts(const char *text, int *naccounts,
									 int64 **accounts);
extern const char *tt_value_names(const char *text, bool upper, int max,
								  List **names);
extern const char *tt_value_path(const char *text);
extern const char *tt_value_credential(const char *text);

/*
 * How far name is from candidate, in edits; -1: too far to be a slip of the
 * pen.
 */
extern int tt_name_distance(const char *name, const char *candidate);

#endif /* TT_OPTION_VALUE_H */
