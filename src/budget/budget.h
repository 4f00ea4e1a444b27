/*
 * budget.h
 *	  The request budget of each app, which the backends of the cluster share,
 *	  and penalties met by any of them.
 *
 * Whose requests count together: those of one app, as the API counts them.
 * Whose rate_limit holds: a server is what its owner made of it, so the
 * servers of one app count by their owners, all superusers being one.
 *
 *	- The rate of an owner is the lowest rate_limit of a server of that owner,
 *	  or of superusers, used within the last minute.  The servers of an owner
 *	  together send no more than that in any second.
 *	- The rate of the app is the highest of its owners' rates, so that of
 *	  superusers where they have a server in use.  All servers together send no
 *	  more than that in any second.
 *
 * So a server of someone else's takes from what all may send, but sets nothing:
 * a lower rate slows itself only, a higher one is held by that of superusers.
 * (Two owners who are no superusers do not bind each other: what one may send
 * beyond the other's rate could be sent from elsewhere as well.)
 *
 * Whoever may use a server counts as its owner does.
 *
 * Who is next: where requests wait, owners take turns, and within an owner
 * backends do, each with one request a turn, however many it has.  Who does not
 * come when told loses the turn, not the right to ask again.  An owner beside
 * others has no more than its part of the rate granted and not yet sent.
 *
 * Penalties (the API says that it is asked too fast): those met by superusers'
 * servers hold for all, those of others for servers of the same owner.
 *
 * Time-outs: TikTok throttles an app with ten of them in ten seconds, for
 * minutes.  Any request that is not answered yet may be one, so together with
 * those of the last ten seconds there are never more than nine.  Without a
 * time-out in ten seconds, each good answer of these lets one more be under way:
 * who starts, starts with nine, and doubles.  Whose count is as with penalties.
 * Answers that came while their backend does something else are not known here:
 * its requests count for a second then.
 *
 * Blocked for ten minutes is what timed out three times: timeouts.h.
 *
 * Shared memory that is lost (kill -9, a restart) takes along what was sent just
 * before: within the first second of a server nothing is granted.
 *
 * No lock is held while waiting; nothing here waits.
 */
#ifndef TT_BUDGET_H
#define TT_BUDGET_H

#include "postgres.h"

/* whose budget it is, an app's or one of its endpoints': a hash, never a secret itself */
typedef uint64 TtBudgetKey;

/* who asks */
typedef struct TtBudgetUser
{
	TtBudgetKey key;
	Oid			owner;	/* of the server; InvalidOid: a superuser */
	Oid			server; /* in this database */
	int			rate;	/* its rate_limit */
} TtBudgetUser;

/* by app_id; without one by host and token */
extern TtBudgetKey tt_budget_key(const char *app_id, const char *host,
								 const char *token);

/* that of an endpoint whose requests the API counts apart */
extern TtBudgetKey tt_budget_endpoint_key(TtBudgetKey key, const char *endpoint);

/*
 * A grant counts against the rate until it is sent, and as a possible time-out
 * until it is answered; saying either again does nothing.  Grants that are still
 * open at the end of the transaction count as sent, and end then.
 */
typedef struct TtBudgetGrant
{
	int64 number; /* in this backend; 0: none */
} TtBudgetGrant;

typedef enum TtBudgetAnswer
{
	TT_BUDGET_ANSWER_NONE, /* no longer waited for */
	TT_BUDGET_ANSWER_GOOD,
	TT_BUDGET_ANSWER_BAD, /* also: no connection */
	TT_BUDGET_ANSWER_OVERDUE,
	TT_BUDGET_ANSWER_BLOCKED /* the API will not have it: it timed out too often */
} TtBudgetAnswer;

typedef enum TtBudgetReply
{
	TT_BUDGET_GRANTED,
	TT_BUDGET_LATER, /* nothing may be sent now */
	TT_BUDGET_SAME,	 /* not this: others that are the same are under way */
	TT_BUDGET_OVER	 /* not this: it timed out as often as it may */
} TtBudgetReply;

/* a request of which there may be any number */
#define TT_BUDGET_ANY UINT64CONST(0)

/*
 * Ask to send one request now, and to wait so long for it; request: what tells
 * it from others (timeouts.h), or TT_BUDGET_ANY.  Fills *grant.
 * TT_BUDGET_LATER: the backend waits for its turn, and asks again after *wait_ms
 * milliseconds (at least 1).  The address of *user names who sent it until it is
 * answered.
 */
extern TtBudgetReply tt_budget_acquire(const TtBudgetUser *user, uint64 request, int timeout_ms,
									   TtBudgetGrant *grant, int *wait_ms);

/* After TT_BUDGET_LATER: this backend does not come for its turn. */
extern void tt_budget_give_way(const TtBudgetUser *user);

/*
 * The granted request goes out only now (after connect, TLS): count it from
 * now on, so that the limit holds where the API counts.  Does not ereport.
 */
extern void tt_budget_sent(TtBudgetGrant *grant);

/* The end of a grant, sent or not.  Does not ereport. */
extern void tt_budget_answered(TtBudgetGrant *grant, TtBudgetAnswer answer);

/*
 * Whether answers to this user's requests are waited for from now on: if not,
 * nothing can be said about them until they are.  Does not ereport.
 */
extern void tt_budget_watch(const TtBudgetUser *user, bool watch);

/* Nobody for whom it holds sends for the next ms milliseconds. */
extern void tt_budget_penalty(const TtBudgetUser *user, int64 ms);

/* the rate of an owner, and whose server sets it */
typedef struct TtBudgetRate
{
	int rate;
	Oid database;
	Oid server;
} TtBudgetRate;

/* false: no server of that owner has asked within the last minute */
extern bool tt_budget_rate(TtBudgetKey key, Oid owner, TtBudgetRate *rate);

#endif /* TT_BUDGET_H */
