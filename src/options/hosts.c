/*
 * hosts.c
 *	  Where a server may connect to, and through what.
 *
 * A server that a superuser owns may connect anywhere.  Any other: to hosts of
 * the superuser's list, by TLS, trusting whom the system trusts, directly.
 */
#include "postgres.h"

#include "options/hosts.h"

#include "options/settings.h"
#include "utils/builtins.h"

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
