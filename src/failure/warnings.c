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
	int	   naccounts;
	int	   size;
	int64 *accounts;
	int	   nsilent; /* of which nothing was said yet */
	int64  named[MOST_NAMED];
	char  *messages[MOST_NAMED]; /* what the API says of those */
	char  *detail;				 /* of the request of the first */
};

void
tt_skip_note(TtFetchStats *stats, const TtFailure *failure, bool told)
{
	MemoryContext old = MemoryContextSwitchTo(stats->context);
	TtSkipped	 *skipped = stats->skipped;

	if (skipped == NULL)
		skipped = stats->skipped = palloc0(sizeof(TtSkipped));
	if (skipped->size == 0)
		skipped->accounts = palloc(sizeof(int64) * (skipped->size = 16));
	else if (skipped->naccounts == skipped->size)
		skipped->accounts = repalloc(skipped->accounts, sizeof(int64) * (skipped->size *= 2));
	skipped->accounts[skipped->naccounts++] = failure->account;
	stats->skipped_accounts++;
	if (!told && skipped->nsilent < MOST_NAMED)
	{
		skipped->named[skipped->nsilent] = failure->account;
		skipped->messages[skipped->nsilent] = tt_redact(failure->options, failure->reply->message);
		if (skipped->nsilent == 0)
			skipped->detail = tt_failure_detail(failure);
	}
	skipped->nsilent += !told;
	MemoryContextSwitchTo(old);
}

bool
tt_skip_known(const TtFetchStats *stats, int64 account)
{
	const TtSkipped *skipped = stats->skipped;

	for (int i = 0; skipped != NULL && i < skipped->naccounts; i++)
		if (skipped->accounts[i] == account)
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
				 errmsg("skipping advertiser " INT64_FORMAT ": %s", skipped->named[0],
						skipped->messages[0]),
				 errdetail_internal("%s", skipped->detail)));
		return;
	}
	initStringInfo(&buf);
	for (int i = 0; i < Min(skipped->nsilent, MOST_NAMED); i++)
		appendStringInfo(&buf, "%sAdvertiser " INT64_FORMAT ": %s", i > 0 ? "\n" : "",
						 skipped->named[i], skipped->messages[i]);
	if (skipped->nsilent > MOST_NAMED)
		appendStringInfo(&buf, "\nAnd %d more.", skipped->nsilent - MOST_NAMED);
	ereport(WARNING,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("skipping %d advertisers that the TikTok API refuses for foreign table \"%s\"",
					skipped->nsilent, table->name),
			 errdetail_internal("%s", buf.data)));
}

void
tt_warnings_tell(const TtTable *table, TtFetchStats *stats)
{
	if (stats->skipped != NULL && stats->skipped->nsilent > 0)
	{
		tell_skipped(table, stats->skipped);
		stats->skipped->nsilent = 0;
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
