/*
 * explain.c
 *	  EXPLAIN of a scan: what would be asked, what stays local and why, and
 *	  with ANALYZE what it cost.
 *
 * Never calls the API and never reads the user mapping.  Values that only
 * execution knows are shown as expressions.
 */
#include "postgres.h"

#include "scan/explain.h"

#include "nodes/nodeFuncs.h"
#include "options/options.h"
#include "options/settings.h"
#include "path/layout.h"
#include "scan/scan.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

/* lists longer than this are cut */
#define SHOWN 5

/* The last day that a window asks for: of a period that goes on, not its last one. */
static TtDay
last_asked(const TtQuery *query, const TtUnits *units, int window)
{
	TtDay to = units->windows[window].to;

	return tt_report_by_period(&query->stream->report) ? Min(to, query->last_day) : to;
}

static char *
describe_windows(const TtQuery *query, const TtUnits *units)
{
	StringInfoData buf;
	char		   from[16];
	char		   to[16];

	initStringInfo(&buf);
	for (int i = 0; i < units->nwindows && i < SHOWN; i++)
		appendStringInfo(&buf, "%s%s to %s", i > 0 ? ", " : "",
						 tt_day_format(units->windows[i].from, from),
						 tt_day_format(last_asked(query, units, i), to));
	if (units->nwindows > SHOWN)
		appendStringInfo(&buf, ", and %d more until %s", units->nwindows - SHOWN,
						 tt_day_format(last_asked(query, units, units->nwindows - 1), to));
	return buf.data;
}

static bool
has_qual(const TtScanState *state, TtQualRole role)
{
	ListCell *lc;

	foreach(lc, state->quals)
		if (((TtQual *) lfirst(lc))->role == role)
			return true;
	for (int i = 0; i < state->nkeys; i++)
		if (state->keys[i].qual.role == TT_ROLE_ACCOUNT)
			return true;
	return false;
}

static char *
describe_accounts(const TtScanState *state)
{
	StringInfoData buf;

	if (state->table->stream->endpoint->account_param == TT_ACCOUNT_NONE)
		return state->query.naccounts == 0
				   ? "the token's own list"
				   : "those of the token's own list that option advertiser_ids names";
	if (!state->bounds.has_accounts && has_qual(state, TT_ROLE_ACCOUNT))
		return "those of the conditions, known when the scan starts";
	if (state->table->stream->endpoint->account_param == TT_ACCOUNT_TOKEN)
		return "none: what the token may read";
	if (state->query.naccounts == 0)
		return state->options->ncenters > 0
				   ? "all of the Business Centers of option bc_id"
				   : "all that the token may read";
	initStringInfo(&buf);
	for (int i = 0; i < state->query.naccounts && i < SHOWN; i++)
		appendStringInfo(&buf, "%s" INT64_FORMAT, i > 0 ? ", " : "",
						 (int64) state->query.accounts[i]);
	if (state->query.naccounts > SHOWN)
		appendStringInfo(&buf, ", and %d more", state->query.naccounts - SHOWN);
	return buf.data;
}

/* The stores, say, that requests name: which they will be is known when they were looked up. */
static char *
describe_second(const TtScanState *state)
{
	const TtSecondId *second = state->table->stream->endpoint->second;
	const TtBounds	 *bounds = &state->bounds;
	StringInfoData	  buf;

	initStringInfo(&buf);
	if (!bounds->has_second)
	{
		bool given = has_qual(state, TT_ROLE_SECOND);

		appendStringInfo(&buf, "looked up%s%s%s", second->usable != NULL ? ": those with " : "",
						 second->usable != NULL ? second->usable : "",
						 given ? ", of those of the conditions, known when the scan starts" : "");
		return buf.data;
	}
	for (int i = 0; i < bounds->nsecond && i < SHOWN; i++)
		appendStringInfo(&buf, "%s" INT64_FORMAT, i > 0 ? ", " : "", bounds->second[i]);
	if (bounds->nsecond > SHOWN)
		appendStringInfo(&buf, ", and %d more", bounds->nsecond - SHOWN);
	appendStringInfoString(&buf, ", where the account has them");
	return buf.data;
}

static char *
describe_values(const char *name, const TtCondition *condition)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s: ", name);
	for (int i = 0; i < condition->nvalues && i < SHOWN; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "", condition->values[i]);
	if (condition->nvalues > SHOWN)
		appendStringInfo(&buf, ", and %d more", condition->nvalues - SHOWN);
	return buf.data;
}

static char *
describe_condition(const TtCondition *condition)
{
	return describe_values(condition->filter == TT_FILTER_CREATED	 ? "creation_filter"
						   : condition->filter == TT_FILTER_MODIFIED ? "modified_after"
																	 : condition->param,
						   condition);
}

/* What the endpoint has to be told: "column: value, value". */
static List *
describe_required(const TtScanState *state)
{
	const TtQuery  *query = &state->query;
	const TtColumn *column;
	List		   *result = NIL;
	int				known = 0;

	for (int i = 0; (column = tt_stream_asked(query->stream, i)) != NULL; i++)
	{
		const TtCondition *condition = known < query->nrequired ? &query->required[known] : NULL;
		bool			   given = false;
		ListCell		  *lc;

		/* a series for each, or not named */
		if ((column->flags & TT_CF_EACH) ||
			((column->flags & TT_CF_OPTIONAL) && condition != NULL &&
			 condition->values[0][0] == '\0'))
		{
			known++;
			continue;
		}
		foreach(lc, state->quals)
			given |= state->table->columns[((TtQual *) lfirst(lc))->attnum - 1].listed == column;
		if (condition != NULL && strcmp(condition->param, column->filter_param) == 0)
		{
			result = lappend(result, describe_values(column->name, condition));
			known++;
		}
		else
			result = lappend(result, psprintf("%s: %s", column->name,
											  given ? "known when the scan starts"
													: "missing"));
	}
	return result;
}

/*
 * The filters that options add, of each request series that an account takes:
 * "name=value|value name=value".
 */
static List *
describe_series(const TtQuery *query)
{
	List *series = NIL;

	for (int kind = 0; kind < query->nkinds; kind++)
	{
		TtUnit		   unit = {.kind = kind, .without = query->without};
		TtOptionFilter filters[TT_MAX_OPTION_FILTERS];
		int			   n = tt_unit_option_filters(query, &unit, filters);
		StringInfoData buf;

		if (tt_unit_is_vain(query, &unit))
			continue;
		initStringInfo(&buf);
		for (int i = 0; i < n; i++)
		{
			appendStringInfo(&buf, "%s%s=", i > 0 ? " " : "", filters[i].param);
			for (int k = 0; k < filters[i].nvalues; k++)
				appendStringInfo(&buf, "%s%s", k > 0 ? "|" : "", filters[i].values[k]);
		}
		series = lappend(series, n > 0 ? buf.data : "no filter");
	}
	return series;
}

/* Values that each request asks for one of: "name=value" of each. */
static List *
describe_each(const TtQuery *query)
{
	List *series = NIL;

	for (int i = 0; i < query->nrequired; i++)
	{
		const TtCondition *condition = &query->required[i];

		for (int k = 0; condition->filter == TT_FILTER_ENUM && k < condition->nvalues; k++)
			series = lappend(series, psprintf("%s=%s", condition->param, condition->values[k]));
	}
	return series;
}

static List *
describe_names(const TtQuery *query)
{
	List *names = NIL;

	for (int i = 0; i < query->nnames; i++)
		names = lappend(names, pstrdup(query->names[i]));
	return names;
}

/*
 * Columns that the catalogue does not know: TikTok may have added them, or the
 * name is misspelt and they read as NULL.
 */
static void
explain_unlisted(const TtScanState *state, ExplainState *es)
{
	List	 *names = NIL;
	ListCell *lc;

	foreach(lc, state->attrs)
	{
		const TtTableColumn *column = &state->table->columns[lfirst_int(lc) - 1];

		if (column->listed == NULL && column->metric == NULL && !column->is_account &&
			!column->in_key)
			names = lappend(names, column->name);
	}
	if (names != NIL)
		ExplainPropertyList("Columns Not In The Catalogue", names, es);
}

/* The request list, as far as it is known before execution. */
static void
explain_requests(ForeignScanState *node, ExplainState *es)
{
	TtScanState *state = node->fdw_state;
	int			 left_out = tt_scan_bounds(node, true);
	TtQuery		*query = &state->query;
	TtUnits		*units;
	List		*filters = NIL;
	const char	*names;
	bool		 by_period = tt_report_by_period(&state->table->stream->report);
	bool		 impossible;

	impossible = state->bounds.nothing;
	tt_query_build(query, state->table, state->options, state->attrs, &state->bounds, false);
	names = query->stream->kind == TT_KIND_REPORT ? "Metrics" : "Fields";
	if (state->bounds.nothing)
	{
		ExplainPropertyText("Request Plan",
							impossible	? "none: the conditions cannot be true"
							: by_period ? "none: the table holds no such period"
										: "none: the table holds nothing that is asked for",
							es);
		return;
	}
	ExplainPropertyText("Accounts", describe_accounts(state), es);
	if (query->stream->endpoint->second != NULL)
		ExplainPropertyText(query->stream->endpoint->second->plural, describe_second(state), es);
	if (tt_stream_required(query->stream, 0) != NULL)
		ExplainPropertyList("Required Conditions", describe_required(state), es);
	units = tt_units_create(query);
	if (units != NULL && units->windows != NULL && left_out == 0)
		ExplainPropertyText("Windows", describe_windows(query, units), es);
	for (int i = 0; i < query->nconditions; i++)
		filters = lappend(filters, describe_condition(&query->conditions[i]));
	if (filters != NIL)
		ExplainPropertyList("Filters", filters, es);
	if (query->nkinds > 0)
		ExplainPropertyList("Request Series", describe_series(query), es);
	if (describe_each(query) != NIL)
		ExplainPropertyList("Request Series", describe_each(query), es);
	if (query->send_names)
		ExplainPropertyList(names, describe_names(query), es);
	if (query->page_size > 0)
		ExplainPropertyInteger("Page Size", NULL, query->page_size, es);
	if (query->stream->endpoint->paging == TT_PAGING_CURSOR)
		ExplainPropertyText("Paging", "by cursor", es);
	if (query->stream->endpoint->paging == TT_PAGING_OBJECT)
		ExplainPropertyText("Paging", "none: one row a request", es);
	if (query->leave_out_idle)
		ExplainPropertyText("Idle Rows", "left out", es);
	if (tt_currencies_wanted(state->table, state->attrs))
		ExplainPropertyText("Currency", "of the accounts, from advertiser/info/", es);
	tt_units_free(units);
}

/*
 * The nodes above a scan are not known to it.  A value that one of them gives
 * is shown as $n; deparse_expression(), which looks for its origin, takes it for
 * a bug not to find one.  known: the values whose origin it does find.
 */
static Node *
hide_origins(Node *node, List *known)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXEC &&
		!list_member_int(known, ((Param *) node)->paramid))
	{
		Param *param = copyObject((Param *) node);

		param->paramkind = PARAM_EXTERN;
		return (Node *) param;
	}
	if (IsA(node, SubPlan))
		known = list_concat_copy(known, ((SubPlan *) node)->paramIds);
	return expression_tree_mutator(node, hide_origins, known);
}

static char *
describe_expression(Node *node, ForeignScan *plan, ExplainState *es)
{
	List	 *context = set_deparse_context_plan(es->deparse_cxt, (Plan *) plan, NIL);
	List	 *known = NIL;
	ListCell *lc;

	foreach(lc, plan->scan.plan.initPlan)
		known = list_concat_copy(known, ((SubPlan *) lfirst(lc))->setParam);
	return deparse_expression(hide_origins(node, known), context, false, false);
}

/* What the shape of the query lets the scan save. */
static void
explain_shape(ForeignScanState *node, ExplainState *es)
{
	TtScanState	  *state = node->fdw_state;
	ForeignScan	  *plan = (ForeignScan *) node->ss.ps.plan;
	int			   nlimit = intVal(list_nth(plan->fdw_private, TT_PLAN_LIMIT));
	int			   nexprs = list_length(plan->fdw_exprs);
	StringInfoData buf;

	if (state->order.attnum != 0)
		ExplainPropertyText("Order", psprintf("%s %s, by the API where one request series answers", state->table->columns[state->order.attnum - 1].name, state->order.descending ? "DESC" : "ASC"), es);
	if (nlimit == 0)
		return;
	initStringInfo(&buf);
	for (int i = nexprs - nlimit; i < nexprs; i++)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? " + " : "",
						 describe_expression(list_nth(plan->fdw_exprs, i), plan, es));
	ExplainPropertyText("Rows Wanted", buf.data, es);
}

/* A condition of a count, which has no clause in the plan: "column op value". */
static char *
describe_qual(ForeignScanState *node, const TtQual *qual, List *values, ExplainState *es)
{
	static const char *const operators[] = {
		[TT_OP_LT] = "<", [TT_OP_LE] = "<=", [TT_OP_EQ] = "=", [TT_OP_GE] = ">=", [TT_OP_GT] = ">"};
	const TtScanState	*state = node->fdw_state;
	const TtTableColumn *column = &state->table->columns[qual->attnum - 1];
	bool				 day_of_hour = column->is_hour && qual->role == TT_ROLE_DAY;
	StringInfoData		 buf;
	ListCell			*lc;

	initStringInfo(&buf);
	foreach(lc, values)
	{
		bool  is_array = OidIsValid(get_base_element_type(exprType(lfirst(lc))));
		char *value = describe_expression(lfirst(lc), (ForeignScan *) node->ss.ps.plan, es);

		appendStringInfo(&buf, is_array ? "%s%s%s %s ANY (%s)" : "%s%s%s %s %s",
						 buf.len > 0 ? " OR " : "", quote_identifier(column->name),
						 day_of_hour ? "::date" : "", operators[qual->op], value);
	}
	return buf.data;
}

/*
 * A scan that counts stands for the table and its conditions, which the plan
 * does not show otherwise.
 */
static void
explain_count(ForeignScanState *node, ExplainState *es)
{
	TtScanState *state = node->fdw_state;
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List		*conditions = NIL;
	ListCell	*lc;
	int			 next = 0;

	ExplainPropertyText("Relations", state->table->name, es);
	foreach(lc, state->quals)
	{
		TtQual *qual = lfirst(lc);
		List   *values = NIL;

		for (int i = list_length(qual->values); i > 0; i--)
			values = lappend(values, list_nth(plan->fdw_exprs, next++));
		conditions = lappend(conditions, describe_qual(node, qual, values, es));
	}
	ExplainPropertyText("Count", "from the API's totals", es);
	if (conditions != NIL)
		ExplainPropertyList("Counted Conditions", conditions, es);
}

/* Each condition with its fate. */
static void
explain_conditions(ForeignScanState *node, ExplainState *es)
{
	TtScanState *state = node->fdw_state;
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List		*pushed = NIL;
	List		*local = NIL;
	ListCell	*lc;

	/* what nothing is left here to check for */
	foreach(lc, plan->fdw_recheck_quals)
		pushed = lappend(pushed, describe_expression(lfirst(lc), plan, es));
	foreach(lc, plan->scan.plan.qual)
	{
		Node	   *clause = lfirst(lc);
		const char *reason = NULL;
		List	   *quals = tt_qual_derive(plan->scan.scanrelid, state->table,
										   (Expr *) clause, &reason);
		char	   *text_ = describe_expression(clause, plan, es);

		if (reason == NULL && !tt_enable_pushdown &&
			((TtQual *) linitial(quals))->role == TT_ROLE_FILTER)
			reason = "tiktok_fdw.enable_pushdown is off";
		if (reason == NULL)
			pushed = lappend(pushed, text_);
		else
			local = lappend(local, psprintf("%s: %s", text_, reason));
	}
	for (int i = 0; i < state->nkeys; i++)
	{
		AttrNumber attnum = state->keys[i].qual.attnum;

		pushed = lappend(pushed,
						 psprintf("%s = ANY (keys of the join)",
								  quote_identifier(state->table->columns[attnum - 1].name)));
	}
	if (pushed != NIL)
		ExplainPropertyList("Pushed Conditions", pushed, es);
	if (local != NIL)
		ExplainPropertyList("Local Conditions", local, es);
}

/* Whether the API adds up the days, or why not. */
static void
explain_sums(const TtScanState *state, const ForeignScan *plan, ExplainState *es)
{
	Node		  *sums = list_nth(plan->fdw_private, TT_PLAN_SUMS);
	const TtTable *table = state->by_days ? state->other.table : state->table;

	if (tt_scan_summed(plan))
		ExplainPropertyText("Aggregated by the API",
							psprintf("the sums of the days, a row for each %s",
									 table->stream->report.dimensions[0]),
							es);
	else if (sums != NULL && es->verbose)
		ExplainPropertyText("Not Aggregated by the API", strVal(sums), es);
	if (state->by_days)
		ExplainPropertyText("Read by Day", "the sums are nothing but zeros", es);
}

static void
explain_stats(const TtScanState *state, ExplainState *es)
{
	const TtFetchStats *stats = &state->stats;

	ExplainPropertyInteger("Requests", NULL, stats->requests, es);
	if (stats->prefetched > 0)
		ExplainPropertyInteger("Prefetched Requests", NULL, stats->prefetched, es);
	ExplainPropertyInteger("Pages", NULL, stats->pages, es);
	ExplainPropertyInteger("Rows Received", NULL, stats->rows, es);
	ExplainPropertyInteger("Retries", NULL, stats->retries, es);
	if (stats->idle > 0)
		ExplainPropertyInteger("Idle Rows Left Out", NULL, stats->idle, es);
	if (stats->splits > 0)
		ExplainPropertyInteger("Truncated Reports Split", NULL, stats->splits, es);
	if (stats->skipped_accounts > stats->skipped_second)
		ExplainPropertyInteger("Skipped Accounts", NULL,
							   stats->skipped_accounts - stats->skipped_second, es);
	if (stats->skipped_second > 0)
		ExplainPropertyInteger("Skipped Business Centers", NULL, stats->skipped_second, es);
	if (!es->timing)
		return;
	ExplainPropertyInteger("Rate Limit Wait", "ms", stats->throttled_ms, es);
	ExplainPropertyInteger("Retry Wait", "ms", stats->backoff_ms, es);
	ExplainPropertyInteger("Bytes Received", "B", stats->wire_bytes, es);
	ExplainPropertyInteger("Bytes Decoded", "B", stats->body_bytes, es);
	ExplainPropertyInteger("Peak Concurrency", NULL, stats->peak_in_flight, es);
}

#ifdef TT_HAVE_EXPLAIN_PLAN_HOOK

/* What the scans of a plan have cost, of those shown so far */
typedef struct PlanTotals
{
	int	  scans;
	int64 requests;
	int64 retries;
} PlanTotals;

static explain_per_plan_hook_type next_plan_hook = NULL;
static int						  extension_id = -1;

/* Kept with the EXPLAIN, so that one that failed leaves nothing behind. */
static void
add_to_totals(const TtFetchStats *stats, ExplainState *es)
{
	PlanTotals *totals = GetExplainExtensionState(es, extension_id);

	if (totals == NULL)
	{
		totals = palloc0_object(PlanTotals);
		SetExplainExtensionState(es, extension_id, totals);
	}
	totals->scans++;
	totals->requests += stats->requests;
	totals->retries += stats->retries;
}

/* What a plan of several scans has cost as a whole, below it; a rule makes several plans. */
static void
explain_totals(PlannedStmt *plan, IntoClause *into, ExplainState *es, const char *query,
			   ParamListInfo params, QueryEnvironment *environment)
{
	PlanTotals *totals = GetExplainExtensionState(es, extension_id);

	if (totals != NULL && totals->scans > 1)
	{
		ExplainPropertyInteger("TikTok Requests In All", NULL, totals->requests, es);
		ExplainPropertyInteger("TikTok Retries In All", NULL, totals->retries, es);
	}
	if (totals != NULL)
		memset(totals, 0, sizeof(*totals));
	if (next_plan_hook != NULL)
		next_plan_hook(plan, into, es, query, params, environment);
}

void
tt_explain_define(void)
{
	extension_id = GetExplainExtensionId("tiktok_fdw");
	next_plan_hook = explain_per_plan_hook;
	explain_per_plan_hook = explain_totals;
}

#else

#define add_to_totals(stats, es) ((void) 0)

void
tt_explain_define(void)
{
}

#endif /* TT_HAVE_EXPLAIN_PLAN_HOOK */

void
tiktokExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	TtScanState	   *state = node->fdw_state;
	ForeignScan	   *plan = (ForeignScan *) node->ss.ps.plan;
	const TtStream *stream = state->table->stream;

	ExplainPropertyText("Stream", stream->name, es);
	if (state->counting)
		explain_count(node, es);
	explain_sums(state, plan, es);
	if (es->verbose)
	{
		MemoryContext old = MemoryContextSwitchTo(state->run);

		ExplainPropertyText("Endpoint", stream->endpoint->path, es);
		explain_requests(node, es);
		if (es->costs)
			ExplainPropertyFloat("Estimated Requests", NULL,
								 floatVal(list_nth(plan->fdw_private, TT_PLAN_REQUESTS)),
								 0, es);
		explain_shape(node, es);
		explain_unlisted(state, es);
		explain_conditions(node, es);
		MemoryContextSwitchTo(old);
	}
	if (es->analyze)
	{
		explain_stats(state, es);
		add_to_totals(&state->stats, es);
	}
}
