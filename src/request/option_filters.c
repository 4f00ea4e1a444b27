/*
 * option_filters.c
 *	  The filters that a table's options add: deleted objects, how campaigns
 *	  were bought, where they were made.
 *
 * Pure C.
 */
#include "request/request.h"

#include <string.h>

static int
add_option_filter(TtOptionFilter *filters, int n, int bit, const char *param,
				  const char *const *values, int nvalues)
{
	filters[n].bit = bit;
	filters[n].param = param;
	filters[n].values = values;
	filters[n].nvalues = nvalues;
	return n + 1;
}

int
tt_unit_option_filters(const TtQuery *query, const TtUnit *unit, TtOptionFilter *filters)
{
	static const char *const all[] = {"STATUS_ALL"};
	static const char *const present[] = {"STATUS_NOT_DELETE"};
	const TtStream			*stream = query->stream;
	bool					 report = tt_stream_is_integrated(stream);
	const TtKind			*kind = query->nkinds > 0 ? &query->kinds[unit->kind] : NULL;
	int						 n = 0;
	int						 sent = 0;

	if (report)
	{
		const char *status = tt_level_status_field(stream->report.level);

		if (query->include_deleted && status != NULL && tt_stream_hides_objects(stream))
			n = add_option_filter(filters, n, TT_OPTION_FILTER_STATUS, status, all, 1);
	}
	/* lists always say it: a condition on secondary_status changes the API's default */
	else if (stream->endpoint->status != NULL &&
			 (query->include_deleted || stream->kind != TT_KIND_REPORT))
		n = add_option_filter(filters, n, TT_OPTION_FILTER_STATUS, stream->endpoint->status,
							  query->include_deleted ? all : present, 1);
	if (kind != NULL && kind->nbuying_types > 0)
		n = add_option_filter(filters, n, TT_OPTION_FILTER_BUYING,
							  report ? "buying_type" : "buying_types",
							  kind->buying_types, kind->nbuying_types);
	if (kind != NULL && kind->norigins > 0)
		n = add_option_filter(filters, n, TT_OPTION_FILTER_ORIGINS, "campaign_system_origins",
							  kind->origins, kind->norigins);
	for (int i = 0; i < n; i++)
		if ((filters[i].bit & unit->without) == 0)
			filters[sent++] = filters[i];
	return sent;
}

static bool
contains(const TtOptionFilter *filter, const char *value)
{
	for (int i = 0; i < filter->nvalues; i++)
		if (strcmp(filter->values[i], value) == 0)
			return true;
	return false;
}

bool
tt_option_filter_optional(const TtQuery *query, const TtOptionFilter *filter)
{
	bool report = query->stream->kind == TT_KIND_REPORT;
	bool all_unasked = report && query->stream->report.level == TT_LV_ADVERTISER;

	switch (filter->bit)
	{
		case TT_OPTION_FILTER_STATUS:
			return report;
		case TT_OPTION_FILTER_ORIGINS:
			/* but for advertisers, one alone is half of what is wanted */
			return filter->nvalues > 1 || !all_unasked;
		default:
			if (!report && contains(filter, "RESERVATION_TOP_VIEW"))
				return query->nkinds > 1;
			return contains(filter, "AUCTION") && contains(filter, "RESERVATION_RF") &&
				   (contains(filter, "RESERVATION_TOP_VIEW") || !all_unasked);
	}
}

bool
tt_unit_is_vain(const TtQuery *query, const TtUnit *unit)
{
	TtUnit		   whole = *unit;
	TtOptionFilter filters[TT_MAX_OPTION_FILTERS];
	int			   n;

	whole.without = 0;
	n = tt_unit_option_filters(query, &whole, filters);
	for (int i = 0; i < n; i++)
	{
		if ((filters[i].bit & unit->without) == 0)
			continue;
		if (filters[i].bit == TT_OPTION_FILTER_BUYING && query->stream->kind != TT_KIND_REPORT &&
			contains(&filters[i], "RESERVATION_TOP_VIEW"))
			return true;
		if (filters[i].bit == TT_OPTION_FILTER_ORIGINS && filters[i].nvalues == 1 &&
			contains(&filters[i], "PROMOTE"))
			return true;
	}
	return false;
}
