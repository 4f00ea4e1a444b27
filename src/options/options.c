/*
 * options.c
 *	  The options of servers, user mappings, foreign tables and columns: what
 *	  is valid, who may set it, and what is in effect for a scan.
 *
 * One table, option_defs, says all there is to know of an option; the
 * validator and the reader of effective settings both go through it, so what
 * DDL accepts is what a scan understands.  A value is never repeated in a
 * message if it is a credential or could contain one.  Credentials are read
 * only when a scan is about to start (need_mapping), live in the memory context
 * that is current then, and are wiped when it goes away.  Nothing here talks to
 * the network.
 */
#include "postgres.h"

#include <limits.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "options/option_value.h"
#include "options/options.h"
#include "options/settings.h"
#include "options/stream.h"

#define PRODUCTION_URL "https://business-api.tiktok.com/open_api/v1.3/"
#define SANDBOX_URL	   "https://sandbox-ads.tiktok.com/open_api/v1.3/"

/* where an option may stand (bits) */
#define IN_SERVER  1
#define IN_MAPPING 2
#define IN_TABLE   4
#define IN_COLUMN  8

/* option flags */
#define SECRET	  1 /* never shown */
#define SUPERUSER 2 /* only a superuser may set it */
#define HIDDEN	  4 /* may contain what must not be shown */

typedef enum ValueKind
{
	V_BOOL,
	V_EITHER, /* a bool that reads as one of two words */
	V_INTEGER,
	V_SECONDS,
	V_BYTES,
	V_WORD,	 /* one of the words listed */
	V_WORDS, /* some of them, as bits in their order */
	V_STREAM,
	V_ACCOUNTS,
	V_DATE,
	V_API_URL,
	V_PROXY,
	V_FILE,
	V_CREDENTIAL,
	V_DIMENSIONS,
	V_PATH
} ValueKind;

/* what the options of one object say, and of several put together */
typedef struct Settings
{
	TtOptions	o;
	const char *stream;
	const char *report_type;
	const char *data_level;
	List	   *dimensions; /* strings */
	const char *grain;
	const char *path;
} Settings;

typedef struct OptionDef
{
	const char *name;
	int			where; /* IN_* */
	ValueKind	kind;
	int			flags;
	int64		min; /* numbers */
	int64		max;
	const char *words;		 /* V_EITHER: false,true; V_WORD, V_WORDS; else NULL */
	size_t		offset;		 /* in Settings */
	const char *description; /* what it is, for hints */
} OptionDef;

#define OPT(field) offsetof(Settings, o.field)
#define OWN(field) offsetof(Settings, field)

static const OptionDef option_defs[] = {
	/* servers */
	{"environment", IN_SERVER, V_EITHER, 0, 0, 0, "production,sandbox", OPT(sandbox),
	 "which of TikTok's two APIs"},
	{"api_url", IN_SERVER, V_API_URL, HIDDEN, 0, 0, NULL, OPT(base_url),
	 "base URL of the API"},
	{"advertiser_ids", IN_SERVER | IN_TABLE, V_ACCOUNTS, 0, 0, 0, NULL, OPT(accounts),
	 "ad accounts to read when the query names none"},
	{"start_date", IN_SERVER | IN_TABLE, V_DATE, 0, 0, 0, NULL, OPT(start_date),
	 "first day of reports when the query gives none"},
	{"include_deleted", IN_SERVER | IN_TABLE, V_BOOL, 0, 0, 0, NULL, OPT(include_deleted),
	 "whether deleted objects are rows too"},
	{"include_promote", IN_SERVER | IN_TABLE, V_BOOL, 0, 0, 0, NULL, OPT(include_promote),
	 "whether Promote campaigns are rows too"},
	{"buying_types", IN_SERVER | IN_TABLE, V_WORDS, 0, 0, 0,
	 "AUCTION,RESERVATION_RF,RESERVATION_TOP_VIEW", OPT(buying_types),
	 "how the campaigns that are rows are bought"},
	{"page_size", IN_SERVER | IN_TABLE, V_INTEGER, 0, 1, 1000, NULL, OPT(page_size),
	 "rows per request"},
	{"concurrency", IN_SERVER, V_INTEGER, 0, 1, 100, NULL, OPT(concurrency),
	 "requests in flight per scan"},
	{"rate_limit", IN_SERVER, V_INTEGER, 0, 1, 1000, NULL, OPT(rate_limit),
	 "requests per second of all sessions together"},
	{"timeout", IN_SERVER, V_SECONDS, 0, 1, 3600, NULL, OPT(timeout),
	 "time for a request"},
	{"connect_timeout", IN_SERVER, V_SECONDS, 0, 1, 600, NULL, OPT(connect_timeout),
	 "time for a connection"},
	{"max_retries", IN_SERVER, V_INTEGER, 0, 0, 100, NULL, OPT(max_retries),
	 "tries again per request"},
	{"max_response_size", IN_SERVER, V_BYTES, 0, 1024, 1024 * 1024 * 1024, NULL,
	 OPT(max_response_size), "largest response accepted"},
	{"on_advertiser_error", IN_SERVER, V_EITHER, 0, 0, 0, "fail,skip", OPT(skip_failed_accounts),
	 "what an ad account that the API refuses costs"},
	{"ca_file", IN_SERVER, V_FILE, SUPERUSER, 0, 0, NULL, OPT(ca_file),
	 "certificates to trust"},
	{"proxy", IN_SERVER, V_PROXY, SUPERUSER | HIDDEN, 0, 0, NULL, OPT(proxy),
	 "HTTP proxy"},

	/* user mappings */
	{"access_token", IN_MAPPING, V_CREDENTIAL, SECRET, 0, 0, NULL, OPT(access_token),
	 "access token of the Marketing API"},
	{"app_id", IN_MAPPING, V_CREDENTIAL, 0, 0, 0, NULL, OPT(app_id),
	 "id of the developer app"},
	{"secret", IN_MAPPING, V_CREDENTIAL, SECRET, 0, 0, NULL, OPT(secret),
	 "secret of the developer app"},

	/* foreign tables */
	{"stream", IN_TABLE, V_STREAM, 0, 0, 0, NULL, OWN(stream),
	 "what the table shows"},
	{"report_type", IN_TABLE, V_WORD, 0, 0, 0, "BASIC,AUDIENCE,PLAYABLE_MATERIAL,CATALOG,TT_SHOP",
	 OWN(report_type), "kind of a report of your own"},
	{"data_level", IN_TABLE, V_WORD, 0, 0, 0,
	 "AUCTION_ADVERTISER,AUCTION_CAMPAIGN,AUCTION_ADGROUP,AUCTION_AD", OWN(data_level),
	 "level of a report of your own"},
	{"dimensions", IN_TABLE, V_DIMENSIONS, 0, 0, 0, NULL, OWN(dimensions),
	 "dimensions of a report of your own"},
	{"grain", IN_TABLE, V_WORD, 0, 0, 0, "week,month,period", OWN(grain),
	 "what a row of a report of your own covers"},
	{"include_idle", IN_TABLE, V_BOOL, 0, 0, 0, NULL, OPT(include_idle),
	 "whether rows of nothing but zeros are rows too"},

	/* columns of foreign tables */
	{"path", IN_COLUMN, V_PATH, 0, 0, 0, NULL, OWN(path),
	 "where the value stands in a row of the API"},
};

static const OptionDef *
find_option(const char *name)
{
	for (size_t i = 0; i < lengthof(option_defs); i++)
		if (strcmp(option_defs[i].name, name) == 0)
			return &option_defs[i];
	return NULL;
}

/* A comma-separated list of the catalogue's or of option_defs, made readable. */
static char *
readable_list(const char *list)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (const char *p = list; *p != '\0'; p++)
	{
		appendStringInfoChar(&buf, *p);
		if (*p == ',')
			appendStringInfoChar(&buf, ' ');
	}
	return buf.data;
}

/* What an option takes: the end of a hint. */
static const char *
valid_values(const OptionDef *def)
{
	switch (def->kind)
	{
		case V_BOOL:
			return "true or false";
		case V_EITHER:
		case V_WORD:
			return psprintf("one of: %s", readable_list(def->words));
		case V_WORDS:
			return psprintf("a comma-separated list of: %s", readable_list(def->words));
		case V_INTEGER:
			return psprintf("an integer from %d to %d", (int) def->min, (int) def->max);
		case V_SECONDS:
			return psprintf("whole seconds from %d to %d, or a number with unit such as 1min",
							(int) def->min, (int) def->max);
		case V_BYTES:
			return "a size from 1kB to 1GB, such as 64MB";
		case V_STREAM:
			return "the name of a stream, or report for a report of your own; "
				   "SELECT name FROM tiktok.streams lists the streams";
		case V_ACCOUNTS:
			return "a comma-separated list of ad account ids";
		case V_DATE:
			return "a day from 1970 to 9999, as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ";
		case V_API_URL:
			return "a URL such as " PRODUCTION_URL;
		case V_PROXY:
			return "a URL such as http://proxy.example.com:3128";
		case V_FILE:
			return "an absolute path on the server";
		case V_CREDENTIAL:
			return "the text that TikTok issued";
		case V_DIMENSIONS:
			return "up to 8 comma-separated names, such as campaign_id,stat_time_day";
		case V_PATH:
			return "names separated by dots, such as metrics.spend";
	}
	return ""; /* not reached */
}

static void
invalid_value(const OptionDef *def, const char *value, const char *complaint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 (def->flags & (SECRET | HIDDEN)) != 0
				 ? errmsg("invalid value for option \"%s\"", def->name)
				 : errmsg("invalid value for option \"%s\": \"%s\"", def->name, value),
			 complaint != NULL ? errdetail_internal("%s", complaint) : 0,
			 errhint("\"%s\" (%s) takes %s.", def->name, def->description,
					 valid_values(def))));
}

static void
read_url(const OptionDef *def, const char *value, Settings *s)
{
	TtUrl		url;
	const char *complaint = tt_value_url(value, &url);
	char	   *base;

	if (complaint != NULL)
		invalid_value(def, value, complaint);
	if (def->kind == V_PROXY)
	{
		if (strcmp(url.path, "") != 0 && strcmp(url.path, "/") != 0)
			invalid_value(def, value, "The URL of a proxy ends behind host and port.");
		s->o.proxy = value;
		return;
	}
	/* scheme and host in small letters, so that others may compare them */
	base = psprintf("%s%s", value, value[strlen(value) - 1] == '/' ? "" : "/");
	for (char *p = base; p < base + (url.path - value); p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	s->o.base_url = base;
	s->o.host = url.host;
}

static void
read_word(const OptionDef *def, const char *value, void *field)
{
	const char *complaint = NULL;

	if (strchr(value, ',') == NULL && tt_list_contains(def->words, value))
	{
		if (def->kind == V_WORD)
			*(const char **) field = value;
		else
			*(bool *) field = strncmp(def->words, value, strlen(value)) != 0;
		return;
	}
	if (strcmp(def->name, "report_type") == 0 && strcmp(value, "BC") == 0)
		complaint = "BC reports are about a Business Center, not about ad accounts.";
	invalid_value(def, value, complaint);
}

/* NULL, or what is wrong */
static const char *
read_words(const OptionDef *def, const char *value, int *field)
{
	List	   *given;
	const char *complaint = tt_value_names(value, true, TT_MAX_IDS, &given);
	const char *words = def->words;
	int			found = 0;

	*field = 0;
	for (int bit = 1; complaint == NULL; bit <<= 1)
	{
		size_t	  n = strcspn(words, ",");
		ListCell *lc;

		foreach(lc, given)
		{
			const char *word = lfirst(lc);

			if (strlen(word) != n || strncmp(word, words, n) != 0)
				continue;
			*field |= bit;
			found++;
		}
		if (words[n] == '\0')
			break;
		words += n + 1;
	}
	if (complaint == NULL && found < list_length(given))
		complaint = "The list has an element that is none of these.";
	return complaint;
}

static void
read_number(const OptionDef *def, const char *value, void *field)
{
	int	  unit = def->kind == V_SECONDS ? GUC_UNIT_S
				 : def->kind == V_BYTES ? GUC_UNIT_BYTE
										: 0;
	int64 number;

	if (!tt_value_integer(value, unit, def->min, def->max, &number))
		invalid_value(def, value, NULL);
	if (def->kind == V_BYTES)
		*(int64 *) field = number;
	else
		*(int *) field = (int) number;
}

/* Read one option into *s, or raise HV024.  value must live as long as s. */
static void
read_option(const OptionDef *def, const char *value, Settings *s)
{
	void	   *field = (char *) s + def->offset;
	const char *complaint = NULL;

	switch (def->kind)
	{
		case V_BOOL:
			if (!parse_bool(value, (bool *) field))
				invalid_value(def, value, NULL);
			return;
		case V_EITHER:
		case V_WORD:
			read_word(def, value, field);
			return;
		case V_INTEGER:
		case V_SECONDS:
		case V_BYTES:
			read_number(def, value, field);
			return;
		case V_API_URL:
		case V_PROXY:
			read_url(def, value, s);
			return;
		case V_DATE:
			if (!tt_value_date(value, (DateADT *) field))
				invalid_value(def, value, NULL);
			s->o.has_start_date = true;
			return;
		case V_ACCOUNTS:
			complaint = tt_value_accounts(value, &s->o.naccounts, &s->o.accounts);
			break;
		case V_DIMENSIONS:
			complaint = tt_value_names(value, false, TT_MAX_DIMENSIONS, (List **) field);
			break;
		case V_WORDS:
			complaint = read_words(def, value, field);
			break;
		case V_FILE:
			if (!is_absolute_path(value))
				complaint = "The path is not absolute.";
			*(const char **) field = value;
			break;
		case V_CREDENTIAL:
			complaint = tt_value_credential(value);
			*(const char **) field = value;
			break;
		case V_PATH:
			complaint = tt_value_path(value);
			*(const char **) field = value;
			break;
		case V_STREAM:
			/* resolve_stream() knows more */
			*(const char **) field = value;
			break;
	}
	if (complaint != NULL)
		invalid_value(def, value, complaint);
}

static Settings *
new_settings(void)
{
	Settings *s = palloc0(sizeof(Settings));

	s->o.include_deleted = true;
	s->o.include_promote = true;
	s->o.buying_types = TT_BUYING_ALL;
	s->o.concurrency = 8;
	s->o.timeout = 60;
	s->o.connect_timeout = 10;
	s->o.max_retries = 7;
	s->o.max_response_size = 64 * 1024 * 1024;
	return s;
}

static void
read_options(List *options, Settings *s)
{
	ListCell *lc;

	foreach(lc, options)
	{
		DefElem			*def = lfirst(lc);
		const OptionDef *option = find_option(def->defname);

		if (option == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->defname)));
		read_option(option, defGetString(def), s);
	}
}

static bool
is_given(List *options, const char *name)
{
	ListCell *lc;

	foreach(lc, options)
	{
		if (strcmp(((DefElem *) lfirst(lc))->defname, name) == 0)
			return true;
	}
	return false;
}

/* ---- what a table's options say together ---------------------------------- */

static const TtStream *
resolve_stream(const Settings *s)
{
	if (s->stream == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"stream\" is required for a foreign table"),
				 errhint("Add OPTIONS (stream 'campaigns'); SELECT name FROM tiktok.streams "
						 "lists the streams.")));
	if (strcmp(s->stream, "report") == 0)
		return tt_stream_own_report(s->report_type, s->data_level, s->dimensions, s->grain);
	return tt_stream_get(s->stream);
}

static bool
is_own_report(const TtStream *stream)
{
	return strcmp(stream->name, "report") == 0;
}

static bool
has_dates(const TtStream *stream)
{
	return stream->kind == TT_KIND_REPORT && !stream->report.lifetime;
}

static bool
hides_deleted(const TtStream *stream)
{
	if (stream->kind != TT_KIND_REPORT)
		return stream->endpoint->hides_deleted;
	return tt_stream_hides_objects(stream) &&
		   tt_level_status_field(stream->report.level) != NULL;
}

static bool
is_by_period(const TtStream *stream)
{
	return tt_report_by_period(&stream->report);
}

static bool
has_pages(const TtStream *stream)
{
	return stream->endpoint->max_page_size > 0;
}

/* An option that would do nothing for the table's stream is an error. */
static void
check_table(List *options, const Settings *s)
{
	static const struct
	{
		const char *option;
		bool (*applies)(const TtStream *);
		const char *why;
	} rules[] = {
		{"report_type", is_own_report, "only stream \"report\" takes it"},
		{"data_level", is_own_report, "only stream \"report\" takes it"},
		{"dimensions", is_own_report, "only stream \"report\" takes it"},
		{"grain", is_own_report, "only stream \"report\" takes it"},
		{"include_idle", is_by_period, "only reports by week, month or period take it"},
		{"start_date", has_dates, "the stream is not read by date"},
		{"include_deleted", hides_deleted,
		 "campaigns, ad_groups, ads and reports about them (BASIC, AUDIENCE, CATALOG) take it"},
		{"include_promote", tt_stream_hides_objects,
		 "campaigns, ad_groups, ads and BASIC, AUDIENCE and CATALOG reports take it"},
		{"buying_types", tt_stream_hides_objects,
		 "campaigns, ad_groups, ads and BASIC, AUDIENCE and CATALOG reports take it"},
		{"page_size", has_pages, "the API gives this stream in one piece"},
	};
	const TtStream *stream = resolve_stream(s);

	for (size_t i = 0; i < lengthof(rules); i++)
	{
		if (is_given(options, rules[i].option) && !rules[i].applies(stream))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("option \"%s\" is not valid for stream \"%s\"", rules[i].option,
							stream->name),
					 errhint("Leave \"%s\" out: %s.", rules[i].option, rules[i].why)));
	}
	if (s->o.page_size > stream->endpoint->max_page_size)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for option \"page_size\": \"%d\"", s->o.page_size),
				 errhint("Stream \"%s\" has at most %d rows per request.", stream->name,
						 stream->endpoint->max_page_size)));
}

/* ---- the validator --------------------------------------------------------- */

static int
context_of(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return IN_SERVER;
		case UserMappingRelationId:
			return IN_MAPPING;
		case ForeignTableRelationId:
			return IN_TABLE;
		case AttributeRelationId:
			return IN_COLUMN;
	}
	return 0; /* the foreign-data wrapper: no options */
}

static const char *
context_name(int where)
{
	if (where & IN_SERVER)
		return (where & IN_TABLE) ? "server or a foreign table" : "server";
	if (where & IN_MAPPING)
		return "user mapping";
	if (where & IN_TABLE)
		return "foreign table";
	return where & IN_COLUMN ? "column" : "foreign-data wrapper";
}

/* A name that no context knows. */
static void
unknown_option(const char *name, int where)
{
	StringInfoData valid;
	const char	  *closest = NULL;
	int			   best = INT_MAX;

	initStringInfo(&valid);
	for (size_t i = 0; i < lengthof(option_defs); i++)
	{
		const OptionDef *def = &option_defs[i];
		int				 distance;

		if ((def->where & where) == 0)
			continue;
		appendStringInfo(&valid, "%s%s", valid.len > 0 ? ", " : "", def->name);
		distance = tt_name_distance(name, def->name);
		if (distance >= 0 && distance < best)
		{
			best = distance;
			closest = def->name;
		}
	}
	if (valid.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", name),
				 errhint("There are no valid options in this context.")));
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", name),
			 closest != NULL
				 ? errhint("Perhaps you meant the option \"%s\". "
						   "Valid options in this context are: %s",
						   closest, valid.data)
				 : errhint("Valid options in this context are: %s", valid.data)));
}

/* A name that belongs elsewhere; the value may be a secret. */
static void
misplaced_option(const OptionDef *def, int where)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("option \"%s\" is not valid for a %s", def->name, context_name(where)),
			 (def->where & IN_MAPPING) != 0
				 ? errhint("It belongs to a user mapping: CREATE USER MAPPING FOR CURRENT_USER "
						   "SERVER ... OPTIONS (%s '...').",
						   def->name)
				 : errhint("It is an option of a %s.", context_name(def->where))));
}

static void
check_mapping(List *options)
{
	if (!is_given(options, "access_token"))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"access_token\" is required for a user mapping"),
				 errhint("Add OPTIONS (access_token '...').")));
	if (is_given(options, "secret") && !is_given(options, "app_id"))
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
						errmsg("option \"secret\" needs option \"app_id\""),
						errhint("Add OPTIONS (app_id '...'), the id of the app that the secret "
								"belongs to.")));
}

void
tt_options_validate(List *options, Oid catalog)
{
	Settings *s = new_settings();
	int		  where = context_of(catalog);
	ListCell *lc;

	foreach(lc, options)
	{
		DefElem			*given = lfirst(lc);
		const OptionDef *def = find_option(given->defname);

		if (def == NULL)
			unknown_option(given->defname, where);
		if ((def->where & where) == 0)
			misplaced_option(def, where);
		if ((def->flags & SUPERUSER) != 0 && !superuser())
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("only a superuser may set option \"%s\"", def->name),
					 errhint("Have a superuser own the server and set it, or leave \"%s\" out.",
							 def->name)));
		read_option(def, defGetString(given), s);
	}
	if (where == IN_MAPPING)
		check_mapping(options);
	else if (where == IN_TABLE)
		check_table(options, s);
}

/* ---- what is in effect ------------------------------------------------------ */

/* An ERROR 28000 with the statement that ends it. */
static void
no_credentials(const TtOptions *options, Oid mapped_user, bool exists)
{
	const char *user = OidIsValid(mapped_user)
						   ? quote_identifier(GetUserNameFromId(mapped_user, false))
						   : "PUBLIC";
	const char *server = quote_identifier(options->server_name);

	if (exists)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the user mapping of %s for server \"%s\" has no access token", user,
						options->server_name),
				 errhint("ALTER USER MAPPING FOR %s SERVER %s OPTIONS (SET access_token '...');",
						 user, server)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("there is no user mapping of %s for server \"%s\"", user,
					options->server_name),
			 errhint("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (access_token '...');", user,
					 server)));
}

/* Reset callback: secrets do not outlive their memory context. */
static void
wipe_secrets(void *arg)
{
	TtOptions *options = arg;

	if (options->access_token != NULL)
		explicit_bzero((char *) options->access_token, strlen(options->access_token));
	if (options->secret != NULL)
		explicit_bzero((char *) options->secret, strlen(options->secret));
	options->access_token = NULL;
	options->secret = NULL;
}

static void
read_mapping(Settings *s)
{
	TtOptions			  *o = &s->o;
	bool				   own;
	UserMapping			  *mapping;
	MemoryContextCallback *callback;

	/* GetUserMapping()'s own error would not say what to do */
	own = SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(o->userid),
								ObjectIdGetDatum(o->serverid));
	if (!own && !SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
									   ObjectIdGetDatum(o->serverid)))
		no_credentials(o, o->userid, false);

	callback = palloc0(sizeof(MemoryContextCallback));
	callback->func = wipe_secrets;
	callback->arg = o;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	mapping = GetUserMapping(o->userid, o->serverid);
	read_options(mapping->options, s);
	if (o->access_token == NULL || o->access_token[0] == '\0')
		no_credentials(o, own ? o->userid : InvalidOid, true);
}

/* More rows than the API gives are not asked for; a table's own is valid. */
static void
clamp_page_size(Settings *s, const TtStream *stream)
{
	if (s->o.page_size > stream->endpoint->max_page_size)
		s->o.page_size = stream->endpoint->max_page_size;
}

TtOptions *
tt_options_get(Oid serverid, Oid relid, Oid userid, bool need_mapping)
{
	Settings	  *s = new_settings();
	TtOptions	  *o = &s->o;
	ForeignServer *server = GetForeignServer(serverid);

	o->serverid = serverid;
	o->server_name = server->servername;
	o->server_owner = server->owner;
	o->server_owner_is_superuser = superuser_arg(server->owner);
	o->userid = OidIsValid(userid) ? userid : GetUserId();
	read_options(server->options, s);
	o->accounts_from = "server";
	if (OidIsValid(relid))
	{
		List *options = GetForeignTable(relid)->options;

		read_options(options, s);
		if (is_given(options, "advertiser_ids"))
			o->accounts_from = "foreign table";
		clamp_page_size(s, resolve_stream(s));
	}
	if (o->base_url == NULL)
		read_option(find_option("api_url"), o->sandbox ? SANDBOX_URL : PRODUCTION_URL, s);
	/* TikTok's sandbox locks out who asks faster */
	if (o->rate_limit == 0)
		o->rate_limit = o->sandbox ? 1 : 10;
	if (need_mapping)
	{
		tt_options_check_host(o);
		read_mapping(s);
	}
	return o;
}

/* Whether a host is in the superuser's list. */
static bool
host_is_allowed(const char *host)
{
	size_t length = strlen(host);

	for (const char *p = tt_allowed_hosts; p != NULL && *p != '\0';)
	{
		size_t n;

		p += strspn(p, ", \t\r\n");
		n = strcspn(p, ", \t\r\n");
		if (n > 0 && n == length && pg_strncasecmp(p, host, n) == 0)
			return true;
		p += n;
	}
	return false;
}

void
tt_options_check_host(const TtOptions *options)
{
	const char *server = quote_identifier(options->server_name);
	const char *forbidden = options->ca_file != NULL ? "ca_file"
							: options->proxy != NULL ? "proxy"
													 : NULL;

	if (options->server_owner_is_superuser)
		return;
	if (forbidden != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("server \"%s\" may not use option \"%s\"", options->server_name,
						forbidden),
				 errdetail("The option needs a server that a superuser owns."),
				 errhint("ALTER SERVER %s OPTIONS (DROP %s); or, as a superuser, "
						 "ALTER SERVER %s OWNER TO CURRENT_USER.",
						 server, forbidden, server)));
	if (pg_strncasecmp(options->base_url, "https://", 8) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("server \"%s\" may not connect without TLS", options->server_name),
				 errdetail("Its option \"api_url\" begins with http://, and no superuser owns "
						   "the server."),
				 errhint("ALTER SERVER %s OPTIONS (DROP api_url); or, as a superuser, "
						 "ALTER SERVER %s OWNER TO CURRENT_USER.",
						 server, server)));
	if (!host_is_allowed(options->host))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("server \"%s\" may not connect to host \"%s\"", options->server_name,
						options->host),
				 errdetail("The host is not in \"tiktok_fdw.allowed_hosts\", and no superuser "
						   "owns the server."),
				 errhint("ALTER SERVER %s OPTIONS (DROP api_url); or, as a superuser, add the "
						 "host to the setting \"tiktok_fdw.allowed_hosts\".",
						 server)));
}

static Settings *
table_settings(Oid relid)
{
	Settings *s = new_settings();

	read_options(GetForeignTable(relid)->options, s);
	return s;
}

const TtStream *
tt_options_stream(Oid relid)
{
	return resolve_stream(table_settings(relid));
}

bool
tt_options_include_idle(Oid relid)
{
	return table_settings(relid)->o.include_idle;
}

/* One scan: GetForeignColumnOptions() is a look-up for each column. */
const char **
tt_options_column_paths(Oid relid, int natts)
{
	const char **paths = palloc0(sizeof(char *) * Max(natts, 1));
	Settings	*s = new_settings();
	Relation	 catalog = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData	 key[2];
	SysScanDesc	 scan;
	HeapTuple	 tuple;

	ScanKeyInit(&key[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	ScanKeyInit(&key[1], Anum_pg_attribute_attnum, BTGreaterStrategyNumber, F_INT2GT,
				Int16GetDatum(0));
	scan = systable_beginscan(catalog, AttributeRelidNumIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		int	  attnum = ((Form_pg_attribute) GETSTRUCT(tuple))->attnum;
		bool  isnull;
		Datum options = heap_getattr(tuple, Anum_pg_attribute_attfdwoptions,
									 RelationGetDescr(catalog), &isnull);

		if (isnull || attnum > natts)
			continue;
		s->path = NULL;
		read_options(untransformRelOptions(options), s);
		paths[attnum - 1] = s->path;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	pfree(s);
	return paths;
}
