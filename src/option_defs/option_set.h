/*
 * option_set.h
 *	  What options say: the fields that the table of options fills.
 */
#ifndef TT_OPTION_SET_H
#define TT_OPTION_SET_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/date.h"

/* how campaigns are bought: bits of option buying_types, in the order of its words */
#define TT_BUYING_AUCTION	  1
#define TT_BUYING_RESERVATION 2 /* reach and frequency */
#define TT_BUYING_TOP_VIEW	  4
#define TT_BUYING_ALL		  7

/*
 * Everything in effect for one foreign table (or one server) and one user.
 * Made by tt_options_get(), see options/options.h.
 */
typedef struct TtOptions
{
	Oid			serverid;
	const char *server_name;
	const char *base_url; /* with closing slash */
	const char *host;	  /* of base_url, lower case, without port */
	bool		sandbox;

	int			naccounts;	   /* option advertiser_ids; 0: not set */
	int64	   *accounts;	   /* in the option's order, without repeats */
	const char *accounts_from; /* "server" or "foreign table", for messages */
	int			ncenters;	   /* option bc_id; 0: not set */
	int64	   *centers;
	bool		has_start_date;
	DateADT		start_date;
	bool		include_deleted;
	bool		include_promote;
	bool		include_idle;	 /* of reports by period: rows of zeros too */
	int			buying_types;	 /* TT_BUYING_* */
	int			page_size;		 /* 0: the endpoint's maximum */
	bool		analyze_totals;	 /* analyze = totals */
	int			concurrency;	 /* requests in flight per scan */
	int			rate_limit;		 /* requests per second, cluster-wide */
	int			timeout;		 /* seconds */
	int			connect_timeout; /* seconds */
	int			max_retries;
	int64		max_response_size;	  /* decoded bytes */
	bool		skip_failed_accounts; /* on_advertiser_error = skip */
	const char *ca_file;			  /* NULL: the system's */
	const char *proxy;				  /* NULL: none */
	Oid			server_owner;
	bool		server_owner_is_superuser;

	/* user mapping; NULL where not given */
	Oid			userid;
	const char *access_token;
	const char *app_id;
	const char *secret;
} TtOptions;

/* what the options of one object say, and of several put together */
typedef struct TtOptionSet
{
	TtOptions	o;
	const char *stream;
	const char *report_type;
	const char *data_level;
	List	   *dimensions; /* strings */
	const char *grain;
	const char *path;
} TtOptionSet;

#endif /* TT_OPTION_SET_H */
