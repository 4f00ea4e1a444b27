/*
 * pages.c
 *	  The pages of a run: asked for, taken, decoded, counted.
 */
#include "postgres.h"

#include "scan/scan.h"

#include "common/int.h"
#include "executor/executor.h"
#include "failure/failure.h"

void
tt_scan_ask(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;

	state->fetch = tt_fetch_create(state->table, state->options, &state->query,
								   state->projection, &state->stats);
	tt_fetch_of_query(state->fetch, node->ss.ps.state);
}

bool
tt_scan_next_page(TtScanState *state, bool wait)
{
	if (state->page != NULL)
		tt_fetch_release(state->page);
	state->page = NULL;
	state->row = 0;
	if (state->finished)
		return false;
	tt_fetch_share(state->fetch, wait ? NULL : state->append);
	state->page = tt_fetch_next(state->fetch, wait, &state->finished);
	return state->page != NULL;
}

void
tt_scan_decode(TtScanState *state, TtPage *page, int row, Datum *values, bool *nulls)
{
	MemoryContext old = MemoryContextSwitchTo(page->context);
	TtOrigin	  origin;

	origin.account = page->account;
	origin.currency = tt_currencies_get(state->currencies, page->account);
	origin.period = page->period[0] != NULL ? page->period : NULL;
	origin.asked = page->asked;
	origin.page = page->number;
	origin.endpoint = state->table->stream->endpoint->path;
	origin.request_id = page->reply->request_id;
	tt_failure_account_set(page->account);
	tt_decoder_row(state->decoder, page->reply, row, &origin, values, nulls);
	tt_failure_account_set(0);
	MemoryContextSwitchTo(old);
}

/* ---- count(*) ----------------------------------------------------------------- */

/* Of what is only counted the totals are asked for first. */
static void
ask_totals(TtScanState *state, bool totals)
{
	if (totals)
		state->page_size = state->query.page_size;
	state->query.exact = true;
	state->query.totals_only = totals;
	state->query.page_size = totals ? 1 : state->page_size;
}

void
tt_scan_count_begin(TtScanState *state)
{
	ask_totals(state, true);
}

/*
 * count(*): the sum of what the API says it has, a request for one row per
 * unit.  An API that does not tell is read to the end.
 */
static int64
count_rows(ForeignScanState *node)
{
	TtScanState *state = node->fdw_state;
	int64		 count = 0;

	if (state->finished)
		return 0;
	while (tt_scan_next_page(state, true))
	{
		if (!state->page->reply->has_page_info || state->page->reply->total_number < 0)
			break;
		/* no list is that long, but a reply may say anything */
		if (pg_add_s64_overflow(count, state->page->reply->total_number, &count))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("the TikTok API says that foreign table \"%s\" has more rows than can be counted",
							state->table->name)));
	}
	if (state->page == NULL)
		return count;
	count = 0;
	state->page = NULL;
	tt_fetch_end(state->fetch);
	ask_totals(state, false);
	state->finished = false;
	tt_scan_ask(node);
	while (tt_scan_next_page(state, true))
		count += state->page->reply->nrows;
	return count;
}

TupleTableSlot *
tt_scan_count(ForeignScanState *node)
{
	TtScanState	   *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	MemoryContext	old;
	int64			count;

	if (state->handed_on > 0)
		return slot;
	old = MemoryContextSwitchTo(state->run);
	count = count_rows(node);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		slot->tts_values[i] = Int64GetDatum(count);
		slot->tts_isnull[i] = false;
	}
	state->handed_on++;
	return ExecStoreVirtualTuple(slot);
}
