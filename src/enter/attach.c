/* Targets are opened below the new root as if it were "/" already, links and ".."
 * included, and the mount is moved onto that descriptor: nothing in the image can
 * make a mount land outside of it, and no path is walked twice. */
#include "src/enter/state.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/enter/mountapi.h"

static bool below_tmpfs(const struct plan *p, uint64_t n, const char *dst)
{
	for (uint64_t i = 0; i < n; i++)
		if (p->mounts[i].kind == PLAN_TMPFS && path_is_below(dst, p->mounts[i].dst))
			return true;
	return false;
}

/* The directory that holds the last component of dst, made where it is missing. */
static int parent_make(int root, const char *dst)
{
	char path[4096];
	size_t len = strlen(dst) - strlen(path_base(dst));
	int dir;

	if (strlen(dst) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* There in most cases, and then a single look-up. */
	memcpy(path, dst, len);
	path[len] = '\0';
	dir = open_in_root(root, path, O_PATH | O_DIRECTORY, 0);
	if (dir >= 0 || errno != ENOENT)
		return dir;
	strcpy(path, dst);
	dir = open_in_root(root, "/", O_PATH | O_DIRECTORY, 0);
	for (char *p = path + 1; dir >= 0 && (p = strchr(p, '/')); *p++ = '/') {
		auto_close int up = dir;

		*p = '\0';
		dir = open_in_root(root, path, O_PATH | O_DIRECTORY, 0);
		if (dir < 0 && errno == ENOENT && mkdirat(up, path_base(path), 0755) == 0)
			dir = open_in_root(root, path, O_PATH | O_DIRECTORY, 0);
	}
	return dir;
}

/* The directory in which the target before this one was made: the libraries of a driver are a
 * hundred files and links of one.  Only a mount on a directory can put another one in its place. */
struct parent {
	const char *of; /* a path in it; NULL: none */
	int dir;
};

static void parent_forget(struct parent *p)
{
	if (p->of)
		close(p->dir);
	p->of = NULL;
}

static int parent_open(struct parent *p, int root, const char *dst)
{
	size_t n = (size_t)(path_base(dst) - dst);

	if (p->of && (size_t)(path_base(p->of) - p->of) == n && !strncmp(p->of, dst, n))
		return p->dir;
	parent_forget(p);
	p->dir = parent_make(root, dst);
	p->of = p->dir >= 0 ? dst : NULL;
	return p->dir;
}

/* Makes a target, or the link of PLAN_SYMLINK, inside a tmpfs of the plan.  *made is a file that
 * was made, open: what is mounted on needs no second look-up. */
static int target_make(struct parent *parent, int root, const struct plan_mount *m, int *made)
{
	const char *name = path_base(m->dst);
	int dir = parent_open(parent, root, m->dst);

	if (dir < 0)
		return -1;
	if (m->kind == PLAN_SYMLINK)
		return symlinkat(m->src, dir, name);
	if (m->flags & PLAN_IS_DIR)
		return mkdirat(dir, name, 0755);
	*made = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	return *made < 0 ? -1 : 0;
}

static int mount_attach(struct enter *x, uint64_t i, struct parent *parent, struct fault *f)
{
	const struct plan_mount *m = &x->plan->mounts[i];
	auto_close int target = -1;
	int made = 0;

	if (m->kind == PLAN_SYMLINK)
		return target_make(parent, x->root, m, &target) < 0 ? fault_at(f, FAULT_TARGET, i)
								    : 0;
	/* Making it tells whether it is there, too. */
	if (below_tmpfs(x->plan, i, m->dst) && target_make(parent, x->root, m, &target) < 0)
		made = errno;
	if (target < 0)
		target = open_in_root(x->root, m->dst, O_PATH, 0);
	if (target < 0) {
		errno = made && made != EEXIST ? made : errno;
		return fault_at(f, FAULT_TARGET, i);
	}
	if (m->flags & PLAN_IS_DIR)
		parent_forget(parent);
	if (sys_move_mount(x->mounts[i], target, "") < 0)
		return fault_at(f, FAULT_ATTACH, i);
	return 0;
}

static int mounts_attach(struct enter *x, struct parent *parent, struct fault *f)
{
	for (uint64_t i = 0; i < x->plan->nmounts; i++) {
		const struct plan_mount *m = &x->plan->mounts[i];

		if (m->kind != PLAN_SYMLINK && x->mounts[i] < 0)
			continue; /* skipped: its source is not there */
		if (mount_attach(x, i, parent, f) < 0 && enter_skip(x, m, f) < 0)
			return -1;
	}
	return 0;
}

static int files_attach(struct enter *x, struct fault *f)
{
	if (x->plan->root != PLAN_ROOT_DIR)
		return 0; /* the server shows them */
	for (uint64_t i = 0; i < x->plan->nfiles; i++) {
		auto_close int target = -1;

		if (x->files[i] < 0)
			continue;
		target = open_in_root(x->root, x->plan->files[i].path, O_PATH, 0);
		if (target < 0 || sys_move_mount(x->files[i], target, "") < 0)
			return fault_at(f, FAULT_FILE, i);
	}
	return 0;
}

int attach_all(struct enter *x, struct fault *f)
{
	struct parent parent = { .of = NULL };
	int r = files_attach(x, f) < 0 ? -1 : mounts_attach(x, &parent, f);

	parent_forget(&parent);
	if (r < 0)
		return -1;
	for (uint64_t i = 0; i < x->plan->nmounts; i++) {
		const struct plan_mount *m = &x->plan->mounts[i];

		if (m->kind == PLAN_TMPFS && m->flags & PLAN_RO && x->mounts[i] >= 0 &&
		    sys_mount_setattr(x->mounts[i], 0, MOUNT_ATTR_RDONLY, 0) < 0)
			return fault_at(f, FAULT_READONLY, i);
	}
	return 0;
}
