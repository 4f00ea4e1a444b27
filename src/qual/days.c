/*
 * days.c
 *	  The days on which a condition can be true, found by asking it.
 *
 * There are a few thousand days on which an ad can have run.  Whatever a
 * condition says about the day alone – ranges joined by OR, date_trunc(),
 * extract(), arithmetic, ranges, casts in any time zone – is evaluated for each
 * of them by the executor's own rules, which no rewriting could follow as
 * closely.  It takes microseconds for a condition that saves requests.
 *
 * An error means that nothing is known: rows may never get as far as the
 * expression that fails, so it is theirs to raise.  That is why only functions
 * are called that hold nothing an error would leave behind.
 */
#include "postgres.h"

#include "qual/days.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/*
 * Where nothing is meant to lie: a condition that is true somewhere here does
 * not bound the days from below.  Four years have every day of a year in them.
 */
#define PROBE_FIRST ((TtDay) -1095727) /* in the year 1001 BC */
#define PROBE_DAYS	1461

/* a condition being asked */
typedef struct Inquiry
{
	const TtDayCondition *condition;
	ExprState			 *state;
	ExprContext			 *econtext;
	ParamExternData		 *column;
} Inquiry;

static bool
is_time_type(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

static bool
is_plain_type(Oid type)
{
	Oid element = get_element_type(type);

	switch (getBaseType(OidIsValid(element) ? element : type))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case UNKNOWNOID:
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case DATERANGEOID:
		case TSRANGEOID:
		case TSTZRANGEOID:
		case DATEMULTIRANGEOID:
		case TSMULTIRANGEOID:
		case TSTZMULTIRANGEOID:
			return true;
		default:
			return false;
	}
}

static bool
args_are_plain(List *args, bool *has_time)
{
	ListCell *lc;

	*has_time = false;
	foreach(lc, args)
	{
		Oid type = exprType(lfirst(lc));

		if (!is_plain_type(type))
			return false;
		*has_time |= is_time_type(getBaseType(type));
	}
	return true;
}

/*
 * A function written in C that comes with PostgreSQL.  Of the stable ones those
 * that take a day or a time heed the session's settings; others look things up.
 */
static bool
function_is_plain(Oid funcid, List *args)
{
	bool		 has_time;
	bool		 plain;
	HeapTuple	 tuple;
	Form_pg_proc proc;

	if (funcid >= FirstGenbkiObjectId || !args_are_plain(args, &has_time))
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return false;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	plain = proc->prolang == INTERNALlanguageId && !proc->proretset &&
			(proc->provolatile == PROVOLATILE_IMMUTABLE ||
			 (proc->provolatile == PROVOLATILE_STABLE && has_time));
	ReleaseSysCache(tuple);
	return plain;
}

bool
tt_days_can_ask(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Const:
		case T_RelabelType:
		case T_BoolExpr:
		case T_BooleanTest:
		case T_CoalesceExpr:
			return true;
		case T_NullTest:
			return !((NullTest *) node)->argisrow;
		case T_ArrayExpr:
		case T_MinMaxExpr:
			return is_plain_type(exprType(node));
		case T_CoerceViaIO:
			return is_plain_type(exprType(node)) &&
				   is_plain_type(exprType((Node *) ((CoerceViaIO *) node)->arg));
		case T_FuncExpr:
			return is_plain_type(exprType(node)) &&
				   function_is_plain(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args);
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			return is_plain_type(exprType(node)) &&
				   function_is_plain(get_opcode(((OpExpr *) node)->opno),
									 ((OpExpr *) node)->args);
		case T_ScalarArrayOpExpr:
			return function_is_plain(get_opcode(((ScalarArrayOpExpr *) node)->opno),
									 ((ScalarArrayOpExpr *) node)->args);
		default:
			return false;
	}
}

/* Ready to evaluate, in the current memory context. */
static void
start_inquiry(Inquiry *inquiry, const TtDayCondition *condition)
{
	ParamListInfo params = makeParamList(condition->nvalues + 1);

	inquiry->condition = condition;
	inquiry->column = &params->params[0];
	inquiry->column->ptype = condition->type;
	for (int i = 0; i < condition->nvalues; i++)
	{
		params->params[i + 1].value = condition->values[i];
		params->params[i + 1].isnull = condition->nulls[i];
		params->params[i + 1].ptype = condition->types[i];
	}
	inquiry->econtext = CreateStandaloneExprContext();
	inquiry->econtext->ecxt_param_list_info = params;
	inquiry->state = ExecInitExpr(condition->expr, NULL);
}

static bool
is_true(Inquiry *inquiry, bool isnull)
{
	Datum result;
	bool  result_null;

	inquiry->column->isnull = isnull;
	result = ExecEvalExprSwitchContext(inquiry->state, inquiry->econtext, &result_null);
	ResetExprContext(inquiry->econtext);
	return !result_null && DatumGetBool(result);
}

/* Whether the condition is true at an hour of a day, as the column reads there. */
static bool
true_at(Inquiry *inquiry, TtDay day, int hour)
{
	if (inquiry->condition->type == DATEOID)
		inquiry->column->value = DateADTGetDatum(day);
	else
		inquiry->column->value =
			TimestampGetDatum(day * USECS_PER_DAY + hour * USECS_PER_HOUR);
	return is_true(inquiry, false);
}

static bool
true_on(Inquiry *inquiry, TtDay day)
{
	int hours = inquiry->condition->hours && inquiry->condition->type != DATEOID
					? HOURS_PER_DAY
					: 1;

	for (int hour = 0; hour < hours; hour++)
		if (true_at(inquiry, day, hour))
			return true;
	return false;
}

static bool
is_bounded(Inquiry *inquiry)
{
	int hours = inquiry->condition->hours ? HOURS_PER_DAY : 1;

	for (int i = 0; i < PROBE_DAYS; i++)
		if (true_at(inquiry, PROBE_FIRST + i, i % hours))
			return false;
	return true;
}

/* Ascending, in result, which has room for a range of each second day. */
static int
true_days(Inquiry *inquiry, const TtDays *ranges, int nranges, TtDay last, TtDays *result)
{
	int n = 0;

	for (int i = 0; i < nranges; i++)
	{
		TtDay to = Min(ranges[i].to, last);

		for (TtDay day = Max(ranges[i].from, TT_FIRST_DAY); day <= to; day++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!true_on(inquiry, day))
				continue;
			if (n > 0 && result[n - 1].to == day - 1)
				result[n - 1].to = day;
			else
			{
				result[n].from = day;
				result[n++].to = day;
			}
		}
	}
	return n;
}

/* errors that a row's values can cause, as against those of the system */
static bool
error_of_values(int code)
{
	switch (ERRCODE_TO_CATEGORY(code))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_FEATURE_NOT_SUPPORTED:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
			return true;
		default:
			return false;
	}
}

bool
tt_days_ask(const TtDayCondition *condition, const TtDays *ranges, int nranges,
			TtDays **days, int *ndays, bool *bounded)
{
	/* a day more than any scan asks for, as time goes on */
	TtDay		  last = (TtDay) (GetCurrentTimestamp() / USECS_PER_DAY) + 2;
	TtDays		 *result = palloc(sizeof(TtDays) * (last - TT_FIRST_DAY + 2));
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "tiktok_fdw days",
												  ALLOCSET_SMALL_SIZES);
	Inquiry		  inquiry;
	volatile bool known = false;
	volatile int  n = 0;
	volatile bool has_lower = *bounded;

	MemoryContextSwitchTo(context);
	start_inquiry(&inquiry, condition);
	PG_TRY();
	{
		/* what is true of no day at all says nothing about days */
		if (!is_true(&inquiry, true))
		{
			n = true_days(&inquiry, ranges, nranges, last, result);
			has_lower = has_lower || is_bounded(&inquiry);
			known = true;
		}
	}
	PG_CATCH();
	{
		if (!error_of_values(geterrcode()))
			PG_RE_THROW();
		FlushErrorState();
		known = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	*days = result;
	*ndays = n;
	if (known)
		*bounded = has_lower;
	return known;
}
