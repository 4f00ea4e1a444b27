/*
 * timeouts.h
 *	  Which reports were not answered in time, or are under way, in all backends.
 *
 * TikTok blocks a request for ten minutes that timed out three times within ten
 * minutes.  Any request that is under way may time out.  As long as none did, two
 * of the same may be under way, and one more for each good answer that it got
 * lately: what is answered is not slow.  After a time-out there are never more
 * than two that did or still may.
 *
 *	- The same: of one budget, with the same token, URL and body (the caller
 *	  hashes the last three).  Whose count is as with penalties: those of
 *	  superusers' servers for all, those of others for servers of the same owner.
 *	  Who does not have the token can neither add to the count nor see it, and
 *	  nobody can make it forgotten by asking for much.
 *	- A time-out counts for eleven minutes: TikTok may have noted it later.
 *	- A request under way counts until it is answered, at most until it has timed
 *	  out; for a second more when its backend does something else, since whether it
 *	  was answered is not known then.
 *	- One that is given up (a cancel, the end of a cursor, an error elsewhere)
 *	  counts no longer: the API may have been about to answer.
 *	- Good answers are counted until there was none for ten seconds.
 *
 * All is lost with the server's shared memory (a restart, also one after a crash).
 *
 * No lock is held while waiting; nothing here waits.
 */
#ifndef TT_TIMEOUTS_H
#define TT_TIMEOUTS_H

#include "postgres.h"

#include "budget/budget.h"

/* time-outs of one request that TikTok lets pass */
#define TT_TIMEOUTS_MOST 2

/* a request under way */
typedef struct TtAsked TtAsked;

typedef enum TtTimeoutsReply
{
	TT_TIMEOUTS_ASK,  /* it may be sent, and counts as under way */
	TT_TIMEOUTS_WAIT, /* it may not as long as others are under way */
	TT_TIMEOUTS_OVER  /* it timed out as often as it may */
} TtTimeoutsReply;

/*
 * Ask to send a request that is waited for so long.  *asked: to be ended, once;
 * NULL: not asked, or no memory to know it by.
 */
extern TtTimeoutsReply tt_timeouts_ask(const TtBudgetUser *user, uint64 request, int timeout_ms,
									   TtAsked **asked);

/* How it ended; it is no longer there then.  Does not ereport. */
extern void tt_timeouts_end(TtAsked *asked, TtBudgetAnswer answer);

/* Whether its answer is waited for from now on.  Does not ereport. */
extern void tt_timeouts_watch(TtAsked *asked, bool watch);

/* how often a request timed out lately; in *wait_ms it may be sent again (0: now) */
extern int tt_timeouts_count(const TtBudgetUser *user, uint64 request, int *wait_ms);

#endif /* TT_TIMEOUTS_H */
