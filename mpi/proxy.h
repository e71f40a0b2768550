/* proxy: the host's side of --slurm: starts commands of the batch system for programs in a container.
 *
 *	if (proxy_join(dir, e) < 0) ...     // dir is private; bound to BATCH_DIR in the container
 *
 * The first process of a container starts it, the others only say that they are there; it ends with
 * the last of them, and takes dir along.  It is a process of the user's, in the job's cgroup, with the
 * host's environment of whoever started it.  Only the commands of batch.h are started, only for the
 * same uid, and each as a process that sees the host as it is. */
#ifndef MPI_PROXY_H
#define MPI_PROXY_H

#include "src/base/err.h"

/* dir: mode 0700, the caller's.  The calling process becomes a member. */
int proxy_join(const char *dir, struct err *e);

#endif
