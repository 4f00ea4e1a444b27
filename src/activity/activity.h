/*
 * activity.h
 *	  What the scans of all backends are doing now; see tiktok.stat_activity.
 */
#ifndef TT_ACTIVITY_H
#define TT_ACTIVITY_H

#include "postgres.h"

typedef enum TtWaiting
{
	TT_WAITING_NOT,
	TT_WAITING_REPLY,
	TT_WAITING_RATE,  /* the budget, or a penalty */
	TT_WAITING_PAUSE, /* before a try again */
	TT_WAITING_SAME,  /* others that are the same are under way */
	TT_WAITING_SLOT,  /* other scans of the session have all there are */
	TT_WAITING_QUERY  /* it uses the rows, or has not asked for any yet */
} TtWaiting;

/* of one scan */
typedef struct TtProgress
{
	TtWaiting waiting;
	int64	  requests; /* that are done, tries again included */
	int64	  in_flight;
	int64	  planned; /* that are known of, the others included */
	int64	  rows;	   /* in replies */
} TtProgress;

/* a scan, as all backends see it */
typedef struct TtActivity TtActivity;

/* May ereport, so it comes before what has to be released; NULL: no memory for it. */
extern TtActivity *tt_activity_begin(Oid server, Oid relid);

/* These do not ereport; activity may be NULL. */
extern void tt_activity_note(TtActivity *activity, const TtProgress *progress);
extern void tt_activity_end(TtActivity *activity);

#endif /* TT_ACTIVITY_H */
