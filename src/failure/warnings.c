/*
 * warnings.c
 *	  What a scan left out, told once at its end.
 *
 * Accounts that the API refuses, if they may be skipped, and rows without an
 * hour.  Both are kept beside the scan's numbers, which outlive a fetch, so that
 * a rescan does not ask an account again that was refused.
 */
#include "postgres.h"

#include "failure/stats.h"

#define MOST_NAMED 10

struct TtSkipped
{
	int	   n;
	int	   size;
	int64 *owners;
	int	   nsilent; /* of which nothing was said yet */
	int64  named[MOST_NAMED];
	char  *messages[MOST_NAMED]; /* what the API says of those */
	char  *detail;				 /* of the request of the first */

	const char *one; /* what people call them */
	const char *plural;
};

void
tt_skip_note(TtFetchStats *stats, const TtFailure *failure, bool told)
{
	MemoryContext old = MemoryContextSwitchTo(stats->context);
	bool		  second = failure->second != NULL;
	TtSkipped	 *skipped = stats->skipped[second];

	if (skipped == NULL)
		skipped = stats->skipped[second] = palloc0(sizeof(TtSkipped));
	if (skipped->size == 0)
		skipped->owners = palloc(sizeof(int64) * (skipped->size = 16));
	else if (skipped->n == skipped->size)
		skipped->owners = repalloc(skipped->owners, sizeof(int64) * (skipped->size *= 2));
	skipped->owners[skipped->n++] = failure->owner;
	stats->skipped_accounts++;
	stats->skipped_second += second;
	if (!told && skipped->nsilent < MOST_NAMED)
	{
		skipped->named[skipped->nsilent] = failure->owner;
		skipped->one = second ? failure->second->one : "advertiser";
		skipped->plural = second ? failure->second->plural : "advertisers";
		skipped->messages[skipped->nsilent] = tt_redact(failure->options, failure->reply->message);
		if (skipped->nsilent == 0)
			skipped->detail = tt_failure_detail(failure);
	}
	skipped->nsilent += !told;
	MemoryContextSwitchTo(old);
}

bool
tt_skip_known(const TtFetchStats *stats, int64 owner, bool second)
{
	const TtSkipped *skipped = stats->skipped[second];

	for (int i = 0; skipped != NULL && i < skipped->n; i++)
		if (skipped->owners[i] == owner)
			return true;
	return false;
}

static void
tell_skipped(const TtTable *table, const TtSkipped *skipped)
{
	StringInfoData buf;

	if (skipped->nsilent == 1)
	{
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("skipping %s " INT64_FORMAT ": %s", skipped->one, skipped->named[0],
						skipped->messages[0]),
				 errdetail_internal("%s", skipped->detail)));
		return;
	}
	initStringInfo(&buf);
	for (int i = 0; i < Min(skipped->nsilent, MOST_NAMED); i++)
		appendStringInfo(&buf, "%s%c%s " INT64_FORMAT ": %s", i > 0 ? "\n" : "",
						 pg_toupper((unsigned char) skipped->one[0]), skipped->one + 1,
						 skipped->named[i], skipped->messages[i]);
	if (skipped->nsilent > MOST_NAMED)
		appendStringInfo(&buf, "\nAnd %d more.", skipped->nsilent - MOST_NAMED);
	ereport(WARNING,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("skipping %d %s that the TikTok API refuses for foreign table \"%s\"",
					skipped->nsilent, skipped->plural, table->name),
			 errdetail_internal("%s", buf.data)));
}

void
tt_warnings_tell(const TtTable *table, TtFetchStats *stats)
{
	for (int i = 0; i < (int) lengthof(stats->skipped); i++)
	{
		if (stats->skipped[i] == NULL || stats->skipped[i]->nsilent == 0)
			continue;
		tell_skipped(table, stats->skipped[i]);
		stats->skipped[i]->nsilent = 0;
	}
	if (stats->hourless_rows > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg_plural(INT64_FORMAT " row of foreign table \"%s\" was left out because it has no hour",
							   INT64_FORMAT " rows of foreign table \"%s\" were left out because they have no hour",
							   stats->hourless_rows, stats->hourless_rows, table->name),
				 errdetail("The TikTok API returned \"-\" as stat_time_hour.")));
	stats->hourless_rows = 0;
}
