/* join: a program in an instance that runs (instance://NAME).
 *
 * Namespaces, root and mounts are the instance's; environment, working directory, terminal and
 * descriptors are the caller's, by the rules of any start.  The calling process waits for the
 * program, which is in another PID namespace, and ends as it does. */
#ifndef FLOW_JOIN_H
#define FLOW_JOIN_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/plan/request.h"

#define JOIN_SCHEME "instance://"

/* As flow_run(). */
int flow_join(const struct run_req *req, struct buf *text, struct err *e);

#endif
