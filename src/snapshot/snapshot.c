/*
 * snapshot.c
 *	  What local snapshots need of C: facts about a source, its accounts, the
 *	  lock of a target, and the door to the registry.
 *
 * Who may write the registry is decided here, by the current user: inside a
 * SECURITY DEFINER function that could no longer be told.  The functions
 * behind the door, tiktok._record_…, can be called by nobody else.
 *
 * Locks are session locks as well as transaction locks; "held" knows which.
 * The transaction callbacks release them after an error and must not ereport.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "accounts/accounts.h"
#include "qual/days.h"
#include "failure/failure.h"
#include "options/hosts.h"
#include "options/options.h"
#include "query/query.h"
#include "request/request.h"
#include "snapshot/snapshot_private.h"
#include "table/table.h"

/*
 * An advisory lock (database, pg_class, target, 3): SQL functions take those
 * that end in 1 or 2 only, so that nobody can hold up a refresh by hand.
 */
#define LOCK_KIND	   3
#define NAME_LOCK_KIND 4 /* of a name: a hash in place of the target */

/* entry points; declared in sql/parts/21_registry.sql and 30_source.sql */
PG_FUNCTION_INFO_V1(tiktok_snapshot_source);
PG_FUNCTION_INFO_V1(tiktok_snapshot_source_columns);
PG_FUNCTION_INFO_V1(tiktok_snapshot_accounts);
PG_FUNCTION_INFO_V1(tiktok_snapshot_check_owner);
PG_FUNCTION_INFO_V1(tiktok_snapshot_record);
PG_FUNCTION_INFO_V1(tiktok_snapshot_lock);
PG_FUNCTION_INFO_V1(tiktok_snapshot_unlock);
PG_FUNCTION_INFO_V1(tiktok_snapshot_lock_name);
PG_FUNCTION_INFO_V1(tiktok_snapshot_check_no_block);
PG_FUNCTION_INFO_V1(tiktok_snapshot_requests);
PG_FUNCTION_INFO_V1(tiktok_snapshot_failed_account);
PG_FUNCTION_INFO_V1(tiktok_snapshot_raise);
PG_FUNCTION_INFO_V1(tiktok_snapshot_hour_comes_twice);
PG_FUNCTION_INFO_V1(tiktok_snapshot_target_in);
PG_FUNCTION_INFO_V1(tiktok_snapshot_target_out);

typedef struct HeldLock
{
	Oid				 target;
	bool			 session;
	SubTransactionId subxact; /* that it was taken in */
	struct HeldLock *next;
} HeldLock;

static HeldLock *held = NULL;

/* ---- the source --------------------------------------------------------- */

Relation
tt_source_open(Oid relid, Oid *serverid)
{
	Relation			rel = relation_open(relid, AccessShareLock);
	ForeignTable	   *table;
	ForeignServer	   *server;
	ForeignDataWrapper *wrapper = NULL;
	AclResult			result;

	if (rel->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
	{
		table = GetForeignTable(relid);
		server = GetForeignServer(table->serverid);
		wrapper = GetForeignDataWrapper(server->fdwid);
		*serverid = server->serverid;
	}
	if (wrapper == NULL || strcmp(wrapper->fdwname, "tiktok_fdw") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a foreign table of tiktok_fdw",
						RelationGetRelationName(rel))));
	result = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FOREIGN_TABLE, RelationGetRelationName(rel));
	return rel;
}

static const char *
account_param_name(TtAccountParam param)
{
	switch (param)
	{
		case TT_ACCOUNT_NONE:
		case TT_ACCOUNT_TOKEN:
			return "none";
		case TT_ACCOUNT_ONE:
			return "one";
		case TT_ACCOUNT_MANY:
			return "many";
	}
	return NULL;
}

/*
 * The column that holds the day or hour, or the first day of the week or month, of a
 * report; NULL if none does.
 */
static const TtTableColumn *
time_column(const TtTable *table)
{
	if (table->stream->kind != TT_KIND_REPORT || table->stream->report.grain == TT_GRAIN_NONE)
		return NULL;
	for (int i = 0; i < table->natts; i++)
	{
		const TtTableColumn *column = &table->columns[i];

		if (!column->dropped &&
			(table->stream->report.grain == TT_GRAIN_HOUR ? column->is_hour : column->is_day))
			return column;
	}
	return NULL;
}

/*
 * Days that are read at once; 0: any number.  Of a report by week or month, as
 * many as one has at most: what is to be read again after an interruption.
 */
static int
window_days(const TtStream *stream)
{
	switch (stream->kind == TT_KIND_REPORT ? stream->report.grain : TT_GRAIN_NONE)
	{
		case TT_GRAIN_WEEK:
			return 7;
		case TT_GRAIN_MONTH:
			return 31;
		default:
			return tt_request_span(stream);
	}
}

static void
refuse_periods(const TtTable *table)
{
	if (table->stream->kind == TT_KIND_REPORT && table->stream->report.grain == TT_GRAIN_PERIOD)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("foreign table %s cannot be the source of a snapshot", table->name),
				 errdetail("Its rows are of the periods that a query names: there are no others to keep up to date."),
				 errhint("Keep a report by week or month, or INSERT INTO a table of your own SELECT from %s the periods that you need.",
						 table->name)));
}

Datum
tiktok_snapshot_source(PG_FUNCTION_ARGS)
{
	Oid					 serverid;
	Relation			 rel = tt_source_open(PG_GETARG_OID(0), &serverid);
	TtTable				*table = tt_table_get(rel);
	TtOptions			*options = tt_options_get(serverid, table->relid, GetUserId(), false);
	const TtTableColumn *time = time_column(table);
	TtGrain				 grain = table->stream->kind == TT_KIND_REPORT ? table->stream->report.grain
																	   : TT_GRAIN_NONE;
	TupleDesc			 desc;
	Datum				 values[8] = {0};
	bool				 nulls[8] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	refuse_periods(table);
	values[0] = CStringGetTextDatum(table->stream->name);
	nulls[1] = grain == TT_GRAIN_NONE;
	if (!nulls[1])
		values[1] = CStringGetTextDatum(tt_grain_name(grain));
	nulls[2] = time == NULL;
	if (!nulls[2])
		values[2] = CStringGetTextDatum(time->name);
	values[3] = Int32GetDatum(window_days(table->stream));
	values[4] =
		CStringGetTextDatum(account_param_name(table->stream->endpoint->account_param));
	values[5] = Int32GetDatum(options->concurrency);
	nulls[6] = !options->has_start_date;
	values[6] = DateADTGetDatum(options->start_date);
	values[7] = BoolGetDatum(options->naccounts > 0);
	relation_close(rel, NoLock);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

bool
tt_source_additive(const TtTableColumn *column)
{
	return column->metric != NULL && !column->metric->attribute &&
		   column->metric->additive == TT_ADDITIVE &&
		   (column->type == INT2OID || column->type == INT4OID || column->type == INT8OID ||
			column->type == NUMERICOID || column->type == FLOAT4OID ||
			column->type == FLOAT8OID);
}

Datum
tiktok_snapshot_source_columns(PG_FUNCTION_ARGS)
{
	Oid			   serverid;
	Relation	   rel = tt_source_open(PG_GETARG_OID(0), &serverid);
	TtTable		  *table = tt_table_get(rel);
	ReturnSetInfo *result;

	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	for (int i = 0; i < table->natts; i++)
	{
		const TtTableColumn *column = &table->columns[i];
		const TtColumn		*listed = column->listed;
		const char			*description = listed != NULL ? listed->description : "";
		Datum				 values[8] = {0};
		bool				 nulls[8] = {false};

		if (column->dropped)
			continue;
		if (description[0] == '\0' && column->metric != NULL)
			description = column->metric->column.description;
		values[0] = CStringGetTextDatum(column->name);
		values[1] = Int16GetDatum(i + 1);
		values[2] = BoolGetDatum(column->is_account);
		values[3] = BoolGetDatum(column->in_key);
		values[4] = BoolGetDatum(listed != NULL && (listed->flags & TT_CF_SIGNED_URL) != 0);
		nulls[5] = description[0] == '\0';
		if (!nulls[5])
			values[5] = CStringGetTextDatum(description);
		values[6] = BoolGetDatum(tt_source_additive(column));
		values[7] = BoolGetDatum(listed != NULL && tt_filter_limit(listed->filter) > 1);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	relation_close(rel, NoLock);
	return (Datum) 0;
}

/* The accounts that a scan without a condition would ask for. */
Datum
tiktok_snapshot_accounts(PG_FUNCTION_ARGS)
{
	Oid			   serverid;
	Relation	   rel = tt_source_open(PG_GETARG_OID(0), &serverid);
	TtTable		  *table = tt_table_get(rel);
	TtOptions	  *options = tt_options_get(serverid, table->relid, GetUserId(), true);
	TtFetchStats   stats = {0};
	ReturnSetInfo *result;
	int64		  *accounts = options->accounts;
	int			   n = options->naccounts;

	tt_query_check_environment(table, options);
	tt_options_check_host(options);
	/* accounts that are not told would pass for lost ones */
	options->skip_failed_accounts = false;
	if (n == 0)
	{
		n = tt_accounts_get(table, options, &stats, &accounts);
		tt_accounts_require(options, n);
	}
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	for (int i = 0; i < n; i++)
	{
		Datum value = Int64GetDatum(accounts[i]);
		bool  null = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &null);
	}
	relation_close(rel, NoLock);
	return (Datum) 0;
}

/* ---- the owner ---------------------------------------------------------- */

/*
 * The current user is the owner, not merely somebody with the owner's rights:
 * triggers of the target run as the current user.
 */
static void
check_owner(Oid target)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(target));
	Oid		  owner;
	char	 *name;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", target)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	name = pstrdup(NameStr(((Form_pg_class) GETSTRUCT(tuple))->relname));
	ReleaseSysCache(tuple);
	if (owner != GetUserId())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s", name),
				 errdetail("The triggers of a table must not run with the rights of anybody "
						   "but its owner."),
				 errhint("Log in as %s. SET ROLE %s does as well, if you trust its triggers: they can "
						 "take the rights of your own role back.",
						 GetUserNameFromId(owner, false),
						 quote_identifier(GetUserNameFromId(owner, false)))));
}

Datum
tiktok_snapshot_check_owner(PG_FUNCTION_ARGS)
{
	check_owner(PG_GETARG_OID(0));
	PG_RETURN_VOID();
}

/* Forward to tiktok._record_WHAT(target, detail), once it is clear who asks. */
Datum
tiktok_snapshot_record(PG_FUNCTION_ARGS)
{
	Oid	  target = PG_GETARG_OID(0);
	char *what = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Oid	  types[] = {REGCLASSOID, JSONBOID};
	List *name;
	Oid	  function;

	if (strcmp(what, "forget") != 0 || !superuser())
		check_owner(target);
	name = list_make2(makeString("tiktok"), makeString(psprintf("_record_%s", what)));
	function = LookupFuncName(name, lengthof(types), types, false);
	PG_RETURN_INT64(DatumGetInt64(
		OidFunctionCall2(function, ObjectIdGetDatum(target), PG_GETARG_DATUM(2))));
}

/* ---- the lock of a target ------------------------------------------------- */

static void
set_tag(LOCKTAG *tag, Oid target)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, RelationRelationId, target, LOCK_KIND);
}

/* Take the entry out; a transaction's lock goes with its transaction. */
static void
forget_lock(HeldLock **link)
{
	HeldLock *lock = *link;
	LOCKTAG	  tag;

	*link = lock->next;
	if (lock->session)
	{
		set_tag(&tag, lock->target);
		LockRelease(&tag, ExclusiveLock, true);
	}
	pfree(lock);
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	bool failed = event == XACT_EVENT_ABORT;

	if (!failed && event != XACT_EVENT_COMMIT && event != XACT_EVENT_PREPARE)
		return;
	for (HeldLock **link = &held; *link != NULL;)
	{
		/* a refresh commits as it goes; it never rolls back, but fails */
		if (failed || !(*link)->session)
			forget_lock(link);
		else
		{
			(*link)->subxact = TopSubTransactionId;
			link = &(*link)->next;
		}
	}
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
					  void *arg)
{
	for (HeldLock **link = &held; *link != NULL;)
	{
		if ((*link)->subxact == mine && event == SUBXACT_EVENT_ABORT_SUB)
		{
			forget_lock(link);
			continue;
		}
		if ((*link)->subxact == mine && event == SUBXACT_EVENT_COMMIT_SUB)
			(*link)->subxact = parent;
		link = &(*link)->next;
	}
}

/* tiktok._lock(target, session): false if another session has it */
Datum
tiktok_snapshot_lock(PG_FUNCTION_ARGS)
{
	static bool registered = false;
	Oid			target = PG_GETARG_OID(0);
	bool		session = PG_GETARG_BOOL(1);
	HeldLock   *lock;
	LOCKTAG		tag;

	check_owner(target);
	for (lock = held; lock != NULL; lock = lock->next)
		if (lock->target == target)
			PG_RETURN_BOOL(false); /* a trigger of the target tries to refresh it */
	if (!registered)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		RegisterSubXactCallback(at_subtransaction_end, NULL);
		registered = true;
	}
	lock = MemoryContextAlloc(TopMemoryContext, sizeof(HeldLock));
	set_tag(&tag, target);
	if (LockAcquire(&tag, ExclusiveLock, session, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		pfree(lock);
		PG_RETURN_BOOL(false);
	}
	lock->target = target;
	lock->session = session;
	lock->subxact = GetCurrentSubTransactionId();
	lock->next = held;
	held = lock;
	PG_RETURN_BOOL(true);
}

/* the end of a refresh; a transaction's lock stays until its end */
Datum
tiktok_snapshot_unlock(PG_FUNCTION_ARGS)
{
	for (HeldLock **link = &held; *link != NULL; link = &(*link)->next)
	{
		if ((*link)->target == PG_GETARG_OID(0))
		{
			forget_lock(link);
			break;
		}
	}
	PG_RETURN_VOID();
}

/*
 * Whether somebody could make a table of that name, or owns one: whoever cannot
 * has no business to keep others from it.
 */
static bool
may_make(Oid namespaceId, const char *name)
{
	Oid relid = get_relname_relid(name, namespaceId);

	if (OidIsValid(relid) && TT_OWNS_RELATION(relid, GetUserId()))
		return true;
	return TT_SCHEMA_ACLCHECK(namespaceId, GetUserId(), ACL_CREATE) == ACLCHECK_OK;
}

/*
 * tiktok._lock_name(schema, name, wait): false if another session has it.  Names
 * of one hash wait for each other, which harms nobody.
 */
Datum
tiktok_snapshot_lock_name(PG_FUNCTION_ARGS)
{
	char   *schema = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Oid		namespaceId = get_namespace_oid(schema, true);
	uint32	hash;
	LOCKTAG tag;

	if (!OidIsValid(namespaceId) || strlen(name) >= NAMEDATALEN || !may_make(namespaceId, name))
		PG_RETURN_BOOL(true);
	hash = hash_combine(hash_uint32(namespaceId),
						DatumGetUInt32(hash_any((const unsigned char *) name, strlen(name))));
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, RelationRelationId, hash, NAME_LOCK_KIND);
	PG_RETURN_BOOL(LockAcquire(&tag, ExclusiveLock, false, !PG_GETARG_BOOL(2)) !=
				   LOCKACQUIRE_NOT_AVAIL);
}

/* ---- a target in a dump --------------------------------------------------- */

/*
 * Type tiktok._target is an OID like regclass.  Input finds the table by the
 * name that output wrote, and reads one that is missing as InvalidOid: a
 * restore without a target must not fail for the others.
 */
Datum
tiktok_snapshot_target_in(PG_FUNCTION_ARGS)
{
	char *name = PG_GETARG_CSTRING(0);
	Datum target;

	LOCAL_FCINFO(lookup, 1);

	if (strcmp(name, "-") == 0)
		PG_RETURN_OID(InvalidOid);
	InitFunctionCallInfoData(*lookup, NULL, 1, InvalidOid, NULL, NULL);
	lookup->args[0].value = CStringGetTextDatum(name);
	lookup->args[0].isnull = false;
	target = to_regclass(lookup);
	if (!lookup->isnull)
		return target;
	ereport(WARNING,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("table %s does not exist", name),
			 errdetail("It is no longer a snapshot, or written beside one."),
			 errhint("If it is restored later, register it with tiktok.create_snapshot().")));
	PG_RETURN_OID(InvalidOid);
}

Datum
tiktok_snapshot_target_out(PG_FUNCTION_ARGS)
{
	Oid	  target = PG_GETARG_OID(0);
	char *name = OidIsValid(target) ? get_rel_name(target) : NULL;

	if (name == NULL)
		PG_RETURN_CSTRING(pstrdup("-"));
	PG_RETURN_CSTRING(
		quote_qualified_identifier(get_namespace_name(get_rel_namespace(target)), name));
}

/* ---- small things --------------------------------------------------------- */

Datum
tiktok_snapshot_check_no_block(PG_FUNCTION_ARGS)
{
	if (IsTransactionBlock())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s commits as it goes and cannot run inside a transaction block",
						text_to_cstring(PG_GETARG_TEXT_PP(0))),
				 errhint("CALL it outside of BEGIN … COMMIT, as the only statement of its "
						 "string; in a transaction use tiktok.materialize().")));
	PG_RETURN_VOID();
}

/* requests that this session has sent */
Datum
tiktok_snapshot_requests(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(tt_fetch_session_requests());
}

/* whose error the last one was, since the last call; NULL: no account's */
Datum
tiktok_snapshot_failed_account(PG_FUNCTION_ARGS)
{
	int64 account = tt_failure_account_take();

	if (account == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(account);
}

/* whether clocks show the hour of a timestamp twice somewhere */
Datum
tiktok_snapshot_hour_comes_twice(PG_FUNCTION_ARGS)
{
	Timestamp hour = PG_GETARG_TIMESTAMP(0);
	int64	  day;

	if (TIMESTAMP_NOT_FINITE(hour))
		PG_RETURN_BOOL(false);
	day = hour / USECS_PER_DAY - (hour % USECS_PER_DAY < 0);
	PG_RETURN_BOOL(tt_hour_comes_twice((TtDay) day,
									   (int) ((hour - day * USECS_PER_DAY) / USECS_PER_HOUR)));
}

/* An error that was caught before: SQLSTATE, message, detail, hint. */
Datum
tiktok_snapshot_raise(PG_FUNCTION_ARGS)
{
	char *texts[4] = {NULL, NULL, NULL, NULL};

	for (int i = 0; i < (int) lengthof(texts); i++)
	{
		if (!PG_ARGISNULL(i))
			texts[i] = text_to_cstring(PG_GETARG_TEXT_PP(i));
		if (texts[i] != NULL && texts[i][0] == '\0')
			texts[i] = NULL;
	}
	if (texts[0] == NULL || strlen(texts[0]) != 5)
		texts[0] = "XX000";
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(texts[0][0], texts[0][1], texts[0][2], texts[0][3],
								   texts[0][4])),
			 errmsg_internal("%s", texts[1] != NULL ? texts[1] : "unknown error"),
			 texts[2] != NULL ? errdetail_internal("%s", texts[2]) : 0,
			 texts[3] != NULL ? errhint("%s", texts[3]) : 0));
	PG_RETURN_VOID();
}
