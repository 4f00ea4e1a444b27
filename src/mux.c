/*
 * mux.c
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
#include "mux.h"

#include <errno.h>
#include <unistd.h>

#include "portability/instr_time.h"

#if defined(TT_MUX_EPOLL)
#include <sys/epoll.h>
#include <sys/timerfd.h>
#elif defined(TT_MUX_KQUEUE)
#include <fcntl.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#else
#include <poll.h>
#endif

int64
tt_mux_now(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

void
tt_mux_init(TtMux *mux)
{
	memset(mux, 0, sizeof(*mux));
	mux->fd = -1;
	mux->timer_fd = -1;
	mux->armed = TT_MUX_NEVER;
	for (int i = 0; i < TT_MUX_TIMERS; i++)
		mux->deadline[i] = TT_MUX_NEVER;
}

#if defined(TT_MUX_EPOLL)

bool
tt_mux_open(TtMux *mux)
{
	struct epoll_event event = {0};

	tt_mux_init(mux);
	mux->fd = epoll_create1(EPOLL_CLOEXEC);
	mux->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	event.events = EPOLLIN;
	event.data.fd = mux->timer_fd;
	if (mux->fd < 0 || mux->timer_fd < 0 ||
		epoll_ctl(mux->fd, EPOLL_CTL_ADD, mux->timer_fd, &event) < 0)
	{
		int save_errno = errno;

		tt_mux_close(mux);
		errno = save_errno;
		return false;
	}
	return true;
}

void
tt_mux_close(TtMux *mux)
{
	if (mux->timer_fd >= 0)
		close(mux->timer_fd);
	if (mux->fd >= 0)
		close(mux->fd);
	tt_mux_init(mux);
}

bool
tt_mux_watch(TtMux *mux, int fd, bool readable, bool writable)
{
	struct epoll_event event = {0};

	if (!readable && !writable)
	{
		/* closed already? then the kernel has forgotten it by itself */
		(void) epoll_ctl(mux->fd, EPOLL_CTL_DEL, fd, &event);
		return true;
	}

	event.events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
	event.data.fd = fd;
	if (epoll_ctl(mux->fd, EPOLL_CTL_MOD, fd, &event) == 0)
		return true;
	return errno == ENOENT && epoll_ctl(mux->fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void
set_kernel_timer(TtMux *mux, int64 when)
{
	struct itimerspec setting = {0};

	if (when != TT_MUX_NEVER)
	{
		int64 delay = Max(when - tt_mux_now(), 0);

		setting.it_value.tv_sec = (time_t) (delay / 1000000);
		setting.it_value.tv_nsec = (long) (delay % 1000000) * 1000;
		if (delay == 0)
			setting.it_value.tv_nsec = 1; /* zero would stop it */
	}

	/* also takes back that it has fired */
	(void) timerfd_settime(mux->timer_fd, 0, &setting, NULL);
}

int
tt_mux_poll(TtMux *mux, TtMuxEvent *events, int max)
{
	struct epoll_event ready[64];
	int				   n_ready;
	int				   n = 0;

	n_ready = epoll_wait(mux->fd, ready, Min(max, lengthof(ready)), 0);
	for (int i = 0; i < n_ready; i++)
	{
		if (ready[i].data.fd == mux->timer_fd)
		{
			mux->armed = 0; /* has to be set anew, whatever comes */
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

#elif defined(TT_MUX_KQUEUE)

#define TIMER_IDENT 1

/* The types of kevent's members differ between the BSDs. */
static bool
change(TtMux *mux, uintptr_t ident, int filter, int flags, unsigned int fflags, int64 data)
{
	struct kevent event;

	EV_SET(&event, ident, filter, flags, fflags, data, 0);
	return kevent(mux->fd, &event, 1, NULL, 0, NULL) >= 0;
}

bool
tt_mux_open(TtMux *mux)
{
	tt_mux_init(mux);
	mux->fd = kqueue();
	if (mux->fd < 0)
		return false;
	(void) fcntl(mux->fd, F_SETFD, FD_CLOEXEC);
	return true;
}

void
tt_mux_close(TtMux *mux)
{
	if (mux->fd >= 0)
		close(mux->fd);
	tt_mux_init(mux);
}

bool
tt_mux_watch(TtMux *mux, int fd, bool readable, bool writable)
{
	bool ok = true;

	/* two filters a socket; one that is not there cannot be deleted: no matter */
	if (readable)
		ok = change(mux, fd, EVFILT_READ, EV_ADD, 0, 0);
	else
		(void) change(mux, fd, EVFILT_READ, EV_DELETE, 0, 0);
	if (writable)
		ok = change(mux, fd, EVFILT_WRITE, EV_ADD, 0, 0) && ok;
	else
		(void) change(mux, fd, EVFILT_WRITE, EV_DELETE, 0, 0);
	return ok;
}

static void
set_kernel_timer(TtMux *mux, int64 when)
{
	int64 delay;

	/* deleting first takes back that it has fired */
	(void) change(mux, TIMER_IDENT, EVFILT_TIMER, EV_DELETE, 0, 0);
	if (when == TT_MUX_NEVER)
		return;

	/* in milliseconds, the unit that every kqueue has, rounded up */
	delay = Max(when - tt_mux_now(), 0);
	(void) change(mux, TIMER_IDENT, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
				  Max((delay + 999) / 1000, 1));
}

int
tt_mux_poll(TtMux *mux, TtMuxEvent *events, int max)
{
	struct kevent	ready[64];
	struct timespec at_once = {0, 0};
	int				n_ready;
	int				n = 0;

	n_ready = kevent(mux->fd, NULL, 0, ready, Min(max, lengthof(ready)), &at_once);
	for (int i = 0; i < n_ready; i++)
	{
		if (ready[i].filter == EVFILT_TIMER)
		{
			mux->armed = 0; /* has to be set anew, whatever comes */
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

#else /* TT_MUX_POLL */

bool
tt_mux_open(TtMux *mux)
{
	tt_mux_init(mux);
	return true;
}

void
tt_mux_close(TtMux *mux)
{
	free(mux->sockets);
	tt_mux_init(mux);
}

bool
tt_mux_watch(TtMux *mux, int fd, bool readable, bool writable)
{
	int i;

	for (i = 0; i < mux->n_sockets; i++)
	{
		if (mux->sockets[i].fd == fd)
			break;
	}

	if (!readable && !writable)
	{
		if (i < mux->n_sockets)
			mux->sockets[i] = mux->sockets[--mux->n_sockets];
		return true;
	}

	if (i == mux->max_sockets)
	{
		int			   max = Max(16, mux->max_sockets * 2);
		struct pollfd *grown = realloc(mux->sockets, max * sizeof(struct pollfd));

		if (grown == NULL)
			return false;
		mux->sockets = grown;
		mux->max_sockets = max;
	}
	if (i == mux->n_sockets)
		mux->n_sockets++;
	mux->sockets[i].fd = fd;
	mux->sockets[i].events = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);
	mux->sockets[i].revents = 0;
	return true;
}

static void
set_kernel_timer(TtMux *mux, int64 when)
{
	/* there is none: whoever waits does so in slices */
}

int
tt_mux_poll(TtMux *mux, TtMuxEvent *events, int max)
{
	int n = 0;

	if (mux->n_sockets == 0 || poll(mux->sockets, mux->n_sockets, 0) <= 0)
		return 0;
	for (int i = 0; i < mux->n_sockets && n < max; i++)
	{
		short ready = mux->sockets[i].revents;

		if (ready == 0)
			continue;
		events[n].fd = mux->sockets[i].fd;
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
rearm(TtMux *mux)
{
	int64 earliest = TT_MUX_NEVER;

	for (int i = 0; i < TT_MUX_TIMERS; i++)
		earliest = Min(earliest, mux->deadline[i]);
	if (earliest != mux->armed)
	{
		set_kernel_timer(mux, earliest);
		mux->armed = earliest;
	}
}

void
tt_mux_arm(TtMux *mux, TtMuxTimer timer, int64 when)
{
	mux->deadline[timer] = when;
	rearm(mux);
}

bool
tt_mux_expired(TtMux *mux, TtMuxTimer timer)
{
	bool expired = mux->deadline[timer] <= tt_mux_now();

	if (expired)
		mux->deadline[timer] = TT_MUX_NEVER;
	rearm(mux);
	return expired;
}
