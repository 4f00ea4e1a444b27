/*
 * qual.c
 *	  Which WHERE clauses the API can evaluate, and what they narrow.
 *
 * Rules only: no planning, no execution, no network.  A clause is told by its
 * operator's place in the btree family of the column's type, never by its
 * name.  What its values narrow is worked out in bounds.c.
 */
#include "postgres.h"

#include "qual/qual_private.h"

#include "access/stratnum.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

static const char *const reason_form = "not a comparison of a column with a value";
static const char *const reason_column = "the API has no filter on this column";
static const char *const reason_type = "the column is not declared as the API's type";
static const char *const reason_value_type = "the value is of another type than the column";
static const char *const reason_operator = "the API has no such operator";
static const char *const reason_value = "the value is volatile, or needs the row itself";
static const char *const reason_collation = "nondeterministic collation";

TtFilter
tt_qual_filter(const TtTable *table, int attnum, const char **param)
{
	const TtTableColumn	 *column = &table->columns[attnum - 1];
	const TtReportFilter *filter;
	const char			 *name;

	*param = NULL;
	if (!tt_stream_is_integrated(table->stream))
	{
		if (column->listed == NULL || column->listed->filter == TT_FILTER_NONE)
			return TT_FILTER_NONE;
		*param = column->listed->filter_param;
		return column->listed->filter;
	}
	name = strchr(column->path, '.');
	name = name != NULL ? name + 1 : column->path;
	filter = tt_report_filter(&table->stream->report, name);
	if (filter == NULL)
		return TT_FILTER_NONE;
	*param = filter->field;
	return filter->filter;
}

bool
tt_qual_positive(const TtTable *table, int attnum)
{
	const char *param;

	if (table->columns[attnum - 1].is_second)
		return true;
	if (table->stream->kind == TT_KIND_REPORT || table->stream->kind == TT_KIND_ENTITY)
		return tt_qual_filter(table, attnum, &param) == TT_FILTER_IDS;
	for (int i = 0; i < table->nkeys; i++)
		if (strcmp(table->key_paths[i], table->columns[attnum - 1].path) == 0)
			return true;
	return false;
}

static TtQualRole
column_role(const TtTable *table, int attnum)
{
	const TtTableColumn *column = &table->columns[attnum - 1];
	const char			*param;

	if (column->dropped)
		return TT_ROLE_NONE;
	if (column->is_account)
		return table->stream->endpoint->account_param == TT_ACCOUNT_NONE ||
					   table->stream->endpoint->account_param == TT_ACCOUNT_TOKEN
				   ? TT_ROLE_NONE
				   : TT_ROLE_ACCOUNT;
	if (column->is_second)
		return TT_ROLE_SECOND;
	if (column->listed != NULL && (column->listed->flags & (TT_CF_REQUIRED | TT_CF_OPTIONAL)))
		return TT_ROLE_REQUIRED;
	if (column->is_day)
		return TT_ROLE_DAY;
	if (column->is_hour)
		return TT_ROLE_HOUR;
	if (column->period != NULL)
		return column->period->value == TT_PERIOD_FROM ? TT_ROLE_FROM
			   : column->period->value == TT_PERIOD_TO ? TT_ROLE_TO
													   : TT_ROLE_NONE;
	return tt_qual_filter(table, attnum, &param) == TT_FILTER_NONE
			   ? TT_ROLE_NONE
			   : TT_ROLE_FILTER;
}

/* types whose values are the same thing in different widths */
typedef enum TypeClass
{
	CLASS_OTHER,
	CLASS_INTEGER,
	CLASS_TEXT,
	CLASS_BOOLEAN,
	CLASS_LOCAL_TIME, /* what a clock or a calendar shows */
	CLASS_INSTANT
} TypeClass;

static TypeClass
type_class(Oid type)
{
	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return CLASS_INTEGER;
		case TEXTOID:
		case VARCHAROID:
			return CLASS_TEXT;
		case BOOLOID:
			return CLASS_BOOLEAN;
		case DATEOID:
		case TIMESTAMPOID:
			return CLASS_LOCAL_TIME;
		case TIMESTAMPTZOID:
			return CLASS_INSTANT;
		default:
			return CLASS_OTHER;
	}
}

/*
 * Whether a filter selects by what the column shows: a column may be declared
 * as any type, and then two values of the API's may read as one, or one as
 * something else (a time without its zone, "007" as a number).
 */
static bool
filter_fits(const TtTable *table, int attnum)
{
	const TtTableColumn *column = &table->columns[attnum - 1];
	TypeClass			 declared = type_class(column->type);

	/* ids of reports are numbers, which have one spelling */
	if (tt_stream_is_integrated(table->stream))
		return declared == CLASS_INTEGER || declared == CLASS_TEXT;
	switch (column->listed->type)
	{
		case TT_TYPE_bigint:
			return declared == CLASS_INTEGER || declared == CLASS_TEXT;
		case TT_TYPE_text:
			return declared == CLASS_TEXT;
		case TT_TYPE_boolean:
			return declared == CLASS_BOOLEAN;
		case TT_TYPE_timestamptz:
			return declared == CLASS_INSTANT;
		case TT_TYPE_date:
			return getBaseType(column->type) == DATEOID;
		default:
			return false;
	}
}

/* Whether the declared type of the column lets conditions on it narrow. */
static bool
column_fits(const TtTable *table, int attnum, TtQualRole role)
{
	TypeClass declared = type_class(table->columns[attnum - 1].type);

	switch (role)
	{
		case TT_ROLE_ACCOUNT:
		case TT_ROLE_SECOND:
			return declared == CLASS_INTEGER || declared == CLASS_TEXT;
		case TT_ROLE_DAY:
		case TT_ROLE_HOUR:
			return declared == CLASS_LOCAL_TIME || declared == CLASS_INSTANT;
		case TT_ROLE_FROM:
		case TT_ROLE_TO:
			return declared == CLASS_LOCAL_TIME;
		case TT_ROLE_FILTER:
		case TT_ROLE_REQUIRED:
			return filter_fits(table, attnum);
		default:
			return false;
	}
}

/* Whether a comparison with the value is one within the column's class. */
static bool
value_fits(const TtTable *table, int attnum, Oid type)
{
	TypeClass declared = type_class(table->columns[attnum - 1].type);
	Oid		  element = get_base_element_type(type);
	TypeClass given = type_class(OidIsValid(element) ? element : type);

	if (table->columns[attnum - 1].is_day || table->columns[attnum - 1].is_hour ||
		table->columns[attnum - 1].period != NULL)
		return given == CLASS_LOCAL_TIME || given == CLASS_INSTANT;
	/* the session's zone makes an instant of a local time */
	return given == declared || (declared == CLASS_INSTANT && given == CLASS_LOCAL_TIME);
}

/* Whether days are compared in the session's zone: then the qual is a rough one. */
static bool
compares_instants(const TtTable *table, int attnum, TtQualRole role, Oid type)
{
	Oid element = get_base_element_type(type);

	return (role == TT_ROLE_DAY || role == TT_ROLE_HOUR) &&
		   (type_class(table->columns[attnum - 1].type) == CLASS_INSTANT ||
			type_class(OidIsValid(element) ? element : type) == CLASS_INSTANT);
}

/* Whether conditions of this operator narrow anything for the column. */
static bool
operator_narrows(const TtTable *table, int attnum, TtQualRole role, TtQualOp op)
{
	const char *param;

	switch (role)
	{
		case TT_ROLE_ACCOUNT:
		case TT_ROLE_SECOND:
		case TT_ROLE_REQUIRED:
		case TT_ROLE_FROM:
		case TT_ROLE_TO:
			return op == TT_OP_EQ;
		case TT_ROLE_DAY:
		case TT_ROLE_HOUR:
			return true;
		case TT_ROLE_FILTER:
			switch (tt_qual_filter(table, attnum, &param))
			{
				case TT_FILTER_CREATED:
					return true;
				case TT_FILTER_MODIFIED:
					return op == TT_OP_GT || op == TT_OP_GE || op == TT_OP_EQ;
				default:
					return op == TT_OP_EQ;
			}
		default:
			return false;
	}
}

/*
 * The column that an expression is: a Var of the scan, perhaps relabelled, or
 * the day of an hour, date_trunc('day', hour) or hour::date.
 */
static AttrNumber
match_column(Index varno, Node *node, bool *day_of_hour)
{
	*day_of_hour = false;
	if (IsA(node, FuncExpr))
	{
		FuncExpr *func = (FuncExpr *) node;

		if (func->funcid == F_DATE_TIMESTAMP)
			node = linitial(func->args);
		else if (func->funcid == F_DATE_TRUNC_TEXT_TIMESTAMP &&
				 IsA(linitial(func->args), Const) &&
				 !((Const *) linitial(func->args))->constisnull &&
				 pg_strcasecmp(TextDatumGetCString(((Const *) linitial(func->args))->constvalue),
							   "day") == 0)
			node = lsecond(func->args);
		else
			return InvalidAttrNumber;
		*day_of_hour = true;
	}
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (IsA(node, Var) && ((Var *) node)->varno == varno &&
		((Var *) node)->varlevelsup == 0 && ((Var *) node)->varattno > 0)
		return ((Var *) node)->varattno;
	return InvalidAttrNumber;
}

/* The comparison that an operator is in the default btree family of a type. */
static bool
operator_strategy(Oid opno, Oid type, TtQualOp *op)
{
	/* GetDefaultOpClass() would scan pg_opclass each time */
	Oid family = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	int strategy;

	if (!OidIsValid(family))
		return false;
	strategy = get_op_opfamily_strategy(opno, family);
	if (strategy < BTLessStrategyNumber || strategy > BTGreaterStrategyNumber)
		return false;
	*op = (TtQualOp) strategy;
	return true;
}

bool
tt_qual_value_ok(Node *node, Index varno)
{
	return !bms_is_member((int) varno, pull_varnos(NULL, node)) &&
		   !contain_volatile_functions(node) && !contain_subplans(node);
}

static TtQual *
classify_comparison(Index varno, const TtTable *table, Oid opno,
					Oid collation, Node *left, Node *right, bool is_array,
					const char **reason)
{
	bool	   day_of_hour;
	AttrNumber attnum = match_column(varno, left, &day_of_hour);
	TtQual	  *qual;
	TtQualRole role;
	TtQualOp   op;

	if (attnum == InvalidAttrNumber && !is_array)
	{
		attnum = match_column(varno, right, &day_of_hour);
		if (attnum != InvalidAttrNumber)
		{
			Node *swap = left;

			left = right;
			right = swap;
			opno = get_commutator(opno);
		}
	}
	*reason = reason_form;
	if (attnum == InvalidAttrNumber || !OidIsValid(opno))
		return NULL;
	role = column_role(table, attnum);
	*reason = reason_column;
	if (role == TT_ROLE_NONE || (day_of_hour && role != TT_ROLE_HOUR))
		return NULL;
	*reason = reason_type;
	if (!column_fits(table, attnum, role))
		return NULL;
	*reason = reason_operator;
	if (!operator_strategy(opno, exprType(left), &op) ||
		!operator_narrows(table, attnum, role, op) || (is_array && op != TT_OP_EQ))
		return NULL;
	*reason = reason_collation;
	if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
		return NULL;
	*reason = reason_value_type;
	if (!value_fits(table, attnum, exprType(right)))
		return NULL;
	*reason = reason_value;
	if (!tt_qual_value_ok(right, varno))
		return NULL;
	qual = palloc0(sizeof(TtQual));
	qual->attnum = attnum;
	qual->role = day_of_hour ? TT_ROLE_DAY : role;
	qual->op = op;
	qual->values = list_make1(right);
	qual->rough = compares_instants(table, attnum, role, exprType(right));
	*reason = NULL;
	return qual;
}

/* a = 1 OR a = 2 OR a = ANY (…): one column, equalities only */
static TtQual *
classify_or(Index varno, const TtTable *table, BoolExpr *or_clause,
			const char **reason)
{
	TtQual	 *all = NULL;
	ListCell *lc;

	foreach(lc, or_clause->args)
	{
		TtQual *one = tt_qual_classify(varno, table, lfirst(lc), reason);

		if (one == NULL)
			return NULL;
		if (one->op != TT_OP_EQ ||
			(all != NULL && (one->attnum != all->attnum || one->role != all->role)))
		{
			*reason = "OR of different columns or operators";
			return NULL;
		}
		if (all == NULL)
			all = one;
		else
		{
			all->values = list_concat(all->values, one->values);
			all->rough |= one->rough;
		}
	}
	return all;
}

/* WHERE flag, WHERE NOT flag */
static TtQual *
classify_boolean(Index varno, const TtTable *table, Node *node,
				 bool value, const char **reason)
{
	bool	   day_of_hour;
	AttrNumber attnum = match_column(varno, node, &day_of_hour);

	*reason = reason_form;
	if (attnum == InvalidAttrNumber || exprType(node) != BOOLOID)
		return NULL;
	return classify_comparison(varno, table, BooleanEqualOperator, InvalidOid,
							   node, makeBoolConst(value, false), false, reason);
}

TtQual *
tt_qual_classify(Index varno, const TtTable *table, Expr *clause,
				 const char **reason)
{
	*reason = reason_form;
	if (IsA(clause, RestrictInfo))
		clause = ((RestrictInfo *) clause)->clause;
	if (IsA(clause, OpExpr) && list_length(((OpExpr *) clause)->args) == 2)
	{
		OpExpr *op = (OpExpr *) clause;

		return classify_comparison(varno, table, op->opno, op->inputcollid,
								   linitial(op->args), lsecond(op->args), false,
								   reason);
	}
	if (IsA(clause, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) clause)->useOr)
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) clause;

		return classify_comparison(varno, table, op->opno, op->inputcollid,
								   linitial(op->args), lsecond(op->args), true,
								   reason);
	}
	if (is_orclause(clause))
		return classify_or(varno, table, (BoolExpr *) clause, reason);
	if (is_notclause(clause))
		return classify_boolean(varno, table,
								(Node *) get_notclausearg(clause), false, reason);
	return classify_boolean(varno, table, (Node *) clause, true, reason);
}

bool
tt_qual_exact(const TtTable *table, const TtQual *qual)
{
	const char *param;
	ListCell   *lc;

	if (qual->condition != NULL)
		return false;
	foreach(lc, qual->values)
	{
		Oid type = exprType(lfirst(lc));
		Oid element = get_base_element_type(type);

		if (qual->role == TT_ROLE_DAY)
		{
			if (type != DATEOID || list_length(qual->values) > 1 ||
				table->columns[qual->attnum - 1].type == TIMESTAMPTZOID)
				return false;
			continue;
		}
		if (OidIsValid(element))
			type = element;
		if (qual->role == TT_ROLE_FROM || qual->role == TT_ROLE_TO)
		{
			if (type != DATEOID || table->columns[qual->attnum - 1].type != DATEOID)
				return false;
			continue;
		}
		if ((qual->role != TT_ROLE_ACCOUNT && qual->role != TT_ROLE_SECOND &&
			 qual->role != TT_ROLE_REQUIRED && qual->role != TT_ROLE_FILTER) ||
			(type != INT8OID && type != INT4OID && type != INT2OID))
			return false;
	}
	return (qual->role != TT_ROLE_FILTER && qual->role != TT_ROLE_REQUIRED) ||
		   (tt_qual_filter(table, qual->attnum, &param) == TT_FILTER_IDS &&
			table->columns[qual->attnum - 1].type == INT8OID &&
			tt_qual_positive(table, qual->attnum));
}
