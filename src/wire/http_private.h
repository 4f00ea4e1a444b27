/*
 * http_private.h
 *	  What http.c (clients) and http_transfer.c (requests) share; nobody else
 *	  includes it.
 */
#ifndef TT_HTTP_PRIVATE_H
#define TT_HTTP_PRIVATE_H

#include "postgres.h"

#include <curl/curl.h>
#include <signal.h>

#include "wire/http.h"
#include "lib/ilist.h"
#include "wire/event_loop.h"

/* A CURLM with its connections; lives in TopMemoryContext. */
typedef struct TtWire
{
	dlist_node node; /* in idle_wires, unless a client has it */
	CURLM	  *multi;
	char	  *proxy; /* what a client must have in common with the last */
	char	  *ca_file;
} TtWire;

struct TtHttp
{
	TtHttpOptions		  options; /* strings are the client's */
	MemoryContext		  owner;
	MemoryContextCallback callback;
	TtEventLoop			  loop;
	int					  descriptors; /* held, as fd.c was told */
	TtWire				 *wire;
	bool				  spoiled; /* the wire is not to be used again */
	bool				  deaf;	   /* a socket could not be watched */
	bool				  pumping;
	dlist_head			  transfers; /* all */
	dlist_head			  done;		 /* not yet told by tt_http_next_done() */
	dlist_head			  sent;		 /* not yet told by tt_http_next_sent() */
	int					  in_flight;
	int					  peak; /* most in flight at a time */
};

struct TtTransfer
{
	dlist_node		   node; /* in transfers */
	dlist_node		   done_node;
	dlist_node		   sent_node;
	bool			   in_done;
	bool			   in_sent;
	bool			   was_sent; /* goes into sent once only */
	bool			   told_done;
	TtHttp			  *http;
	CURL			  *easy;  /* NULL once the transfer is over */
	bool			   added; /* to the wire */
	struct curl_slist *headers;
	char			  *post; /* libcurl reads the body from here */
	size_t			   post_length;
	void			  *arg;
	TtHttpReply		   reply;
	size_t			   capacity;	 /* of reply.body */
	size_t			   header_bytes; /* of all its replies */
	bool			   replied;		 /* a first byte came */
	bool			   stale;		 /* its old connection is dead, and so may others be */
	bool			   fresh;		 /* second attempt, on a connection of its own */
	CURLcode		   setup;		 /* first option that was refused */
	const char		  *setup_option;
	char			   curl_error[CURL_ERROR_SIZE];
};

/* http.c */
extern CURLSH *tt_http_share; /* what all clients of the backend share */
extern void	   tt_http_block_signals(sigset_t *before);
extern void	   tt_http_restore_signals(const sigset_t *before);

/*
 * http_transfer.c; all of these are called with signals blocked, not from
 * within a callback of libcurl, and do not ereport.
 */
extern void tt_transfer_finish(TtTransfer *transfer, CURLcode code);
extern bool tt_transfer_retry(TtTransfer *transfer, CURLcode code);
extern void tt_transfer_free_request(TtTransfer *transfer);

#endif /* TT_HTTP_PRIVATE_H */
