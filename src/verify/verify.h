/*
 * verify.h
 *	  Are the rows of a page those that its request asked for, and each of them once?
 *
 * An API that does not know a parameter ignores it: then the rows of one
 * account, window or batch of ids come with every other one, too.  And a list
 * that changes while it is read has some of its rows twice.  Nothing is sent or
 * decided here: what cannot be right is an ERROR, or false where reading the unit
 * again may help.
 */
#ifndef TT_VERIFY_H
#define TT_VERIFY_H

#include "postgres.h"

#include "failure/failure.h"
#include "lib/ilist.h"
#include "query/query.h"
#include "reply/reply.h"
#include "request/request.h"

struct TtKeySet;

/* what the rows of a scan are compared with */
typedef struct TtVerify
{
	MemoryContext		context; /* of what is kept here */
	const TtQuery	   *query;
	const TtUnits	   *units;
	const TtProjection *projection;
	int					hour_slot; /* the hour's among the keys; -1: none */
	bool				kindred;   /* an account has units of several kinds of objects */
	dlist_head			reading;   /* TtUnitRows */
	dlist_head			finished;  /* keys of units that are no longer read */
	struct HTAB		   *firsts;	   /* units by the key of their first row; NULL: none */
} TtVerify;

/* what is known of the rows of a unit, or of a part of one */
typedef struct TtUnitRows
{
	dlist_node		 node; /* in verify->reading, while it is read */
	TtVerify		*verify;
	const TtUnit	*unit;
	bool			 open;
	uint64			 first_key;	 /* that verify->firsts has of it; 0: none */
	struct TtKeySet *keys;		 /* of all rows that came; finds repeated ones */
	struct TtKeySet *again;		 /* keys that may come twice and did; NULL: none */
	int				 again_hour; /* all of them are of this hour */
} TtUnitRows;

/* query and projection outlive it; context: a child of the scan's, or its own */
extern void tt_verify_init(TtVerify *verify, MemoryContext context, const TtQuery *query,
						   const TtProjection *projection);

/* The query is read from its beginning, as these units; no unit is being read. */
extern void tt_verify_start(TtVerify *verify, const TtUnits *units);

/* Closes temporary files: to be called, unless the query failed. */
extern void tt_verify_end(TtVerify *verify);

/*
 * A unit is read: begin, with *rows zeroed or forgotten.  forget: it is given up,
 * or read again; also after finish.  finish: all rows came; next_account: index
 * of the account of the unit that is begun next, -1: none.
 */
extern void tt_rows_begin(TtVerify *verify, TtUnitRows *rows, const TtUnit *unit);
extern void tt_rows_forget(TtUnitRows *rows);
extern void tt_rows_finish(TtUnitRows *rows, int next_account);

/* the key of a row as a hash; false if the row has none */
extern bool tt_row_key(const TtVerify *verify, const TtReply *reply, int row, uint64 *hash);

/*
 * belongs.c: ERROR if what a row tells does not fit the parameters of the unit's
 * request.  plain: only the batched condition was sent.  A value that is missing,
 * or is written in a way that is not understood, is no evidence.
 */
extern void tt_rows_check_asked_for(const TtUnitRows *rows, bool plain, const TtReply *reply,
									const TtFailure *failure);

/*
 * across_units.c: ERROR if rows came with another unit already: the first row of
 * a unit's first page; any row of a unit that asks for another kind of objects.
 */
extern void tt_rows_check_first(TtUnitRows *rows, const TtReply *reply,
								const TtFailure *failure);
extern void tt_rows_check_kinds(const TtUnitRows *rows, const TtReply *reply,
								const TtFailure *failure);

/*
 * within_unit.c: whether no row of the page came before, but those that may come
 * twice.  settle: all pages came; whether that is true of all of them.
 */
extern bool tt_rows_add(TtUnitRows *rows, const TtReply *reply);
extern bool tt_rows_settle(TtUnitRows *rows);

/* a list without pages that names something twice means it once */
extern void tt_rows_drop_repeated(const TtVerify *verify, TtReply *reply);

/* repeated_hour.c: the row of an hourly report has no hour ("-") */
extern bool tt_row_is_hourless(const TtVerify *verify, const TtReply *reply, int row);

#endif /* TT_VERIFY_H */
