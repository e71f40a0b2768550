/* join: puts the calling process into namespaces that somebody else has made.
 *
 *	if (enter_join(fds, types, n, &f) < 0 || enter_exec(x, &f) < 0)
 *		return fault_explain(&f, plan, e);
 *
 * setns(2), Linux 5.12 for what Berth makes: the process has one thread, and is the
 * owner of the user namespace or stands above it.  System calls only. */
#ifndef ENTER_JOIN_H
#define ENTER_JOIN_H

#include <stddef.h>

#include "src/enter/fault.h"

/* fds[i] is a namespace of type types[i] (CLONE_NEW*); the user namespace comes first,
 * for what follows takes the capabilities that it gives.  Root and working directory are
 * the mount namespace's afterwards. */
int enter_join(const int *fds, const unsigned *types, size_t n, struct fault *f);

#endif
