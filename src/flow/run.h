/* run: exec, run and shell, from the request to the program.
 *
 *	auto_buf struct buf text = { 0 };
 *	int r = flow_run(&req, NULL, NULL, &text, e);   // comes back only when nothing was started
 *
 * Gather (host, image), decide (plan), act (keeper, enter).  On success the calling
 * process becomes the program. */
#ifndef FLOW_RUN_H
#define FLOW_RUN_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/plan/request.h"

/* Called when the image is here or will not come, before anything is entered: the request's user
 * and password are not used after that, and while such a secret is guarded (nodump.h) no id map can
 * be written. */
typedef void run_fetched(void *arg);

/* 0: dry run, the plan is in text as JSON, or where each variable comes from (explain_env); or a
 * test of an image that has none.  126: the program is in the container but cannot be executed,
 * 127: it is not there; e says so.  -1: it did not come that far, see e. */
int flow_run(const struct run_req *req, run_fetched *fetched, void *arg, struct buf *text,
	     struct err *e);

#endif
