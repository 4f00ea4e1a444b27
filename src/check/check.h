/*
 * check.h
 *	  tiktok.check(server): does the set-up work, and if not, what to change.
 */
#ifndef TT_CHECK_H
#define TT_CHECK_H

#include "postgres.h"

#include "fmgr.h"

/* rows (step, name, ok, detail, hint), see the SQL declaration */
extern Datum tt_check(FunctionCallInfo fcinfo);

#endif /* TT_CHECK_H */
