/* hand_over: the container goes to the process that asked for it (mpi/handover.h), which
 * has another program to become than the engine: a task of slurmstepd's.
 *
 *	if (hand_over(fd, plan, &ticket, environ, e) < 0) ...
 *
 * Where the image's scripts need a shell, they are run once here, for what they make of the
 * environment. */
#ifndef FLOW_HAND_OVER_H
#define FLOW_HAND_OVER_H

#include "mpi/meet.h"
#include "src/base/err.h"
#include "src/plan/plan.h"

/* text: what --hand-over says.  ERR_USAGE. */
int hand_over_parse(int *sock, const char *text, struct err *e);

/* Sends p's environment, working directories and what stands before its last word, with t's
 * namespaces.  environment: what the receiver has; only differences are sent. */
int hand_over(int sock, const struct plan *p, const struct ticket *t, char *const *environment,
	      struct err *e);

#endif
