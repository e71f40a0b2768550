/* gpu_check: what this host can lend, and what of it an image can take.
 *
 *	status = flow_gpu_check(&req, &text, e);      // req.image NULL: the host alone
 *
 * One line for each device, library and file, the same that a start lists with --dry-run. */
#ifndef FLOW_GPU_CHECK_H
#define FLOW_GPU_CHECK_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/plan/request.h"

/* Of req the image and what the host lends count; with none of these all kinds of devices are
 * looked for.  0: all that is there can be lent.  1: a start would fail, e says with which words.
 * -1: it could not be found out. */
int flow_gpu_check(const struct run_req *req, struct buf *text, struct err *e);

#endif
