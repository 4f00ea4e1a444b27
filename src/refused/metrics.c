/*
 * metrics.c
 *	  Metrics that the API refuses: they are not asked for again, and read as NULL.
 *
 * The user is told once a scan.  Sums do not read as NULL: they are an error, since
 * the days may have what they lack.
 */
#include "postgres.h"

#include "refused/refused_private.h"

#include "options/settings.h"
#include "table/refusals.h"

/* message: NULL if it was refused in an earlier scan */
static void
raise_of_sums(const TtReading *reading, const char *name, const char *message)
{
	tt_sums_refused(reading->table, name, psprintf("refuses metric \"%s\"", name),
					message != NULL
						? psprintf("The API says: %s", tt_redact(reading->options, message))
						: "It was refused in this session.");
}

void
tt_metrics_tell(const TtReading *reading)
{
	const TtQuery *query = reading->query;

	if (reading->stats->told_metrics || query->stream->kind != TT_KIND_REPORT)
		return;
	reading->stats->told_metrics = true;
	for (int i = 0; i < query->nnames; i++)
	{
		if (query->refused[i] && query->adds_up)
			raise_of_sums(reading, query->names[i], NULL);
		if (query->refused[i])
			ereport(WARNING,
					(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
					 errmsg("the TikTok API refuses metric \"%s\" for foreign table \"%s\"; it reads as NULL",
							query->names[i], reading->table->name),
					 errdetail("It was refused in this session, and is not asked for again.")));
	}
}

void
tt_metric_refused(TtReading *reading, int i, const char *message)
{
	TtQuery	   *query = reading->query;
	const char *name = query->names[i];
	bool		ordered = query->order_field != NULL && strcmp(query->order_field, name) == 0;
	bool		fatal = tt_snapshot_refresh || !tt_stream_knows_metric(query->stream, name) ||
				 (ordered && reading->handed_on);

	if (query->adds_up)
		raise_of_sums(reading, name, message);
	ereport(fatal ? ERROR : WARNING,
			(errcode(fatal ? ERRCODE_INVALID_PARAMETER_VALUE
						   : ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
			 fatal ? errmsg("the TikTok API refuses metric \"%s\" for foreign table %s", name,
							reading->table->name)
				   : errmsg("the TikTok API refuses metric \"%s\" for foreign table \"%s\"; it reads as NULL",
							name, reading->table->name),
			 errdetail("The API says: %s", tt_redact(reading->options, message)),
			 fatal ? errhint("Leave the column out, or drop it from the foreign table.") : 0));
	query->refused[i] = true;
	tt_refusal_note(reading->table->relid, name);
	/* without it all its values are NULL, and any order of them is right */
	if (ordered)
		query->order_field = NULL;
}
