/* emul_root: a few steps as root of a user namespace, where the caller's own id is 0.
 *
 *	emul_as_root(pack, &job, &result, sizeof(result), e);
 *
 * What belongs to the caller can then be read, entered and removed whatever its modes are, and
 * security.capability can be set and is read as version 2: what packing, unpacking and removing a
 * tree need. */
#ifndef ENTER_EMUL_ROOT_H
#define ENTER_EMUL_ROOT_H

#include <stddef.h>

#include "src/base/err.h"

/* Runs fn(arg, result) in a child.  0 and result as the child left it, or -1 with its error; what
 * else fn changes in memory is the child's own, descriptors are shared.  n is at most 4096. */
int emul_as_root(int (*fn)(void *arg, void *result, struct err *e), void *arg, void *result,
		 size_t n, struct err *e);

#endif
