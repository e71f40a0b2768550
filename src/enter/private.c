/* A layer in memory that is one member's own, over the root that all share.
 *
 * The user namespace stays the shared one: that is what cross-memory attach asks for, and
 * the kernel does not look at mount namespaces there.  In a copy of the mount namespace
 * the tmpfs is laid over "/", the overlay of it and the root on top, and the container's
 * mounts are moved from the root below to the same places.  Nothing is opened by a path
 * of the host, and neither /proc nor /dev need be there: the root is still "/" to this
 * process, and the tmpfs is its working directory.
 *
 * Mounts can be moved because a copy within one user namespace locks none (Linux 3.12 on
 * does so only where the owner changes).  An overlay of an overlay is the deepest that
 * the kernel allows. */
#include "src/enter/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/enter/mountapi.h"
#include "src/enter/state.h"

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

static bool is_mount(int fd)
{
	struct statx st;

	return statx(fd, "", AT_EMPTY_PATH, 0, &st) == 0 &&
	       st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* What is mounted at path comes along; the topmost, where two lie over each other. */
static int mount_move(const struct enter *x, int from, const char *path)
{
	auto_close int mount = open_in_root(from, path, O_PATH, 0), target = -1;

	if (mount < 0 || !is_mount(mount))
		return 0; /* an optional one that could not be placed */
	target = open_in_root(x->root, path, O_PATH, 0);
	if (target < 0)
		return -1;
	return is_mount(target) ? 0 : sys_move_mount(mount, target, "");
}

static int mounts_move(const struct enter *x, int from, struct fault *f)
{
	const struct plan *p = x->plan;

	for (uint64_t i = 0; i < p->nfiles && p->root == PLAN_ROOT_DIR; i++)
		if (x->want_file[i] && mount_move(x, from, p->files[i].path) < 0)
			return fault_at(f, FAULT_FILE, i);
	for (uint64_t i = 0; i < p->nmounts; i++)
		if (p->mounts[i].kind != PLAN_SYMLINK && !plan_mount_is_covered(p, i) &&
		    mount_move(x, from, p->mounts[i].dst) < 0)
			return fault_at(f, FAULT_ATTACH, i);
	return 0;
}

/* As for any container: see root_take() in enter.c. */
static int root_change(const struct enter *x, struct fault *f)
{
	if (fchdir(x->root) < 0)
		return fault_at(f, FAULT_ROOT, 0);
	if (sys_pivot_root(".", ".") == 0) {
		if (sys_umount_detach(".") < 0)
			return fault_at(f, FAULT_ROOT, 1);
	} else if (errno != EINVAL || chroot(".") < 0) {
		return fault_at(f, FAULT_ROOT, 2);
	}
	return chdir("/") < 0 ? fault_at(f, FAULT_ROOT, 3) : 0;
}

int enter_private(struct enter *x, struct fault *f)
{
	auto_close int shared = -1;

	if (x->plan->upper != PLAN_UPPER_TMPFS)
		return 0;
	if (unshare(CLONE_NEWNS) < 0)
		return fault_at(f, FAULT_UNSHARE, CLONE_NEWNS);
	shared = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (shared < 0)
		return fault_at(f, FAULT_ROOT, 3);
	if (upper_tmpfs(x, "/", f) < 0)
		return -1;
	if (fchdir(x->upper) < 0 || (x->root = overlay_private("/")) < 0)
		return fault_at(f, FAULT_LAYERS, 1);
	/* The overlay holds the tmpfs from here on; nothing may lie between it and the root. */
	if (sys_umount_detach(".") < 0 || sys_move_mount(x->root, AT_FDCWD, "/") < 0)
		return fault_at(f, FAULT_LAYERS, 1);
	if (mounts_move(x, shared, f) < 0)
		return -1;
	return root_change(x, f);
}
