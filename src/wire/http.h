/*
 * http.h
 *	  Many HTTP requests in flight behind one pollable descriptor.
 *
 * Knows libcurl, knows nothing of TikTok.  A client (TtHttp) belongs to one
 * scan; DNS and TLS sessions are shared by all clients of the backend, and open
 * connections are handed from a client that ends to the next.  No callback of
 * libcurl ereports; nothing here longjmps through libcurl; everything foreign
 * is released by a reset callback of the client's memory context.
 */
#ifndef TT_HTTP_H
#define TT_HTTP_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "wire/transfer.h"

typedef struct TtHttp TtHttp;

/*
 * A client whose life is that of memory context owner.  ERROR 53000 class if
 * descriptors cannot be had.
 */
extern TtHttp *tt_http_create(const TtHttpOptions *options, MemoryContext owner);

/*
 * Start a GET.  body: NULL, or a JSON text sent as the body of the GET.
 * headers: NULL-terminated array of "Name: value".  Strings are copied, and
 * wiped when the transfer is released.  Never blocks; failures to start are
 * reported like those of a transfer.  arg is the caller's.
 */
extern TtTransfer *tt_http_start(TtHttp *http, const char *url, const char *body,
								 const char *const *headers, void *arg);

/* Let libcurl do what can be done without waiting. */
extern void tt_http_pump(TtHttp *http);

/*
 * The next transfer that is over, or NULL.  Pumps first.  Its request may have
 * gone out since the last tt_http_next_sent(): ask that before releasing it.
 */
extern TtTransfer *tt_http_next_done(TtHttp *http);

/*
 * The next transfer whose request began to go out on its connection since the
 * last call, or NULL: what a rate budget counts from.  Each is told once; one
 * that ended before it was told is still told before it is released.
 */
extern TtTransfer *tt_http_next_sent(TtHttp *http);

/* Abort if under way, free everything. */
extern void tt_http_release(TtTransfer *transfer);

/* transfers started and not yet told by tt_http_next_done() */
extern int tt_http_in_flight(const TtHttp *http);

/* transfers started and not over: what the other side is still busy with */
extern int tt_http_running(const TtHttp *http);

/*
 * The descriptor that becomes readable when there is something to pump, or
 * when the wake-up time is reached.  The wake-up happens once: pumping ends it.
 * fd -1: the platform has no such descriptor, and tt_http_wait() looks often.
 */
extern int	tt_http_fd(const TtHttp *http);
extern void tt_http_wake_at(TtHttp *http, TimestampTz when); /* 0: never */

/*
 * The descriptor is readable whenever another client's is, too, until either of
 * them ends or that one is unfollowed.  Who is followed by one is not by others any
 * more.  false: it is not, look at that one often.
 */
extern bool tt_http_follow(TtHttp *http, TtHttp *other);
extern void tt_http_unfollow(TtHttp *other); /* by whoever does; does not ereport */

/*
 * Wait for tt_http_fd(), at most until the wake-up time; may return early.
 * Reacts to cancel, terminate and postmaster death by CHECK_FOR_INTERRUPTS.
 * rate_limited picks the wait event that pg_stat_activity shows (17 and later).
 */
extern void tt_http_wait(TtHttp *http, bool rate_limited);

/* whether this platform has a descriptor to wait for */
extern bool tt_http_pollable(void);

/* "libcurl/7.88.1 OpenSSL/3.0.11 …" */
extern const char *tt_http_version(void);

#endif /* TT_HTTP_H */
