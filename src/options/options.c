/*
 * options.c
 *	  The options in effect: of a server, a user mapping and a foreign table.
 *
 * Credentials are read only when a scan is about to start (need_mapping), live
 * in the memory context that is current then, and are wiped when it goes away.
 * Nothing here talks to the network.
 */
#include "postgres.h"

#include "options/options.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_user_mapping.h"
#include "compat.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "options/hosts.h"
#include "option_defs/option_table.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

TT_NORETURN static void no_credentials(const TtOptions *options, Oid mapped_user, bool exists);

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
read_mapping(TtOptionSet *s)
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
	tt_option_read_list(mapping->options, s);
	if (o->access_token == NULL || o->access_token[0] == '\0')
		no_credentials(o, own ? o->userid : InvalidOid, true);
}

/* More rows than the API gives are not asked for; a table's own is valid. */
static void
clamp_page_size(TtOptionSet *s, const TtStream *stream)
{
	if (s->o.page_size > stream->endpoint->max_page_size)
		s->o.page_size = stream->endpoint->max_page_size;
}

TtOptions *
tt_options_get(Oid serverid, Oid relid, Oid userid, bool need_mapping)
{
	TtOptionSet	  *s = tt_option_set_new();
	TtOptions	  *o = &s->o;
	ForeignServer *server = GetForeignServer(serverid);

	o->serverid = serverid;
	o->server_name = server->servername;
	o->server_owner = server->owner;
	o->server_owner_is_superuser = superuser_arg(server->owner);
	o->userid = OidIsValid(userid) ? userid : GetUserId();
	tt_option_read_list(server->options, s);
	o->accounts_from = "server";
	if (OidIsValid(relid))
	{
		List *options = GetForeignTable(relid)->options;

		tt_option_read_list(options, s);
		if (tt_option_given(options, "advertiser_ids"))
			o->accounts_from = "foreign table";
		clamp_page_size(s, tt_option_stream(s));
	}
	if (o->base_url == NULL)
		tt_option_read(tt_option_find("api_url"), o->sandbox ? SANDBOX_URL : PRODUCTION_URL, s);
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

static TtOptionSet *
table_settings(Oid relid)
{
	TtOptionSet *s = tt_option_set_new();

	tt_option_read_list(GetForeignTable(relid)->options, s);
	return s;
}

const TtStream *
tt_options_stream(Oid relid)
{
	return tt_option_stream(table_settings(relid));
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
	TtOptionSet *s = tt_option_set_new();
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
		tt_option_read_list(untransformRelOptions(options), s);
		paths[attnum - 1] = s->path;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	pfree(s);
	return paths;
}
