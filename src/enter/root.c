/* The root: a SquashFS served by the keeper, or a directory.
 *
 * A directory is shown as it is unless it lacks mount points.  Where they belong in
 * empty directories (the usual /home/USER), a directory of a small tmpfs that has
 * them is mounted there: nothing is hidden, and reading the image costs nothing.
 * Otherwise an overlay of that tmpfs over the image, read-only, without an upper
 * layer; it costs 0.3 ms at the start and some microseconds at each open. */
#include "src/enter/state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "src/base/fd.h"
#include "src/enter/mountapi.h"

int root_squash(struct enter *x, int keeper, struct fault *f)
{
	return fuse_mount(x, keeper, &x->root, f);
}

int root_directory_open(struct enter *x, struct fault *f)
{
	unsigned long attr =
		x->plan->writable ? ROOT_ATTR & ~(unsigned long)MOUNT_ATTR_RDONLY : ROOT_ATTR;

	x->root = sys_open_tree(AT_FDCWD, x->plan->image, AT_RECURSIVE);
	if (x->root < 0 || sys_mount_setattr(x->root, AT_RECURSIVE, attr, MS_PRIVATE) < 0)
		return fault_at(f, FAULT_IMAGE, 0);
	return 0;
}

/* mkdir -p of what m's path needs after its first skip bytes, then the path itself;
 * it has no links. */
static int make_missing(int base, const struct missing *m, size_t skip)
{
	char path[4096];
	const char *rest = m->path + skip;
	size_t len = strlen(rest);
	int fd;

	if (len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path, rest, len + 1);
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdirat(base, path + 1, 0755) < 0 && errno != EEXIST)
			return -1;
		*p = '/';
	}
	if (m->is_dir)
		return mkdirat(base, path + 1, 0755) < 0 && errno != EEXIST ? -1 : 0;
	fd = openat(base, path + 1, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

/* A directory of the stage with all that is missing; -1 with *f. */
static int missing_make(struct enter *x, struct fault *f)
{
	auto_close int lower = -1;

	if (mkdirat(x->stage, "lower", 0755) < 0)
		return fault_at(f, FAULT_STAGE, 0);
	lower = openat(x->stage, "lower", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (lower < 0)
		return fault_at(f, FAULT_STAGE, 0);
	for (size_t i = 0; i < x->nmissing; i++)
		if (make_missing(lower, &x->missing[i], 0) < 0)
			return fault_at(f, FAULT_STAGE, 0);
	return take_fd(&lower);
}

/* With --writable there is no layer to put them in but the image itself. */
static int missing_write(struct enter *x, struct fault *f)
{
	for (size_t i = 0; i < x->nmissing; i++)
		/* What is there as a link or directory stays; the mount then says so. */
		if (make_missing(x->root, &x->missing[i], 0) < 0 && errno != EEXIST &&
		    errno != ELOOP && errno != EISDIR)
			return fault_at(f, FAULT_STAGE, 0);
	return 0;
}

static int layered_place(struct enter *x, struct fault *f)
{
	auto_close int missing = -1;

	if (sys_move_mount(x->root, AT_FDCWD, PARKING) < 0)
		return fault_at(f, FAULT_IMAGE, 0);
	if (x->nmissing && (missing = missing_make(x, f)) < 0)
		return -1;
	return root_layers_place(x, missing, f);
}

/* A directory with inherited mounts below it, the host's own root for one, cannot be
 * a lower layer (EINVAL: they are locked in place).  It is then shown as it is, and
 * a mount point that it lacks is a fault of that mount. */
static int overlay_over(struct enter *x, struct fault *f)
{
	auto_close int lower = -1, overlay = -1;
	char dirs[64];
	const struct fs_option o[] = {
		{ "source", "berth" },
		{ "lowerdir", dirs },
		{ "userxattr", NULL },
	};

	lower = missing_make(x, f);
	if (lower < 0)
		return -1;
	/* Through /proc, because a path may hold ':' and ','. */
	snprintf(dirs, sizeof(dirs), "/proc/self/fd/%d:/proc/self/fd/%d", lower, x->root);
	overlay = fs_mount("overlay", o, ARRAY_LEN(o), ROOT_ATTR);
	if (overlay < 0 && errno == EINVAL)
		return sys_move_mount(x->root, AT_FDCWD, "/") < 0 ? fault_at(f, FAULT_IMAGE, 0) : 0;
	if (overlay < 0 || sys_move_mount(overlay, AT_FDCWD, "/") < 0)
		return fault_at(f, FAULT_OVERLAY, x->nmissing);
	x->image = x->root;
	x->root = take_fd(&overlay);
	return 0;
}

static bool same_base(const struct missing *a, const struct missing *b)
{
	return a->base == b->base && !memcmp(a->path, b->path, a->base);
}

/* Mounts a directory of the stage on the empty one that missing[first] belongs in. */
static int fill_one(struct enter *x, size_t first, struct fault *f)
{
	const struct missing *m = &x->missing[first];
	auto_close int dir = -1, tree = -1, target = -1;
	char name[24], base[4096];

	snprintf(name, sizeof(name), "d%zu", first);
	if (mkdirat(x->stage, name, 0755) < 0 || m->base >= sizeof(base))
		return fault_at(f, FAULT_STAGE, 0);
	dir = openat(x->stage, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = first; i < x->nmissing; i++)
		if (same_base(m, &x->missing[i]) && make_missing(dir, &x->missing[i], m->base) < 0)
			return fault_at(f, FAULT_STAGE, 0);
	memcpy(base, m->path, m->base);
	base[m->base] = '\0';
	tree = sys_open_tree(x->stage, name, 0);
	target = open_in_root(x->root, base, O_PATH | O_DIRECTORY, 0);
	if (tree < 0 || target < 0 || sys_mount_setattr(tree, 0, ROOT_ATTR, 0) < 0 ||
	    sys_move_mount(tree, target, "") < 0)
		return fault_at(f, FAULT_STAGE, 0);
	return 0;
}

static int fill_empty(struct enter *x, struct fault *f)
{
	for (size_t i = 0; i < x->nmissing; i++) {
		size_t j = 0;

		while (j < i && !same_base(&x->missing[j], &x->missing[i]))
			j++;
		if (j == i && fill_one(x, i, f) < 0)
			return -1;
	}
	return 0;
}

/* The engine's files, each a mount of its own from the stage. */
static int stage_write(struct enter *x, struct fault *f)
{
	for (uint64_t i = 0; i < x->plan->nfiles; i++) {
		const struct plan_file *p = &x->plan->files[i];
		auto_close int fd = -1;
		char name[24];

		if (!x->want_file[i])
			continue;
		snprintf(name, sizeof(name), "%llu", (unsigned long long)i);
		fd = openat(x->stage, name, O_CREAT | O_WRONLY | O_CLOEXEC, p->mode & 0777);
		if (fd < 0 || fd_write(fd, p->data, p->len) < 0)
			return fault_at(f, FAULT_FILE, i);
		x->files[i] = sys_open_tree(x->stage, name, 0);
		if (x->files[i] < 0 || sys_mount_setattr(x->files[i], 0, ROOT_ATTR, 0) < 0)
			return fault_at(f, FAULT_FILE, i);
	}
	return 0;
}

/* A job with "ulimit -f 0" gets an error with a name, not a signal. */
static int stage_files(struct enter *x, struct fault *f)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction was;
	int r;

	sigaction(SIGXFSZ, &ignore, &was);
	r = stage_write(x, f);
	sigaction(SIGXFSZ, &was, NULL);
	return r;
}

static bool wants_stage(const struct enter *x)
{
	for (size_t i = 0; i < x->plan->nfiles; i++)
		if (x->want_file[i])
			return true;
	return x->nmissing > 0;
}

/* Where members lay a layer of their own over it, what is missing must be part of the tree. */
static bool needs_overlay(const struct enter *x)
{
	if (x->members && x->nmissing)
		return true;
	for (size_t i = 0; i < x->nmissing; i++)
		if (!x->missing[i].base_empty)
			return true;
	return false;
}

int root_directory_place(struct enter *x, struct fault *f)
{
	bool overlay = needs_overlay(x) && !x->plan->writable;
	static const struct fs_option o[] = { { "source", "berth" }, { "mode", "0755" } };

	if (wants_stage(x)) {
		x->stage = fs_mount("tmpfs", o, ARRAY_LEN(o), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
		/* Copies and lower layers are taken of attached mounts only. */
		if (x->stage < 0 || sys_move_mount(x->stage, AT_FDCWD, PARKING) < 0)
			return fault_at(f, FAULT_STAGE, 0);
		if (stage_files(x, f) < 0)
			return -1;
	}
	if (enter_is_layered(x))
		return layered_place(x, f);
	if (x->plan->writable && missing_write(x, f) < 0)
		return -1;
	if (sys_move_mount(x->root, AT_FDCWD, overlay ? PARKING : "/") < 0)
		return fault_at(f, FAULT_IMAGE, 0);
	if (overlay)
		return overlay_over(x, f);
	return x->plan->writable ? 0 : fill_empty(x, f);
}
