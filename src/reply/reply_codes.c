/*
 * reply_codes.c
 *	  What the API's return codes mean: what to do about one, and the SQLSTATE of
 *	  the error that is left when nothing helps.
 *
 * The table below is all there is to it; it is constant.
 */
#include "postgres.h"

#include "reply/reply.h"

/*
 * In the order of codes; what is in no row is fatal.  From TikTok's appendix of
 * return codes, except 40067, 40131, 40902, 40903 and 40913, which other clients
 * have met.
 */
static const struct
{
	int64 from;
	int64 to;
	TtCodeClass class;
	int sqlstate;
} codes[] = {
	/* success */
	{0, 0, TT_CODE_OK, ERRCODE_SUCCESSFUL_COMPLETION},
	/* partial success of a batch: for a reader that is an incomplete answer */
	{20001, 20001, TT_CODE_FATAL, ERRCODE_FDW_ERROR},
	/* invalid request */
	{40000, 40000, TT_CODE_PARAMETER, ERRCODE_INVALID_PARAMETER_VALUE},
	/* no permission for this object, or for the endpoint */
	{40001, 40001, TT_CODE_FORBIDDEN, ERRCODE_INSUFFICIENT_PRIVILEGE},
	/* a parameter is wrong, or what it names does not exist */
	{40002, 40002, TT_CODE_PARAMETER, ERRCODE_INVALID_PARAMETER_VALUE},
	/* the version of the API does not go with the request */
	{40006, 40006, TT_CODE_FATAL, ERRCODE_INVALID_PARAMETER_VALUE},
	/* object or parameter not found */
	{40007, 40007, TT_CODE_PARAMETER, ERRCODE_INVALID_PARAMETER_VALUE},
	/* no such endpoint, also: not in the sandbox; sandbox account; domain */
	{40008, 40010, TT_CODE_FATAL, ERRCODE_FDW_ERROR},
	/* too many ids in one request */
	{40011, 40011, TT_CODE_TOO_LARGE, ERRCODE_PROGRAM_LIMIT_EXCEEDED},
	/* the sandbox does not have it */
	{40013, 40014, TT_CODE_FATAL, ERRCODE_FDW_ERROR},
	/* throttled: this endpoint */
	{40016, 40016, TT_CODE_RATE, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED},
	/* duplicate request; invalid version */
	{40050, 40051, TT_CODE_FATAL, ERRCODE_FDW_ERROR},
	/* the query is too large */
	{40067, 40067, TT_CODE_TOO_LARGE, ERRCODE_PROGRAM_LIMIT_EXCEEDED},
	/* the app's rate limit is reached */
	{40100, 40100, TT_CODE_RATE, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED},
	/* app_id and secret, token, authorisation, scope: wrong, empty, expired, revoked */
	{40101, 40131, TT_CODE_AUTH, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION},
	/* throttled; 40132: this value of a field; 40133: this account on this path */
	{40132, 40133, TT_CODE_RATE, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED},
	{40134, 40199, TT_CODE_AUTH, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION},
	/* a task failed, is not ready, conflicts with another write: it passes */
	{40200, 40202, TT_CODE_RETRY, ERRCODE_CONNECTION_FAILURE},
	/* the account does not exist, was deleted, cannot be matched */
	{40300, 40301, TT_CODE_FORBIDDEN, ERRCODE_INSUFFICIENT_PRIVILEGE},
	/* internal validation */
	{40700, 40700, TT_CODE_RETRY, ERRCODE_CONNECTION_FAILURE},
	{40902, 40903, TT_CODE_RETRY, ERRCODE_CONNECTION_FAILURE},
	{40913, 40913, TT_CODE_RETRY, ERRCODE_CONNECTION_FAILURE},
	/* this machine's country; an endpoint that is offline */
	{41000, 41002, TT_CODE_FATAL, ERRCODE_FDW_ERROR},
	/* the service's own errors */
	{50000, 59999, TT_CODE_RETRY, ERRCODE_CONNECTION_FAILURE},
	/* maintenance */
	{60001, 60001, TT_CODE_MAINTENANCE, ERRCODE_CONNECTION_FAILURE},
};

static int
find_code(int64 code)
{
	for (int i = 0; i < (int) lengthof(codes); i++)
	{
		if (code >= codes[i].from && code <= codes[i].to)
			return i;
	}
	return -1;
}

TtCodeClass
tt_code_class(int64 code)
{
	int i = find_code(code);

	return i < 0 ? TT_CODE_FATAL : codes[i].class;
}

int
tt_code_sqlstate(int64 code)
{
	int i = find_code(code);

	return i < 0 ? ERRCODE_FDW_ERROR : codes[i].sqlstate;
}
