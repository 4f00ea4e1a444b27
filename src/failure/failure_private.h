/*
 * failure_private.h
 *	  What a failed request is about, as policy.c sees it: its messages follow it.
 */
#ifndef TT_FAILURE_PRIVATE_H
#define TT_FAILURE_PRIVATE_H

#include "failure/failure.h"

/* whether there is a usable body with a code */
extern bool tt_failure_has_code(const TtFailure *failure);

/* a limit that is gone with the day only */
extern bool tt_failure_says_daily(const char *message);

/* repeated overrun locks sandbox credentials for hours; trying prolongs it */
extern bool tt_failure_locked_out(const TtFailure *failure);

/*
 * Whether 40001 is about the endpoint ("advertiser does not grant you
 * /file/video/ad/search/:GET permission"), so that no other account helps.
 */
extern bool tt_failure_of_endpoint(const TtFailure *failure);

#endif /* TT_FAILURE_PRIVATE_H */
