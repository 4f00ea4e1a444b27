/*
 * transfer_private.h
 *	  One HTTP request under way: from its options to its reply (libcurl).
 *
 * For http.c only, which has many of them.  What a transfer needs of the client
 * it runs for is its group.  All functions are called with signals blocked and
 * not from within a callback of libcurl; none ereports, palloc's or blocks.
 */
#ifndef TT_TRANSFER_PRIVATE_H
#define TT_TRANSFER_PRIVATE_H

#include "postgres.h"

#include <curl/curl.h>

#include "lib/ilist.h"
#include "wire/transfer.h"

/* The transfers of one client: what they share, and where they stand. */
typedef struct TtTransferGroup
{
	TtHttpOptions options; /* strings live as long as the group */
	CURLM		 *multi;   /* what they run on */
	CURLSH		 *share;
	dlist_head	  all;
	dlist_head	  sent;		 /* began to go out and nobody was told yet */
	dlist_head	  done;		 /* over and nobody was told yet */
	int			  in_flight; /* in all, but for those that someone was told are over */
	int			  peak;		 /* most in flight at a time */
	bool		  spoiled;	 /* multi is not to be used by others after them */
} TtTransferGroup;

struct TtTransfer
{
	dlist_node		   node; /* in all */
	dlist_node		   sent_node;
	dlist_node		   done_node;
	bool			   in_sent;
	bool			   in_done;
	bool			   was_sent; /* goes into sent once only */
	bool			   told_done;
	TtTransferGroup	  *group;
	CURL			  *easy;  /* NULL once the transfer is over */
	bool			   added; /* to multi */
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

/*
 * Put a GET on the group's multi handle; it goes out at the next pump.  The
 * transfer is zeroed memory with its arg, see tt_http_start() for the rest.
 * One that cannot be started is over at once.
 */
extern void tt_transfer_start(TtTransfer *transfer, TtTransferGroup *group, const char *url,
							  const char *body, const char *const *headers);

/*
 * Whether it runs once more: it broke off on a connection that was kept open
 * and that the server had closed.
 */
extern bool tt_transfer_retry(TtTransfer *transfer, CURLcode code);

/* It is over: fill in the reply, put it among those done. */
extern void tt_transfer_finish(TtTransfer *transfer, CURLcode code);

/* The same for another reason than libcurl's own, which the reply will give. */
extern void tt_transfer_fail(TtTransfer *transfer, const char *why, CURLcode code);

/*
 * Abort it if under way and free all that is libcurl's and malloc'ed, but take
 * it from no list: the group may be going too.  Harmless the second time.
 */
extern void tt_transfer_free(TtTransfer *transfer);

#endif /* TT_TRANSFER_PRIVATE_H */
