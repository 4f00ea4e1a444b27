/*
 * activity.c
 *	  What the scans of all backends are doing now; view tiktok.stat_activity.
 *
 * An entry for each scan that runs, in shared memory.  It is written by its backend
 * alone, under a spinlock of its own, a few times a page; the table's lock is taken at
 * the beginning and by who looks.  An entry whose scan is over is used again: it cannot be
 * freed there, since that may happen in a reset callback, which must not ereport.
 *
 * Who may see what is as with pg_stat_activity: of others' sessions nothing but that
 * they are there.
 */
#include "postgres.h"

#include "activity/activity.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "shared/shared.h"
#include "storage/procarray.h"
#include "storage/spin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

struct TtActivity
{
	dsa_pointer next;
	slock_t		mutex; /* of what follows */
	int			pid;   /* 0: nobody's */
	Oid			database;
	Oid			role; /* of the session */
	Oid			server;
	Oid			relid;
	TimestampTz started;
	TimestampTz since; /* it waits for the same */
	TtProgress	progress;
};

static const char *const waiting_names[] = {
	[TT_WAITING_NOT] = NULL,
	[TT_WAITING_REPLY] = "reply",
	[TT_WAITING_RATE] = "rate limit",
	[TT_WAITING_PAUSE] = "pause",
	[TT_WAITING_SAME] = "same request",
	[TT_WAITING_SLOT] = "slot",
	[TT_WAITING_QUERY] = "query"};

static bool
is_free(TtActivity *activity)
{
	bool free;

	SpinLockAcquire(&activity->mutex);
	free = activity->pid == 0;
	SpinLockRelease(&activity->mutex);
	return free;
}

/* An entry of the chain that is nobody's, or a new one; with the table's lock held. */
static TtActivity *
get_entry(TtSharedTable *table, dsa_pointer *link)
{
	TtActivity *activity;

	while ((activity = tt_shared_at(link)) != NULL)
	{
		if (is_free(activity))
			return activity;
		link = &activity->next;
	}
	activity = tt_shared_add(link, sizeof(TtActivity));
	if (activity == NULL)
		return NULL;
	SpinLockInit(&activity->mutex);
	table->entries++;
	return activity;
}

TtActivity *
tt_activity_begin(Oid server, Oid relid)
{
	TtSharedTable *table = tt_shared_table(TT_SHARED_ACTIVITY);
	Oid			   role = GetSessionUserId();
	TimestampTz	   now = GetCurrentTimestamp();
	TtActivity	  *activity;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	activity = get_entry(table, &table->chains[MyProcPid % TT_SHARED_CHAINS]);
	if (activity != NULL)
	{
		SpinLockAcquire(&activity->mutex);
		activity->pid = MyProcPid;
		activity->database = MyDatabaseId;
		activity->role = role;
		activity->server = server;
		activity->relid = relid;
		activity->started = now;
		activity->since = now;
		memset(&activity->progress, 0, sizeof(TtProgress));
		SpinLockRelease(&activity->mutex);
	}
	LWLockRelease(&table->lock);
	return activity;
}

void
tt_activity_note(TtActivity *activity, const TtProgress *progress)
{
	TimestampTz now;

	if (activity == NULL)
		return;
	now = GetCurrentTimestamp();
	SpinLockAcquire(&activity->mutex);
	if (activity->progress.waiting != progress->waiting)
		activity->since = now;
	activity->progress = *progress;
	SpinLockRelease(&activity->mutex);
}

void
tt_activity_end(TtActivity *activity)
{
	if (activity == NULL)
		return;
	SpinLockAcquire(&activity->mutex);
	activity->pid = 0;
	SpinLockRelease(&activity->mutex);
}

/* Copies of those of the current database, palloc'ed; *n: how many. */
static TtActivity *
copy_entries(int64 *n)
{
	TtSharedTable *table = tt_shared_table(TT_SHARED_ACTIVITY);
	int64		   room = 0;
	TtActivity	  *copy = NULL;

	for (;;)
	{
		LWLockAcquire(&table->lock, LW_SHARED);
		*n = 0;
		for (int i = 0; i < TT_SHARED_CHAINS && table->entries <= room; i++)
		{
			TtActivity *activity = tt_shared_at(&table->chains[i]);

			for (; activity != NULL && *n < room; activity = tt_shared_at(&activity->next))
			{
				SpinLockAcquire(&activity->mutex);
				copy[*n] = *activity;
				SpinLockRelease(&activity->mutex);
				*n += copy[*n].pid != 0 && copy[*n].database == MyDatabaseId;
			}
		}
		if (table->entries <= room)
			break;
		room = table->entries + 64;
		LWLockRelease(&table->lock);
		copy = MemoryContextAllocHuge(CurrentMemoryContext, room * sizeof(TtActivity));
	}
	LWLockRelease(&table->lock);
	return copy;
}

static bool
may_see(const TtActivity *activity)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		   has_privs_of_role(GetUserId(), activity->role);
}

static void
activity_values(const TtActivity *activity, Datum *values, bool *nulls)
{
	const TtProgress *progress = &activity->progress;
	ForeignServer	 *server = GetForeignServerExtended(activity->server, FSV_MISSING_OK);

	values[0] = Int32GetDatum(activity->pid);
	if (!may_see(activity))
	{
		memset(nulls + 1, true, 9);
		return;
	}
	if (server != NULL)
		values[1] = CStringGetTextDatum(server->servername);
	nulls[1] = server == NULL;
	values[2] = ObjectIdGetDatum(activity->relid);
	nulls[2] = !OidIsValid(activity->relid);
	values[3] = TimestampTzGetDatum(activity->started);
	values[4] = Int64GetDatum(progress->requests);
	values[5] = Int64GetDatum(progress->in_flight);
	values[6] = Int64GetDatum(progress->planned);
	values[7] = Int64GetDatum(progress->rows);
	nulls[8] = waiting_names[progress->waiting] == NULL;
	if (!nulls[8])
		values[8] = CStringGetTextDatum(waiting_names[progress->waiting]);
	values[9] = TimestampTzGetDatum(activity->since);
}

PG_FUNCTION_INFO_V1(tiktok_stat_activity);

/*
 * tiktok.stat_activity(): pid, server, relation, started, requests, in_flight, planned,
 * rows, waiting, waiting_since; the scans that run in the current database.
 */
Datum
tiktok_stat_activity(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		   n;
	TtActivity	  *copy = copy_entries(&n);

	InitMaterializedSRF(fcinfo, 0);
	for (int64 i = 0; i < n; i++)
	{
		Datum values[10] = {0};
		bool  nulls[10] = {false};

		/* one that ended in a way that nobody noticed */
		if (BackendPidGetProc(copy[i].pid) == NULL)
			continue;
		activity_values(&copy[i], values, nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
