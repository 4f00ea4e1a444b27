/*
 * siblings.c
 *	  The scans of our tables that one query has, and which of them may begin before
 *	  they are asked.
 *
 * They are known by their EState from Begin to End, or until it goes.  Which of them
 * are certain to be asked is told by the plan (certain.c), and by whether the statement
 * is run to its end: that is known to ExecutorRun only, so that there is a hook, put
 * there with the first scan of a backend.
 *
 * What a scan does to begin may raise an error, of a user mapping for example, which
 * is none as long as nobody asks the scan.  Hence the subtransaction.  Nothing is sent
 * in it.
 */
#include "postgres.h"

#include "together/siblings.h"

#include "access/xact.h"
#include "compat.h"
#include "executor/executor.h"
#include "lib/ilist.h"
#include "options/settings.h"
#include "together/certain.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* scans that are ahead at a time: more than may hold pages would only hold descriptors */
#define MOST_AHEAD 16

typedef struct Sibling
{
	dlist_node				node;
	ForeignScanState	   *scan;
	const TtSiblingMethods *methods;
	int						most;	/* requests ahead; 0: it is not certain to be asked */
	bool					ahead;	/* it has begun, and nobody has asked it yet */
	bool					closed; /* it was asked, or cannot begin */
} Sibling;

/* the scans of an EState; both live there */
typedef struct Siblings
{
	dlist_node			  node;
	MemoryContextCallback callback;
	EState				 *estate;
	bool				  whole;  /* the statement is run to its end */
	bool				  walked; /* "most" is known */
	int					  n;
	dlist_head			  scans;
} Siblings;

static dlist_head			 queries = DLIST_STATIC_INIT(queries);
static ExecutorRun_hook_type next_hook = NULL;

static Siblings *
find_query(const EState *estate)
{
	dlist_iter iter;

	dlist_foreach(iter, &queries)
	{
		Siblings *query = dlist_container(Siblings, node, iter.cur);

		if (query->estate == estate)
			return query;
	}
	return NULL;
}

/* Count 0: all rows, not those that a cursor is to fetch now. */
static void
note_whole(TT_EXECUTOR_RUN_PARAMS)
{
	Siblings *siblings = find_query(query->estate);

	if (siblings != NULL)
	{
		siblings->whole = count == 0 && ScanDirectionIsForward(direction);
		siblings->walked = false;
	}
	if (next_hook != NULL)
		next_hook(TT_EXECUTOR_RUN_ARGS);
	else
		standard_ExecutorRun(TT_EXECUTOR_RUN_ARGS);
}

static void
install_hook(void)
{
	static bool installed = false;

	if (installed)
		return;
	next_hook = ExecutorRun_hook;
	ExecutorRun_hook = note_whole;
	installed = true;
}

/* Reset callback: the EState goes. */
static void
forget_query(void *arg)
{
	dlist_delete(&((Siblings *) arg)->node);
}

static Sibling *
find_scan(Siblings *query, const ForeignScanState *scan)
{
	dlist_iter iter;

	dlist_foreach(iter, &query->scans)
	{
		Sibling *sibling = dlist_container(Sibling, node, iter.cur);

		if (sibling->scan == scan)
			return sibling;
	}
	return NULL;
}

void
tt_siblings_enter(ForeignScanState *scan, const TtSiblingMethods *methods)
{
	EState		 *estate = scan->ss.ps.state;
	MemoryContext context = estate->es_query_cxt;
	Siblings	 *query = find_query(estate);
	Sibling		 *sibling = MemoryContextAllocZero(context, sizeof(Sibling));

	install_hook();
	if (query == NULL)
	{
		query = MemoryContextAllocZero(context, sizeof(Siblings));
		query->estate = estate;
		dlist_init(&query->scans);
		dlist_push_head(&queries, &query->node);
		query->callback.func = forget_query;
		query->callback.arg = query;
		MemoryContextRegisterResetCallback(context, &query->callback);
	}
	sibling->scan = scan;
	sibling->methods = methods;
	dlist_push_tail(&query->scans, &sibling->node);
	query->n++;
	query->walked = false;
}

void
tt_siblings_leave(ForeignScanState *scan)
{
	Siblings *query = find_query(scan->ss.ps.state);
	Sibling	 *sibling = query != NULL ? find_scan(query, scan) : NULL;

	if (sibling == NULL)
		return;
	dlist_delete(&sibling->node);
	query->n--;
}

ForeignScanState *
tt_siblings_find(ForeignScanState *scan, bool (*same)(ForeignScanState *, ForeignScanState *))
{
	Siblings  *query = find_query(scan->ss.ps.state);
	dlist_iter iter;

	if (query == NULL)
		return NULL;
	dlist_foreach(iter, &query->scans)
	{
		Sibling *sibling = dlist_container(Sibling, node, iter.cur);

		if (sibling->scan != scan && same(scan, sibling->scan))
			return sibling->scan;
	}
	return NULL;
}

/* ---- which may begin ---------------------------------------------------------- */

/* A set of scans being looked at, and what is found of them. */
typedef struct Found
{
	Siblings *query;
	int		  most;
} Found;

static bool
found_scan(const ForeignScan *plan, void *arg)
{
	Found	  *found = arg;
	dlist_iter iter;

	dlist_foreach(iter, &found->query->scans)
	{
		Sibling *sibling = dlist_container(Sibling, node, iter.cur);

		if (sibling->scan->ss.ps.plan != (const Plan *) plan)
			continue;
		sibling->most = Max(sibling->most, found->most);
		/* it leaves out values otherwise */
		return tt_enable_pushdown;
	}
	return false;
}

static void
walk_plan(Siblings *query)
{
	Found	   any = {query, TT_AHEAD_ANY};
	Found	   one = {query, 1};
	dlist_iter iter;

	if (query->walked)
		return;
	dlist_foreach(iter, &query->scans)
		dlist_container(Sibling, node, iter.cur)->most = 0;
	tt_certain_scans(query->estate, query->whole, TT_SURE, found_scan, &any);
	tt_certain_scans(query->estate, query->whole, TT_SURE_UNLESS_EMPTY, found_scan, &one);
	query->walked = true;
}

/* ---- beginning ---------------------------------------------------------------- */

/* What a scan raised that is ahead comes again when it is asked; a cancel does not. */
static void
drop_error(MemoryContext context)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	FreeErrorData(error);
}

static bool
start(Sibling *sibling)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool started = false;
	volatile bool failed = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		started = sibling->methods->start(sibling->scan, sibling->most);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		drop_error(context);
		started = false;
		failed = true;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (!started)
		sibling->methods->forget(sibling->scan);
	sibling->closed = failed;
	return started;
}

void
tt_siblings_begin(ForeignScanState *scan)
{
	Siblings *query = find_query(scan->ss.ps.state);
	Sibling *this = query != NULL ? find_scan(query, scan) : NULL;
	int		   nahead = 0;
	dlist_iter iter;

	if (this == NULL)
		return;
	this->closed = true;
	this->ahead = false;
	/* (there are no subtransactions while workers run) */
	if (query->n < 2 || !tt_enable_prefetch || IsInParallelMode())
		return;
	walk_plan(query);
	dlist_foreach(iter, &query->scans)
		nahead += dlist_container(Sibling, node, iter.cur)->ahead;
	dlist_foreach(iter, &query->scans)
	{
		Sibling *sibling = dlist_container(Sibling, node, iter.cur);

		if (sibling->closed || sibling->ahead || sibling->most == 0 || nahead >= MOST_AHEAD ||
			!sibling->methods->ready(sibling->scan))
			continue;
		sibling->ahead = start(sibling);
		nahead += sibling->ahead;
	}
}
