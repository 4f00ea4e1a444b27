/*
 * query_kinds.c
 *	  Which objects are asked for, by how they were bought and where they were
 *	  made, in as few request series as the API allows.
 *
 * Unasked the API gives AUCTION and RESERVATION_RF of its own origin: what is
 * that anyway is not said, except beside TopView and at advertiser level, where
 * the API's default is not documented.  Reports take all kinds in one request; a list gives
 * TopView only where it is asked for alone.  Promote campaigns are bought by
 * auction, so TopView is asked for without origins.
 */
#include "postgres.h"

#include "query/query_private.h"

#include "table/refusals.h"
#include "options/settings.h"

/* what the API gives of those bought in any way */
#define UNASKED (TT_BUYING_AUCTION | TT_BUYING_RESERVATION)

/* those that are bought together and apart, and halves of the former */
#define MAX_KINDS 4

static const char *buying_types[] = {"AUCTION", "RESERVATION_RF", "RESERVATION_TOP_VIEW"};
static const char *origins[] = {"TT_ADS_PLATFORM", "PROMOTE"};

static void
set_buying_types(TtKind *kind, int bits)
{
	kind->buying_types = palloc(sizeof(char *) * lengthof(buying_types));
	kind->nbuying_types = 0;
	for (int i = 0; i < lengthof(buying_types); i++)
		if ((bits & (1 << i)) != 0)
			kind->buying_types[kind->nbuying_types++] = buying_types[i];
}

static void
set_origins(TtKind *kind, int first, int n)
{
	kind->origins = origins + first;
	kind->norigins = n;
}

/* Whether each row is one object's, so that series of different objects do not meet. */
static bool
rows_are_objects(const TtStream *stream)
{
	return stream->kind == TT_KIND_ENTITY ||
		   tt_report_has_dimension(&stream->report, "campaign_id") ||
		   tt_report_has_dimension(&stream->report, "adgroup_id") ||
		   tt_report_has_dimension(&stream->report, "ad_id") ||
		   tt_report_has_dimension(&stream->report, "ad_id_v2");
}

/* AUCTION and RESERVATION_RF, as far as they are wanted; in a report TopView too. */
static void
add_together(TtQuery *query, TtKind *kind, int wanted, bool apart, bool promote)
{
	const TtStream *stream = query->stream;
	bool			all_unasked = stream->kind == TT_KIND_REPORT &&
					   stream->report.level == TT_LV_ADVERTISER;

	query->nkinds++;
	/* two lists are told apart by what both say: one that is ignored shows then */
	if (wanted != UNASKED || all_unasked || apart)
		set_buying_types(kind, wanted);
	if (promote)
		set_origins(kind, 0, lengthof(origins));
	else if (all_unasked)
		set_origins(kind, 0, 1);
}

/*
 * Two kinds of one origin each: in place of the first if the API is known to
 * take one at a time, else behind all, in case that turns out.
 */
static void
add_halves(TtQuery *query, TtKind *kinds, bool in_place)
{
	TtKind	both = kinds[0];
	TtKind *halves = &kinds[in_place ? 0 : query->nkinds];

	if (in_place)
	{
		memmove(kinds + 2, kinds + 1, sizeof(TtKind) * (query->nkinds - 1));
		query->nkinds++;
	}
	else
		kinds[0].halves = query->nkinds;
	for (int i = 0; i < 2; i++)
	{
		halves[i] = both;
		set_origins(&halves[i], i, 1);
	}
}

/* What the session was refused is not asked for, where it may be left out. */
static void
leave_out_refused(TtQuery *query, const TtTable *table)
{
	for (int i = 0; i < query->nkinds; i++)
	{
		TtUnit		   unit = {.kind = i};
		TtOptionFilter filters[TT_MAX_OPTION_FILTERS];
		int			   n = tt_unit_option_filters(query, &unit, filters);

		for (int k = 0; k < n; k++)
			if (tt_option_filter_optional(query, &filters[k]) &&
				tt_table_refusal_known(table, filters[k].param))
				query->without |= filters[k].bit;
	}
}

void
tt_query_kinds(TtQuery *query, const TtTable *table, const TtOptions *options)
{
	const TtStream *stream = table->stream;
	bool			report = stream->kind == TT_KIND_REPORT;
	int				apart = report ? 0 : options->buying_types & TT_BUYING_TOP_VIEW;
	int				together = options->buying_types & ~apart;
	TtKind		   *kinds;

	if (!tt_stream_hides_objects(stream))
	{
		query->kinds = palloc0(sizeof(TtKind));
		return;
	}
	kinds = palloc0(sizeof(TtKind) * MAX_KINDS);
	query->kinds = kinds;
	if (together != 0)
		add_together(query, kinds, together, apart != 0, options->include_promote);
	if (apart != 0)
	{
		set_buying_types(&kinds[query->nkinds], apart);
		if (strcmp(stream->endpoint->path, "adgroup/get/") == 0)
			kinds[query->nkinds].max_page_size = TT_TOP_VIEW_PAGE;
		query->nkinds++;
	}
	/* a refresh asks anyway: it must not take silence for an answer */
	if (!tt_snapshot_refresh)
		leave_out_refused(query, table);
	if (kinds[0].norigins > 1 && rows_are_objects(stream))
		add_halves(query, kinds,
				   !tt_snapshot_refresh && (query->without & TT_OPTION_FILTER_ORIGINS) == 0 &&
					   tt_refusal_known(table->relid, TT_ORIGINS_TOGETHER));
}
