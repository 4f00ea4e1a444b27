/*
 * slots.h
 *	  Concurrency slots: the bound on requests in flight to a server, which the
 *	  scans of one backend share, and that none of them keeps the others waiting.
 */
#ifndef TT_SLOTS_H
#define TT_SLOTS_H

#include "postgres.h"

#include "wire/http.h"
#include "lib/ilist.h"
#include "utils/timestamp.h"

/* a fetch, as the others see it */
typedef struct TtSlots
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
	const void *beside;	 /* scans with the same share the bound on pages */
	const void *query;	 /* of which it is a scan; NULL: not known */
	bool		ahead;	 /* it sends, and nobody has asked it for rows yet */
	bool		parked;	 /* its rows are being used, it wants nothing */
	bool		starved; /* would send if it might */
	TimestampTz starved_since;
	int			patience; /* ms until it looks again */
	TimestampTz wake;	  /* when it looks again by itself; 0: never */
} TtSlots;

extern void tt_slots_enter(TtSlots *slots);

/* Also from a reset callback: does not ereport. */
extern void tt_slots_leave(TtSlots *slots);

/* whether it may begin one more job */
extern bool tt_slots_may_hold(TtSlots *slots);

/* the same of one that is ahead: together with the other scans of its query */
extern bool tt_slots_may_hold_ahead(const TtSlots *slots);

/* whether it may send one more request; if not, it is starved from now on */
extern bool tt_slots_may_send(TtSlots *slots);

/* It has sent one, or wants none any more. */
extern void tt_slots_content(TtSlots *slots);

/* Something of it came to an end: those who starve may look again. */
extern void tt_slots_landed(TtSlots *slots);

/* When it looks again by itself: then (0: never), and soon if it is starved. */
extern void tt_slots_wait(TtSlots *slots, TimestampTz wake);

/*
 * Look at those that are ahead whenever this one waits; whether any has requests
 * under way, which somebody has to pump then.
 */
extern bool tt_slots_follow_ahead(TtSlots *slots);

/* Let the requests of the other scans go out and come in; classifies nothing. */
extern void tt_slots_pump_others(TtSlots *slots);

#endif /* TT_SLOTS_H */
