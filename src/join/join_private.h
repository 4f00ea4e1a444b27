/*
 * join_private.h
 *	  What the files of a batched join share: the path that the planner chooses
 *	  (candidate.c), the plan that it becomes (join_plan.c), the state of a running
 *	  join (join_run.c, join_explain.c).
 */
#ifndef TT_JOIN_PRIVATE_H
#define TT_JOIN_PRIVATE_H

#include "postgres.h"

#include "compat.h"
#include "join/batch.h"
#include "nodes/extensible.h"
#include "nodes/pathnodes.h"

#define TT_JOIN_NAME "TikTok Batched Join"

/* a clause "value of the outer side = value of the inner side" */
typedef struct TtJoinKey
{
	RestrictInfo *clause;
	Node		 *outer;
	Node		 *inner;
	AttrNumber	  attnum; /* of the column that it is, if it can be asked for; else 0 */
	int			  role;	  /* TtQualRole, likewise */
} TtJoinKey;

/*
 * A path.  Its custom_paths are the outer side and the foreign scan.  The first
 * of the asked keys finds rows; a second one is the account, for which each value is a
 * run of its own.
 */
typedef struct TtJoinPath
{
	CustomPath path;
	JoinType   jointype;
	List	  *clauses; /* RestrictInfo, in the order in which they may be checked */
	List	  *asked;	/* TtJoinKey */
	List	  *hashed;	/* TtJoinKey, those that are asked first: rows are looked up by them */
	int		   first;	/* keys of the first batch */
	int		   largest; /* and of the largest one */
} TtJoinPath;

/* CustomScan.custom_private, by index */
enum TtJoinPrivate
{
	TT_JOIN_LAYOUT,	 /* Integer: TT_JOIN_VERSION */
	TT_JOIN_TYPE,	 /* Integer: JoinType */
	TT_JOIN_SOURCES, /* IntList: of each column of the joined row, the column of the outer
					  * row (from 1), or of the inner one (from -1 down) */
	TT_JOIN_KEYS,	 /* List of IntList, see TtJoinPlanKey: what rows are looked up by */
	TT_JOIN_ASKED,	 /* Integer: so many of them are asked for */
	TT_JOIN_FIRST,	 /* Integer: keys of the first batch */
	TT_JOIN_LARGEST	 /* Integer: and of the largest one */
};

#define TT_JOIN_VERSION 1

/* one element of TT_JOIN_KEYS */
enum TtJoinPlanKey
{
	TT_JOIN_KEY_OPERATOR, /* OID as int */
	TT_JOIN_KEY_COLLATION,
	TT_JOIN_KEY_COMMUTED /* 1: the outer value is its right argument */
};

/* CustomScan.custom_exprs, by index: lists of expressions over the joined row */
enum TtJoinExprs
{
	TT_JOIN_ASKED_CLAUSES, /* those of the keys that are asked for */
	TT_JOIN_OTHER_CLAUSES, /* the other join clauses */
	TT_JOIN_OUTER_KEYS,	   /* the value of each key, of the outer row */
	TT_JOIN_INNER_KEYS	   /* and of the inner one */
};

extern Plan *tt_join_plan(PlannerInfo *root, RelOptInfo *rel, CustomPath *best_path,
						  List *tlist, List *clauses, List *custom_plans);
extern Node *tt_join_create_state(CustomScan *scan);
extern void	 tt_join_explain(CustomScanState *node, List *ancestors, ExplainState *es);

/* join_run.c; by its name a plan that was read as text is found */
extern const CustomScanMethods tt_join_methods;

/* what a join does next */
typedef enum TtJoinPhase
{
	TT_JOIN_COLLECT,   /* outer rows, until a batch is full */
	TT_JOIN_READ,	   /* a row of the foreign scan */
	TT_JOIN_MATCH,	   /* the outer rows that have its key */
	TT_JOIN_UNMATCHED, /* outer rows that found none */
	TT_JOIN_DONE
} TtJoinPhase;

typedef struct TtJoinKeyState
{
	ExprState *outer;
	ExprState *inner;
	FmgrInfo   outer_hash;
	FmgrInfo   inner_hash;
	Oid		   collation;
	bool	   varlena; /* the outer value */
} TtJoinKeyState;

typedef struct TtJoinState
{
	CustomScanState css;
	JoinType		jointype;
	PlanState	   *outer;
	PlanState	   *inner;
	int				nsources;
	int			   *sources;
	ExprState	   *joinqual;
	int				nasked; /* 1 or 2 of the keys */
	int				nkeys;
	TtJoinKeyState *keys;
	TupleTableSlot *outer_slot; /* an outer row of the batch */
	TtBatch		   *batch;
	TtJoinPhase		phase;
	bool			outer_done;
	bool			running; /* the inner side may be under way */
	int				first;	 /* keys of the first batch */
	int				largest;
	int				room;		/* keys of this batch */
	TtBatchGroup   *group;		/* the run */
	TupleTableSlot *inner_slot; /* its row */
	TtBatchRow	   *row;		/* the next one to look at */
	int64			nbatches;	/* runs, for EXPLAIN */
	int64			nvalues;	/* keys of all runs */
	int64			nfiltered;	/* pairs that joinqual dropped */
} TtJoinState;

#endif /* TT_JOIN_PRIVATE_H */
