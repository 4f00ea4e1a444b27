/*
 * overdue.c
 *	  Which requests this session waited for in vain.
 *
 * TikTok blocks a request for ten minutes that timed out three times within ten
 * minutes.  So it is remembered how often one did: not only by the job that sent
 * it, since a unit may be read again, and the same query be run again.  Bounded:
 * of more than MOST requests, the oldest are forgotten.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include "common/hashfn.h"

#define MOST	  256
#define WINDOW_MS (10 * 60 * 1000)

typedef struct Overdue
{
	uint64		key;
	int			times;
	TimestampTz since; /* the first time */
} Overdue;

static Overdue overdue[MOST];
static int	   used = 0;
static int	   next = 0; /* to be forgotten */

uint64
tt_overdue_key(const TtFetch *fetch, const char *url, const char *body)
{
	uint64 hash = hash_combine64((uint64) fetch->budget.key,
								 hash_bytes_extended((const unsigned char *) url,
													 (int) strlen(url), 0));

	if (body != NULL)
		hash = hash_combine64(hash, hash_bytes_extended((const unsigned char *) body,
														(int) strlen(body), 0));
	return hash;
}

static Overdue *
find(uint64 key)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < used; i++)
		if (overdue[i].key == key && overdue[i].times > 0 &&
			!TimestampDifferenceExceeds(overdue[i].since, now, WINDOW_MS))
			return &overdue[i];
	return NULL;
}

bool
tt_overdue_any(void)
{
	return used > 0;
}

int
tt_overdue_times(uint64 key)
{
	const Overdue *known = find(key);

	return known != NULL ? known->times : 0;
}

int
tt_overdue_note(uint64 key)
{
	Overdue *known = find(key);

	if (known == NULL)
	{
		known = &overdue[next];
		next = (next + 1) % MOST;
		used = Max(used, next == 0 ? MOST : next);
		known->key = key;
		known->times = 0;
		known->since = GetCurrentTimestamp();
	}
	return ++known->times;
}
