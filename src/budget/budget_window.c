/*
 * budget_window.c
 *	  Counting what happened within the last second.
 */
#include "postgres.h"

#include "budget/budget_window.h"

#include "portability/instr_time.h"

/* slots that count: 1040 to 1045 ms */
#define WINDOW (TT_WINDOW_MS / TT_WINDOW_SLOT)

int64
tt_window_now(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

/* Let time pass: slots that are new since the last time are empty. */
void
tt_window_advance(TtWindow *window, int64 now)
{
	int64 slot = now / TT_WINDOW_SLOT;

	if (slot - window->newest >= TT_WINDOW_SLOTS)
		memset(window->counts, 0, sizeof(window->counts));
	else
	{
		for (int64 i = window->newest + 1; i <= slot; i++)
			window->counts[i % TT_WINDOW_SLOTS] = 0;
	}
	window->newest = Max(window->newest, slot);
}

int
tt_window_sum(const TtWindow *window)
{
	int sum = 0;

	for (int64 i = window->newest - WINDOW + 1; i <= window->newest; i++)
		sum += window->counts[i % TT_WINDOW_SLOTS];
	return sum;
}

void
tt_window_count(TtWindow *window, int64 now)
{
	uint16 *slot;

	tt_window_advance(window, now);
	slot = &window->counts[window->newest % TT_WINDOW_SLOTS];
	if (*slot < PG_UINT16_MAX)
		(*slot)++;
}

/* Slots older than the ring were used again. */
void
tt_window_discount(TtWindow *window, int64 slot, int64 now)
{
	tt_window_advance(window, now);
	if (slot > window->newest - TT_WINDOW_SLOTS && window->counts[slot % TT_WINDOW_SLOTS] > 0)
		window->counts[slot % TT_WINDOW_SLOTS]--;
}

int64
tt_window_wait(const TtWindow *window, int64 others, int rate, int64 now)
{
	int64 must_go = tt_window_sum(window) + others - rate + 1;

	if (must_go <= 0)
		return 0;
	for (int64 i = window->newest - WINDOW + 1; i <= window->newest; i++)
	{
		must_go -= window->counts[i % TT_WINDOW_SLOTS];
		if (must_go <= 0)
			return Max((i + WINDOW) * TT_WINDOW_SLOT - now, 1);
	}
	return TT_WINDOW_UNKNOWN;
}
