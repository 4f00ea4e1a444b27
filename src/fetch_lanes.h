/*
 * fetch_lanes.h
 *	  What the scans of one backend share: the bound on requests in flight to a
 *	  server, and that none of them keeps the others waiting.
 */
#ifndef TT_FETCH_LANES_H
#define TT_FETCH_LANES_H

#include "postgres.h"

#include "http.h"
#include "lib/ilist.h"
#include "utils/timestamp.h"

/* a fetch, as the others see it */
typedef struct TtLane
{
	dlist_node node; /* while it is entered */
	bool	   entered;
	Oid		   serverid;
	int		   concurrency; /* option of the server */
	TtHttp	  *http;
	void (*tell_sent)(void *arg); /* tells the budget what went out; may
											 * not ereport */
	void	   *arg;
	int			held;	 /* jobs and pages that are not given back */
	const void *beside;	 /* lanes with the same share the bound on pages */
	bool		parked;	 /* its rows are being used, it wants nothing */
	bool		starved; /* would send if it might */
	TimestampTz starved_since;
	int			patience; /* ms until it looks again */
	TimestampTz wake;	  /* when it looks again by itself; 0: never */
} TtLane;

extern void tt_lane_enter(TtLane *lane);

/* Also from a reset callback: does not ereport. */
extern void tt_lane_leave(TtLane *lane);

/* whether it may begin one more job */
extern bool tt_lane_may_hold(TtLane *lane);

/* whether it may send one more request; if not, it is starved from now on */
extern bool tt_lane_may_send(TtLane *lane);

/* It has sent one, or wants none any more. */
extern void tt_lane_content(TtLane *lane);

/* Something of it came to an end: those who starve may look again. */
extern void tt_lane_landed(TtLane *lane);

/* When it looks again by itself: then (0: never), and soon if it is starved. */
extern void tt_lane_wait(TtLane *lane, TimestampTz wake);

/* Let the requests of the other lanes go out and come in; judges nothing. */
extern void tt_lane_pump_others(TtLane *lane);

#endif /* TT_FETCH_LANES_H */
