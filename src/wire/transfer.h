/*
 * transfer.h
 *	  One HTTP request and the reply to it, as the callers of http.h see them.
 *
 * The layers of this folder: event_loop.c watches sockets, transfer.c carries
 * one request, http.c has many of them under way for a client.
 */
#ifndef TT_TRANSFER_H
#define TT_TRANSFER_H

#include "postgres.h"

typedef struct TtTransfer TtTransfer;

/* What all requests of a client have in common. */
typedef struct TtHttpOptions
{
	int			timeout_ms; /* whole request */
	int			connect_timeout_ms;
	int64		max_response_size; /* decoded bytes */
	const char *ca_file;		   /* NULL: the system's */
	const char *proxy;			   /* NULL: none; the environment is ignored */
	bool		allow_http;		   /* otherwise https only */
	const char *user_agent;
} TtHttpOptions;

typedef enum TtHttpOutcome
{
	TT_HTTP_OK,			   /* a whole reply came, whatever its status */
	TT_HTTP_NO_CONNECTION, /* DNS, connect, proxy */
	TT_HTTP_TLS,		   /* handshake, certificate */
	TT_HTTP_TIMEOUT,
	TT_HTTP_TOO_LARGE, /* over max_response_size */
	TT_HTTP_OUT_OF_MEMORY,
	TT_HTTP_BROKEN /* closed or garbled on the way */
} TtHttpOutcome;

typedef struct TtHttpReply
{
	TtHttpOutcome outcome;
	int			  status; /* HTTP status; 0: none */
	char		 *body;	  /* decoded, NUL-terminated; malloc'ed, owned by
								 * the transfer; NULL unless outcome is OK */
	size_t		  length;
	int64		  wire_bytes;	 /* received, as compressed */
	int			  retry_after;	 /* seconds; -1: no such header */
	bool		  ads_throttled; /* header X-Tt-Ads-Throttle is there and is not
								 * "false" or "0" */
	bool		  overdue;		 /* TT_HTTP_TIMEOUT although the request was sent:
								  * the other side took too long */
	char		  error[512];	 /* of libcurl, with the phase (DNS, connect, TLS,
								 * server) and times of a time-out; "" if OK;
								 * contains no URL query and no header */
} TtHttpReply;

/* what the caller of tt_http_start() gave */
extern void		   *tt_transfer_arg(const TtTransfer *transfer);
extern TtHttpReply *tt_transfer_reply(TtTransfer *transfer);

#endif /* TT_TRANSFER_H */
