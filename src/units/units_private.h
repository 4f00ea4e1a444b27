/*
 * units_private.h
 *	  What the files of this folder share: the parts of a unit (parts.c), its jobs
 *	  (jobs.c) and its waiting pages (pages.c), as units.c needs them.  Nobody else
 *	  includes it.
 */
#ifndef TT_UNITS_PRIVATE_H
#define TT_UNITS_PRIVATE_H

#include "units/units.h"

/* jobs.c: all jobs of a unit; those that were blocked are sent (again) */
extern void tt_jobs_drop(TtReading *reading, const TtFetchUnit *unit);
extern void tt_jobs_unblock(TtReading *reading);

/* Count a request that was sent and whose reply nobody waits for any more. */
extern void tt_job_count_given_up(TtReading *reading, const TtFetchJob *job);

/*
 * pages.c.  add: a page waits to be taken, and owns its context from now on.
 * drop: those of a unit; of an account, or all, also of finished units.
 */
extern void tt_page_add(TtReading *reading, TtFetchUnit *unit, TtReply *reply, int number,
						MemoryContext context);
extern void tt_pages_drop(TtReading *reading, TtFetchUnit *unit);
extern void tt_pages_drop_owner(TtReading *reading, int64 owner);
extern void tt_pages_drop_all(TtReading *reading);

/* Free a unit that was read to its end, if its last page was taken. */
extern void tt_unit_release(TtFetchUnit *unit);

/* parts.c: what the parts of a unit say of a row is put together */
extern TtParts		*tt_parts_create(TtReading *reading, const TtUnit *whole);
extern void			 tt_parts_enter(TtParts *parts, TtFetchUnit *unit);
extern int			 tt_parts_count(const TtParts *parts);
extern TtFetchUnit	*tt_parts_get(const TtParts *parts, int part);
extern const TtUnit *tt_parts_whole(const TtParts *parts);

/* a page of a part came; owns its context from now on */
extern void tt_parts_add_page(TtReading *reading, TtFetchUnit *unit, TtReply *reply,
							  int number, MemoryContext context);

/* A part was read to its end: false if it was the last and rows are left over. */
extern bool tt_parts_leave(TtFetchUnit *unit);

/* The pages that wait are dropped. */
extern void tt_parts_free(TtParts *parts);

/*
 * left_out.c.  init: by which values of a row it counts as idle.  leave_out: such rows
 * of a page that is complete, if the query does not want them.
 */
extern void tt_idle_init(TtReading *reading);
extern void tt_idle_leave_out(TtReading *reading, TtReply *reply);

#endif /* TT_UNITS_PRIVATE_H */
