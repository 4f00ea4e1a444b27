/*
 * completeness.h
 *	  tiktok.completeness(): why the sums of two reports differ.
 */
#ifndef TT_COMPLETENESS_H
#define TT_COMPLETENESS_H

#include "postgres.h"

#include "fmgr.h"

/* rows (advertiser_id, level, reason, spend, impressions, clicks, note), see the SQL declaration */
extern Datum tt_completeness(FunctionCallInfo fcinfo);

#endif /* TT_COMPLETENESS_H */
