/*
 * table.h
 *	  A foreign table seen from the API: its stream, and for each column where
 *	  the value stands in a row and by which name it is asked for.
 */
#ifndef TT_TABLE_H
#define TT_TABLE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/catalog.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

typedef struct TtTableColumn
{
	bool			dropped; /* or generated: nothing to read */
	char		   *name;
	Oid				type;		   /* of the column, domains resolved */
	const char	   *path;		   /* where the value stands, e.g. metrics.spend */
	const TtColumn *listed;		   /* NULL: not in the catalogue for the stream */
	const TtMetric *metric;		   /* a catalogued metric; else NULL */
	const char	   *metric_name;   /* reports: ask for this metric; NULL: none */
	int				metric_number; /* below natts: equal where metric_name is */
	bool			is_account;	   /* advertiser_id: filled in where missing */
	bool			is_second;	   /* what requests name beside the account */
	int				asked;		   /* of TtPage.asked: shows what was asked for; -1: it does not */
	bool			is_currency;   /* of the account, where no reply tells it */
	bool			is_day;		   /* stat_time_day of a report that has it; or the first
									* day of its weeks or months */
	bool			is_hour;	   /* stat_time_hour, likewise */
	bool			in_key;

	/* tells the days that were asked for; NULL: a value of the reply */
	const TtPeriodColumn *period;
} TtTableColumn;

typedef struct TtTable TtTable;

struct TtTable
{
	Oid				relid;
	char		   *name; /* schema-qualified and quoted, for messages */
	const TtStream *stream;
	int				natts;
	TtTableColumn  *columns; /* by attribute number - 1 */
	int				nkeys;	 /* the API's key, without advertiser_id and days asked for */
	char		  **key_paths;
	bool			leaves_out_idle; /* rows of nothing but zeros are none */
	const TtTable  *daily;			 /* its days are added up here (sums.h); else NULL */
};

/*
 * ERROR if the options define no stream.  The relation is locked by the caller.
 * Not to be written to: it shares memory with others, and stays valid, as it
 * was at the call, until the current memory context is reset.
 */
extern TtTable *tt_table_get(Relation rel);

#endif /* TT_TABLE_H */
