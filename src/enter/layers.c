/* Layers over the image, as one overlay: its upper directory in a tmpfs or on the host,
 * below it the layers that are only read, a tmpfs with the mount points that a directory
 * image lacks, and the image.
 *
 * Layers are named through /proc/self/fd, because a path may hold ':' and ','.  The
 * kernel takes strings of at most 255 bytes; a longer list of layers is given one by one
 * (lowerdir+, Linux 6.5).  userxattr (5.11) is what an unprivileged overlay marks
 * opaque directories with; without it a removed directory fails with EIO later. */
#include "src/enter/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/fd.h"
#include "src/enter/extfs.h"
#include "src/enter/mountapi.h"

enum { LOWER_MAX = 500, STRING_MAX = 255 };

/* Lower directories, topmost first, as they are found. */
struct lower {
	int fd[LOWER_MAX];
	size_t n;
};

static int lower_add(struct lower *l, int fd)
{
	if (l->n == LOWER_MAX) {
		errno = E2BIG;
		return -1;
	}
	l->fd[l->n++] = fd;
	return 0;
}

static int lower_config(int fs, const struct lower *l)
{
	char list[STRING_MAX + 1], one[32];
	size_t len = 0;

	for (size_t i = 0; i < l->n; i++) {
		int n = snprintf(one, sizeof(one), "%s/proc/self/fd/%d", i ? ":" : "", l->fd[i]);

		if (len + (size_t)n > STRING_MAX)
			break;
		memcpy(list + len, one, (size_t)n + 1);
		len += (size_t)n;
		if (i + 1 == l->n)
			return sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", list, 0);
	}
	for (size_t i = 0; i < l->n; i++) {
		snprintf(one, sizeof(one), "/proc/self/fd/%d", l->fd[i]);
		if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", one, 0) < 0)
			return -1;
	}
	return 0;
}

static int overlay_finish(int fs, bool writable)
{
	if (sys_fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return sys_fsmount(fs, ROOT_ATTR & (writable ? ~(unsigned)MOUNT_ATTR_RDONLY : ~0u));
}

/* upper: a directory that holds upper/ and work/; -1 none. */
static int overlay_mount(const struct lower *l, int upper)
{
	auto_close int fs = sys_fsopen("overlay");
	char path[48];

	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", "berth", 0) < 0 ||
	    lower_config(fs, l) < 0)
		return -1;
	if (upper >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d/upper", upper);
		if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", path, 0) < 0)
			return -1;
		snprintf(path, sizeof(path), "/proc/self/fd/%d/work", upper);
		if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "workdir", path, 0) < 0)
			return -1;
	}
	return overlay_finish(fs, upper >= 0);
}

int overlay_private(const char *lower)
{
	auto_close int fs = sys_fsopen("overlay");

	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", "berth", 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", lower, 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", "upper", 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_SET_STRING, "workdir", "work", 0) < 0)
		return -1;
	return overlay_finish(fs, true);
}

int root_layers_open(struct enter *x, struct fault *f)
{
	const struct plan *p = x->plan;

	for (size_t i = 0; i < p->nlayers; i++) {
		if (!p->layers[i].dir)
			continue;
		x->layers[i] = open(p->layers[i].dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (x->layers[i] < 0)
			return fault_at(f, FAULT_LAYER, i);
	}
	/* While /dev is in sight. */
	if (p->upper == PLAN_UPPER_EXT && (x->over = fuse_open(x, true, &x->over_fuse, f)) < 0)
		return -1;
	if (p->upper == PLAN_UPPER_DIR) {
		x->upper = open(p->upper_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (x->upper < 0)
			return fault_at(f, FAULT_UPPER, 0);
	}
	return 0;
}

int upper_tmpfs(struct enter *x, const char *at, struct fault *f)
{
	x->upper =
		fs_mount_text("tmpfs", x->plan->upper_data, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (x->upper < 0 || sys_move_mount(x->upper, AT_FDCWD, at) < 0 ||
	    mkdirat(x->upper, "upper", 0755) < 0 || mkdirat(x->upper, "work", 0700) < 0)
		return fault_at(f, FAULT_UPPER, 0);
	return 0;
}

/* Parked, for a layer must be attached. */
static int exts_take(struct enter *x, struct fault *f)
{
	for (size_t i = 0; i < x->plan->nexts; i++) {
		if (extfs_take(x->extfs, i, &x->exts[i], f) < 0)
			return -1;
		/* Its holder lays this one over the others. */
		if (!x->plan->exts[i].write && sys_move_mount(x->exts[i], AT_FDCWD, PARKING) < 0)
			return fault_at(f, FAULT_EXTFS, i * EXTFS_REASONS + EXTFS_PLACE);
	}
	return 0;
}

static int layer_fd(const struct enter *x, size_t i)
{
	const struct plan_layer *l = &x->plan->layers[i];

	return l->dir ? x->layers[i] : l->is_ext ? x->exts[l->image] : x->images[l->image];
}

/* missing: the directory of mount points that a directory image lacks; -1 none. */
static int lower_collect(struct enter *x, struct lower *l, int missing, struct fault *f)
{
	const struct plan *p = x->plan;

	for (size_t i = 0; i < p->nlayers; i++)
		if (lower_add(l, layer_fd(x, i)) < 0)
			return fault_at(f, FAULT_LAYER, i);
	if (missing >= 0 && lower_add(l, missing) < 0)
		return fault_at(f, FAULT_LAYER, p->nlayers);
	if (lower_add(l, x->root) < 0)
		return fault_at(f, FAULT_LAYER, p->nlayers);
	if (x->lifeline >= 0 && lower_add(l, x->lifeline) < 0)
		return fault_at(f, FAULT_LAYER, p->nlayers);
	return 0;
}

int root_layers_place(struct enter *x, int missing, struct fault *f)
{
	struct lower l = { .n = 0 };
	auto_close int overlay = -1;

	if (exts_take(x, f) < 0)
		return -1;
	if (x->plan->upper == PLAN_UPPER_TMPFS && !x->members && upper_tmpfs(x, PARKING, f) < 0)
		return -1;
	if (lower_collect(x, &l, missing, f) < 0)
		return -1;
	if (x->plan->upper == PLAN_UPPER_EXT) {
		if (extfs_over(x->extfs, l.fd, l.n, x->over_fuse, f) < 0)
			return -1;
		overlay = x->over;
		x->over = -1;
		/* Held here it would hide that fuse-overlayfs has ended. */
		close(x->over_fuse);
		x->over_fuse = -1;
	} else if ((overlay = overlay_mount(&l, x->upper)) < 0) {
		return fault_at(f, FAULT_LAYERS, l.n);
	}
	if (sys_move_mount(overlay, AT_FDCWD, "/") < 0)
		return fault_at(f, FAULT_LAYERS, l.n);
	x->image = x->root;
	x->root = take_fd(&overlay);
	return 0;
}
