/* The root: a SquashFS served by the keeper, or a directory.
 *
 * A FUSE mount is only accepted from a /dev/fuse that was opened in the same user
 * namespace, so it is opened here and the descriptor sent out to the keeper; INIT
 * is answered while the binds are made.  A directory is shown as it is unless it
 * lacks mount points: then an overlay of a small tmpfs over it, read-only, without
 * an upper layer (linux.md C: the cost is some microseconds an open). */
#include "src/enter/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "src/base/fd.h"
#include "src/enter/mountapi.h"

#define ROOT_ATTR (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* Where helper mounts lie until the host's tree goes away: a directory that every host
 * has and that nobody looks up any more, for all sources are open by then. */
#define PARKING "/dev"

struct option {
	const char *key, *value; /* value NULL: a flag */
};

/* A detached mount of a new file system; -1 with errno. */
static int fs_mount(const char *type, const struct option *o, size_t n, unsigned attr)
{
	auto_close int fs = sys_fsopen(type);

	if (fs < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (sys_fsconfig(fs, o[i].value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, o[i].key,
				 o[i].value, 0) < 0)
			return -1;
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return sys_fsmount(fs, attr);
}

/* snprintf() takes no lock and allocates nothing for plain integers. */
int root_squash(struct enter *x, int keeper, struct fault *f)
{
	auto_close int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char fd[16], uid[16], gid[16];
	const struct option o[] = {
		{ "source", "berth" },
		{ "subtype", "berth" },
		{ "ro", NULL },
		{ "fd", fd },
		{ "rootmode", "40000" },
		{ "user_id", uid },
		{ "group_id", gid },
		{ "allow_other", NULL },
		{ "default_permissions", NULL },
		{ "max_read", "1048576" },
	};

	if (fuse < 0)
		return fault_at(f, FAULT_FUSE_OPEN, 0);
	snprintf(fd, sizeof(fd), "%d", fuse);
	snprintf(uid, sizeof(uid), "%u", (unsigned)x->plan->uid);
	snprintf(gid, sizeof(gid), "%u", (unsigned)x->plan->gid);
	x->root = fs_mount("fuse", o, ARRAY_LEN(o), ROOT_ATTR);
	if (x->root < 0)
		return fault_at(f, FAULT_FUSE_MOUNT, 0);
	return fd_send(keeper, fuse) < 0 ? fault_at(f, FAULT_KEEPER, 0) : 0;
}

int root_directory_open(struct enter *x, struct fault *f)
{
	x->root = sys_open_tree(AT_FDCWD, x->plan->image, AT_RECURSIVE);
	if (x->root < 0 || sys_mount_setattr(x->root, AT_RECURSIVE, ROOT_ATTR, MS_PRIVATE) < 0)
		return fault_at(f, FAULT_IMAGE, 0);
	return 0;
}

/* mkdir -p of what path needs, then path itself; path has no links. */
static int make_missing(int base, const struct missing *m)
{
	char path[4096];
	size_t len = strlen(m->path);
	int fd;

	if (len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path, m->path, len + 1);
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

/* A directory with inherited mounts below it, the host's own root for one, cannot be
 * a lower layer (EINVAL: they are locked in place).  It is then shown as it is, and
 * a mount point that it lacks is a fault of that mount. */
static int overlay_over(struct enter *x, struct fault *f)
{
	auto_close int lower = -1, overlay = -1;
	char dirs[64];
	const struct option o[] = {
		{ "source", "berth" },
		{ "lowerdir", dirs },
		{ "userxattr", NULL },
	};

	if (mkdirat(x->stage, "lower", 0755) < 0)
		return fault_at(f, FAULT_STAGE, 0);
	lower = openat(x->stage, "lower", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (lower < 0)
		return fault_at(f, FAULT_STAGE, 0);
	for (size_t i = 0; i < x->nmissing; i++)
		if (make_missing(lower, &x->missing[i]) < 0)
			return fault_at(f, FAULT_STAGE, 0);
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

/* The engine's files, each a mount of its own from the stage. */
static int stage_files(struct enter *x, struct fault *f)
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

static bool wants_stage(const struct enter *x)
{
	for (size_t i = 0; i < x->plan->nfiles; i++)
		if (x->want_file[i])
			return true;
	return x->nmissing > 0;
}

int root_directory_place(struct enter *x, struct fault *f)
{
	static const struct option o[] = { { "source", "berth" }, { "mode", "0755" } };

	if (wants_stage(x)) {
		x->stage = fs_mount("tmpfs", o, ARRAY_LEN(o), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
		/* Copies and lower layers are taken of attached mounts only. */
		if (x->stage < 0 || sys_move_mount(x->stage, AT_FDCWD, PARKING) < 0)
			return fault_at(f, FAULT_STAGE, 0);
		if (stage_files(x, f) < 0)
			return -1;
	}
	if (sys_move_mount(x->root, AT_FDCWD, x->nmissing ? PARKING : "/") < 0)
		return fault_at(f, FAULT_IMAGE, 0);
	return x->nmissing ? overlay_over(x, f) : 0;
}
