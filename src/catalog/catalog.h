/*
 * catalog.h
 *	  What TikTok's Marketing API offers: endpoints, streams, columns, report
 *	  dimensions and metrics, and the look-ups over them.
 *
 * The facts stand in the .def files, one line each; this is their only reader.  To
 * add a metric, column, stream, filter of reports or endpoint (paging: PAGES, CURSOR, OBJECT
 * or NONE; what a request names beside the account) is a line there, no C.
 * Everything is constant and lives for the whole process.  No PostgreSQL
 * header is needed, so that request.c and unit tests can use it.
 */
#ifndef TT_CATALOG_H
#define TT_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

/* column types, as SQL spells them in tt_type_name() */
typedef enum TtType
{
	TT_TYPE_bigint,
	TT_TYPE_numeric,
	TT_TYPE_text,
	TT_TYPE_boolean,
	TT_TYPE_date,
	TT_TYPE_timestamp,
	TT_TYPE_timestamptz,
	TT_TYPE_text_array,
	TT_TYPE_jsonb
} TtType;

typedef enum TtStreamKind
{
	TT_KIND_ACCOUNT,  /* ad accounts themselves */
	TT_KIND_ENTITY,	  /* campaigns, ad groups, ads */
	TT_KIND_AUDIENCE, /* custom audiences */
	TT_KIND_ASSET,	  /* images, videos, music, portfolios */
	TT_KIND_REPORT	  /* rows of report/integrated/get */
} TtStreamKind;

/* environments in which a stream exists (bits) */
#define TT_ENV_PRODUCTION 1
#define TT_ENV_SANDBOX	  2
#define TT_ENV_BOTH		  (TT_ENV_PRODUCTION | TT_ENV_SANDBOX)

/* how an endpoint is told the ad account */
typedef enum TtAccountParam
{
	TT_ACCOUNT_NONE, /* it lists accounts: app_id and secret instead */
	TT_ACCOUNT_ONE,	 /* advertiser_id=… */
	TT_ACCOUNT_MANY, /* advertiser_ids=["…"], up to TT_MAX_IDS */
	TT_ACCOUNT_TOKEN /* not at all: what the token may read; advertiser_id is 0 */
} TtAccountParam;

#define TT_MAX_IDS 100 /* ids in one filter, accounts in one request */

/* how an endpoint gives a list in pieces */
typedef enum TtPaging
{
	TT_PAGING_NONE,	  /* it does not */
	TT_PAGING_PAGES,  /* page=n, page_size=…; totals in page_info */
	TT_PAGING_CURSOR, /* cursor=… of the piece before, count=…; data.has_more, no totals */
	TT_PAGING_OBJECT  /* it gives no list: data itself is the only row */
} TtPaging;

/* what an endpoint does not give unless it is asked for it */
typedef enum TtHides
{
	TT_HIDES_NOTHING,
	TT_HIDES_DELETED, /* deleted objects */
	TT_HIDES_OBJECTS  /* deleted, Promote and TopView objects */
} TtHides;

/*
 * What each request of an endpoint names beside the account: a store, a pixel.
 * Which there are tells a list of the account's (of the token's, where the endpoint
 * names no account).
 */
typedef struct TtSecondId
{
	const char *column; /* of the streams; in the key of reports */
	const char *param;
	bool		array;	/* a JSON array of them; else one, as a string */
	int			most;	/* that a request may name */
	const char *stream; /* whose rows tell which there are */
	const char *path;	/* where they tell the id */
	const char *usable; /* and whether it may be asked for; NULL: each may */
	const char *one;	/* what people call it, and them */
	const char *plural;
} TtSecondId;

typedef struct TtEndpoint
{
	const char	  *path;	 /* below the base URL, with closing slash */
	const char	  *list_key; /* data.<list_key> is the list of rows; NULL: TT_PAGING_OBJECT */
	TtPaging	   paging;
	int			   max_page_size; /* 0: TT_PAGING_NONE, TT_PAGING_OBJECT */
	int			   max_rows;	  /* page * page_size may not exceed it; 0: any */
	TtAccountParam account_param;
	bool		   has_fields; /* takes the parameter "fields" */
	TtHides		   hides;
	const char	  *status; /* the filter that asks for deleted objects; NULL: by data level */

	const TtSecondId *second; /* NULL: the account is enough */
	int				  rate;	  /* requests a second of its own; 0: those of all endpoints */
} TtEndpoint;

/* how the API narrows a list by a column */
typedef enum TtFilter
{
	TT_FILTER_NONE,
	TT_FILTER_IDS,		 /* filtering.<param> = ["id", …], up to 100 */
	TT_FILTER_IDS20,	 /* the same, up to 20 */
	TT_FILTER_TOP_IDS,	 /* <param>=["id", …] beside filtering */
	TT_FILTER_MUSIC_IDS, /* filtering.music_ids with search_type */
	TT_FILTER_EQ,		 /* filtering.<param> = value */
	TT_FILTER_PARAM,	 /* <param>=value beside filtering; a.b: {"b": value} in a */
	TT_FILTER_ENUMS,	 /* filtering.<param> = ["value", …] */
	TT_FILTER_ENUM,		 /* the same, one at a time */
	TT_FILTER_CREATED,	 /* filtering.creation_filter_start/end_time */
	TT_FILTER_MODIFIED	 /* filtering.modified_after */
} TtFilter;

/* column flags */
#define TT_CF_UNLISTED	 1	 /* "fields" may not name it; expect NULL */
#define TT_CF_ALONE		 2	 /* "fields" may not name it beside others */
#define TT_CF_SIGNED_URL 4	 /* signed and expiring: changes by itself */
#define TT_CF_REQUIRED	 8	 /* a request needs it: the query has to say "column = value" */
#define TT_CF_ASKED		 16	 /* and no row tells it: it shows what was asked for */
#define TT_CF_ADDITIVE	 32	 /* a measure that may be summed */
#define TT_CF_MEASURE	 64	 /* a measure that may not */
#define TT_CF_EACH		 128 /* each request asks for one of its values: as conditions have it,
							  * or each of them */
#define TT_CF_OPTIONAL	 256 /* a request names a value if the query says "column = value" */

typedef struct TtColumn
{
	const char *stream; /* NULL for dimensions and metrics */
	const char *name;
	TtType		type;
	TtFilter	filter;
	const char *filter_param;
	int			flags;
	const char *description;
	const char *doubt;	/* "" when sources agree */
	const char *path;	/* where it stands in a row of a list; NULL: under its name */
	const char *values; /* comma-separated, those that a request may ask for; NULL: any */
} TtColumn;

/* data levels (bits), in the API's order */
#define TT_LV_ADVERTISER	1
#define TT_LV_CAMPAIGN		2
#define TT_LV_ADGROUP		4
#define TT_LV_AD			8
#define TT_LV_ADGROUP_DOWN	(TT_LV_ADGROUP | TT_LV_AD)
#define TT_LV_CAMPAIGN_DOWN (TT_LV_CAMPAIGN | TT_LV_ADGROUP_DOWN)
#define TT_LV_ALL			(TT_LV_ADVERTISER | TT_LV_CAMPAIGN_DOWN)

/* metric restrictions */
#define TT_MF_NOT_HOURLY		1	 /* not with stat_time_hour */
#define TT_MF_NOT_LIFETIME		2	 /* not with query_lifetime */
#define TT_MF_NO_EXTRA			4	 /* not with an extra dimension */
#define TT_MF_IMAGE_ONLY		8	 /* only with dimension image_id */
#define TT_MF_NOT_WITH_AD_ID	16	 /* not beside dimension ad_id */
#define TT_MF_NOT_WITH_AD_ID_V2 4096 /* not beside dimension ad_id_v2 */
#define TT_MF_SYNC_BASIC		32	 /* BASIC and TT_SHOP reports only */
#define TT_MF_UNIQUE			64	 /* counts people: not additive */
#define TT_MF_ORDER				128	 /* never "-": the API's order is ours */
#define TT_MF_MINIS_ONLY		256	 /* only with dimension minis_id */
#define TT_MF_BC_ONLY			512	 /* reports of a Business Centre only */
#define TT_MF_DAY_ONLY			1024 /* only with stat_time_day */
#define TT_MF_DAYS				2048 /* days may not add up to what the API tells of a period */

typedef enum TtAudience
{
	TT_AUD_NO, /* AUDIENCE reports refuse it (40002) */
	TT_AUD_YES,
	TT_AUD_COUNTRY, /* beside country_code, ad_type, hashtag, audience_tags or
					 * purchase_intention only */
	TT_AUD_AD_TYPE, /* beside ad_type only */
	TT_AUD_MAYBE	/* sources disagree */
} TtAudience;

/* whether rows (days, objects) may be summed */
typedef enum TtAdditive
{
	TT_NOT_ADDITIVE,
	TT_ADDITIVE,
	TT_NOT_IF_REACH /* not where optimization_goal is REACH: counts people then */
} TtAdditive;

typedef struct TtMetric
{
	TtColumn   column;
	bool	   attribute; /* describes the object; needs an id dimension */
	int		   levels;	  /* TT_LV_* */
	TtAudience audience;
	int		   restrictions; /* TT_MF_* */
	TtAdditive additive;
} TtMetric;

typedef enum TtDimRole
{
	TT_DIM_ID,
	TT_DIM_DAY,
	TT_DIM_HOUR,
	TT_DIM_EXTRA
} TtDimRole;

typedef struct TtDimension
{
	TtColumn  column;
	TtDimRole role;
} TtDimension;

/* a column by which reports can be narrowed */
typedef struct TtReportFilter
{
	const char *column;
	const char *field; /* field_name in filtering */
	TtFilter	filter;
	int			levels;	 /* TT_LV_* */
	const char *with;	 /* the dimension that the report has; "": any */
	const char *without; /* and has not */
} TtReportFilter;

#define TT_MAX_DIMENSIONS 8

/* what a row covers in time: TT_GRAIN_NONE (0), TT_GRAIN_DAY, … of dimensions.def */
typedef enum TtGrain
{
#define TT_GRAIN(grain, name, dimension, days) TT_GRAIN_##grain,
#include "dimensions.def"
#undef TT_GRAIN
} TtGrain;

/* what a column tells of the days that its row was asked for with */
typedef enum TtPeriodValue
{
	TT_PERIOD_FROM,
	TT_PERIOD_TO,
	TT_PERIOD_COVERED /* the last that was asked for: days to come are not */
} TtPeriodValue;

#define TT_PERIOD_VALUES 3

typedef struct TtPeriodColumn
{
	TtColumn	  column;
	TtGrain		  grain;
	TtPeriodValue value;
	bool		  in_key;
} TtPeriodColumn;

/* what distinguishes one report from another */
typedef struct TtReport
{
	const char *report_type; /* BASIC, AUDIENCE, …; "": of an endpoint that has none */
	const char *data_level;	 /* AUCTION_AD …; NULL: not sent */
	int			level;		 /* TT_LV_* of data_level; 0: unknown */
	int			ndimensions;
	const char *dimensions[TT_MAX_DIMENSIONS];
	TtGrain		grain;
	bool		lifetime; /* query_lifetime, no dates */
} TtReport;

typedef struct TtStream
{
	const char		 *name;
	const char		 *seed_name;	/* what connectors call it; NULL: imported on demand only */
	int				  environments; /* TT_ENV_* */
	TtStreamKind	  kind;
	const TtEndpoint *endpoint;
	const char		 *key;			/* comma-separated; without advertiser_id */
	const char		 *cursor;		/* NULL: not read incrementally */
	TtReport		  report;		/* kind TT_KIND_REPORT */
	const char		 *core_columns; /* comma-separated metrics; reports only */
	const char		 *fixed;		/* parameters of every request, a JSON object; "" or
									 * NULL: none */
	bool			  named_only;	/* imported only where it is named */
	const char		 *note;
} TtStream;

/* the streams, in the catalogue's order; NULL-safe look-ups by name */
extern int			   tt_stream_count(void);
extern const TtStream *tt_stream_at(int i);
extern const TtStream *tt_stream_find(const char *name);
extern const char	  *tt_stream_kind_name(const TtStream *stream);

/*
 * Column i of a stream as IMPORT lists it: advertiser_id, the rest of the key,
 * the others.  all_metrics: every metric legal for the report instead of its
 * core columns.  NULL past the last.
 */
extern const TtColumn *tt_stream_column(const TtStream *stream, int i,
										bool all_metrics);

/* a listed column of a stream, or NULL */
extern const TtColumn *tt_stream_find_column(const TtStream *stream,
											 const char		*name);

/* the column of a list whose value stands at a path other than its name, or NULL */
extern const TtColumn *tt_stream_column_at_path(const TtStream *stream, const char *path);

/* the endpoint of reports of the user's own */
extern const TtEndpoint *tt_report_endpoint(void);

/*
 * Whether the stream is a report of report/integrated/get, whose metrics are those
 * of metrics.def.  Reports of other endpoints have their columns in columns.def.
 */
extern bool tt_stream_is_integrated(const TtStream *stream);

/* column i that the query has to give a value of; NULL past the last */
extern const TtColumn *tt_stream_required(const TtStream *stream, int i);

/* column i of which requests ask for a value: those, and TT_CF_EACH, TT_CF_OPTIONAL */
extern const TtColumn *tt_stream_asked(const TtStream *stream, int i);

/*
 * The metric that a report is asked for when none is wanted, or all that were are
 * refused: one that each report of its kind has.
 */
extern const char *tt_stream_last_metric(const TtStream *stream);

/* whether the catalogue knows a metric of the stream: then the API may refuse it */
extern bool tt_stream_knows_metric(const TtStream *stream, const char *name);

/* whether no row tells the value of a column: it is taken from the request */
extern bool tt_stream_asks(const TtStream *stream, const char *name);

extern const TtMetric	 *tt_metric_find(const char *name);
extern int				  tt_metric_count(void);
extern const TtMetric	 *tt_metric_at(int i);
extern const TtDimension *tt_dimension_find(const char *name);
extern bool				  tt_report_has_dimension(const TtReport *report, const char *name);

/* Grains by their words, "" for TT_GRAIN_NONE; find: it too if there is none */
extern const char *tt_grain_name(TtGrain grain);
extern TtGrain	   tt_grain_find(const char *name);

/* the grain that an API's dimension makes; TT_GRAIN_NONE: it is none of time */
extern TtGrain tt_grain_of_dimension(const char *name);

/* the most days that a request may have; 0: any number */
extern int tt_grain_days(TtGrain grain);

/* whether the API's rows tell their time: only such a report may be read in pieces */
extern bool tt_report_has_time(const TtReport *report);

/* whether each row is a sum over a week, a month, or a period of the query's */
extern bool tt_report_by_period(const TtReport *report);

/* column i that the grain adds, NULL past the last; and by name, NULL: it adds none */
extern const TtPeriodColumn *tt_period_column_at(TtGrain grain, int i);
extern const TtPeriodColumn *tt_period_column_find(TtGrain grain, const char *name);

/*
 * The metrics by which a row counts as idle, if all of them are zero or have no
 * value: what any delivery shows in.  Every BASIC and AUDIENCE report has them.
 * NULL past the last.
 */
extern const char *tt_idle_metric(int i);

/*
 * Whether the API accepts the metric in this report.  Where sources disagree
 * the answer is yes: a metric that is refused after all reads as NULL.
 */
extern bool tt_metric_legal(const TtMetric *metric, const TtReport *report);

/*
 * Whether a metric that the report does not have is told all the same, from
 * elsewhere: the account's currency in AUDIENCE reports.
 */
extern bool tt_report_fills(const TtReport *report, const char *name);

/* TT_LV_* of a data_level such as AUCTION_AD; 0 if unknown */
extern int tt_level_of(const char *data_level);

/* the report filter of a level's status, e.g. "ad_status"; NULL if it has none */
extern const char *tt_level_status_field(int level);

/*
 * Whether the API leaves deleted, Promote and TopView objects out of a stream
 * unless it is asked for them.
 */
extern bool tt_stream_hides_objects(const TtStream *stream);

/* how many values of a filter one request may have; 0: any number */
extern int tt_filter_limit(TtFilter filter);

/* what narrows a report by a dimension or attribute; NULL: nothing in this report */
extern const TtReportFilter *tt_report_filter(const TtReport *report, const char *name);

/* the filtering field if that is a list of ids, e.g. "campaign_ids"; else NULL */
extern const char *tt_report_id_filter(const TtReport *report, const char *name);

/* how SQL spells a type */
extern const char *tt_type_name(TtType type);

/* whether name is an element of a comma-separated list */
extern bool tt_list_contains(const char *list, const char *name);

#endif /* TT_CATALOG_H */
