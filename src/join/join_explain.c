/*
 * join_explain.c
 *	  EXPLAIN of a batched join.
 */
#include "postgres.h"

#include "join/join_private.h"

#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/ruleutils.h"

static const char *
join_name(JoinType jointype)
{
	switch (jointype)
	{
		case JOIN_LEFT:
			return "Left";
		case JOIN_SEMI:
			return "Semi";
		case JOIN_ANTI:
			return "Anti";
		default:
			return "Inner";
	}
}

static void
explain_clauses(const char *label, List *clauses, CustomScanState *node, List *ancestors,
				ExplainState *es)
{
	List *context;
	bool  prefix = list_length(es->rtable) > 1 || es->verbose;

	if (clauses == NIL)
		return;
	context = set_deparse_context_plan(es->deparse_cxt, node->ss.ps.plan, ancestors);
	ExplainPropertyText(label,
						deparse_expression((Node *) make_ands_explicit(clauses), context, prefix,
										   false),
						es);
}

void
tt_join_explain(CustomScanState *node, List *ancestors, ExplainState *es)
{
	TtJoinState *state = (TtJoinState *) node;
	CustomScan	*scan = (CustomScan *) node->ss.ps.plan;

	ExplainPropertyText("Join Type", join_name(state->jointype), es);
	explain_clauses("Batched Keys", list_nth(scan->custom_exprs, TT_JOIN_ASKED_CLAUSES), node,
					ancestors, es);
	explain_clauses("Join Filter", list_nth(scan->custom_exprs, TT_JOIN_OTHER_CLAUSES), node,
					ancestors, es);
	if (!es->analyze)
		return;
	if (state->nfiltered > 0)
		ExplainPropertyInteger("Rows Removed by Join Filter", NULL, state->nfiltered, es);
	ExplainPropertyInteger("Batches", NULL, state->nbatches, es);
	ExplainPropertyInteger("Keys", NULL, state->nvalues, es);
}
