/* fault: what went wrong while a container was entered, and the sentence for it.
 *
 * Between unshare() and execve() there is no malloc, no stdio and, when a builder
 * child does the work, no parent's memory.  So the doer records {step, errno,
 * index} and whoever holds the plan writes the sentence:
 *
 *	if (enter_build(x, &f) < 0)
 *		return fault_explain(&f, plan, e);
 *	-> bind /gpfs on /data (ro): Permission denied
 */
#ifndef ENTER_FAULT_H
#define ENTER_FAULT_H

#include <stdint.h>

#include "src/base/err.h"
#include "src/plan/plan.h"

enum fault_step {
	FAULT_NONE,
	FAULT_UNSHARE,	 /* user and mount namespace; index: CLONE_* flags */
	FAULT_IDMAP,	 /* /proc/self/setgroups, uid_map, gid_map; index 0, 1, 2 */
	FAULT_FORK,	 /* the process that waits for, or begins, a PID namespace */
	FAULT_CGROUP,	 /* moving to the cgroup that has the limits */
	FAULT_HOSTNAME,	 /* sethostname() */
	FAULT_LOOPBACK,	 /* the network interface "lo" */
	FAULT_PROC,	 /* no fresh /proc: the host's is shown; a warning, never an end */
	FAULT_IMAGE,	 /* the image directory could not be opened or copied */
	FAULT_FUSE_OPEN, /* /dev/fuse */
	FAULT_FUSE_MOUNT,
	FAULT_KEEPER,	 /* the keeper did not take the FUSE descriptor */
	FAULT_STAGE,	 /* tmpfs that holds the engine's files and missing mount points */
	FAULT_OVERLAY,	 /* overlay that shows missing mount points of a directory */
	FAULT_LAYER,	 /* plan layer [index] could not be opened */
	FAULT_EXTFS,	 /* an ext file system; index: extfs.h */
	FAULT_UPPER,	 /* upper directory, or the tmpfs for it */
	FAULT_LAYERS,	 /* the overlay of index layers */
	FAULT_FILE,	 /* plan file [index] */
	FAULT_SOURCE,	 /* plan mount [index]: what is to be mounted */
	FAULT_READONLY,	 /* plan mount [index]: its flags */
	FAULT_TARGET,	 /* plan mount [index]: the place in the container */
	FAULT_ATTACH,	 /* plan mount [index]: the mount itself */
	FAULT_ROOT,	 /* making the new root the root */
	FAULT_JOIN,	 /* setns() into the container that others made; index: CLONE_NEW* */
	FAULT_CWD,	 /* plan cwd [index] */
	FAULT_EMUL,	 /* root emulation; index 0 to 3: see emul_attach() */
	FAULT_NOT_FOUND, /* argv[0] is not in the container */
	FAULT_EXEC	 /* argv[0] is there but does not start */
};

struct fault {
	enum fault_step step;
	int sys; /* errno */
	uint64_t index;
};

/* Records a fault with the current errno.  Returns -1. */
int fault_at(struct fault *f, enum fault_step step, uint64_t index);

/* Writes the sentence.  Returns -1; for what concerns the program itself what a
 * shell would return: 126 when it cannot be executed, 127 when it is not there.
 * Where namespaces or /dev/fuse are missing, the text tells which switch of the
 * host is the cause and its remedy (src/enter/blockers.h). */
int fault_explain(const struct fault *f, const struct plan *p, struct err *e);

#endif
