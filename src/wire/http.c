/*
 * http.c
 *	  Many HTTP requests in flight behind one pollable descriptor (libcurl).
 *
 * Who owns what:
 * - Per backend, for its life: one CURLSH (DNS, TLS sessions) and a few idle
 *	 wires.  A wire is a CURLM with the connections it keeps open; it serves one
 *	 client at a time.  The clients of one backend therefore reuse each other's
 *	 connections one after the other.  Connections are not shared among clients
 *	 that live at the same time (CURL_LOCK_DATA_CONNECT would do it): with
 *	 PIPEWAIT a transfer would wait for a connection that belongs to a scan
 *	 which nobody pumps at the moment, and never end.
 * - A client (TtHttp) is palloc'ed in its owner's memory context, and released by
 *	 a reset callback of that context, which is registered before the client
 *	 acquires anything.  The callback aborts what is under way, does not ereport
 *	 and may find the client in any state of being made.
 * - A transfer belongs to its client; what libcurl or its callbacks allocate
 *	 (easy handle, header list, body) is malloc'ed and freed with the transfer.
 *
 * The callbacks of libcurl must not ereport, palloc or longjmp: they note
 * trouble in the transfer.  Only tt_http_wait() blocks, and reacts to
 * interrupts.  Signals are blocked while libcurl runs, because name look-ups
 * happen in threads that inherit the signal mask.
 *
 * Copies of headers, URL and body that are made here are wiped when freed.
 * libcurl's own copies are freed by it, unwiped.
 */
#include "postgres.h"

#include <curl/curl.h>

#include <signal.h>

#include "wire/http.h"

#include "compat.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"
#include "wire/event_loop.h"
#include "wire/transfer_private.h"

/* wires kept for the next clients, with all their idle connections */
#define MAX_IDLE_WIRES 4

/* after so many requests at once its connections are too many to keep idle */
#define MAX_IDLE_CONNECTIONS 32

/* connections that a wire keeps open, in use or not */
#define MAX_CONNECTIONS 100L

/* one pump stops after so many microseconds; the descriptor stays readable */
#define PUMP_SLICE 50000

/* without a pollable descriptor: how often to look (milliseconds) */
#define WAIT_SLICE 20L

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
	MemoryContext		  owner;
	MemoryContextCallback callback;
	TtEventLoop			  loop;
	dlist_head			  follows;	   /* clients at whose descriptors it looks */
	struct TtHttp		 *follower;	   /* who looks at this one's; NULL: nobody */
	dlist_node			  follow_node; /* there */
	int					  descriptors; /* held, as fd.c was told */
	TtWire				 *wire;
	bool				  deaf; /* a socket could not be watched */
	TtTransferGroup		  group;
};

static CURLSH *curl_share = NULL; /* what all clients of the backend share */

static dlist_head idle_wires = DLIST_STATIC_INIT(idle_wires);
static int		  n_idle_wires = 0;

static void release_client(void *arg);

/* ---------------------------------------------------------------------------
 * Signals
 * ------------------------------------------------------------------------- */

/*
 * All but those that a fault raises: blocking these is undefined.  SIGQUIT too
 * waits; calls of libcurl are short.
 */
static void
block_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGTRAP);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static void
restore_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* ---------------------------------------------------------------------------
 * Process-wide: libcurl itself, what all clients share, idle wires
 * ------------------------------------------------------------------------- */

/*
 * On first use, hence never in the postmaster: children would share its random
 * state and its threads.
 */
static void
init_curl(void)
{
	static bool initialized = false;
	CURLcode	code;

	if (!initialized)
	{
		code = curl_global_init(CURL_GLOBAL_DEFAULT);
		if (code != CURLE_OK)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("could not initialize libcurl: %s", curl_easy_strerror(code))));
		initialized = true;
	}

	if (curl_share == NULL)
	{
		CURLSH *made = curl_share_init();

		/* no lock functions: threads of libcurl do not touch these */
		if (made == NULL ||
			curl_share_setopt(made, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK ||
			curl_share_setopt(made, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)
		{
			curl_share_cleanup(made);
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
							errdetail("libcurl could not make its share handle.")));
		}
		curl_share = made;
	}
}

/* What an administrator may write there: "http://user:password@proxy". */
static void
free_secret(char *string)
{
	if (string == NULL)
		return;
	explicit_bzero(string, strlen(string));
	pfree(string);
}

static void
free_wire(TtWire *wire)
{
	if (wire->multi)
		curl_multi_cleanup(wire->multi);
	free_secret(wire->proxy);
	free_secret(wire->ca_file);
	pfree(wire);
}

static bool
same_string(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/*
 * An idle wire with these options, or a new one.  Keyed by what decides whom a
 * connection was made through and whom it trusts; libcurl compares that too,
 * but need not be relied on for it.
 */
static TtWire *
take_wire(const TtHttpOptions *options)
{
	MemoryContext before;
	TtWire		 *wire;
	dlist_iter	  iter;

	dlist_foreach(iter, &idle_wires)
	{
		wire = dlist_container(TtWire, node, iter.cur);
		if (same_string(wire->proxy, options->proxy) &&
			same_string(wire->ca_file, options->ca_file))
		{
			dlist_delete(&wire->node);
			n_idle_wires--;
			return wire;
		}
	}

	before = MemoryContextSwitchTo(TopMemoryContext);
	wire = palloc0(sizeof(TtWire));
	wire->proxy = options->proxy ? pstrdup(options->proxy) : NULL;
	wire->ca_file = options->ca_file ? pstrdup(options->ca_file) : NULL;
	MemoryContextSwitchTo(before);

	wire->multi = curl_multi_init();
	if (wire->multi == NULL)
	{
		free_wire(wire);
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("libcurl could not make a multi handle.")));
	}
	return wire;
}

/* Called while a memory context is reset: must not ereport. */
static void
give_back_wire(TtWire *wire, bool spoiled)
{
	if (spoiled)
	{
		free_wire(wire);
		return;
	}

	/* nobody listens while it is idle */
	curl_multi_setopt(wire->multi, CURLMOPT_SOCKETFUNCTION, NULL);
	curl_multi_setopt(wire->multi, CURLMOPT_TIMERFUNCTION, NULL);
	dlist_push_head(&idle_wires, &wire->node);
	if (++n_idle_wires > MAX_IDLE_WIRES)
	{
		wire = dlist_tail_element(TtWire, node, &idle_wires);
		dlist_delete(&wire->node);
		n_idle_wires--;
		free_wire(wire);
	}
}

/* ---------------------------------------------------------------------------
 * Callbacks of libcurl: no ereport, no palloc, no longjmp
 * ------------------------------------------------------------------------- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *userp, void *socketp)
{
	TtHttp *http = userp;
	bool	readable = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
	bool	writable = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;

	/*
	 * Noted for the pump, which fails the transfers instead of waiting for
	 * nothing.  Returning -1 for that leaves libcurl (7.88) with pointers to
	 * what it has freed.
	 */
	if (!tt_loop_watch(&http->loop, fd, readable, writable))
		http->deaf = true;
	return 0;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *userp)
{
	TtHttp *http = userp;

	tt_loop_arm(&http->loop, TT_LOOP_CURL,
				timeout_ms < 0 ? TT_LOOP_NEVER : tt_loop_now() + timeout_ms * INT64CONST(1000));
	return 0;
}

/* ---------------------------------------------------------------------------
 * Clients
 * ------------------------------------------------------------------------- */

static char *
copy_string(MemoryContext context, const char *string)
{
	return string ? MemoryContextStrdup(context, string) : NULL;
}

static void
setup_multi(TtHttp *http)
{
	CURLM	 *multi = http->wire->multi;
	CURLMcode code = CURLM_OK;

#define MULTI_SET(option, value)                                \
	do                                                          \
	{                                                           \
		if (code == CURLM_OK)                                   \
			code = curl_multi_setopt(multi, (option), (value)); \
	} while (0)

	MULTI_SET(CURLMOPT_SOCKETFUNCTION, on_socket);
	MULTI_SET(CURLMOPT_SOCKETDATA, http);
	MULTI_SET(CURLMOPT_TIMERFUNCTION, on_timer);
	MULTI_SET(CURLMOPT_TIMERDATA, http);
	MULTI_SET(CURLMOPT_PIPELINING, (long) CURLPIPE_MULTIPLEX);

	/*
	 * How many run at once is the caller's to decide: a limit of libcurl's
	 * would only hide that they queue.
	 */
	MULTI_SET(CURLMOPT_MAX_HOST_CONNECTIONS, 0L);
	MULTI_SET(CURLMOPT_MAX_TOTAL_CONNECTIONS, 0L);
	MULTI_SET(CURLMOPT_MAXCONNECTS, MAX_CONNECTIONS);
#undef MULTI_SET

	if (code != CURLM_OK)
	{
		http->group.spoiled = true;
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not set up libcurl: %s", curl_multi_strerror(code))));
	}
}

static void
acquire_descriptors(TtHttp *http)
{
	while (http->descriptors < TT_LOOP_DESCRIPTORS)
	{
		if (!AcquireExternalFD())
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("could not wait for HTTP requests: %m"),
					 errdetail("There are too many open files in this session."),
					 errhint("Raise max_files_per_process, or scan fewer foreign tables "
							 "in one query.")));
		http->descriptors++;
	}
	if (!tt_loop_open(&http->loop))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not wait for HTTP requests: %m")));
}

TtHttp *
tt_http_create(const TtHttpOptions *options, MemoryContext owner)
{
	TtHttp *http = MemoryContextAllocZero(owner, sizeof(TtHttp));

	http->owner = owner;
	http->group.options = *options;
	http->group.options.ca_file = copy_string(owner, options->ca_file);
	http->group.options.proxy = copy_string(owner, options->proxy);
	http->group.options.user_agent = copy_string(owner, options->user_agent);
	dlist_init(&http->group.all);
	dlist_init(&http->group.done);
	dlist_init(&http->group.sent);
	tt_loop_init(&http->loop);
	dlist_init(&http->follows);

	http->callback.func = release_client;
	http->callback.arg = http;
	MemoryContextRegisterResetCallback(owner, &http->callback);

	init_curl();
	acquire_descriptors(http);
	http->wire = take_wire(options);
	http->group.multi = http->wire->multi;
	http->group.share = curl_share;
	setup_multi(http);
	return http;
}

/*
 * Reset callback of the client's memory context: must not ereport, and does
 * nothing the second time.  The structs themselves go with the context.
 */
static void
release_client(void *arg)
{
	TtHttp	   *http = arg;
	const char *proxy = http->group.options.proxy;
	dlist_iter	iter;
	sigset_t	mask;

	tt_http_unfollow(http);
	while (!dlist_is_empty(&http->follows))
		tt_http_unfollow(dlist_head_element(TtHttp, follow_node, &http->follows));
	block_signals(&mask);
	dlist_foreach(iter, &http->group.all)
		tt_transfer_free(dlist_container(TtTransfer, node, iter.cur));
	dlist_init(&http->group.all);
	dlist_init(&http->group.done);
	dlist_init(&http->group.sent);
	if (http->wire)
	{
		give_back_wire(http->wire, http->group.spoiled || http->group.peak > MAX_IDLE_CONNECTIONS);
		http->wire = NULL;
	}
	restore_signals(&mask);

	tt_loop_close(&http->loop);
	for (; http->descriptors > 0; http->descriptors--)
		ReleaseExternalFD();
	if (proxy)
		explicit_bzero(unconstify(char *, proxy), strlen(proxy));
}

/* ---------------------------------------------------------------------------
 * The client's transfers
 * ------------------------------------------------------------------------- */

TtTransfer *
tt_http_start(TtHttp *http, const char *url, const char *body,
			  const char *const *headers, void *arg)
{
	TtTransfer *transfer = MemoryContextAllocZero(http->owner, sizeof(TtTransfer));
	sigset_t	mask;

	transfer->arg = arg;
	http->group.in_flight++;
	http->group.peak = Max(http->group.peak, http->group.in_flight);

	block_signals(&mask);
	tt_transfer_start(transfer, &http->group, url, body, headers);
	restore_signals(&mask);

	/* the descriptor must tell of one that could not start; libcurl does not mind */
	if (transfer->in_done)
		tt_loop_arm(&http->loop, TT_LOOP_CURL, tt_loop_now());
	return transfer;
}

void
tt_http_release(TtTransfer *transfer)
{
	sigset_t mask;

	block_signals(&mask);
	tt_transfer_free(transfer);
	restore_signals(&mask);

	if (!transfer->told_done)
		transfer->group->in_flight--;
	if (transfer->in_done)
		dlist_delete(&transfer->done_node);
	if (transfer->in_sent)
		dlist_delete(&transfer->sent_node);
	dlist_delete(&transfer->node);
	pfree(transfer);
}

TtTransfer *
tt_http_next_done(TtHttp *http)
{
	TtTransfer *transfer;

	if (dlist_is_empty(&http->group.done))
		tt_http_pump(http);
	if (dlist_is_empty(&http->group.done))
		return NULL;
	transfer = dlist_container(TtTransfer, done_node, dlist_pop_head_node(&http->group.done));
	transfer->in_done = false;
	transfer->told_done = true;
	http->group.in_flight--;
	return transfer;
}

TtTransfer *
tt_http_next_sent(TtHttp *http)
{
	TtTransfer *transfer;

	if (dlist_is_empty(&http->group.sent))
		return NULL;
	transfer = dlist_container(TtTransfer, sent_node, dlist_pop_head_node(&http->group.sent));
	transfer->in_sent = false;
	return transfer;
}

int
tt_http_in_flight(const TtHttp *http)
{
	return http->group.in_flight;
}

int
tt_http_running(const TtHttp *http)
{
	const dlist_node *head = &http->group.done.head;
	int				  running = http->group.in_flight;

	for (const dlist_node *node = head->next; node && node != head; node = node->next)
		running--;
	return running;
}

/* ---------------------------------------------------------------------------
 * Pumping and waiting
 * ------------------------------------------------------------------------- */

/* Nothing on this client would ever end by itself. */
static void
fail_all(TtHttp *http, const char *why, CURLcode code)
{
	dlist_iter iter;

	http->group.spoiled = true;
	http->deaf = false;
	dlist_foreach(iter, &http->group.all)
	{
		TtTransfer *transfer = dlist_container(TtTransfer, node, iter.cur);

		if (!transfer->in_done && !transfer->told_done)
			tt_transfer_fail(transfer, why, code);
	}
}

/* Take over what libcurl says has ended. */
static void
reap(TtHttp *http)
{
	CURLMsg *message;
	int		 left;

	while ((message = curl_multi_info_read(http->wire->multi, &left)) != NULL)
	{
		TtTransfer *transfer = NULL;
		CURLcode	code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void) curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &transfer);
		if (transfer && !tt_transfer_retry(transfer, code))
			tt_transfer_finish(transfer, code);
	}
}

static bool
is_followed(const TtHttp *http, int fd)
{
	const dlist_node *head = &http->follows.head;

	for (const dlist_node *node = head->next; node && node != head; node = node->next)
		if (dlist_container(TtHttp, follow_node, unconstify(dlist_node *, node))->loop.fd == fd)
			return true;
	return false;
}

void
tt_http_pump(TtHttp *http)
{
	TtLoopEvent events[64];
	CURLM	   *multi = http->wire->multi;
	CURLMcode	code = CURLM_OK;
	sigset_t	mask;
	int64		started = tt_loop_now();
	int			running;
	int			n;

	block_signals(&mask);
	n = tt_loop_poll(&http->loop, events, lengthof(events));
	for (int i = 0; i < n && code == CURLM_OK; i++)
	{
		int what = (events[i].readable ? CURL_CSELECT_IN : 0) |
				   (events[i].writable ? CURL_CSELECT_OUT : 0) |
				   (events[i].error ? CURL_CSELECT_ERR : 0);

		/* who follows other clients looks at them */
		if (is_followed(http, events[i].fd))
			continue;
		code = curl_multi_socket_action(multi, events[i].fd, what, &running);

		/* decompressing takes time, and nobody looks for a cancel meanwhile */
		if (tt_loop_now() - started > PUMP_SLICE)
			break;
	}

	/* has done its work once it made the descriptor readable */
	(void) tt_loop_expired(&http->loop, TT_LOOP_WAKE);

	if (tt_loop_expired(&http->loop, TT_LOOP_CURL) && code == CURLM_OK)
		code = curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(http);
	if (code != CURLM_OK)
		fail_all(http, curl_multi_strerror(code),
				 code == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_ABORTED_BY_CALLBACK);
	else if (http->deaf)
		fail_all(http, "could not wait for the connection", CURLE_ABORTED_BY_CALLBACK);
	restore_signals(&mask);
}

int
tt_http_fd(const TtHttp *http)
{
	return http->loop.fd;
}

void
tt_http_wake_at(TtHttp *http, TimestampTz when)
{
	int64 at = TT_LOOP_NEVER;

	/* what the wall clock says may jump; from now on a steady one counts */
	if (when != 0)
		at = tt_loop_now() + Max(when - GetCurrentTimestamp(), 0);
	tt_loop_arm(&http->loop, TT_LOOP_WAKE, at);
}

bool
tt_http_follow(TtHttp *http, TtHttp *other)
{
	if (other->follower == http)
		return true;
	tt_http_unfollow(other);
	if (other->loop.fd < 0 || http->loop.fd < 0 ||
		!tt_loop_watch(&http->loop, other->loop.fd, true, false))
		return false;
	other->follower = http;
	dlist_push_tail(&http->follows, &other->follow_node);
	return true;
}

void
tt_http_unfollow(TtHttp *other)
{
	if (other->follower == NULL)
		return;
	(void) tt_loop_watch(&other->follower->loop, other->loop.fd, false, false);
	dlist_delete(&other->follow_node);
	other->follower = NULL;
}

static uint32
wait_event(bool rate_limited)
{
#ifdef TT_HAVE_NAMED_WAIT_EVENTS
	static uint32 http_event = 0;
	static uint32 rate_event = 0;

	if (http_event == 0)
	{
		http_event = WaitEventExtensionNew("TiktokFdwHttp");
		rate_event = WaitEventExtensionNew("TiktokFdwRateLimit");
	}
	return rate_limited ? rate_event : http_event;
#else
	return PG_WAIT_EXTENSION;
#endif
}

void
tt_http_wait(TtHttp *http, bool rate_limited)
{
	int	 what = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
	long timeout = -1L;
	int	 happened;

	CHECK_FOR_INTERRUPTS();
	if (!dlist_is_empty(&http->group.done) || !dlist_is_empty(&http->group.sent))
		return; /* told by an earlier pump: nothing would wake us */

	if (http->loop.fd >= 0)
		what |= WL_SOCKET_READABLE;
	else
	{
		what |= WL_TIMEOUT;
		timeout = WAIT_SLICE;
	}
	happened = WaitLatchOrSocket(MyLatch, what, http->loop.fd, timeout,
								 wait_event(rate_limited));
	if (happened & WL_LATCH_SET)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

const char *
tt_http_version(void)
{
	init_curl();
	return curl_version();
}

bool
tt_http_pollable(void)
{
#if defined(TT_LOOP_EPOLL) || defined(TT_LOOP_KQUEUE)
	return true;
#else
	return false;
#endif
}
