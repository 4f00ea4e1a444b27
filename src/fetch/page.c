/*
 * page.c
 *	  A good reply: a page that is checked, learned from and handed on.
 *
 * Its rows must be those that were asked for (verify/), and it must fit what its
 * unit promised; a unit that cannot be right is read again once, if none of its
 * rows left.
 */
#include "postgres.h"

#include "fetch/fetch_private.h"

#include <limits.h>

#include "utils/builtins.h"

static bool
by_cursor(const TtFetch *fetch)
{
	return fetch->reading.query->stream->endpoint->paging == TT_PAGING_CURSOR;
}

/*
 * A list that is read by cursor says with each page whether another one follows,
 * and where it begins.  Returns what is wrong with the page; NULL: nothing.
 */
static const char *
follow_cursor(TtFetchUnit *unit, const TtReply *reply)
{
	char *before = unconstify(char *, unit->unit.cursor);

	if (reply->more < 0)
		return "the page does not say whether it is the last";
	if (reply->more == 0)
		return NULL;
	/* without rows, nothing tells a list that is long from one that goes in circles */
	if (reply->nrows == 0)
		return "the page is empty, and not the last";
	if (reply->cursor == NULL || (before != NULL && strcmp(reply->cursor, before) == 0))
		return "the page is not the last, and does not say where the next one begins";
	unit->unit.cursor = MemoryContextStrdup(GetMemoryChunkContext(unit), reply->cursor);
	if (before != NULL)
		pfree(before);
	unit->pages++;
	return NULL;
}

/* How many pages a unit has, once its first page came. */
static void
unit_learn(const TtFetch *fetch, TtFetchUnit *unit, const TtReply *reply)
{
	int page_size = unit->page_size;

	unit->known = true;
	unit->total = reply->has_page_info ? reply->total_number : -1;
	if (page_size == 0 || fetch->reading.query->totals_only || by_cursor(fetch))
		return;
	/* a server may give smaller pages than were asked for */
	if (reply->has_page_info && reply->page_size > 0 && reply->page_size < page_size)
		page_size = (int) reply->page_size;
	if (unit->total >= 0)
		unit->pages = (int) Max(Min(unit->total / page_size +
										(unit->total % page_size != 0),
									INT_MAX),
								1);
	else if (reply->has_page_info && reply->total_page >= 0)
		unit->pages = (int) Max(Min(reply->total_page, INT_MAX), 1);
}

/* the column that names what a list holds, as the table calls it */
static const char *
key_column(const TtTable *table)
{
	for (int i = 0; i < table->natts && table->nkeys > 0; i++)
		if (!table->columns[i].dropped && strcmp(table->columns[i].path, table->key_paths[0]) == 0)
			return table->columns[i].name;
	return table->stream->key;
}

/*
 * A list as long as the API gives may be longer, and nobody knows what is
 * missing.  That is said before the last of its rows leaves, or at once where
 * all will be wanted.
 */
static void
check_row_limit(const TtFetch *fetch, const TtFetchJob *job, bool last, const TtFailure *failure)
{
	const TtFetchUnit *unit = job->unit;
	const TtQuery	  *query = fetch->reading.query;
	int				   max_rows = query->stream->endpoint->max_rows;
	int64			   bound = query->row_bound;

	if (max_rows == 0 || unit->total < max_rows ||
		(bound > 0 && bound < max_rows && !last &&
		 (int64) job->page * unit->page_size < max_rows))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("advertiser " INT64_FORMAT " has too many rows in foreign table \"%s\" for the TikTok API to list them all",
					failure->account, failure->table->name),
			 errdetail("TikTok lists only the newest %d of an account. Endpoint %s.", max_rows,
					   failure->endpoint),
			 errhint("Add a condition on %s, for example WHERE %s IN (...).",
					 quote_identifier(key_column(failure->table)),
					 quote_identifier(key_column(failure->table)))));
}

/* Rows that were not asked for, or came with another unit, are an ERROR. */
static void
check_rows(TtFetch *fetch, const TtFetchJob *job, TtReply *reply, const TtFailure *failure)
{
	TtFetchUnit *unit = job->unit;

	if (unit->page_size == 0)
		tt_rows_drop_repeated(&fetch->reading.verify, reply);
	tt_rows_check_asked_for(&unit->rows, unit->plain, reply, failure);
	/* the parts of a unit have the same rows; one of them will do */
	if (job->page == 1 && unit->part == 0)
		tt_rows_check_first(&unit->rows, reply, failure);
}

/*
 * The rows of a page, and whether it says that there is another one.  Returns
 * what is wrong with it; NULL: nothing.
 */
static const char *
count_rows(const TtFetch *fetch, const TtFetchJob *job, const TtReply *reply)
{
	TtFetchUnit *unit = job->unit;

	unit->nrows += reply->nrows;
	if (fetch->reading.query->totals_only)
		unit->nrows = unit->total;
	else if (by_cursor(fetch))
		return follow_cursor(unit, reply);
	/* without a total, the list ends at a page that is not full */
	else if (unit->total < 0 && unit->page_size > 0 && job->page == unit->pages &&
			 reply->nrows >= unit->page_size)
		unit->pages++;
	return NULL;
}

/*
 * What is wrong with the unit, now that this page of it came; NULL: nothing.
 * *last: all of its pages came.
 */
static const char *
find_mismatch(const TtFetch *fetch, const TtFetchJob *job, const TtReply *reply,
			  const TtFailure *failure, bool *last)
{
	TtFetchUnit *unit = job->unit;
	const char	*wrong;

	if (!unit->known)
		unit_learn(fetch, unit, reply);
	else if (reply->total_number >= 0 && unit->total >= 0 &&
			 reply->total_number != unit->total)
		return "the total number of rows changed between pages";
	tt_rows_check_kinds(&unit->rows, reply, failure);
	wrong = count_rows(fetch, job, reply);
	if (wrong != NULL)
		return wrong;
	*last = unit->jobs == 1 && unit->next_page > unit->pages;
	check_row_limit(fetch, job, *last, failure);
	if (!tt_rows_add(&unit->rows, reply) || (*last && !tt_rows_settle(&unit->rows)))
		return "a row came twice";
	/* no page within the total is empty: the others need not be waited for */
	if ((*last || reply->nrows == 0) && unit->total >= 0 && unit->nrows != unit->total)
		return psprintf(INT64_FORMAT " rows were promised, " INT64_FORMAT " came",
						unit->total, unit->nrows);
	return NULL;
}

/* The unit cannot be right: read it again once, if none of its rows left. */
static void
read_again(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure, const char *mismatch)
{
	if (unit->reread || tt_unit_handed_on(unit))
		tt_failure_incomplete(failure, mismatch);
	unit->reread = true;
	fetch->reading.stats->retries++;
	tt_unit_restart(&fetch->reading, unit);
}

/*
 * Queue a page, and finish its unit if that was the last.  A page of a part may be
 * gone, and its memory, before it is found that the parts do not fit: what the
 * error says of the request is kept.
 */
static void
hand_over(TtFetch *fetch, TtFetchUnit *unit, const TtFailure *failure, MemoryContext context,
		  bool queued, bool last)
{
	TtReply	 *page = unconstify(TtReply *, failure->reply);
	TtReply	  head = *page;
	TtFailure own = *failure;

	own.reply = &head;
	if (queued && unit->parts != NULL)
	{
		head.request_id = pstrdup(head.request_id);
		head.message = pstrdup(head.message);
	}
	if (queued)
		tt_unit_add_page(&fetch->reading, unit, page, failure->page, context);
	if (last && !tt_unit_finish(&fetch->reading, unit))
		tt_failure_incomplete(&own, "a row came for some of its metrics only");
}

bool
tt_page_arrived(TtFetch *fetch, TtFetchJob *job, const TtFailure *failure, TtReply *reply,
				MemoryContext context)
{
	TtReading	*reading = &fetch->reading;
	TtFetchUnit *unit = job->unit;
	const char	*mismatch;
	bool		 last = false;
	bool		 queued;

	if (tt_refused_answered(&fetch->refused, unit))
		return false;
	if (reply->ads_throttled || failure->http->ads_throttled)
	{
		if (!reading->query->cut_will_do)
		{
			tt_split_truncated(&fetch->split, unit, failure);
			return false;
		}
		reply->ads_throttled = true;
	}
	check_rows(fetch, job, reply, failure);
	reading->stats->pages++;
	reading->stats->rows += reply->nrows;
	fetch->rows_arrived += reply->nrows;
	mismatch = find_mismatch(fetch, job, reply, failure, &last);
	if (mismatch != NULL)
	{
		read_again(fetch, unit, failure, mismatch);
		return false;
	}
	tt_unit_leave_out_rows(reading, unit, reply);
	queued = reply->nrows > 0 || reading->query->totals_only;
	tt_job_free(reading, job);
	hand_over(fetch, unit, failure, context, queued, last);
	return queued;
}
