/*
 * cut_private.h
 *	  What the files of this folder share: lists of the ids that a report is split by
 *	  (id_lists.c), for split.c.  Nobody else includes it.
 */
#ifndef TT_CUT_PRIVATE_H
#define TT_CUT_PRIVATE_H

#include "cut/cut.h"

/* what a report can be split by, the coarsest first */
typedef struct TtSplitLevel
{
	const char *id;
	const char *stream; /* that lists them */
	const char *one;
} TtSplitLevel;

#define TT_SPLIT_LEVELS 3
extern const TtSplitLevel tt_split_levels[TT_SPLIT_LEVELS];

/* the ids of one level within an object of the level above, or an account */
typedef struct TtIdList
{
	dlist_node	 node; /* in split->lists */
	TtReading	*reading;
	int			 account;
	int			 level;
	const char	*parent; /* NULL: all of the account */
	bool		 known;
	int			 n;
	int			 size;
	const char **ids;
	const char	*path; /* these are of what reads it */
	TtTable		 table;
	TtProjection projection;
	TtQuery		 query;
	TtCondition	 condition;
	void		*reader; /* NULL: it is not being read */
} TtIdList;

/* the list of these; it is not read yet if it is new */
extern TtIdList *tt_id_list_find(TtSplit *split, int account, int level, const char *parent);

/* Go on reading it, until it is known or its account is skipped; ERROR if it is empty. */
extern TtSplitState tt_id_list_advance(TtSplit *split, TtIdList *list);

/* Those of the account (0: all) that are being read are not: their units are gone. */
extern void tt_id_lists_forget(TtSplit *split, int64 account);

extern void tt_id_lists_end(TtSplit *split);

#endif /* TT_CUT_PRIVATE_H */
