/* upper: the directory that takes a container's changes, made ready before it starts.
 *
 *	if (upper_check(plan, e) < 0) ...          // the launcher: can it be one at all?
 *	if (upper_take(&lease, plan, e) < 0) ...   // the keeper: ours alone from now on
 *	lease_drop(&lease);                        // the keeper, when the container is gone
 */
#ifndef FLOW_UPPER_H
#define FLOW_UPPER_H

#include "src/base/err.h"
#include "src/host/lease.h"
#include "src/plan/plan.h"

/* Makes upper/ and work/ in plan->upper_dir and looks whether the file system can hold
 * them.  0 at once when the plan has no such directory. */
int upper_check(const struct plan *p, struct err *e);

/* The directories of the host that the plan wants to be there (--workdir). */
int host_dirs_make(const struct plan *p, struct err *e);

/* 0 at once without such a directory or file.  The lease of plan->upper_dir, and a work directory without remains of a crash. */
int upper_take(struct lease *l, const struct plan *p, struct err *e);

#endif
