/*
 * budget_window.h
 *	  A sliding window: how much happened within the last second.
 *
 * Counted in slots of 5 ms over a little more than a second.  A window that is
 * told the time in tens of milliseconds covers ten times as much.  Part of what
 * backends share: whoever calls holds the lock.
 */
#ifndef TT_BUDGET_WINDOW_H
#define TT_BUDGET_WINDOW_H

#include "postgres.h"

#define TT_WINDOW_SLOT	5
#define TT_WINDOW_SLOTS 256 /* in the ring; a power of two */
#define TT_WINDOW_MS	1045

/* when there is room is not known: what is under way fills it */
#define TT_WINDOW_UNKNOWN (TT_WINDOW_MS + 1)

typedef struct TtWindow
{
	int64  newest;					/* number of the newest slot in use */
	uint16 counts[TT_WINDOW_SLOTS]; /* by slot number modulo their number */
} TtWindow;

/* now, in milliseconds of a clock that is never set back and that all processes share */
extern int64 tt_window_now(void);

/* Let time pass: before anything is read. */
extern void tt_window_advance(TtWindow *window, int64 now);

/* One more now, in slot number newest. */
extern void tt_window_count(TtWindow *window, int64 now);

/* What was counted in a slot does not count any more, if it still does. */
extern void tt_window_discount(TtWindow *window, int64 slot, int64 now);

extern int tt_window_sum(const TtWindow *window);

/*
 * When, in ms from now, has the window room for one more than others?  0: it
 * has.
 */
extern int64 tt_window_wait(const TtWindow *window, int64 others, int rate, int64 now);

#endif /* TT_BUDGET_WINDOW_H */
