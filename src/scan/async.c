/*
 * async.c
 *	  Scans of an Append's arms that go on while others are waited for.
 */
#include "postgres.h"

#include "scan/scan.h"

#include "executor/execAsync.h"
#include "storage/latch.h"
#include "wire/http.h"

bool
tiktokIsForeignPathAsyncCapable(ForeignPath *path)
{
	return tt_http_pollable();
}

/* Hand on a row that passes the quals, or the end, or ask to be called again. */
static void
produce(AsyncRequest *areq)
{
	ForeignScanState *node = (ForeignScanState *) areq->requestee;
	TtScanState		 *state = node->fdw_state;
	TupleTableSlot	 *slot = areq->requestee->ExecProcNodeReal(areq->requestee);

	if (!TupIsNull(slot))
		ExecAsyncRequestDone(areq, slot);
	else if (state->finished)
		ExecAsyncRequestDone(areq, NULL);
	else
	{
		if (!castNode(AppendState, areq->requestor)->as_syncdone)
			tt_fetch_leave();
		ExecAsyncRequestPending(areq);
	}
}

void
tiktokForeignAsyncRequest(AsyncRequest *areq)
{
	TtScanState *state = ((ForeignScanState *) areq->requestee)->fdw_state;

	state->append = areq->requestor;
	produce(areq);
}

void
tiktokForeignAsyncConfigureWait(AsyncRequest *areq)
{
	ForeignScanState *node = (ForeignScanState *) areq->requestee;
	TtScanState		 *state = node->fdw_state;
	AppendState		 *append = (AppendState *) areq->requestor;

	/* if not, it only looks whether there is something, and uses other rows then */
	if (append->as_syncdone)
		tt_fetch_watch(state->fetch);
	AddWaitEventToSet(append->as_eventset, WL_SOCKET_READABLE, tt_fetch_fd(state->fetch),
					  NULL, areq);
}

void
tiktokForeignAsyncNotify(AsyncRequest *areq)
{
	produce(areq);
}
