/*
 * analyze.c
 *	  ANALYZE of a foreign table: reads it and keeps a random sample.
 *
 * The API cannot sample, so all rows pass by; a report by day or hour is read
 * for its last 30 days only, one by period for those as one period.  With option
 * analyze 'totals' none does: how many there are is all that is asked for.  Runs with
 * the user mapping of the table's owner, whom ANALYZE has made the current user.
 */
#include "postgres.h"

#include "analyze/analyze.h"

#include "access/htup_details.h"
#include "accounts/accounts.h"
#include "commands/vacuum.h"
#include "compat.h"
#include "reply/decode.h"
#include "fetch/fetch.h"
#include "foreign/foreign.h"
#include "shared/row_estimates.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "query/query.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sampling.h"
#include "utils/timestamp.h"

/* that a total is believed to count: no list is that long, but a reply may say anything */
#define MOST_ROWS 1e15

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

/* What one ANALYZE asks for: of a dated report its last 30 days, or one period of them. */
typedef struct Reading
{
	TtTable		 *table;
	TtOptions	 *options;
	List		 *attrs;
	TtProjection *projection;
	TtBounds	  bounds;
	TtQuery		  query;
	TtFetchStats  stats;
} Reading;

static void
prepare(Reading *r, Relation relation)
{
	memset(r, 0, sizeof(*r));
	r->table = tt_table_get(relation);
	r->options = tt_options_get(GetForeignTable(RelationGetRelid(relation))->serverid,
								RelationGetRelid(relation), GetUserId(), true);
	tt_query_check_environment(r->table, r->options);
	tt_accounts_require_app(r->table, r->options);
	if (r->table->stream->report.grain != TT_GRAIN_NONE &&
		r->options->start_date <= tt_query_last_day() - TT_ASSUMED_DAYS)
		r->options->has_start_date = false;
}

/* With the columns attrs; false: there is nothing to ask for. */
static bool
build(Reading *r, List *attrs)
{
	r->attrs = attrs;
	r->projection = tt_query_projection(r->table, attrs);
	tt_bounds_init(&r->bounds);
	tt_query_build(&r->query, r->table, r->options, attrs, &r->bounds, false);
	if (r->bounds.nothing)
		return false;
	if (r->query.naccounts == 0 &&
		r->table->stream->endpoint->account_param != TT_ACCOUNT_NONE &&
		r->table->stream->endpoint->account_param != TT_ACCOUNT_TOKEN)
	{
		int64 *accounts;

		r->query.naccounts = tt_accounts_get(r->table, r->options, &r->stats, &accounts);
		tt_accounts_require(r->options, r->query.naccounts);
		r->query.accounts = accounts;
	}
	if (r->table->stream->endpoint->second != NULL)
		tt_second_ids_fill(tt_second_ids_read(NULL, r->table, r->options, &r->query, &r->stats),
						   &r->bounds, &r->query);
	return true;
}

/* What was found is the planner's estimate from now on. */
static void
finish(Reading *r, double rows)
{
	tt_warnings_tell(r->table, &r->stats);
	if (r->stats.skipped_accounts == 0)
		tt_row_estimate_store(r->table->relid,
							  rows / (Max(r->query.naccounts, 1) * tt_query_times(&r->query)),
							  r->query.naccounts);
}

/* Read the table into the sample. */
static void
read_table(Reading *r, Sample *sample)
{
	List		 *attrs = NIL;
	TtDecoder	 *decoder;
	TtCurrencies *currencies = NULL;
	TtFetch		 *fetch;
	TtPage		 *page;
	bool		  finished;

	for (int attnum = 1; attnum <= r->table->natts; attnum++)
		if (!r->table->columns[attnum - 1].dropped)
			attrs = lappend_int(attrs, attnum);
	if (!build(r, attrs))
		return;
	decoder = tt_decoder_create(r->table, sample->desc, r->projection->slots);
	if (tt_currencies_wanted(r->table, attrs))
		currencies = tt_currencies_read(NULL, r->table, r->options, r->query.naccounts,
										r->query.accounts, &r->stats);
	fetch = tt_fetch_create(r->table, r->options, &r->query, r->projection, &r->stats);
	while ((page = tt_fetch_next(fetch, true, &finished)) != NULL)
	{
		sample_page(sample, decoder, r->table, r->options, currencies, page);
		tt_fetch_release(page);
	}
	tt_fetch_end(fetch);
	finish(r, sample->seen);
}

/*
 * Option analyze 'totals': ask for a row of each unit, and take the API's word for
 * how many there are.  false: it does not say so, for this table or today.
 */
static bool
read_totals(Reading *r, double *rows)
{
	TtFetch *fetch;
	TtPage	*page;
	bool	 finished;
	bool	 told = true;

	*rows = 0;
	if (!r->options->analyze_totals || r->table->leaves_out_idle ||
		r->table->stream->endpoint->paging != TT_PAGING_PAGES)
		return false;
	if (!build(r, NIL))
		return true;
	r->query.totals_only = true;
	r->query.page_size = 1;
	fetch = tt_fetch_create(r->table, r->options, &r->query, r->projection, &r->stats);
	while (told && (page = tt_fetch_next(fetch, true, &finished)) != NULL)
	{
		told = page->reply->has_page_info && page->reply->total_number >= 0;
		if (told)
			*rows += (double) page->reply->total_number;
		tt_fetch_release(page);
	}
	tt_fetch_end(fetch);
	*rows = Min(*rows, MOST_ROWS);
	if (told)
		finish(r, *rows);
	return told;
}

static void
tell_totals(Relation relation, int elevel, double rows)
{
	ereport(elevel, (errmsg("\"%s\": the TikTok API has %.0f rows by its totals; no sample",
							RelationGetRelationName(relation), rows)));
}

/* From totals: no rows, which leaves the columns' statistics as they are. */
static int
acquire_sample(Relation relation, int elevel, HeapTuple *rows, int targrows,
			   double *totalrows, double *totaldeadrows)
{
	Sample		  sample = {0};
	Reading		  reading;
	bool		  totals;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tiktok_fdw analyze",
												  ALLOCSET_DEFAULT_SIZES);

	sample.rows = rows;
	sample.size = targrows;
	sample.to_skip = -1;
	sample.desc = RelationGetDescr(relation);
	sample.context = CurrentMemoryContext;
	reservoir_init_selection_state(&sample.state, targrows);
	MemoryContextSwitchTo(context);
	prepare(&reading, relation);
	totals = read_totals(&reading, totalrows);
	if (!totals)
	{
		read_table(&reading, &sample);
		*totalrows = sample.seen;
	}
	MemoryContextSwitchTo(sample.context);
	MemoryContextDelete(context);

	*totaldeadrows = 0;
	if (totals)
		tell_totals(relation, elevel, *totalrows);
	else
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

#ifdef TT_HAVE_IMPORT_STATISTICS

/* Without a sample there is nothing for ANALYZE to compute: the total is imported. */
bool
tiktokImportForeignStatistics(Relation relation, List *va_cols, int elevel)
{
	TimestampTz	  began = GetCurrentTimestamp();
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tiktok_fdw analyze",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Reading		  reading;
	double		  rows;
	bool		  told;

	prepare(&reading, relation);
	told = read_totals(&reading, &rows) && tt_import_row_count(relation, rows);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	if (!told)
		return false;
	pgstat_report_analyze(relation, (PgStat_Counter) rows, 0, va_cols == NIL, began);
	tell_totals(relation, elevel, rows);
	return true;
}

#endif
