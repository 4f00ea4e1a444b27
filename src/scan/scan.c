/*
 * scan.c
 *	  Executor callbacks.
 *
 * Values of conditions are computed at the first row, not in Begin: parameters
 * of nested loops and InitPlans are not set before.  The user mapping is read
 * then too.  Rows are decoded in the context of their page, which lives until
 * the next page is taken.
 *
 * There is no ShutdownForeignScan: the executor calls it after each FETCH of a
 * cursor, when more rows may still be wanted.
 */
#include "postgres.h"

#include "scan/scan.h"

#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "compat.h"
#include "executor/executor.h"
#include "failure/failure.h"
#include "foreign/foreign.h"
#include "shared/row_estimates.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "path/layout.h"
#include "options/settings.h"
#include "table/sums.h"
#include "together/siblings.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

static bool start_run(ForeignScanState *node);
static void end_run(TtScanState *state);

/* Quals of the plan, with the states of their value expressions. */
static void
begin_quals(TtScanState *state, ForeignScanState *node, ForeignScan *plan)
{
	List	 *exprs = ExecInitExprList(plan->fdw_exprs, (PlanState *) node);
	int		  nlimit = intVal(list_nth(plan->fdw_private, TT_PLAN_LIMIT));
	List	 *conditions = list_nth(plan->fdw_private, TT_PLAN_CONDITIONS);
	List	 *items = list_nth(plan->fdw_private, TT_PLAN_QUALS);
	int		  ncomparisons = list_length(items) - list_length(conditions);
	ListCell *lc;
	int		  next = 0;

	state->types = palloc(sizeof(Oid) * Max(list_length(exprs), 1));
	foreach(lc, plan->fdw_exprs)
		state->types[foreach_current_index(lc)] = exprType(lfirst(lc));
	foreach(lc, items)
	{
		int		i = foreach_current_index(lc);
		List   *item = lfirst(lc);
		TtQual *qual = palloc0(sizeof(TtQual));
		int		nvalues = list_nth_int(item, TT_PLAN_QUAL_NVALUES);

		qual->attnum = list_nth_int(item, TT_PLAN_QUAL_ATTNUM);
		qual->role = list_nth_int(item, TT_PLAN_QUAL_ROLE);
		qual->op = list_nth_int(item, TT_PLAN_QUAL_OP);
		qual->asked = list_nth_int(item, TT_PLAN_QUAL_ASKED) != 0;
		if (qual->asked)
			tt_option_bounds_asked(&state->asked, state->table, qual, nvalues, &state->types[next]);
		if (i >= ncomparisons)
			qual->condition = list_nth(conditions, i - ncomparisons);
		for (int n = nvalues; n > 0; n--)
			qual->values = lappend(qual->values, list_nth(exprs, next++));
		state->quals = lappend(state->quals, qual);
	}
	if (nlimit > 0)
		state->limit = list_nth(exprs, next++);
	if (nlimit > 1)
		state->offset = list_nth(exprs, next++);
}

/*
 * Keys of a join, which have no value yet.  They are not what the query asks for, in
 * the sense of a NOTICE: a local table may name more accounts than this one holds.
 */
static void
begin_keys(TtScanState *state, const ForeignScan *plan)
{
	List	 *items = list_nth(plan->fdw_private, TT_PLAN_KEYS);
	ListCell *lc;

	state->nkeys = list_length(items);
	state->keys = palloc0(sizeof(TtScanKey) * Max(state->nkeys, 1));
	foreach(lc, items)
	{
		TtScanKey *key = &state->keys[foreach_current_index(lc)];

		key->qual.attnum = list_nth_int(lfirst(lc), TT_PLAN_KEY_ATTNUM);
		key->qual.role = list_nth_int(lfirst(lc), TT_PLAN_KEY_ROLE);
		key->qual.op = TT_OP_EQ;
		key->type = (Oid) list_nth_int(lfirst(lc), TT_PLAN_KEY_TYPE);
	}
}

void
tt_scan_set_key(ForeignScanState *node, int key, int nvalues, Datum *values)
{
	TtScanState *state = node->fdw_state;

	state->keys[key].nvalues = nvalues;
	state->keys[key].values = values;
}

/* The keys that a join has set narrow the bounds as conditions do. */
static void
apply_keys(TtScanState *state)
{
	for (int i = 0; i < state->nkeys; i++)
	{
		TtScanKey *key = &state->keys[i];
		bool	  *nulls = palloc0(sizeof(bool) * key->nvalues);
		Oid		  *types = palloc(sizeof(Oid) * key->nvalues);

		/* of a plan made before the setting was changed */
		if (key->qual.role == TT_ROLE_FILTER && !tt_enable_pushdown)
			continue;
		for (int k = 0; k < key->nvalues; k++)
			types[k] = key->type;
		tt_bounds_apply(&state->bounds, state->table, &key->qual, key->nvalues, key->values,
						nulls, types);
	}
}

/*
 * The foreign table of a scan, also of one that only counts: the executor keeps
 * it open until the query ends, so that it cannot be dropped under the scan.
 */
static Relation
scan_relation(ForeignScanState *node, ForeignScan *plan, bool counting)
{
	if (!counting)
		return node->ss.ss_currentRelation;
	return TT_SCANNED_RELATION(node->ss.ps.state, TT_SCANNED_INDEX(plan));
}

bool
tt_scan_summed(const ForeignScan *plan)
{
	Node *sums = list_nth(plan->fdw_private, TT_PLAN_SUMS);

	return sums != NULL && IsA(sums, Integer);
}

/* ---- beginning before it is asked for rows (together/) ----------------------- */

static bool
is_called(Oid function, void *arg)
{
	return function >= FirstNormalObjectId || func_volatile(function) == PROVOLATILE_VOLATILE;
}

/* Whether a value takes more than to compute it: another part of the query, someone's function. */
static bool
runs_something(Node *node, void *estate)
{
	const ParamExecData *values = ((EState *) estate)->es_param_exec_vals;

	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXEC)
		return values[((Param *) node)->paramid].execPlan != NULL;
	if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) || IsA(node, CoerceToDomain) ||
		check_functions_in_node(node, is_called, NULL))
		return true;
	return expression_tree_walker(node, runs_something, estate);
}

static bool
ready_ahead(ForeignScanState *node)
{
	return !runs_something((Node *) ((ForeignScan *) node->ss.ps.plan)->fdw_exprs,
						   node->ss.ps.state);
}

static bool
start_ahead(ForeignScanState *node, int most)
{
	TtScanState *state = node->fdw_state;

	state->ahead = true;
	if (!start_run(node))
		return false;
	if (state->fetch != NULL)
		tt_fetch_ahead(state->fetch, most);
	return true;
}

static void
forget_ahead(ForeignScanState *node)
{
	end_run(node->fdw_state);
}

static const TtSiblingMethods sibling_methods = {ready_ahead, start_ahead, forget_ahead};

void
tiktokBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan	 *plan = (ForeignScan *) node->ss.ps.plan;
	EState		 *estate = node->ss.ps.state;
	bool		  counting = intVal(list_nth(plan->fdw_private, TT_PLAN_COUNT)) != 0;
	Relation	  rel = scan_relation(node, plan, counting);
	MemoryContext context = AllocSetContextCreate(estate->es_query_cxt, "tiktok_fdw scan",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TtScanState	 *state = palloc0(sizeof(TtScanState));
	Oid			  userid = TT_SCAN_USER(plan, estate);

	if (intVal(list_nth(plan->fdw_private, TT_PLAN_VERSION)) != TT_PLAN_LAYOUT)
		elog(ERROR, "plan of another version of tiktok_fdw");
	state->context = context;
	state->stats.context = context;
	state->run = AllocSetContextCreate(context, "tiktok_fdw run", ALLOCSET_DEFAULT_SIZES);
	state->userid = OidIsValid(userid) ? userid : GetUserId();
	state->table = tt_table_get(rel);
	if (tt_scan_summed(plan))
	{
		state->other.table = state->table;
		state->table = tt_table_sums(state->table,
									 intVal(list_nth(plan->fdw_private, TT_PLAN_SUMS)));
	}
	state->attrs = list_nth(plan->fdw_private, TT_PLAN_ATTRS);
	state->options = tt_options_get(GetForeignTable(RelationGetRelid(rel))->serverid,
									RelationGetRelid(rel), state->userid, false);
	state->projection = tt_query_projection(state->table, state->attrs);
	state->counting = counting;
	tt_row_order_init(&state->order, list_nth(plan->fdw_private, TT_PLAN_ORDER),
					  RelationGetDescr(rel));
	MemoryContextSwitchTo(old);
	begin_quals(state, node, plan);
	begin_keys(state, plan);
	node->fdw_state = state;
	/* what EvalPlanQual checks is a query of its own */
	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0 && estate->es_epq_active == NULL)
		tt_siblings_enter(node, &sibling_methods);
}

/*
 * Whether a value expression needs a parameter that only execution sets, or
 * one that EXPLAIN (GENERIC_PLAN) has no value for.
 */
static bool
needs_execution(Node *node, void *params)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) &&
		(((Param *) node)->paramkind == PARAM_EXEC || params == NULL))
		return true;
	return expression_tree_walker(node, needs_execution, params);
}

int
tt_scan_bounds(ForeignScanState *node, bool only_known)
{
	TtScanState *state = node->fdw_state;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	ListCell	*lc;
	int			 next = 0;
	int			 left_out = 0;

	tt_bounds_init(&state->bounds);
	foreach(lc, state->quals)
	{
		TtQual *qual = lfirst(lc);
		int		n = list_length(qual->values);
		Datum  *values = palloc(sizeof(Datum) * n);
		bool   *nulls = palloc(sizeof(bool) * n);
		Oid	   *types = &state->types[next];
		bool	known = true;

		next += n;
		/* account conditions and time bounds stay; a count has no recheck */
		if (qual->role == TT_ROLE_FILTER && !tt_enable_pushdown && !state->counting)
			continue;
		for (int i = 0; i < n && known; i++)
		{
			ExprState *expr = list_nth(qual->values, i);

			known = !only_known ||
					!needs_execution((Node *) expr->expr,
									 node->ss.ps.state->es_param_list_info);
			if (known)
				values[i] = ExecEvalExpr(expr, econtext, &nulls[i]);
		}
		if (known)
			tt_bounds_apply(&state->bounds, state->table, qual, n, values, nulls, types);
		else
			left_out++;
	}
	if (!only_known)
		apply_keys(state);
	return left_out;
}

static TtDecoder *
make_decoder(ForeignScanState *node, const TtTable *table, const TtProjection *projection)
{
	return tt_decoder_create(table, RelationGetDescr(node->ss.ss_currentRelation),
							 projection->slots);
}

/* Read the user mapping, once for the scan. */
static void
read_mapping(ForeignScanState *node)
{
	TtScanState	 *state = node->fdw_state;
	MemoryContext old = MemoryContextSwitchTo(state->context);
	TtOptions	 *options = tt_options_get(state->options->serverid, state->table->relid,
										   state->userid, true);

	tt_query_check_environment(state->table, options);
	if (!state->counting)
		state->decoder = make_decoder(node, state->table, state->projection);
	/* last: nobody takes it for read who comes after an error */
	state->options = options;
	MemoryContextSwitchTo(old);
}

/* Whether another scan has the list of accounts of the same token. */
static bool
has_same_accounts(ForeignScanState *node, ForeignScanState *other)
{
	const TtScanState *mine = node->fdw_state;
	const TtScanState *theirs = other->fdw_state;

	return theirs->accounts != NULL && theirs->userid == mine->userid &&
		   theirs->options->serverid == mine->options->serverid;
}

static bool
borrow_accounts(ForeignScanState *node)
{
	TtScanState		  *state = node->fdw_state;
	ForeignScanState  *other = tt_siblings_find(node, has_same_accounts);
	const TtScanState *theirs;

	if (other == NULL)
		return false;
	theirs = other->fdw_state;
	state->naccounts = theirs->naccounts;
	state->accounts = MemoryContextAlloc(state->context,
										 sizeof(int64) * Max(theirs->naccounts, 1));
	memcpy(state->accounts, theirs->accounts, sizeof(int64) * theirs->naccounts);
	return true;
}

/*
 * The accounts to ask: those named, else the token's own list.  A scan that is ahead
 * does not wait for that, and takes it from another; false: there is none.
 */
static bool
find_accounts(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;

	if (state->query.naccounts > 0 || state->bounds.has_accounts ||
		state->table->stream->endpoint->account_param == TT_ACCOUNT_NONE ||
		state->table->stream->endpoint->account_param == TT_ACCOUNT_TOKEN)
		return true;
	if (state->ahead && state->accounts == NULL && !borrow_accounts(node))
		return false;
	if (state->accounts == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(state->context);

		state->naccounts = tt_accounts_get(state->table, state->options, &state->stats,
										   &state->accounts);
		MemoryContextSwitchTo(old);
		tt_accounts_require(state->options, state->naccounts);
	}
	state->query.naccounts = state->naccounts;
	state->query.accounts = state->accounts;
	return true;
}

/*
 * What the accounts have that requests name beside them, as far as it is wanted.
 * false: that would be waited for, and the scan is ahead.
 */
static bool
find_second(TtScanState *state)
{
	MemoryContext old;

	if (state->table->stream->endpoint->second == NULL)
		return true;
	if (state->ahead)
		return false;
	old = MemoryContextSwitchTo(state->context);
	state->second = tt_second_ids_read(state->second, state->table, state->options,
									   &state->query, &state->stats);
	MemoryContextSwitchTo(old);
	tt_second_ids_fill(state->second, &state->bounds, &state->query);
	return true;
}

/* The currencies of the accounts, where the scan wants them and the report has none. */
static void
find_currencies(TtScanState *state)
{
	MemoryContext old;

	if (state->fetch == NULL || !tt_currencies_wanted(state->table, state->attrs))
		return;
	old = MemoryContextSwitchTo(state->context);
	state->currencies = tt_currencies_read(state->currencies, state->table, state->options,
										   state->query.naccounts, state->query.accounts,
										   &state->stats);
	MemoryContextSwitchTo(old);
}

/* The int8 value of LIMIT or OFFSET; -1: none. */
static int64
bound_value(ForeignScanState *node, ExprState *expr)
{
	Datum value;
	bool  isnull;

	if (expr == NULL)
		return -1;
	value = ExecEvalExpr(expr, node->ss.ps.ps_ExprContext, &isnull);
	return isnull ? -1 : DatumGetInt64(value);
}

/*
 * Whether the API evaluates every condition: a value may turn out to be none
 * that it knows, and of two long lists of ids it takes one.
 */
static bool
all_conditions_sent(TtScanState *state)
{
	TtUnits *units = tt_units_create(&state->query);

	tt_units_free(units);
	return units != NULL && state->query.nconditions == tt_bounds_filters(&state->bounds);
}

/*
 * LIMIT as a hint: the smallest page that answers, and nothing read ahead.  Not
 * if rows may be dropped here: one out of many pages of a row each is dearer
 * than all of a few large ones.
 */
static void
apply_limit(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;
	int64		 limit = bound_value(node, state->limit);
	int64		 offset = Max(bound_value(node, state->offset), 0);

	if (limit <= 0 || !tt_enable_pushdown || limit > PG_INT64_MAX - offset ||
		(state->order.attnum != 0 && !state->order.by_api) || !all_conditions_sent(state))
		return;
	state->query.row_bound = limit + offset;
	if (state->query.page_size > 0)
		state->query.page_size = (int) Min(state->query.page_size, limit + offset);
}

/*
 * Work out what to ask, in the context of this run; sends nothing yet, but for the
 * accounts.  false: it is ahead, and the accounts are not known.
 */
static bool
start_run(ForeignScanState *node)
{
	TtScanState	 *state = node->fdw_state;
	MemoryContext old;
	bool		  known = true;

	state->started = true;
	state->idle = state->stats.idle;
	if (state->options->access_token == NULL)
		read_mapping(node);
	old = MemoryContextSwitchTo(state->run);
	tt_scan_bounds(node, false);
	/* this is for who asks */
	if (!state->ahead)
		tt_option_bounds_notice(state->table, state->options, &state->bounds, &state->asked);
	tt_query_build(&state->query, state->table, state->options, state->attrs,
				   &state->bounds, true);
	if (!state->bounds.nothing)
	{
		tt_accounts_require_app(state->table, state->options);
		known = find_accounts(node) && find_second(state);
	}
	if (!state->bounds.nothing && known)
	{
		tt_row_order_ask(&state->order, state->table, &state->query);
		apply_limit(node);
		tt_scan_ask(node);
		if (state->counting)
			tt_scan_count_begin(state);
	}
	MemoryContextSwitchTo(old);
	state->finished = state->fetch == NULL;
	return known;
}

/* It is asked for its first row: others of the query may begin beside it. */
static void
begin_run(ForeignScanState *node)
{
	TtScanState	 *state = node->fdw_state;
	MemoryContext old;

	if (!state->started)
		(void) start_run(node);
	else
	{
		/* what was not said when it started ahead */
		old = MemoryContextSwitchTo(state->run);
		tt_option_bounds_notice(state->table, state->options, &state->bounds, &state->asked);
		MemoryContextSwitchTo(old);
	}
	state->ahead = false;
	tt_siblings_begin(node);
	find_currencies(state);
}

/* Read days instead of their sums, or sums again. */
static void
change_form(TtScanState *state)
{
	TtScanForm form = {state->table, state->projection, state->decoder};

	state->table = state->other.table;
	state->projection = state->other.projection;
	state->decoder = state->other.decoder;
	state->other = form;
	state->by_days = !state->by_days;
}

/* Drop everything of this run; what is in flight is aborted. */
static void
end_run(TtScanState *state)
{
	if (state->by_days)
		change_form(state);
	tt_row_order_end(&state->order);
	if (state->fetch != NULL)
		tt_fetch_end(state->fetch);
	state->page = NULL;
	state->fetch = NULL;
	state->row = 0;
	state->handed_on = 0;
	state->started = false;
	state->ahead = false;
	state->finished = false;
	MemoryContextReset(state->run);
}

/* The same run from its beginning, by what was learnt in it: end_run() came before. */
static void
begin_anew(ForeignScanState *node)
{
	TtScanState	 *state = node->fdw_state;
	MemoryContext old = MemoryContextSwitchTo(state->run);

	state->started = true;
	tt_scan_bounds(node, false);
	tt_query_build(&state->query, state->table, state->options, state->attrs,
				   &state->bounds, true);
	(void) find_accounts(node);
	(void) find_second(state);
	tt_scan_ask(node);
	MemoryContextSwitchTo(old);
}

/*
 * Whether the sums are nothing but zeros: of days with zeros, or of none, whose sum is
 * NULL and which make no group.  Only the days tell.
 */
static bool
is_idle(const TtScanState *state)
{
	return state->table->daily != NULL && state->handed_on == 0 &&
		   state->stats.idle > state->idle;
}

static void
read_days(ForeignScanState *node)
{
	TtScanState	 *state = node->fdw_state;
	MemoryContext old = MemoryContextSwitchTo(state->context);

	end_run(state);
	if (state->other.decoder == NULL)
	{
		state->other.projection = tt_query_projection(state->other.table, state->attrs);
		state->other.decoder = make_decoder(node, state->other.table, state->other.projection);
	}
	change_form(state);
	MemoryContextSwitchTo(old);
	begin_anew(node);
	find_currencies(state);
}

/*
 * Whether the page's rows continue the order.  If not: false as long as no row
 * was handed on, else ERROR.
 */
static bool
page_in_order(ForeignScanState *node)
{
	TtScanState	 *state = node->fdw_state;
	TtPage		 *page = state->page;
	int			  natts = RelationGetDescr(node->ss.ss_currentRelation)->natts;
	int			  column = state->order.attnum - 1;
	MemoryContext old = MemoryContextSwitchTo(page->context);
	Datum		 *values = palloc(sizeof(Datum) * natts);
	bool		 *nulls = palloc(sizeof(bool) * natts);
	bool		  right = true;

	for (int row = 0; row < page->reply->nrows && right; row++)
	{
		tt_scan_decode(state, page, row, values, nulls);
		right = tt_row_order_continues(&state->order, values[column], nulls[column]);
	}
	MemoryContextSwitchTo(old);
	tt_row_order_keep(&state->order, state->run);
	if (!right && state->handed_on > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("the TikTok API did not return foreign table \"%s\" in the order that was asked for",
						state->table->name),
				 errhint("Run the query again, or SET tiktok_fdw.enable_pushdown = off.")));
	return right;
}

/* All rows, sorted here; a page may be in hand if the API turned out not to. */
static void
sort_rows(TtScanState *state, TupleTableSlot *slot)
{
	/* not in the current context: the executor resets it for each row */
	tt_row_order_begin_sort(&state->order, slot->tts_tupleDescriptor, state->run);
	if (state->page == NULL)
		(void) tt_scan_next_page(state, true);
	for (; state->page != NULL; (void) tt_scan_next_page(state, true))
		for (int row = 0; row < state->page->reply->nrows; row++)
		{
			ExecClearTuple(slot);
			tt_scan_decode(state, state->page, row, slot->tts_values, slot->tts_isnull);
			ExecStoreVirtualTuple(slot);
			tt_row_order_put(&state->order, slot);
		}
	ExecClearTuple(slot);
	tt_row_order_sort(&state->order);
}

/*
 * The rows are to come in order and the API does not give it: read all of them
 * and sort.
 */
static void
start_sorting(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;

	if (state->order.by_api && !state->query.order_refused)
	{
		/* it was asked to and did not: begin anew without its help */
		end_run(state);
		begin_anew(node);
	}
	sort_rows(state, node->ss.ss_ScanTupleSlot);
}

/* What a complete scan found is the next one's estimate. */
static void
store_row_estimate(TtScanState *state)
{
	const TtQuery *query = &state->query;
	double		   times;

	if (state->fetch == NULL || state->table->daily != NULL ||
		state->by_days || query->nconditions > 0 ||
		query->row_bound > 0 ||
		state->stats.skipped_accounts > 0)
		return;
	times = tt_query_times(query);
	if (query->naccounts > 0)
		tt_row_estimate_store(state->table->relid,
							  (double) state->handed_on / (query->naccounts * times),
							  state->bounds.has_accounts ? 0 : query->naccounts);
}

/* Go on to the next row of the page that the table holds; false: none is left. */
static bool
page_has_row(TtScanState *state)
{
	if (state->page == NULL)
		return false;
	while (state->row < state->page->reply->nrows &&
		   !tt_accounts_hold_row(state->table, state->options, state->page, state->row))
		state->row++;
	return state->row < state->page->reply->nrows;
}

/* Whether there is a row to hand on; takes pages as needed. */
static bool
have_row(ForeignScanState *node, bool wait)
{
	TtScanState *state = node->fdw_state;

	while (!page_has_row(state))
	{
		if (!tt_scan_next_page(state, wait))
		{
			if (state->finished && is_idle(state))
			{
				read_days(node);
				continue;
			}
			if (state->finished)
				store_row_estimate(state);
			return false;
		}
		if (state->order.by_api &&
			(state->query.order_refused || !page_in_order(node)))
			return false;
	}
	return true;
}

TupleTableSlot *
tiktokIterateForeignScan(ForeignScanState *node)
{
	TtScanState	   *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	ExecClearTuple(slot);
	if (!state->started || state->ahead)
		begin_run(node);
	if (state->counting)
		return tt_scan_count(node);
	if (state->order.attnum != 0 && state->order.sorted == NULL && !state->finished &&
		!state->order.by_api)
		start_sorting(node);
	if (state->order.sorted == NULL)
	{
		if (have_row(node, !node->ss.ps.async_capable))
		{
			tt_scan_decode(state, state->page, state->row++, slot->tts_values,
						   slot->tts_isnull);
			state->handed_on++;
			return ExecStoreVirtualTuple(slot);
		}
		if (state->page == NULL)
			return slot;
		start_sorting(node);
	}
	tt_row_order_next(&state->order, slot);
	return slot;
}

void
tiktokReScanForeignScan(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;

	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	/* a nested loop begins with a rescan: what was asked for ahead is as good as new */
	if (state->ahead && node->ss.ps.chgParam == NULL)
		return;
	end_run(state);
}

void
tiktokEndForeignScan(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;

	if (state == NULL)
		return;
	tt_siblings_leave(node);
	end_run(state);
	tt_warnings_tell(state->table, &state->stats);
	if (state->order.sorted_slot != NULL)
		ExecDropSingleTupleTableSlot(state->order.sorted_slot);
	MemoryContextDelete(state->context);
}
