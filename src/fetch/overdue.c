/*
 * overdue.c
 *	  Requests that take too long: TikTok blocks what timed out three times.
 *
 * How often one did, and whether the same is under way elsewhere, is known to
 * all backends together (budget/timeouts.h); here is what tells it from others.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include "budget/timeouts.h"
#include "common/hashfn.h"

static uint64
hash_text(const char *text, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) text, (int) strlen(text), seed);
}

uint64
tt_overdue_key(const TtFetch *fetch, const char *url, const char *body)
{
	uint64 hash = hash_text(url, 0);

	hash = hash_combine64(hash, hash_text(fetch->options->access_token, 1));
	if (body != NULL)
		hash = hash_combine64(hash, hash_text(body, 2));
	return hash;
}

int
tt_overdue_note(const TtFetch *fetch, TtFetchJob *job, bool blocked)
{
	tt_budget_answered(&job->grant,
					   blocked ? TT_BUDGET_ANSWER_BLOCKED : TT_BUDGET_ANSWER_OVERDUE);
	return tt_timeouts_count(&fetch->budget, job->key);
}
