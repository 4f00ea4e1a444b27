/*
 * options.h
 *	  The options of servers, user mappings, foreign tables and columns: what
 *	  is valid, who may set it, and what is in effect for a scan.
 */
#ifndef TT_OPTIONS_H
#define TT_OPTIONS_H

#include "postgres.h"

#include "catalog/catalog.h"
#include "nodes/pg_list.h"
#include "utils/date.h"

/* how campaigns are bought: bits of option buying_types, in the order of its words */
#define TT_BUYING_AUCTION	  1
#define TT_BUYING_RESERVATION 2 /* reach and frequency */
#define TT_BUYING_TOP_VIEW	  4
#define TT_BUYING_ALL		  7

/*
 * Everything in effect for one foreign table (or one server) and one user.
 * Lives in the memory context that was current at tt_options_get(); secrets in
 * it are wiped when that context goes away.
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
	bool		has_start_date;
	DateADT		start_date;
	bool		include_deleted;
	bool		include_promote;
	bool		include_idle;	 /* of reports by period: rows of zeros too */
	int			buying_types;	 /* TT_BUYING_* */
	int			page_size;		 /* 0: the endpoint's maximum */
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

/*
 * The options in effect for user userid on a server, overridden by those of
 * the foreign table relid (InvalidOid: none).  Never talks to the network.
 *
 * need_mapping: reads the user mapping too: its absence, or an empty
 * access_token, is ERROR 28000; a host that is not allowed is ERROR 42501.
 * Without it (planner, EXPLAIN) access_token, app_id and secret stay NULL and
 * nothing is raised.
 */
extern TtOptions *tt_options_get(Oid serverid, Oid relid, Oid userid,
								 bool need_mapping);

/* ERROR 42501 unless the server's base URL may be asked (see interface) */
extern void tt_options_check_host(const TtOptions *options);

/* the validator's body: catalog is the OID of the system catalogue */
extern void tt_options_validate(List *options, Oid catalog);

/*
 * The stream of a foreign table as its options name it; *report is the report
 * to ask for (zeroed if the stream is none).  For stream 'report' the result's
 * name is "report" and report is made from report_type, data_level,
 * dimensions and grain.  Result and strings live in the current memory context.
 * ERROR HV00D/HV024/HV00J if the options do not define a stream.
 */
extern const TtStream *tt_options_stream(Oid relid);

/* whether rows of nothing but zeros are rows of the table too */
extern bool tt_options_include_idle(Oid relid);

/* option "path" of the columns 1 to natts; NULL where it is not given */
extern const char **tt_options_column_paths(Oid relid, int natts);

#endif /* TT_OPTIONS_H */
