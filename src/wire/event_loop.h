/*
 * event_loop.h
 *	  Event loop: any number of sockets and two timers behind one pollable descriptor.
 *
 * epoll and timerfd on Linux, kqueue on the BSDs and macOS.  Elsewhere there
 * is no such descriptor (fd stays -1): sockets are then looked at with poll()
 * and whoever waits does so in slices.
 *
 * Only wire/http.c uses this.  Nothing here ereports, palloc's or blocks, so all of
 * it may be called from callbacks of libcurl and of memory contexts.
 */
#ifndef TT_LOOP_H
#define TT_LOOP_H

#include "postgres.h"

#if !defined(TT_LOOP_POLL) && !defined(TT_LOOP_KQUEUE) && !defined(TT_LOOP_EPOLL)
#if defined(__linux__)
#define TT_LOOP_EPOLL
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) || \
	defined(__OpenBSD__) || defined(__DragonFly__)
#define TT_LOOP_KQUEUE
#else
#define TT_LOOP_POLL
#endif
#endif

/* descriptors that a loop holds open */
#if defined(TT_LOOP_EPOLL)
#define TT_LOOP_DESCRIPTORS 2
#elif defined(TT_LOOP_KQUEUE)
#define TT_LOOP_DESCRIPTORS 1
#else
#define TT_LOOP_DESCRIPTORS 0
#endif

#define TT_LOOP_NEVER PG_INT64_MAX

typedef enum TtLoopTimer
{
	TT_LOOP_CURL,  /* libcurl's */
	TT_LOOP_WAKE,  /* the caller's wake-up */
	TT_LOOP_TIMERS /* how many there are */
} TtLoopTimer;

typedef struct TtEventLoop
{
	int			   fd;						 /* what to wait for; -1: closed, or there is none */
	int			   timer_fd;				 /* Linux only */
	int64		   deadline[TT_LOOP_TIMERS]; /* in microseconds of tt_loop_now() */
	int64		   armed;					 /* what the kernel's timer is set to */
	struct pollfd *sockets;					 /* without epoll and kqueue: all that are watched */
	int			   n_sockets;
	int			   max_sockets;
} TtEventLoop;

typedef struct TtLoopEvent
{
	int	 fd;
	bool readable;
	bool writable;
	bool error;
} TtLoopEvent;

/* A loop that holds nothing; tt_loop_close() on it is harmless. */
extern void tt_loop_init(TtEventLoop *loop);

/* false: errno says why, and nothing is held. */
extern bool tt_loop_open(TtEventLoop *loop);

/* May be called more than once. */
extern void tt_loop_close(TtEventLoop *loop);

/* What to watch a socket for from now on; neither: forget it.  false: errno. */
extern bool tt_loop_watch(TtEventLoop *loop, int fd, bool readable, bool writable);

/* Set a timer; TT_LOOP_NEVER stops it. */
extern void tt_loop_arm(TtEventLoop *loop, TtLoopTimer timer, int64 when);

/* Has the time come?  Says so once: the timer is stopped then. */
extern bool tt_loop_expired(TtEventLoop *loop, TtLoopTimer timer);

/*
 * Up to max sockets that are ready now, without waiting.  Timers are asked
 * about with tt_loop_expired(), both after every call of this.
 */
extern int tt_loop_poll(TtEventLoop *loop, TtLoopEvent *events, int max);

/* Microseconds of a clock that nobody sets back. */
extern int64 tt_loop_now(void);

#endif /* TT_LOOP_H */
