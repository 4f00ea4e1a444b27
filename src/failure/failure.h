/*
 * failure.h
 *	  Retry policy (policy.c) and the messages, with HINTs, of what the API refuses
 *	  (messages.c).
 *
 * Classes of codes: reply/reply_codes.c.  fetch/classify.c carries the policy out; a
 * page that cannot be right is read again by fetch/page.c.
 */
#ifndef TT_FAILURE_H
#define TT_FAILURE_H

#include "postgres.h"

#include "compat.h"
#include "wire/http.h"
#include "options/options.h"
#include "reply/reply.h"
#include "request/request.h"
#include "table/table.h"

typedef struct TtFailure
{
	const TtOptions	  *options;
	const TtTable	  *table;
	const TtHttpReply *http;
	const TtReply	  *reply;	  /* NULL if there is no usable body */
	const char		  *malformed; /* what is wrong with the body; NULL: nothing */
	const char		  *endpoint;
	int64			   account; /* 0: none, or several */
	int64			   owner;	/* whom it may refuse: the account, or */
	const TtSecondId  *second;	/* one of these, where the endpoint names no account */
	int				   page;	/* 0: the endpoint does not page */
	bool			   dated;	/* days are asked for */
	TtDays			   days;
	int				   tries;	  /* how often the request was sent */
	int				   overdue;	  /* how often it was not answered in time */
	int				   again_s;	  /* it may be sent again after so many seconds; 0: not known */
	int				   names;	  /* metrics or fields it asked for; 0: the API's own */
	int				   ids;		  /* it kept to; 0: no ids */
	int				   rows;	  /* a page; 0: the endpoint does not page */
	bool			   handed_on; /* rows of the same unit are with the scan's user */
} TtFailure;

typedef enum TtRemedy
{
	TT_REMEDY_NONE,		 /* it succeeded */
	TT_REMEDY_RETRY,	 /* send it again after *wait_ms */
	TT_REMEDY_ASK_LESS,	 /* too large, too slow twice, or blocked: cut the unit */
	TT_REMEDY_PARAMETER, /* ask without what is refused, else raise */
	TT_REMEDY_ACCOUNT,	 /* 40001: this account, or Business Center, cannot be read */
	TT_REMEDY_RAISE
} TtRemedy;

/* whether the API took too long: TikTok blocks who asks a third time for it */
extern bool tt_failure_overdue(const TtFailure *failure);

/* whether the API did not even begin, since the request timed out too often before */
extern bool tt_failure_blocked(const TtFailure *failure);

/*
 * wait_ms: how long this request waits.  penalty_ms: how long nobody with the
 * same app sends anything (0: no penalty).
 */
extern TtRemedy tt_failure_remedy(const TtFailure *failure, int64 *wait_ms,
								  int64 *penalty_ms);

TT_NORETURN extern void tt_failure_raise(const TtFailure *failure);

/* "Code 40105, request ID …, endpoint campaign/get/, advertiser …, page 2." */
extern char *tt_failure_detail(const TtFailure *failure);

/* a WARNING for an account that is skipped after some of its rows left */
extern void tt_failure_warn_account(const TtFailure *failure);

/*
 * A reply that is well-formed but cannot be right: ERROR HV000 with the
 * request in the DETAIL.
 */
TT_NORETURN extern void tt_failure_incomplete(const TtFailure *failure, const char *what);

/*
 * A row that was not asked for: ERROR HV000.  column and value tell it (NULL: the
 * number of rows does); filter: without pushdown the parameter is not sent.
 */
TT_NORETURN extern void tt_failure_ignored(const TtFailure *failure, const char *param,
										   const char *column, const TtValue *value, bool filter);

/* a row came for two requests that differ in a parameter: ERROR HV000 */
TT_NORETURN extern void tt_failure_repeated(const TtFailure *failure, const char *param);

/* the reply covers only the newest 20,000 ads: ERROR 54000 */
TT_NORETURN extern void tt_failure_truncated(const TtFailure *failure, const char *hint);

/*
 * Whose reply is being looked at: set before work that may raise an error of
 * one account, 0 again after it (an error leaves it set).  take: the account of
 * the last error since the last take, 0 if it was nobody's; texts, into which
 * the API writes, are not asked.
 */
extern void	 tt_failure_account_set(int64 account);
extern int64 tt_failure_account_take(void);

/* text without the secrets of the options; palloc'ed */
extern char *tt_redact(const TtOptions *options, const char *text);

#endif /* TT_FAILURE_H */
