/*
 * mux.h
 *	  Any number of sockets and two timers behind one pollable descriptor.
 *
 * epoll and timerfd on Linux, kqueue on the BSDs and macOS.  Elsewhere there
 * is no such descriptor (fd stays -1): sockets are then looked at with poll()
 * and whoever waits does so in slices.
 *
 * Only http.c uses this.  Nothing here ereports, palloc's or blocks, so all of
 * it may be called from callbacks of libcurl and of memory contexts.
 */
#ifndef TT_MUX_H
#define TT_MUX_H

#include "postgres.h"

#if !defined(TT_MUX_POLL) && !defined(TT_MUX_KQUEUE) && !defined(TT_MUX_EPOLL)
#if defined(__linux__)
#define TT_MUX_EPOLL
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) || \
	defined(__OpenBSD__) || defined(__DragonFly__)
#define TT_MUX_KQUEUE
#else
#define TT_MUX_POLL
#endif
#endif

/* descriptors that a mux holds open */
#if defined(TT_MUX_EPOLL)
#define TT_MUX_DESCRIPTORS 2
#elif defined(TT_MUX_KQUEUE)
#define TT_MUX_DESCRIPTORS 1
#else
#define TT_MUX_DESCRIPTORS 0
#endif

#define TT_MUX_NEVER PG_INT64_MAX

typedef enum TtMuxTimer
{
	TT_MUX_CURL,  /* libcurl's */
	TT_MUX_WAKE,  /* the caller's wake-up */
	TT_MUX_TIMERS /* how many there are */
} TtMuxTimer;

typedef struct TtMux
{
	int			   fd;						/* what to wait for; -1: closed, or there is none */
	int			   timer_fd;				/* Linux only */
	int64		   deadline[TT_MUX_TIMERS]; /* in microseconds of tt_mux_now() */
	int64		   armed;					/* what the kernel's timer is set to */
	struct pollfd *sockets;					/* without epoll and kqueue: all that are watched */
	int			   n_sockets;
	int			   max_sockets;
} TtMux;

typedef struct TtMuxEvent
{
	int	 fd;
	bool readable;
	bool writable;
	bool error;
} TtMuxEvent;

/* A mux that holds nothing; tt_mux_close() on it is harmless. */
extern void tt_mux_init(TtMux *mux);

/* false: errno says why, and nothing is held. */
extern bool tt_mux_open(TtMux *mux);

/* May be called more than once. */
extern void tt_mux_close(TtMux *mux);

/* What to watch a socket for from now on; neither: forget it.  false: errno. */
extern bool tt_mux_watch(TtMux *mux, int fd, bool readable, bool writable);

/* Set a timer; TT_MUX_NEVER stops it. */
extern void tt_mux_arm(TtMux *mux, TtMuxTimer timer, int64 when);

/* Has the time come?  Says so once: the timer is stopped then. */
extern bool tt_mux_expired(TtMux *mux, TtMuxTimer timer);

/*
 * Up to max sockets that are ready now, without waiting.  Timers are asked
 * about with tt_mux_expired(), both after every call of this.
 */
extern int tt_mux_poll(TtMux *mux, TtMuxEvent *events, int max);

/* Microseconds of a clock that nobody sets back. */
extern int64 tt_mux_now(void);

#endif /* TT_MUX_H */
