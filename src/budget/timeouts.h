/*
 * timeouts.h
 *	  Which requests were not answered in time, or are under way, in all backends.
 *
 * TikTok blocks a request for ten minutes that timed out three times within ten
 * minutes.  Any request that is under way may time out; so of the same request
 * there are never more than two that did within that time or still may.
 *
 *	- The same: of one budget, with the same token, URL and body (the caller
 *	  hashes the last three).  Whose count is as with penalties: those of
 *	  superusers' servers for all, those of others for servers of the same owner.
 *	  Who does not have the token can neither add to the count nor see it.
 *	- A time-out counts for eleven minutes: TikTok may have noted it later.
 *	- A request under way counts until it is answered, at most as long as it is
 *	  waited for; for a second more when its backend does something else, since
 *	  whether it was answered is not known then.  Those of the asking backend
 *	  itself, which stand still while it waits, count for their first second.
 *	- One that is given up after it was waited for at length counts as a time-out.
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

/* how often a request timed out lately */
extern int tt_timeouts_count(const TtBudgetUser *user, uint64 request);

#endif /* TT_TIMEOUTS_H */
