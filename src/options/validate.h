/*
 * validate.h
 *	  Whether the options of an object are valid, when DDL sets them.
 */
#ifndef TT_VALIDATE_H
#define TT_VALIDATE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* the validator's body: catalog is the OID of the system catalogue */
extern void tt_options_validate(List *options, Oid catalog);

#endif /* TT_VALIDATE_H */
