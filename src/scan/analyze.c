/*
 * analyze.c
 *	  ANALYZE of a foreign table: reads it and keeps a random sample.
 *
 * The API cannot sample, so all rows pass by; a report by day or hour is read
 * for its last 30 days only, one by period for those as one period.  Runs with
 * the user mapping of the table's owner, whom ANALYZE has made the current user.
 */
#include "postgres.h"

#include "scan/analyze.h"

#include "access/htup_details.h"
#include "accounts/accounts.h"
#include "commands/vacuum.h"
#include "compat.h"
#include "reply/decode.h"
#include "fetch/fetch.h"
#include "foreign/foreign.h"
#include "shared/row_estimates.h"
#include "miscadmin.h"
#include "query/query.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sampling.h"

typedef struct Sample
{
	HeapTuple		  *rows;
	int				   size;
	int				   taken;
	double			   seen;
	double			   to_skip; /* < 0: not yet drawn */
	ReservoirStateData state;
	TupleDesc		   desc;
	MemoryContext	   context; /* of the tuples kept */
} Sample;

/* Vitter's reservoir, as file_fdw does it. */
static void
sample_row(Sample *sample, Datum *values, bool *nulls)
{
	MemoryContext old = MemoryContextSwitchTo(sample->context);

	if (sample->taken < sample->size)
		sample->rows[sample->taken++] = heap_form_tuple(sample->desc, values, nulls);
	else
	{
		if (sample->to_skip < 0)
			sample->to_skip = reservoir_get_next_S(&sample->state, sample->seen,
												   sample->size);
		if (sample->to_skip <= 0)
		{
			int k = (int) (sample->size *
						   sampler_random_fract(&sample->state.randstate));

			heap_freetuple(sample->rows[k]);
			sample->rows[k] = heap_form_tuple(sample->desc, values, nulls);
		}
		sample->to_skip -= 1;
	}
	sample->seen += 1;
	MemoryContextSwitchTo(old);
}

static void
sample_page(Sample *sample, TtDecoder *decoder, const TtTable *table,
			const TtOptions *options, const TtCurrencies *currencies, TtPage *page)
{
	MemoryContext old = MemoryContextSwitchTo(page->context);
	Datum		 *values = palloc(sizeof(Datum) * sample->desc->natts);
	bool		 *nulls = palloc(sizeof(bool) * sample->desc->natts);
	TtOrigin	  origin = {0};

	origin.account = page->account;
	origin.currency = tt_currencies_get(currencies, page->account);
	origin.period = page->period[0] != NULL ? page->period : NULL;
	origin.asked = page->asked;
	origin.page = page->number;
	origin.endpoint = table->stream->endpoint->path;
	origin.request_id = page->reply->request_id;
	for (int row = 0; row < page->reply->nrows; row++)
	{
		TT_VACUUM_DELAY_POINT();
		if (!tt_accounts_hold_row(table, options, page, row))
			continue;
		tt_decoder_row(decoder, page->reply, row, &origin, values, nulls);
		sample_row(sample, values, nulls);
	}
	MemoryContextSwitchTo(old);
}

/* Read the table (a dated report: its last 30 days, or one period of them) into the sample. */
static void
read_table(Relation relation, Sample *sample)
{
	TtTable		 *table = tt_table_get(relation);
	TtOptions	 *options = tt_options_get(GetForeignTable(RelationGetRelid(relation))->serverid,
										   RelationGetRelid(relation), GetUserId(), true);
	List		 *attrs = NIL;
	TtProjection *projection;
	TtDecoder	 *decoder;
	TtBounds	  bounds;
	TtQuery		  query;
	TtFetchStats  stats = {0};
	TtCurrencies *currencies = NULL;
	TtFetch		 *fetch;
	TtPage		 *page;
	bool		  finished;

	tt_query_check_environment(table, options);
	tt_accounts_require_app(table, options);
	if (table->stream->report.grain != TT_GRAIN_NONE &&
		options->start_date <= tt_query_last_day() - TT_ASSUMED_DAYS)
		options->has_start_date = false;
	for (int attnum = 1; attnum <= table->natts; attnum++)
		if (!table->columns[attnum - 1].dropped)
			attrs = lappend_int(attrs, attnum);
	projection = tt_query_projection(table, attrs);
	decoder = tt_decoder_create(table, sample->desc, projection->slots);
	tt_bounds_init(&bounds);
	tt_query_build(&query, table, options, attrs, &bounds, false);
	if (bounds.nothing)
		return;
	if (query.naccounts == 0 &&
		table->stream->endpoint->account_param != TT_ACCOUNT_NONE &&
		table->stream->endpoint->account_param != TT_ACCOUNT_TOKEN)
	{
		int64 *accounts;

		query.naccounts = tt_accounts_get(table, options, &stats, &accounts);
		tt_accounts_require(query.naccounts);
		query.accounts = accounts;
	}
	if (table->stream->endpoint->second != NULL)
		tt_second_ids_fill(tt_second_ids_read(NULL, table, options, &query, &stats), &bounds,
						   &query);
	if (tt_currencies_wanted(table, attrs))
		currencies = tt_currencies_read(NULL, table, options, query.naccounts, query.accounts,
										&stats);
	fetch = tt_fetch_create(table, options, &query, projection, &stats);
	while ((page = tt_fetch_next(fetch, true, &finished)) != NULL)
	{
		sample_page(sample, decoder, table, options, currencies, page);
		tt_fetch_release(page);
	}
	tt_fetch_end(fetch);
	tt_warnings_tell(table, &stats);
	tt_row_estimate_store(table->relid,
						  sample->seen / (Max(query.naccounts, 1) * tt_query_times(&query)),
						  query.naccounts);
}

static int
acquire_sample(Relation relation, int elevel, HeapTuple *rows, int targrows,
			   double *totalrows, double *totaldeadrows)
{
	Sample		  sample = {0};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tiktok_fdw analyze",
												  ALLOCSET_DEFAULT_SIZES);

	sample.rows = rows;
	sample.size = targrows;
	sample.to_skip = -1;
	sample.desc = RelationGetDescr(relation);
	sample.context = CurrentMemoryContext;
	reservoir_init_selection_state(&sample.state, targrows);
	MemoryContextSwitchTo(context);
	read_table(relation, &sample);
	MemoryContextSwitchTo(sample.context);
	MemoryContextDelete(context);

	*totalrows = sample.seen;
	*totaldeadrows = 0;
	ereport(elevel,
			(errmsg("\"%s\": the TikTok API returned %.0f rows; %d rows in sample",
					RelationGetRelationName(relation), sample.seen, sample.taken)));
	return sample.taken;
}

bool
tiktokAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func,
						  BlockNumber *totalpages)
{
	/* it has no conditions to tell the endpoint what it has to be told */
	if (tt_stream_required(tt_table_get(relation)->stream, 0) != NULL)
		return false;
	*func = acquire_sample;
	*totalpages = 1; /* the planner costs requests, not pages */
	return true;
}
