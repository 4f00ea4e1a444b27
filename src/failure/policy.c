/*
 * policy.c
 *	  Retry policy: what to do about a request that did not succeed.
 *
 * Nothing is sent or waited for here.  The body is believed before the HTTP
 * status, since TikTok answers errors with 200 and some codes with 401.
 */
#include "postgres.h"

#include "failure/failure_private.h"

#include "common/pg_prng.h"

#define FIRST_BACKOFF_MS   500
#define MAX_BACKOFF_MS	   30000
#define MAINTENANCE_MS	   5000 /* 60001: retry slowly */
#define MAX_MAINTENANCE_MS 60000
#define MINUTE_LIMIT_MS	   (5 * 60 * 1000)
#define MAX_RETRY_AFTER_S  300 /* longer is for the caller to decide */
#define CODE_TIMED_OUT	   51010

/* 500 ms doubling, with up to a fifth of jitter downwards */
static int64
backoff(int tries, int64 first, int64 most)
{
	int64 ms = first;

	for (int i = 1; i < tries && ms < most; i++)
		ms *= 2;
	ms = Min(ms, most);
	return ms - (int64) (pg_prng_double(&pg_global_prng_state) * ms / 5);
}

static bool
says(const char *text, const char *phrase)
{
	size_t n = strlen(phrase);

	for (const char *p = text; *p != '\0'; p++)
		if (pg_strncasecmp(p, phrase, n) == 0)
			return true;
	return false;
}

bool
tt_failure_says_daily(const char *message)
{
	return says(message, "QPD") || says(message, "per day") || says(message, "daily") ||
		   says(message, "per-day");
}

static bool
says_minute(const char *message)
{
	return says(message, "QPM") || says(message, "per minute") ||
		   says(message, "per-minute") || says(message, "minute limit");
}

bool
tt_failure_locked_out(const TtFailure *failure)
{
	return failure->options->sandbox && says(failure->reply->message, "restricted");
}

bool
tt_failure_has_code(const TtFailure *failure)
{
	return failure->reply != NULL && failure->reply->has_code;
}

bool
tt_failure_overdue(const TtFailure *failure)
{
	if (failure->http->outcome != TT_HTTP_OK)
		return failure->http->overdue;
	return tt_failure_has_code(failure) ? failure->reply->code == CODE_TIMED_OUT
										: failure->http->status == 504;
}

/* whether a message is about how many requests there are, not about one of them */
static bool
says_frequency(const char *message)
{
	return says(message, "QPS") || says(message, "per second") || says(message, "frequen") ||
		   says(message, "too many requests") || says(message, "rate limit");
}

/* "The request is blocked for 10 minutes", "the same request timed out 3 times" */
bool
tt_failure_blocked(const TtFailure *failure)
{
	const char *message;

	if (failure->http->outcome != TT_HTTP_OK || !tt_failure_has_code(failure) ||
		tt_code_class(failure->reply->code) != TT_CODE_RATE)
		return false;
	message = failure->reply->message;
	if (tt_failure_says_daily(message) || says_minute(message) || says_frequency(message))
		return false;
	if (says(message, "same request") || says(message, "this request"))
		return true;
	/* of the app, or of many requests, it is a limit like others */
	return says(message, "request") && says(message, "block") && !says(message, "requests") &&
		   !says(message, "app ") && !says(message, "application");
}

/* What Retry-After asks for, within limits; else the usual. */
static int64
asked_or_backoff(const TtFailure *failure)
{
	if (failure->http->retry_after >= 0)
		return (int64) Min(failure->http->retry_after, MAX_RETRY_AFTER_S) * 1000;
	return backoff(failure->tries, FIRST_BACKOFF_MS, MAX_BACKOFF_MS);
}

static TtRemedy
rate_remedy(const TtFailure *failure, int64 *wait_ms, int64 *penalty_ms)
{
	const char *message = failure->reply != NULL ? failure->reply->message : "";
	int			retry_after = failure->http->retry_after;

	if (tt_failure_says_daily(message) ||
		(failure->reply != NULL && tt_failure_locked_out(failure)) ||
		retry_after > MAX_RETRY_AFTER_S)
		return TT_REMEDY_RAISE;
	if (retry_after >= 0)
		*wait_ms = (int64) retry_after * 1000;
	else if (says_minute(message))
		*wait_ms = MINUTE_LIMIT_MS;
	else
		*wait_ms = backoff(failure->tries, FIRST_BACKOFF_MS, MAX_BACKOFF_MS);
	*penalty_ms = *wait_ms;
	return TT_REMEDY_RETRY;
}

static TtRemedy
http_remedy(const TtFailure *failure, int64 *wait_ms, int64 *penalty_ms)
{
	int status = failure->http->status;

	if (status == 429)
		return rate_remedy(failure, wait_ms, penalty_ms);
	if (status >= 500)
	{
		if (failure->http->retry_after > MAX_RETRY_AFTER_S)
			return TT_REMEDY_RAISE;
		*wait_ms = asked_or_backoff(failure);
		return TT_REMEDY_RETRY;
	}
	/* a garbled reply is worth one more try, not more */
	if (status >= 200 && status < 300 && failure->tries <= 1)
	{
		*wait_ms = backoff(1, FIRST_BACKOFF_MS, MAX_BACKOFF_MS);
		return TT_REMEDY_RETRY;
	}
	return TT_REMEDY_RAISE;
}

bool
tt_failure_of_endpoint(const TtFailure *failure)
{
	const char *message = failure->reply->message;

	return failure->reply->code == 40001 && says(message, "grant") &&
		   (says(message, failure->endpoint) || says(message, "grant you /"));
}

static TtRemedy
unlimited_remedy(const TtFailure *failure, int64 *wait_ms, int64 *penalty_ms)
{
	int64 code = tt_failure_has_code(failure) ? failure->reply->code : 0;

	switch (failure->http->outcome)
	{
		case TT_HTTP_OK:
			break;
		case TT_HTTP_NO_CONNECTION:
		case TT_HTTP_TIMEOUT:
		case TT_HTTP_BROKEN:
			*wait_ms = backoff(failure->tries, FIRST_BACKOFF_MS, MAX_BACKOFF_MS);
			return TT_REMEDY_RETRY;
		default:
			return TT_REMEDY_RAISE;
	}
	if (!tt_failure_has_code(failure) || (code == 0 && !failure->reply->has_data))
		return http_remedy(failure, wait_ms, penalty_ms);
	switch (tt_code_class(code))
	{
		case TT_CODE_OK:
			if (failure->http->status >= 500)
				return http_remedy(failure, wait_ms, penalty_ms);
			return TT_REMEDY_NONE;
		case TT_CODE_RETRY:
			*wait_ms = asked_or_backoff(failure);
			return TT_REMEDY_RETRY;
		case TT_CODE_MAINTENANCE:
			*wait_ms = backoff(failure->tries, MAINTENANCE_MS, MAX_MAINTENANCE_MS);
			return TT_REMEDY_RETRY;
		case TT_CODE_RATE:
			return rate_remedy(failure, wait_ms, penalty_ms);
		case TT_CODE_TOO_LARGE:
			return TT_REMEDY_ASK_LESS;
		case TT_CODE_FORBIDDEN:
			return tt_failure_of_endpoint(failure) ? TT_REMEDY_RAISE : TT_REMEDY_ACCOUNT;
		case TT_CODE_PARAMETER:
			return TT_REMEDY_PARAMETER;
		default:
			return TT_REMEDY_RAISE;
	}
}

TtRemedy
tt_failure_remedy(const TtFailure *failure, int64 *wait_ms, int64 *penalty_ms)
{
	TtRemedy remedy;

	*wait_ms = 0;
	*penalty_ms = 0;
	/* once more as it is, not twice */
	if ((failure->overdue > 1 && tt_failure_overdue(failure)) || tt_failure_blocked(failure))
		return TT_REMEDY_ASK_LESS;
	remedy = unlimited_remedy(failure, wait_ms, penalty_ms);
	if (remedy == TT_REMEDY_RETRY && failure->tries > failure->options->max_retries)
		return TT_REMEDY_RAISE;
	return remedy;
}
