/*
 * messages.c
 *	  How an error of the API is told: message, detail, the way out.
 *
 * No message shows a secret: what the API says is redacted, and URLs are never
 * printed.
 */
#include "postgres.h"

#include "failure/failure_private.h"

#include "miscadmin.h"
#include "reply/reply_text.h"
#include "utils/builtins.h"

#define MAX_SHOWN 100 /* bytes of a value */

/* whose reply is being looked at, or was when an error was raised; 0: nobody's */
static int64 current_account = 0;

void
tt_failure_account_set(int64 account)
{
	current_account = account;
}

int64
tt_failure_account_take(void)
{
	int64 account = current_account;

	current_account = 0;
	return account;
}

char *
tt_redact(const TtOptions *options, const char *text)
{
	const char *const secrets[] = {options->access_token, options->secret};
	char			 *result = pstrdup(text);

	for (int i = 0; i < (int) lengthof(secrets); i++)
	{
		char *found;

		if (secrets[i] == NULL || strlen(secrets[i]) < 4)
			continue;
		while ((found = strstr(result, secrets[i])) != NULL)
		{
			size_t n = strlen(secrets[i]);

			memset(found, '*', 3);
			memmove(found + 3, found + n, strlen(found + n) + 1);
		}
	}
	return result;
}

/* "Code 40105, request ID …, endpoint campaign/get/, advertiser …, page 2." */
char *
tt_failure_detail(const TtFailure *failure)
{
	StringInfoData buf;
	char		   from[16];
	char		   to[16];

	initStringInfo(&buf);
	if (tt_failure_has_code(failure))
		appendStringInfo(&buf, "Code " INT64_FORMAT ", request ID %s, ",
						 failure->reply->code,
						 failure->reply->request_id[0] != '\0'
							 ? tt_redact(failure->options, failure->reply->request_id)
							 : "none");
	else if (failure->http->status > 0)
		appendStringInfo(&buf, "HTTP status %d, ", failure->http->status);
	appendStringInfo(&buf, "%s %s", buf.len > 0 ? "endpoint" : "Endpoint", failure->endpoint);
	if (failure->account != 0)
		appendStringInfo(&buf, ", advertiser " INT64_FORMAT, failure->account);
	if (failure->second != NULL)
		appendStringInfo(&buf, ", %s " INT64_FORMAT, failure->second->one, failure->owner);
	if (failure->dated)
		appendStringInfo(&buf, ", days %s to %s", tt_day_format(failure->days.from, from),
						 tt_day_format(failure->days.to, to));
	if (failure->page > 0)
		appendStringInfo(&buf, ", page %d", failure->page);
	if (failure->tries > 1)
		appendStringInfo(&buf, ", tried %d times", failure->tries);
	appendStringInfoChar(&buf, '.');
	return buf.data;
}

static char *
mapping_hint(const TtFailure *failure, int64 code)
{
	const char *name = GetUserNameFromId(failure->options->userid, true);
	const char *user = name != NULL ? quote_identifier(name) : "PUBLIC";
	const char *server = quote_identifier(failure->options->server_name);

	if (code == 40101)
		return psprintf("Check app_id and secret: ALTER USER MAPPING FOR %s SERVER %s OPTIONS (SET app_id '...', SET secret '...').",
						user, server);
	if (code == 40118 || code == 40124 || code == 40125)
		return "The app is not approved for this part of the API: ask for the scope in TikTok's developer portal and authorise again.";
	return psprintf("Check the token: ALTER USER MAPPING FOR %s SERVER %s OPTIONS (SET access_token '...').",
					user, server);
}

/* What was tried before a request that takes too long is given up. */
static char *
overdue_hint(const TtFailure *failure)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (tt_failure_blocked(failure))
		appendStringInfoString(&buf, "TikTok blocks a request for ten minutes that timed out three times within ten, so it is not asked for again. It asked for");
	else
		appendStringInfoString(&buf, "It timed out twice and TikTok blocks what times out three times, so it was not asked for again. It asked for");
	if (failure->dated)
		appendStringInfo(&buf, " %d day(s),", failure->days.to - failure->days.from + 1);
	if (failure->ids > 0)
		appendStringInfo(&buf, " %d id(s),", failure->ids);
	if (failure->names > 0)
		appendStringInfo(&buf, " %d column(s),", failure->names);
	appendStringInfo(&buf, " %d row(s) a page%s: add a condition on an id, ask for fewer columns, run the query later%s, or raise timeout of server %s.",
					 Max(failure->rows, 1),
					 failure->handed_on ? ", and could not be cut because some of its rows were returned already"
										: ", the least that can be asked for",
					 failure->again_s > 0 ? psprintf(" (after %d seconds)", failure->again_s) : "",
					 quote_identifier(failure->options->server_name));
	return buf.data;
}

/* For what neither trying again nor asking differently helps. */
static char *
fatal_hint(const TtFailure *failure, int64 code)
{
	const char *server = quote_identifier(failure->options->server_name);

	switch (code)
	{
		case 40006:
		case 40051:
			return psprintf("TikTok no longer serves this version of its API: check option api_url of server %s, or update tiktok_fdw.",
							server);
		case 40008:
			return psprintf("Check options api_url and environment of server %s.", server);
		case 40009:
		case 40013:
		case 40014:
			return psprintf("The sandbox and production have accounts and endpoints of their own: check option environment of server %s.",
							server);
		case 41000:
			return "TikTok does not serve the country that this machine's address belongs to.";
		case 41001:
			return "TikTok took this endpoint offline: look for its successor in a newer tiktok_fdw.";
		default:
			return NULL;
	}
}

static char *
code_hint(const TtFailure *failure)
{
	const char *server = quote_identifier(failure->options->server_name);
	int64		code = failure->reply->code;

	if (failure->overdue > 1 || tt_failure_blocked(failure))
		return overdue_hint(failure);
	switch (tt_code_class(code))
	{
		case TT_CODE_AUTH:
			return mapping_hint(failure, code);
		case TT_CODE_FORBIDDEN:
			if (tt_failure_of_endpoint(failure))
				return psprintf("The app was not granted this endpoint: add the permission (scope) for %s to the app in TikTok's developer portal, and authorise it again.",
								failure->endpoint);
			if (failure->second != NULL)
				return psprintf("Give the token's user the role that this needs in the %s, name others (condition on %s, option bc_id), or skip refused ones: ALTER SERVER %s OPTIONS (ADD on_advertiser_error 'skip').",
								failure->second->one, failure->second->column, server);
			return psprintf("Give the token access to the advertiser, name other accounts (condition on advertiser_id, option advertiser_ids), or skip refused accounts: ALTER SERVER %s OPTIONS (ADD on_advertiser_error 'skip').",
							server);
		case TT_CODE_RATE:
			if (tt_failure_says_daily(failure->reply->message))
				return "The daily limit of the app is used up: run the query again after 00:00 UTC.";
			if (failure->options->sandbox && tt_failure_locked_out(failure))
				return "TikTok's sandbox locks credentials for hours, and every try prolongs it: run the query again tomorrow.";
			return psprintf("Run the query again later, or lower the option rate_limit of server %s.",
							server);
		case TT_CODE_TOO_LARGE:
			return "Ask for fewer columns, or add a condition on campaign_id, adgroup_id or ad_id.";
		case TT_CODE_PARAMETER:
			if (failure->table->stream->named_only &&
				strcmp(failure->endpoint, failure->table->stream->endpoint->path) == 0)
				return pstrdup(failure->table->stream->note);
			return psprintf("Check the options and columns of foreign table \"%s\".",
							failure->table->name);
		case TT_CODE_RETRY:
		case TT_CODE_MAINTENANCE:
			return psprintf("TikTok's service is disturbed: run the query again later, or raise max_retries of server %s.",
							server);
		default:
			return fatal_hint(failure, code);
	}
}

static void
raise_code(const TtFailure *failure)
{
	char	   *hint = code_hint(failure);
	const char *message = failure->reply->message[0] != '\0' ? failure->reply->message
															 : "no message";

	ereport(ERROR,
			(errcode(tt_code_sqlstate(failure->reply->code)),
			 errmsg("TikTok API request failed: %s",
					tt_redact(failure->options, message)),
			 errdetail_internal("%s", tt_failure_detail(failure)),
			 hint != NULL ? errhint("%s", hint) : 0));
}

static void
raise_transport(const TtFailure *failure)
{
	const char *server = quote_identifier(failure->options->server_name);

	switch (failure->http->outcome)
	{
		case TT_HTTP_TOO_LARGE:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a reply of the TikTok API is larger than max_response_size (" INT64_FORMAT " bytes)",
							failure->options->max_response_size),
					 errdetail_internal("%s", tt_failure_detail(failure)),
					 errhint("Ask for fewer columns, lower page_size, or raise max_response_size of server %s.",
							 server)));
			break;
		case TT_HTTP_OUT_OF_MEMORY:
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory"),
					 errdetail_internal("%s", tt_failure_detail(failure))));
			break;
		case TT_HTTP_TLS:
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("could not open a TLS connection to \"%s\": %s",
							failure->options->host,
							tt_redact(failure->options, failure->http->error)),
					 errdetail_internal("%s", tt_failure_detail(failure)),
					 errhint("Check the certificate authorities of this machine, or option ca_file of server %s.",
							 server)));
			break;
		case TT_HTTP_TIMEOUT:
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("request to \"%s\" timed out: %s", failure->options->host,
							tt_redact(failure->options, failure->http->error)),
					 errdetail_internal("%s", tt_failure_detail(failure)),
					 failure->overdue > 1
						 ? errhint("%s", overdue_hint(failure))
						 : errhint("Run the query again, or raise timeout or connect_timeout of server %s.",
								   server)));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("request to \"%s\" failed: %s", failure->options->host,
							tt_redact(failure->options, failure->http->error)),
					 errdetail_internal("%s", tt_failure_detail(failure)),
					 errhint("Check the network, and options api_url, environment and proxy of server %s.",
							 server)));
	}
}

/* what is wrong with a reply of HTTP status 2xx that has no meaning */
static const char *
malformation(const TtFailure *failure)
{
	if (failure->malformed != NULL)
		return tt_redact(failure->options, failure->malformed);
	return failure->reply->has_code ? "no \"data\"" : "no \"code\"";
}

static void
raise_http(const TtFailure *failure)
{
	int			status = failure->http->status;
	int			sqlstate = ERRCODE_FDW_ERROR;
	const char *hint = NULL;

	if (status == 429)
	{
		sqlstate = ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
		hint = psprintf("Run the query again later, or lower rate_limit of server %s.",
						quote_identifier(failure->options->server_name));
	}
	else if (status >= 500)
	{
		sqlstate = ERRCODE_CONNECTION_FAILURE;
		hint = failure->overdue > 1
				   ? overdue_hint(failure)
				   : psprintf("TikTok's service is disturbed: run the query again later, or raise max_retries of server %s.",
							  quote_identifier(failure->options->server_name));
	}
	else if (status == 401 || status == 407)
	{
		sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
		hint = mapping_hint(failure, 0);
	}
	else if (status < 200 || status >= 300)
		hint = psprintf("Check options api_url and environment of server %s; redirects are not followed.",
						quote_identifier(failure->options->server_name));
	if (status >= 200 && status < 300)
		ereport(ERROR,
				(errcode(sqlstate),
				 errmsg("malformed reply from the TikTok API: %s", malformation(failure)),
				 errdetail_internal("%s", tt_failure_detail(failure))));
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("TikTok API request failed with HTTP status %d", status),
			 errdetail_internal("%s", tt_failure_detail(failure)),
			 hint != NULL ? errhint("%s", hint) : 0));
}

void
tt_failure_raise(const TtFailure *failure)
{
	if (failure->http->outcome != TT_HTTP_OK)
		raise_transport(failure);
	else if (tt_failure_has_code(failure) && failure->reply->code != 0)
		raise_code(failure);
	else
		raise_http(failure);
	pg_unreachable();
}

void
tt_failure_warn_account(const TtFailure *failure)
{
	ereport(WARNING,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("rows of %s " INT64_FORMAT " are missing: %s",
					failure->second != NULL ? failure->second->one : "advertiser", failure->owner,
					tt_redact(failure->options, failure->reply->message)),
			 errdetail_internal("%s", tt_failure_detail(failure)),
			 errhint("It was refused after some of its rows were returned: run the query again.")));
}

void
tt_failure_incomplete(const TtFailure *failure, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("incomplete reply from the TikTok API: %s", what),
			 errdetail_internal("%s", tt_failure_detail(failure)),
			 errhint("The account probably changed while it was read: run the query again.")));
	pg_unreachable();
}

/* how: the sentence that says why it must be so */
TT_NORETURN static void
raise_ignored(const TtFailure *failure, const char *param, const char *how, bool filter)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("the TikTok API seems to ignore parameter \"%s\"", param),
			 errdetail_internal("%s %s", tt_redact(failure->options, how), tt_failure_detail(failure)),
			 filter ? errhint("To read the rows without it: SET tiktok_fdw.enable_pushdown = off.")
					: 0));
	pg_unreachable();
}

void
tt_failure_ignored(const TtFailure *failure, const char *param, const char *column,
				   const TtValue *value, bool filter)
{
	char *how;

	if (column != NULL)
		how = psprintf("A row of foreign table \"%s\" came that was not asked for: its %s is \"%s\".",
					   failure->table->name, column,
					   tt_reply_clip(value->text, value->length, MAX_SHOWN));
	else
		how = psprintf("Foreign table \"%s\" has " INT64_FORMAT " rows by its account, more than there can be of what was asked for.",
					   failure->table->name, failure->reply->total_number);
	raise_ignored(failure, param, how, filter);
}

void
tt_failure_repeated(const TtFailure *failure, const char *param)
{
	raise_ignored(failure, param,
				  psprintf("A row of foreign table \"%s\" came for two requests that differ in it.",
						   failure->table->name),
				  false);
}

void
tt_failure_truncated(const TtFailure *failure, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the TikTok API truncated the report of foreign table \"%s\" to the newest 20,000 ads",
					failure->table->name),
			 errdetail_internal("%s", tt_failure_detail(failure)),
			 errhint("%s", hint)));
	pg_unreachable();
}
