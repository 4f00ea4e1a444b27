/*
 * views.c
 *	  The catalogue as rows: what the views of schema tiktok read.
 *
 * The order and number of the values are those of the functions' declarations
 * in sql/parts/11_catalogue.sql and 12_requests.sql.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "catalog/catalog.h"
#include "schema/describe.h"
#include "schema/views.h"

#define MAX_COLUMNS 16

/* a row under construction */
typedef struct Row
{
	ReturnSetInfo *result;
	int			   n;
	Datum		   values[MAX_COLUMNS];
	bool		   nulls[MAX_COLUMNS];
} Row;

static void
add_value(Row *row, Datum value)
{
	Assert(row->n < MAX_COLUMNS);
	row->values[row->n] = value;
	row->nulls[row->n++] = false;
}

static void
add_null(Row *row)
{
	row->values[row->n] = (Datum) 0;
	row->nulls[row->n++] = true;
}

static void
add_text(Row *row, const char *text)
{
	if (text == NULL)
		add_null(row);
	else
		add_value(row, CStringGetTextDatum(text));
}

/* "" is how the catalogue spells nothing */
static void
add_remark(Row *row, const char *text)
{
	add_text(row, text[0] != '\0' ? text : NULL);
}

static void
add_array(Row *row, Datum *elements, int n)
{
	add_value(row, PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false,
												   TYPALIGN_INT)));
}

/* The elements of a set, one after the other by element(set, i). */
static void
add_set(Row *row, int set, const char *(*element)(int set, int i))
{
	Datum elements[16];
	int	  n = 0;

	for (const char *name; n < (int) lengthof(elements) && (name = element(set, n)) != NULL; n++)
		elements[n] = CStringGetTextDatum(name);
	add_array(row, elements, n);
}

static void
add_list(Row *row, const char *list)
{
	Datum elements[TT_MAX_DIMENSIONS];
	int	  n = 0;

	for (const char *p = list; n < (int) lengthof(elements);)
	{
		size_t length = strcspn(p, ",");

		elements[n++] = PointerGetDatum(cstring_to_text_with_len(p, (int) length));
		if (p[length] == '\0')
			break;
		p += length + 1;
	}
	add_array(row, elements, n);
}

static void
store(Row *row)
{
	Assert(row->n == row->result->setDesc->natts);
	tuplestore_putvalues(row->result->setResult, row->result->setDesc, row->values, row->nulls);
	row->n = 0;
}

/* The columns that a query has to give values of. */
static void
add_required(Row *row, const TtStream *stream)
{
	Datum			elements[TT_MAX_DIMENSIONS];
	const TtColumn *column;
	int				n = 0;

	while (n < (int) lengthof(elements) && (column = tt_stream_required(stream, n)) != NULL)
		elements[n++] = CStringGetTextDatum(column->name);
	add_array(row, elements, n);
}

Datum
tt_views_streams(PG_FUNCTION_ARGS)
{
	Row row = {0};

	InitMaterializedSRF(fcinfo, 0);
	row.result = (ReturnSetInfo *) fcinfo->resultinfo;
	for (int i = 0; i < tt_stream_count(); i++)
	{
		const TtStream *stream = tt_stream_at(i);

		add_text(&row, stream->name);
		add_text(&row, stream->seed_name);
		add_text(&row, stream->endpoint->path);
		add_text(&row, tt_stream_kind_name(stream));
		add_list(&row, stream->key);
		add_text(&row, stream->cursor);
		add_set(&row, stream->environments, tt_describe_environment);
		add_remark(&row, stream->note);
		add_remark(&row, stream->kind == TT_KIND_REPORT ? tt_grain_name(stream->report.grain) : "");
		add_text(&row, tt_describe_paging(stream));
		add_text(&row, stream->endpoint->second != NULL ? stream->endpoint->second->column : NULL);
		add_required(&row, stream);
		add_text(&row, tt_describe_import(stream));
		store(&row);
	}
	return (Datum) 0;
}

/* The measures are what may be summed or not; all else is NULL. */
static void
add_additive(Row *row, const TtStream *stream, const TtColumn *column)
{
	const TtMetric *metric = NULL;

	if (column->flags & (TT_CF_ADDITIVE | TT_CF_MEASURE))
	{
		add_value(row, BoolGetDatum((column->flags & TT_CF_ADDITIVE) != 0));
		add_null(row);
		return;
	}
	if (tt_stream_is_integrated(stream) &&
		!tt_report_has_dimension(&stream->report, column->name))
		metric = tt_metric_find(column->name);
	if (metric == NULL || metric->attribute)
	{
		add_null(row);
		add_null(row);
		return;
	}
	add_value(row, BoolGetDatum(metric->additive == TT_ADDITIVE));
	add_text(row, tt_describe_additive_unless(metric->additive));
}

Datum
tt_views_stream_columns(PG_FUNCTION_ARGS)
{
	Row row = {0};

	InitMaterializedSRF(fcinfo, 0);
	row.result = (ReturnSetInfo *) fcinfo->resultinfo;
	for (int i = 0; i < tt_stream_count(); i++)
	{
		const TtStream *stream = tt_stream_at(i);
		const TtColumn *column;

		for (int k = 0; (column = tt_stream_column(stream, k, false)) != NULL; k++)
		{
			char path[128];

			add_text(&row, stream->name);
			add_value(&row, Int32GetDatum(k + 1));
			add_text(&row, column->name);
			add_text(&row, tt_type_name(column->type));
			add_text(&row, tt_describe_path(stream, column, path));
			add_text(&row, column->description);
			add_additive(&row, stream, column);
			add_text(&row, tt_describe_pushdown(stream, column));
			add_remark(&row, column->doubt);
			store(&row);
		}
	}
	return (Datum) 0;
}

Datum
tt_views_report_metrics(PG_FUNCTION_ARGS)
{
	Row row = {0};

	InitMaterializedSRF(fcinfo, 0);
	row.result = (ReturnSetInfo *) fcinfo->resultinfo;
	for (int i = 0; i < tt_metric_count(); i++)
	{
		const TtMetric *metric = tt_metric_at(i);

		add_text(&row, metric->column.name);
		add_text(&row, tt_type_name(metric->column.type));
		add_text(&row, metric->column.description);
		add_value(&row, BoolGetDatum(metric->attribute));
		add_value(&row, BoolGetDatum(metric->additive == TT_ADDITIVE));
		add_text(&row, tt_describe_additive_unless(metric->additive));
		add_set(&row, metric->levels, tt_describe_level);
		add_text(&row, tt_describe_audience(metric->audience));
		add_set(&row, metric->restrictions, tt_describe_restriction);
		add_remark(&row, metric->column.doubt);
		store(&row);
	}
	return (Datum) 0;
}
