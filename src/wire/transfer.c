/*
 * transfer.c
 *	  One HTTP request: how it is set up, what becomes of its reply (libcurl).
 *
 * See http.c for who owns what.  The callbacks of libcurl here must not
 * ereport, palloc or longjmp: they note trouble in the transfer, and the easy
 * handle, the header list and the body are malloc'ed.  Nothing blocks.
 *
 * Copies of headers, URL and body that are made here are wiped when freed;
 * libcurl's own are freed by it, unwiped.  No error text contains the query of
 * the URL (a secret travels in one) or a header.
 */
#include "postgres.h"

#include <curl/curl.h>
#include <time.h>

#include "compat.h"
#include "wire/transfer_private.h"

/* an idle connection older than this (seconds) is not used again */
#define MAX_IDLE_SECONDS 60L

/* how long Retry-After is believed (seconds) */
#define MAX_RETRY_AFTER 86400

/* header lines of a transfer together (bytes): libcurl before 8.3 keeps any number */
#define MAX_HEADER_BYTES (256 * 1024)

/* first allocation for a body */
#define BODY_START (16 * 1024)

/* ---------------------------------------------------------------------------
 * Callbacks of libcurl: no ereport, no palloc, no longjmp
 * ------------------------------------------------------------------------- */

static void
mark_sent(TtTransfer *transfer)
{
	if (transfer->was_sent)
		return; /* again, on another connection */
	transfer->was_sent = true;
	transfer->in_sent = true;
	dlist_push_tail(&transfer->group->sent, &transfer->sent_node);
}

/* Did this transfer not need a new connection so far? */
static bool
on_old_connection(TtTransfer *transfer)
{
	long made = 1;

	return curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &made) == CURLE_OK &&
		   made == 0;
}

#ifdef TT_HAVE_CURL_PREREQ
/*
 * Connection and TLS are there; the request goes out now.  If it went out
 * before, on a connection that turned out dead, libcurl may try up to five
 * more of the old ones: requests that the rate budget knows nothing of.
 * Better once more on a new one, see tt_transfer_retry().
 */
static int
on_prereq(void *userp, char *peer, char *local, int peer_port, int local_port)
{
	TtTransfer *transfer = userp;

	if (transfer->was_sent && on_old_connection(transfer))
	{
		transfer->stale = true;
		return CURL_PREREQFUNC_ABORT;
	}
	mark_sent(transfer);
	return CURL_PREREQFUNC_OK;
}
#endif

/*
 * Decoded bytes.  CURLOPT_MAXFILESIZE_LARGE knows compressed sizes only, and
 * only those announced: the cap on what we hold is this one.
 */
static size_t
on_body(char *data, size_t size, size_t n, void *userp)
{
	TtTransfer	*transfer = userp;
	TtHttpReply *reply = &transfer->reply;
	size_t		 bytes = size * n;
	size_t		 needed = reply->length + bytes + 1;
	size_t		 limit = (size_t) transfer->group->options.max_response_size + 1;

	if (needed > limit)
	{
		reply->outcome = TT_HTTP_TOO_LARGE;
		return bytes + 1; /* anything but bytes is an error */
	}
	if (needed > transfer->capacity)
	{
		size_t capacity = Max(transfer->capacity * 2, BODY_START);
		char  *body;

		capacity = Max(Min(capacity, limit), needed);
		body = realloc(reply->body, capacity);
		if (body == NULL)
		{
			reply->outcome = TT_HTTP_OUT_OF_MEMORY;
			return bytes + 1;
		}
		reply->body = body;
		transfer->capacity = capacity;
	}

	memcpy(reply->body + reply->length, data, bytes);
	reply->length += bytes;
	reply->body[reply->length] = '\0';
	return bytes;
}

/* Seconds, or the date when: as seconds from now, at most a day. */
static int
parse_retry_after(const char *value)
{
	time_t when;
	char  *end;
	long   seconds;

	errno = 0;
	seconds = strtol(value, &end, 10);
	if (end != value && *end == '\0')
		return (int) Max(0, Min(seconds, MAX_RETRY_AFTER));

	when = curl_getdate(value, NULL);
	if (when == (time_t) -1)
		return -1;
	return (int) Max(0, Min((int64) when - (int64) time(NULL), MAX_RETRY_AFTER));
}

/* Is this line the header `name`?  Then its value, trimmed. */
static bool
header_value(const char *line, size_t length, const char *name, char *value, size_t size)
{
	size_t		name_length = strlen(name);
	const char *start = line + name_length + 1;
	const char *end = line + length;

	if (length <= name_length || line[name_length] != ':' ||
		pg_strncasecmp(line, name, name_length) != 0)
		return false;
	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (end > start && strchr(" \t\r\n", end[-1]) != NULL)
		end--;
	length = Min((size_t) (end - start), size - 1);
	memcpy(value, start, length);
	value[length] = '\0';
	return true;
}

static size_t
on_header(char *data, size_t size, size_t n, void *userp)
{
	TtTransfer	*transfer = userp;
	TtHttpReply *reply = &transfer->reply;
	char		 value[64];

	transfer->replied = true;
	transfer->header_bytes += size * n;
	if (transfer->header_bytes > MAX_HEADER_BYTES)
		return 0; /* anything but all of it is an error */
	if (size * n >= 5 && memcmp(data, "HTTP/", 5) == 0)
	{
		/* a reply starts; what came with an earlier one (100) is void */
		reply->retry_after = -1;
		reply->ads_throttled = false;
	}
	else if (header_value(data, size * n, "Retry-After", value, sizeof(value)))
		reply->retry_after = parse_retry_after(value);
	else if (header_value(data, size * n, "X-Tt-Ads-Throttle", value, sizeof(value)))
		reply->ads_throttled = pg_strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0;
	return size * n;
}

/* ---------------------------------------------------------------------------
 * Starting a transfer
 * ------------------------------------------------------------------------- */

/* Every option is checked; the first that is refused ends the transfer. */
#define EASY_SET(transfer, option, value)                                              \
	do                                                                                 \
	{                                                                                  \
		if ((transfer)->setup == CURLE_OK)                                             \
		{                                                                              \
			(transfer)->setup = curl_easy_setopt((transfer)->easy, (option), (value)); \
			(transfer)->setup_option = #option;                                        \
		}                                                                              \
	} while (0)

static void
append_header(TtTransfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (longer)
		transfer->headers = longer;
	else if (transfer->setup == CURLE_OK)
		transfer->setup = CURLE_OUT_OF_MEMORY;
}

/* Where it may go, and whom it trusts. */
static void
setup_security(TtTransfer *transfer)
{
	const TtHttpOptions *options = &transfer->group->options;

	if (options->allow_http)
		EASY_SET(transfer, TT_CURLOPT_PROTOCOLS, TT_CURL_HTTP_AND_HTTPS);
	else
		EASY_SET(transfer, TT_CURLOPT_PROTOCOLS, TT_CURL_HTTPS);

	/* a token must not follow a redirect */
	EASY_SET(transfer, CURLOPT_FOLLOWLOCATION, 0L);
	EASY_SET(transfer, CURLOPT_UNRESTRICTED_AUTH, 0L);
	EASY_SET(transfer, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	EASY_SET(transfer, CURLOPT_SSL_VERIFYPEER, 1L);
	EASY_SET(transfer, CURLOPT_SSL_VERIFYHOST, 2L);
	EASY_SET(transfer, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	if (options->ca_file)
		EASY_SET(transfer, CURLOPT_CAINFO, options->ca_file);
#ifdef TT_HAVE_CURL_CA_CACHE
	/* a day unless told otherwise: too long for who replaces a certificate */
	EASY_SET(transfer, CURLOPT_CA_CACHE_TIMEOUT, 300L);
#endif

	/* both "" where there is none: NULL would ask the environment */
	EASY_SET(transfer, CURLOPT_PROXY, options->proxy ? options->proxy : "");
	EASY_SET(transfer, CURLOPT_NOPROXY, "");
	EASY_SET(transfer, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

/* How it travels, and how long it may take. */
static void
setup_transport(TtTransfer *transfer, bool https)
{
	const TtHttpOptions *options = &transfer->group->options;

	EASY_SET(transfer, CURLOPT_SHARE, transfer->group->share);
	EASY_SET(transfer, CURLOPT_NOSIGNAL, 1L);
	EASY_SET(transfer, CURLOPT_NOPROGRESS, 1L);
#ifdef TT_HAVE_CURL_QUICK_EXIT
	/* or a cancel would wait until the name look-up's thread is done */
	EASY_SET(transfer, CURLOPT_QUICK_EXIT, 1L);
#endif
	if (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTP2)
	{
		EASY_SET(transfer, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);

		/*
		 * Rather a stream on the connection that is being made than another
		 * connection.  Not without TLS: there libcurl would wait for a whole
		 * first reply before it knows that HTTP/2 is not spoken.
		 */
		EASY_SET(transfer, CURLOPT_PIPEWAIT, https ? 1L : 0L);
	}
	EASY_SET(transfer, CURLOPT_ACCEPT_ENCODING, "");
	EASY_SET(transfer, CURLOPT_TCP_KEEPALIVE, 1L);
	EASY_SET(transfer, CURLOPT_MAXAGE_CONN, MAX_IDLE_SECONDS);
	EASY_SET(transfer, CURLOPT_CONNECTTIMEOUT_MS, (long) options->connect_timeout_ms);
	EASY_SET(transfer, CURLOPT_TIMEOUT_MS, (long) options->timeout_ms);
	EASY_SET(transfer, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) options->max_response_size);
	if (options->user_agent)
		EASY_SET(transfer, CURLOPT_USERAGENT, options->user_agent);
}

static void
setup_request(TtTransfer *transfer, const char *url, const char *body,
			  const char *const *headers)
{
	EASY_SET(transfer, CURLOPT_PRIVATE, transfer);
	EASY_SET(transfer, CURLOPT_ERRORBUFFER, transfer->curl_error);
	EASY_SET(transfer, CURLOPT_WRITEFUNCTION, on_body);
	EASY_SET(transfer, CURLOPT_WRITEDATA, transfer);
	EASY_SET(transfer, CURLOPT_HEADERFUNCTION, on_header);
	EASY_SET(transfer, CURLOPT_HEADERDATA, transfer);
#ifdef TT_HAVE_CURL_PREREQ
	EASY_SET(transfer, CURLOPT_PREREQFUNCTION, on_prereq);
	EASY_SET(transfer, CURLOPT_PREREQDATA, transfer);
#endif
	EASY_SET(transfer, CURLOPT_URL, url);

	for (; headers && *headers; headers++)
		append_header(transfer, *headers);
	if (body)
	{
		/* our copy, unlike that of COPYPOSTFIELDS, can be wiped */
		transfer->post_length = strlen(body);
		transfer->post = strdup(body);
		if (transfer->post == NULL && transfer->setup == CURLE_OK)
			transfer->setup = CURLE_OUT_OF_MEMORY;
		append_header(transfer, "Content-Type: application/json");
		append_header(transfer, "Expect:");
		EASY_SET(transfer, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) transfer->post_length);
		EASY_SET(transfer, CURLOPT_POSTFIELDS, transfer->post);
		EASY_SET(transfer, CURLOPT_CUSTOMREQUEST, "GET");
	}
	EASY_SET(transfer, CURLOPT_HTTPHEADER, transfer->headers);
}

static void
add_to_multi(TtTransfer *transfer)
{
	CURLMcode code = curl_multi_add_handle(transfer->group->multi, transfer->easy);

	if (code == CURLM_OK)
		transfer->added = true;
	else
	{
		snprintf(transfer->curl_error, sizeof(transfer->curl_error), "%s",
				 curl_multi_strerror(code));
		tt_transfer_finish(transfer, code == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY
																 : CURLE_FAILED_INIT);
	}
}

void
tt_transfer_start(TtTransfer *transfer, TtTransferGroup *group, const char *url,
				  const char *body, const char *const *headers)
{
	transfer->group = group;
	transfer->reply.retry_after = -1;
	dlist_push_tail(&group->all, &transfer->node);

	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
	{
		tt_transfer_finish(transfer, CURLE_OUT_OF_MEMORY);
		return;
	}
	setup_security(transfer);
	setup_transport(transfer, pg_strncasecmp(url, "https:", 6) == 0);
	setup_request(transfer, url, body, headers);
	if (transfer->setup == CURLE_OK)
		add_to_multi(transfer);
	else
	{
		snprintf(transfer->curl_error, sizeof(transfer->curl_error), "%s: %s",
				 transfer->setup_option, curl_easy_strerror(transfer->setup));
		tt_transfer_finish(transfer, transfer->setup);
	}
#ifndef TT_HAVE_CURL_PREREQ
	if (transfer->easy)
		mark_sent(transfer);
#endif
}

/* ---------------------------------------------------------------------------
 * Ending a transfer
 * ------------------------------------------------------------------------- */

static TtHttpOutcome
outcome_of(CURLcode code)
{
	switch (code)
	{
		case CURLE_OK:
			return TT_HTTP_OK;
		case CURLE_URL_MALFORMAT:
		case CURLE_UNSUPPORTED_PROTOCOL:
		case CURLE_COULDNT_RESOLVE_PROXY:
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_CONNECT:
		case CURLE_PROXY:
			return TT_HTTP_NO_CONNECTION;
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_CERTPROBLEM:
		case CURLE_SSL_CIPHER:
		case CURLE_SSL_CRL_BADFILE:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_INVALIDCERTSTATUS:
		case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		case CURLE_SSL_ENGINE_NOTFOUND:
		case CURLE_SSL_ENGINE_SETFAILED:
		case CURLE_SSL_ENGINE_INITFAILED:
		case CURLE_USE_SSL_FAILED:
			return TT_HTTP_TLS;
		case CURLE_OPERATION_TIMEDOUT:
			return TT_HTTP_TIMEOUT;
		case CURLE_FILESIZE_EXCEEDED:
			return TT_HTTP_TOO_LARGE;
		case CURLE_OUT_OF_MEMORY:
			return TT_HTTP_OUT_OF_MEMORY;
		default:
			return TT_HTTP_BROKEN;
	}
}

/* When this point was reached, in microseconds since the start; 0: it was not. */
static int64
reached(CURL *easy, CURLINFO info)
{
	curl_off_t microseconds = 0;

	(void) curl_easy_getinfo(easy, info, &microseconds);
	return Max((int64) microseconds, 0);
}

/* In which phase the time was over, and how long each took. */
static void
describe_timeout(TtTransfer *transfer)
{
	static const char *const doing[] = {
		"looking up the host name", "connecting", "in the TLS handshake",
		"waiting for the first byte of the reply", "receiving the reply"};
	static const char *const names[] = {"name lookup", "connect", "TLS", "first byte", "body"};
	CURL					*easy = transfer->easy;
	int64					 until[lengthof(names)];
	int64					 from = 0;
	long					 local_port = 0;
	int						 phase;
	char					*text = transfer->reply.error;
	size_t					 size = sizeof(transfer->reply.error);
	size_t					 used;

	until[0] = reached(easy, CURLINFO_NAMELOOKUP_TIME_T);
	until[1] = reached(easy, CURLINFO_CONNECT_TIME_T);
	until[2] = reached(easy, CURLINFO_APPCONNECT_TIME_T);
	until[3] = reached(easy, CURLINFO_STARTTRANSFER_TIME_T);
	(void) curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &local_port);
	if (transfer->replied)
		phase = 4;
	else if (reached(easy, CURLINFO_PRETRANSFER_TIME_T) > 0)
		phase = 3;
	else if (until[1] > 0 || local_port > 0)
		phase = 2; /* some releases note until[1] after TLS only */
	else
		phase = until[0] > 0 ? 1 : 0;
	until[phase] = reached(easy, CURLINFO_TOTAL_TIME_T);
	transfer->reply.overdue = phase >= 3;

	used = snprintf(text, size, "timed out after " INT64_FORMAT " ms while %s (",
					until[phase] / 1000, doing[phase]);
	for (int i = 0; i <= phase && used < size; i++)
	{
		if (until[i] == 0)
			continue; /* there was no such phase */
		used += snprintf(text + used, size - used, "%s%s " INT64_FORMAT " ms", from > 0 ? ", " : "",
						 i == 2 && until[1] == 0 ? "connect and TLS" : names[i], Max(until[i] - from, 0) / 1000);
		from = Max(from, until[i]);
	}
	if (used < size)
		snprintf(text + used, size - used, ")");
}

/* An error text that carries no query string, whatever libcurl put there. */
static void
describe_error(TtTransfer *transfer, CURLcode code)
{
	TtHttpReply *reply = &transfer->reply;

	if (reply->outcome == TT_HTTP_TIMEOUT && transfer->easy)
		describe_timeout(transfer);
	else if (reply->outcome == TT_HTTP_TOO_LARGE)
		snprintf(reply->error, sizeof(reply->error),
				 "the reply is larger than " INT64_FORMAT " bytes",
				 transfer->group->options.max_response_size);
	else if (reply->outcome == TT_HTTP_OUT_OF_MEMORY)
		snprintf(reply->error, sizeof(reply->error), "out of memory");
	else
		snprintf(reply->error, sizeof(reply->error), "%s",
				 transfer->curl_error[0] ? transfer->curl_error : curl_easy_strerror(code));

	reply->error[strcspn(reply->error, "?\r\n")] = '\0';
}

/*
 * A connection that the server closed in the meantime, so that nothing came
 * back: not worth an error.  libcurl notices most of these by itself; for the
 * others the request is sent once more, on a new connection.
 */
bool
tt_transfer_retry(TtTransfer *transfer, CURLcode code)
{
	bool died = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
				code == CURLE_GOT_NOTHING || code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM;

	if (!transfer->stale && !(died && on_old_connection(transfer)))
		return false;
	if (transfer->fresh || transfer->replied)
		return false;

	transfer->stale = false;
	transfer->fresh = true;
	EASY_SET(transfer, CURLOPT_FRESH_CONNECT, 1L);
	if (transfer->setup != CURLE_OK ||
		curl_multi_remove_handle(transfer->group->multi, transfer->easy) != CURLM_OK)
		return false;
	transfer->added = false;
	transfer->curl_error[0] = '\0';
	add_to_multi(transfer);
	return true;
}

/* Free what a transfer holds of libcurl's and malloc's, but for the reply. */
static void
free_request(TtTransfer *transfer)
{
	if (transfer->easy)
	{
		if (transfer->added &&
			curl_multi_remove_handle(transfer->group->multi, transfer->easy) != CURLM_OK)
			transfer->group->spoiled = true;
		transfer->added = false;
		curl_easy_cleanup(transfer->easy);
		transfer->easy = NULL;
	}
	for (struct curl_slist *line = transfer->headers; line; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	if (transfer->post)
	{
		explicit_bzero(transfer->post, transfer->post_length);
		free(transfer->post);
		transfer->post = NULL;
	}
}

void
tt_transfer_finish(TtTransfer *transfer, CURLcode code)
{
	TtHttpReply *reply = &transfer->reply;

	if (transfer->easy)
	{
		long	   status = 0;
		long	   header_bytes = 0;
		curl_off_t body_bytes = 0;

		(void) curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
		(void) curl_easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE, &header_bytes);
		(void) curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &body_bytes);
		reply->status = transfer->replied ? (int) status : 0;
		reply->wire_bytes = (int64) header_bytes + (int64) body_bytes;
	}

	/* a callback that gave up has said why */
	if (reply->outcome == TT_HTTP_OK)
		reply->outcome = outcome_of(code);
	if (reply->outcome == TT_HTTP_NO_CONNECTION && transfer->easy &&
		reached(transfer->easy, CURLINFO_PRETRANSFER_TIME_T) > 0)
		reply->outcome = TT_HTTP_BROKEN; /* connected, but what came is no HTTP */
	if (reply->outcome == TT_HTTP_OK && reply->body == NULL)
	{
		reply->body = strdup("");
		if (reply->body == NULL)
			reply->outcome = TT_HTTP_OUT_OF_MEMORY;
	}
	if (reply->outcome != TT_HTTP_OK)
	{
		describe_error(transfer, code);
		free(reply->body);
		reply->body = NULL;
		reply->length = 0;
	}
	free_request(transfer);

	transfer->in_done = true;
	dlist_push_tail(&transfer->group->done, &transfer->done_node);
}

void
tt_transfer_fail(TtTransfer *transfer, const char *why, CURLcode code)
{
	snprintf(transfer->curl_error, sizeof(transfer->curl_error), "%s", why);
	tt_transfer_finish(transfer, code);
}

void
tt_transfer_free(TtTransfer *transfer)
{
	free_request(transfer);
	free(transfer->reply.body);
	transfer->reply.body = NULL;
}

void *
tt_transfer_arg(const TtTransfer *transfer)
{
	return transfer->arg;
}

TtHttpReply *
tt_transfer_reply(TtTransfer *transfer)
{
	return &transfer->reply;
}
