/*
 * hosts.h
 *	  Where a server may connect to, and through what.
 */
#ifndef TT_HOSTS_H
#define TT_HOSTS_H

#include "postgres.h"

#include "options/options.h"

/* ERROR 42501 unless the server's base URL may be asked, as its options say */
extern void tt_options_check_host(const TtOptions *options);

#endif /* TT_HOSTS_H */
