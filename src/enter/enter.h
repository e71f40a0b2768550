/* enter: acts on a plan.  The calling process ends up inside the container and
 * becomes the program.
 *
 *	auto_enter struct enter *x = NULL;
 *	struct fault f;
 *	if (enter_new(&x, plan, e) < 0)               // allocates, opens, looks
 *		return -1;
 *	if (enter_build(x, keeper, &f) < 0 ||         // namespaces and mounts
 *	    enter_exec(x, &f) < 0)                    // returns only on failure
 *		return fault_explain(&f, plan, e);
 *
 * enter_build() and enter_exec() make system calls only: no malloc, no stdio, no
 * locks.  So enter_build() may run in the launcher itself, which is the case of a
 * single process, or in a builder child of a keeper that hands the namespaces to
 * many: such a child calls enter_build(), sends its /proc/self/ns descriptors and
 * the FUSE descriptor up, writes its struct fault to a pipe when it fails, and
 * leaves.  Each member then does setns() and enter_exec().
 *
 * Order, and why: all sources are copied (open_tree) while the host's root is still
 * the root, so no mount of ours can stand in a source's way; then the new root is
 * laid over "/", pivot_root and a lazy umount take the host's tree away; then targets
 * are opened with openat2(IN_ROOT), so a link in the image cannot lead out, and the
 * copies are moved onto them.  Nothing before that asks the keeper for anything.
 * Every inherited mount is a slave of the host's: an automount that the host makes
 * later appears, nothing goes the other way.  Linux 5.12. */
#ifndef ENTER_ENTER_H
#define ENTER_ENTER_H

#include <stdbool.h>

#include "src/base/mem.h"
#include "src/enter/fault.h"
#include "src/plan/plan.h"

struct enter;

/* Takes what allocation needs before the namespaces exist, and for a directory
 * image finds out which mount points it lacks.  The plan is borrowed and must
 * outlive x.  Fails with the image's path in the text. */
int enter_new(struct enter **out, const struct plan *plan, struct err *e);
void enter_free(struct enter *x);
static inline void enter_free_p_(struct enter **x)
{
	enter_free(*x);
}
#define auto_enter auto_(enter_free_p_)

/* The calling process is in new namespaces of these kinds (CLONE_NEW*) already, not mapped yet:
 * the first process of a PID namespace, which waiter_fork() made. */
void enter_has_namespaces(struct enter *x, unsigned flags);

/* The container is for many processes: the plan's layer in memory (--writable-tmpfs) is not made by
 * enter_build(), but by each of them with enter_private(). */
void enter_for_members(struct enter *x);

/* A member that has joined (join.h) gets a mount namespace of its own in the shared user
 * namespace, with the plan's layer in memory over the shared root; every mount of the
 * container moves along.  0 at once when the plan has no such layer. */
int enter_private(struct enter *x, struct fault *f);

/* Where enter_build() gets the plan's ext file systems from (extfs.h); borrowed. */
void enter_use_extfs(struct enter *x, int channel);

/* enter_build() moves its process to the cgroup of this cgroup.procs (cgroup.h); borrowed. */
void enter_use_cgroup(struct enter *x, int procs);

/* Makes the namespaces and everything mounted in them, and moves the calling
 * process (single-threaded) there.  keeper: the socket that takes the FUSE
 * descriptors, the root's first (unless it is a directory), then those of the plan's
 * images in order; -1 when there are none.  0, or -1 with *f. */
int enter_build(struct enter *x, int keeper, struct fault *f);

/* How many optional mounts could not be placed; their faults, for one warning each. */
size_t enter_skipped(const struct enter *x, const struct fault **list);

/* Umask, working directory, no_new_privs, PATH look-up, execve.  Returns only on
 * failure, -1 with *f. */
int enter_exec(struct enter *x, struct fault *f);

#endif
