/*
 * event_loop.c
 *	  Any number of sockets and two timers behind one pollable descriptor.
 *
 * Why: an async Append can wait for exactly one descriptor a scan, while
 * libcurl has several sockets and a timer.  An epoll or kqueue descriptor is
 * itself readable when one of its members has an event, so it can stand for
 * all of them.
 *
 * Both timers (libcurl's and the caller's) share one kernel timer, which is
 * set to the earlier.  Deadlines are kept here and compared with the clock:
 * the kernel's timer only makes the descriptor readable.
 *
 * Owns its descriptors and, on platforms without epoll and kqueue, a malloc'ed
 * array.  Nothing here ereports, palloc's or blocks.
 */
#include "wire/event_loop.h"

#include <errno.h>
#include <unistd.h>

#include "portability/instr_time.h"

#if defined(TT_LOOP_EPOLL)
#include <sys/epoll.h>
#include <sys/timerfd.h>
#elif defined(TT_LOOP_KQUEUE)
#include <fcntl.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#else
#include <poll.h>
#endif

int64
tt_loop_now(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

void
tt_loop_init(TtEventLoop *loop)
{
	memset(loop, 0, sizeof(*loop));
	loop->fd = -1;
	loop->timer_fd = -1;
	loop->armed = TT_LOOP_NEVER;
	for (int i = 0; i < TT_LOOP_TIMERS; i++)
		loop->deadline[i] = TT_LOOP_NEVER;
}

#if defined(TT_LOOP_EPOLL)

bool
tt_loop_open(TtEventLoop *loop)
{
	struct epoll_event event = {0};

	tt_loop_init(loop);
	loop->fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	event.events = EPOLLIN;
	event.data.fd = loop->timer_fd;
	if (loop->fd < 0 || loop->timer_fd < 0 ||
		epoll_ctl(loop->fd, EPOLL_CTL_ADD, loop->timer_fd, &event) < 0)
	{
		int save_errno = errno;

		tt_loop_close(loop);
		errno = save_errno;
		return false;
	}
	return true;
}

void
tt_loop_close(TtEventLoop *loop)
{
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->fd >= 0)
		close(loop->fd);
	tt_loop_init(loop);
}

bool
tt_loop_watch(TtEventLoop *loop, int fd, bool readable, bool writable)
{
	struct epoll_event event = {0};

	if (!readable && !writable)
	{
		/* closed already? then the kernel has forgotten it by itself */
		(void) epoll_ctl(loop->fd, EPOLL_CTL_DEL, fd, &event);
		return true;
	}

	event.events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
	event.data.fd = fd;
	if (epoll_ctl(loop->fd, EPOLL_CTL_MOD, fd, &event) == 0)
		return true;
	return errno == ENOENT && epoll_ctl(loop->fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void
set_kernel_timer(TtEventLoop *loop, int64 when)
{
	struct itimerspec setting = {0};

	if (when != TT_LOOP_NEVER)
	{
		int64 delay = Max(when - tt_loop_now(), 0);

		setting.it_value.tv_sec = (time_t) (delay / 1000000);
		setting.it_value.tv_nsec = (long) (delay % 1000000) * 1000;
		if (delay == 0)
			setting.it_value.tv_nsec = 1; /* zero would stop it */
	}

	/* also takes back that it has fired */
	(void) timerfd_settime(loop->timer_fd, 0, &setting, NULL);
}

int
tt_loop_poll(TtEventLoop *loop, TtLoopEvent *events, int max)
{
	struct epoll_event ready[64];
	int				   n_ready;
	int				   n = 0;

	n_ready = epoll_wait(loop->fd, ready, Min(max, lengthof(ready)), 0);
	for (int i = 0; i < n_ready; i++)
	{
		if (ready[i].data.fd == loop->timer_fd)
		{
			loop->armed = 0; /* has to be set anew, whatever comes */
			continue;
		}
		events[n].fd = ready[i].data.fd;
		events[n].readable = (ready[i].events & EPOLLIN) != 0;
		events[n].writable = (ready[i].events & EPOLLOUT) != 0;
		events[n].error = (ready[i].events & (EPOLLERR | EPOLLHUP)) != 0;
		n++;
	}
	return n;
}

#elif defined(TT_LOOP_KQUEUE)

#define TIMER_IDENT 1

/* The types of kevent's members differ between the BSDs. */
static bool
change(TtEventLoop *loop, uintptr_t ident, int filter, int flags, unsigned int fflags, int64 data)
{
	struct kevent event;

	EV_SET(&event, ident, filter, flags, fflags, data, 0);
	return kevent(loop->fd, &event, 1, NULL, 0, NULL) >= 0;
}

bool
tt_loop_open(TtEventLoop *loop)
{
	tt_loop_init(loop);
	loop->fd = kqueue();
	if (loop->fd < 0)
		return false;
	(void) fcntl(loop->fd, F_SETFD, FD_CLOEXEC);
	return true;
}

void
tt_loop_close(TtEventLoop *loop)
{
	if (loop->fd >= 0)
		close(loop->fd);
	tt_loop_init(loop);
}

bool
tt_loop_watch(TtEventLoop *loop, int fd, bool readable, bool writable)
{
	bool ok = true;

	/* two filters a socket; one that is not there cannot be deleted: no matter */
	if (readable)
		ok = change(loop, fd, EVFILT_READ, EV_ADD, 0, 0);
	else
		(void) change(loop, fd, EVFILT_READ, EV_DELETE, 0, 0);
	if (writable)
		ok = change(loop, fd, EVFILT_WRITE, EV_ADD, 0, 0) && ok;
	else
		(void) change(loop, fd, EVFILT_WRITE, EV_DELETE, 0, 0);
	return ok;
}

static void
set_kernel_timer(TtEventLoop *loop, int64 when)
{
	int64 delay;

	/* deleting first takes back that it has fired */
	(void) change(loop, TIMER_IDENT, EVFILT_TIMER, EV_DELETE, 0, 0);
	if (when == TT_LOOP_NEVER)
		return;

	/* in milliseconds, the unit that every kqueue has, rounded up */
	delay = Max(when - tt_loop_now(), 0);
	(void) change(loop, TIMER_IDENT, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
				  Max((delay + 999) / 1000, 1));
}

int
tt_loop_poll(TtEventLoop *loop, TtLoopEvent *events, int max)
{
	struct kevent	ready[64];
	struct timespec at_once = {0, 0};
	int				n_ready;
	int				n = 0;

	n_ready = kevent(loop->fd, NULL, 0, ready, Min(max, lengthof(ready)), &at_once);
	for (int i = 0; i < n_ready; i++)
	{
		if (ready[i].filter == EVFILT_TIMER)
		{
			loop->armed = 0; /* has to be set anew, whatever comes */
			continue;
		}
		events[n].fd = (int) ready[i].ident;
		events[n].readable = ready[i].filter == EVFILT_READ;
		events[n].writable = ready[i].filter == EVFILT_WRITE;
		events[n].error = (ready[i].flags & EV_ERROR) != 0;
		n++;
	}
	return n;
}

#else /* TT_LOOP_POLL */

bool
tt_loop_open(TtEventLoop *loop)
{
	tt_loop_init(loop);
	return true;
}

void
tt_loop_close(TtEventLoop *loop)
{
	free(loop->sockets);
	tt_loop_init(loop);
}

bool
tt_loop_watch(TtEventLoop *loop, int fd, bool readable, bool writable)
{
	int i;

	for (i = 0; i < loop->n_sockets; i++)
	{
		if (loop->sockets[i].fd == fd)
			break;
	}

	if (!readable && !writable)
	{
		if (i < loop->n_sockets)
			loop->sockets[i] = loop->sockets[--loop->n_sockets];
		return true;
	}

	if (i == loop->max_sockets)
	{
		int			   max = Max(16, loop->max_sockets * 2);
		struct pollfd *grown = realloc(loop->sockets, max * sizeof(struct pollfd));

		if (grown == NULL)
			return false;
		loop->sockets = grown;
		loop->max_sockets = max;
	}
	if (i == loop->n_sockets)
		loop->n_sockets++;
	loop->sockets[i].fd = fd;
	loop->sockets[i].events = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);
	loop->sockets[i].revents = 0;
	return true;
}

static void
set_kernel_timer(TtEventLoop *loop, int64 when)
{
	/* there is none: whoever waits does so in slices */
}

int
tt_loop_poll(TtEventLoop *loop, TtLoopEvent *events, int max)
{
	int n = 0;

	if (loop->n_sockets == 0 || poll(loop->sockets, loop->n_sockets, 0) <= 0)
		return 0;
	for (int i = 0; i < loop->n_sockets && n < max; i++)
	{
		short ready = loop->sockets[i].revents;

		if (ready == 0)
			continue;
		events[n].fd = loop->sockets[i].fd;
		events[n].readable = (ready & POLLIN) != 0;
		events[n].writable = (ready & POLLOUT) != 0;
		events[n].error = (ready & (POLLERR | POLLHUP | POLLNVAL)) != 0;
		n++;
	}
	return n;
}

#endif

/* Set the kernel's timer to the earlier deadline, if it is not set to it. */
static void
rearm(TtEventLoop *loop)
{
	int64 earliest = TT_LOOP_NEVER;

	for (int i = 0; i < TT_LOOP_TIMERS; i++)
		earliest = Min(earliest, loop->deadline[i]);
	if (earliest != loop->armed)
	{
		set_kernel_timer(loop, earliest);
		loop->armed = earliest;
	}
}

void
tt_loop_arm(TtEventLoop *loop, TtLoopTimer timer, int64 when)
{
	loop->deadline[timer] = when;
	rearm(loop);
}

bool
tt_loop_expired(TtEventLoop *loop, TtLoopTimer timer)
{
	bool expired = loop->deadline[timer] <= tt_loop_now();

	if (expired)
		loop->deadline[timer] = TT_LOOP_NEVER;
	rearm(loop);
	return expired;
}
