/* The sequence.  See enter.h for the order and its reasons. */
#include "src/enter/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/enter/cgroup.h"
#include "src/enter/extfs.h"
#include "src/enter/mountapi.h"
#include "src/enter/state.h"

/* Descriptors beside those of mounts that building needs at most. */
#define SPARE_FDS 64

static int *fds_new(size_t n)
{
	int *fds = xmalloc((n + 1) * sizeof(*fds));

	for (size_t i = 0; i < n; i++)
		fds[i] = -1;
	return fds;
}

/* execve() wants lists that may be changed; strings stay the plan's. */
static char **list_copy(const struct strv *s, size_t spare)
{
	char **list = xcalloc(s->n + spare + 1, sizeof(*list));

	if (s->n)
		memcpy(list + spare, s->v, s->n * sizeof(*list));
	return list;
}

int enter_new(struct enter **out, const struct plan *plan, struct err *e)
{
	auto_enter struct enter *x = xcalloc(1, sizeof(*x));

	x->cgroup = x->extfs = -1;
	x->plan = plan;
	x->root = x->image = x->stage = x->upper = x->lifeline = -1;
	x->over = x->over_fuse = -1;
	x->layers = fds_new(plan->nlayers);
	x->images = fds_new(plan->nimages);
	x->exts = fds_new(plan->nexts);
	x->mounts = fds_new(plan->nmounts);
	x->files = fds_new(plan->nfiles);
	x->want_file = xcalloc(plan->nfiles + 1, sizeof(*x->want_file));
	x->env = list_copy(&plan->env, 0);
	x->script = list_copy(&plan->argv, 1);
	x->pwd = xcalloc(plan->cwd.n + 1, sizeof(*x->pwd));
	for (size_t i = 0; i < plan->cwd.n; i++)
		x->pwd[i] = xasprintf("PWD=%s", plan->cwd.v[i]);
	snprintf(x->uid_map, sizeof(x->uid_map), "%u %u 1", (unsigned)plan->uid,
		 (unsigned)plan->host_uid);
	snprintf(x->gid_map, sizeof(x->gid_map), "%u %u 1", (unsigned)plan->gid,
		 (unsigned)plan->host_gid);
	if (plan->root == PLAN_ROOT_DIR && missing_find(x, e) < 0)
		return -1;
	*out = take_ptr(x);
	return 0;
}

static void fds_free(int *fds, size_t n)
{
	for (size_t i = 0; fds && i < n; i++)
		close_p_(&fds[i]);
	free(fds);
}

void enter_free(struct enter *x)
{
	if (!x)
		return;
	fds_free(x->layers, x->plan->nlayers);
	fds_free(x->images, x->plan->nimages);
	fds_free(x->exts, x->plan->nexts);
	fds_free(x->mounts, x->plan->nmounts);
	fds_free(x->files, x->plan->nfiles);
	close_p_(&x->root);
	close_p_(&x->image);
	close_p_(&x->upper);
	close_p_(&x->over);
	close_p_(&x->over_fuse);
	close_p_(&x->lifeline);
	close_p_(&x->stage);
	for (size_t i = 0; i < x->nmissing; i++)
		free(x->missing[i].path);
	for (size_t i = 0; i < x->plan->cwd.n; i++)
		free(x->pwd[i]);
	free(x->missing);
	free(x->want_file);
	free(x->env);
	free(x->pwd);
	free(x->script);
	free(x);
}

int enter_skip(struct enter *x, const struct plan_mount *m, const struct fault *f)
{
	if (!(m->flags & PLAN_OPTIONAL))
		return -1;
	if (x->nskipped < ENTER_SKIPPED_MAX)
		x->skipped[x->nskipped++] = *f;
	return 0;
}

size_t enter_skipped(const struct enter *x, const struct fault **list)
{
	*list = x->skipped;
	return x->nskipped;
}

void enter_use_cgroup(struct enter *x, int procs)
{
	x->cgroup = procs;
}

void enter_use_extfs(struct enter *x, int channel)
{
	x->extfs = channel;
}

void enter_for_members(struct enter *x)
{
	x->members = true;
}

void enter_has_namespaces(struct enter *x, unsigned flags)
{
	x->made = flags;
}

static int proc_write(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : fd_write(fd, text, strlen(text));
}

static int namespaces_make(const struct enter *x, struct fault *f)
{
	unsigned flags = (CLONE_NEWUSER | CLONE_NEWNS | x->plan->ns) & ~x->made;

	if (unshare((int)flags) < 0)
		return fault_at(f, FAULT_UNSHARE, flags);
	/* Without it the kernel refuses the gid map of an ordinary user; supplementary
	 * groups stay in force, unmapped. */
	if (proc_write("/proc/self/setgroups", "deny") < 0)
		return fault_at(f, FAULT_IDMAP, 0);
	if (proc_write("/proc/self/uid_map", x->uid_map) < 0)
		return fault_at(f, FAULT_IDMAP, 1);
	if (proc_write("/proc/self/gid_map", x->gid_map) < 0)
		return fault_at(f, FAULT_IDMAP, 2);
	return isolate_settle(x, f);
}

/* The new root lies over "/" already, so "/.." is it.  The host's tree is put over it
 * and detached from there, without a look into the new root: its keeper may not be
 * ready yet, and the kernel's wait for a grace period in umount costs nothing then.
 * For the same reason the working directory is one of the host's, whose ".." is the
 * host's root.
 *
 * pivot_root() is refused (EINVAL) where the host itself runs from its initramfs, as
 * stateless nodes do: there the host's root stays below the new one, out of reach. */
static int root_take(const struct enter *x, struct fault *f)
{
	if (chdir("/dev") < 0)
		return fault_at(f, FAULT_ROOT, 0);
	if (sys_pivot_root("/..", "/..") == 0)
		return sys_umount_detach("..") < 0 ? fault_at(f, FAULT_ROOT, 1) : 0;
	if (errno != EINVAL || fchdir(x->root) < 0 || chroot(".") < 0)
		return fault_at(f, FAULT_ROOT, 2);
	return 0;
}

static int tree_build(struct enter *x, int keeper, struct fault *f)
{
	bool squash = x->plan->root == PLAN_ROOT_SQUASH;

	if ((squash ? root_squash(x, keeper, f) : root_directory_open(x, f)) < 0 ||
	    root_layers_open(x, f) < 0 || sources_open(x, keeper, f) < 0)
		return -1;
	if (squash && enter_is_layered(x)) {
		if (sys_move_mount(x->root, AT_FDCWD, PARKING) < 0)
			return fault_at(f, FAULT_FUSE_MOUNT, 1);
		if (root_layers_place(x, -1, f) < 0)
			return -1;
	} else if (squash && sys_move_mount(x->root, AT_FDCWD, "/") < 0) {
		return fault_at(f, FAULT_FUSE_MOUNT, 1);
	}
	if (!squash && root_directory_place(x, f) < 0)
		return -1;
	if (root_take(x, f) < 0 || attach_all(x, f) < 0)
		return -1;
	return chdir("/") < 0 ? fault_at(f, FAULT_ROOT, 3) : 0;
}

int enter_build(struct enter *x, int keeper, struct fault *f)
{
	struct rlimit was, more;
	bool raised = false;
	int r;

	if (x->cgroup >= 0 && cgroup_enter(x->cgroup) < 0)
		return fault_at(f, FAULT_CGROUP, 0);
	if (namespaces_make(x, f) < 0)
		return -1;
	if (x->plan->nexts && extfs_begin(x->extfs, f) < 0)
		return -1;
	if (getrlimit(RLIMIT_NOFILE, &was) == 0 &&
	    was.rlim_cur < x->plan->nlayers + x->plan->nimages + x->plan->nexts + x->plan->nmounts +
				   x->plan->nfiles + SPARE_FDS) {
		more = (struct rlimit){ was.rlim_max, was.rlim_max };
		raised = setrlimit(RLIMIT_NOFILE, &more) == 0;
	}
	r = tree_build(x, keeper, f);
	if (raised)
		setrlimit(RLIMIT_NOFILE, &was);
	return r;
}

static int cwd_take(struct enter *x, struct fault *f)
{
	const struct plan *p = x->plan;

	for (size_t i = 0; i < p->cwd.n; i++) {
		if (chdir(p->cwd.v[i]) == 0) {
			if (p->env_pwd < p->env.n)
				x->env[p->env_pwd] = x->pwd[i];
			return 0;
		}
		if (p->cwd_required)
			break;
	}
	return p->cwd.n && p->cwd_required ? fault_at(f, FAULT_CWD, 0) : 0;
}

/* As execvp() does: a file without a known format is a script for /bin/sh. */
static void exec_one(struct enter *x, const char *path)
{
	execve(path, x->plan->argv.v, x->env);
	if (errno == ENOEXEC) {
		x->script[0] = (char *)"/bin/sh";
		x->script[1] = (char *)path;
		execve("/bin/sh", x->script, x->env);
		errno = ENOEXEC;
	}
}

static int exec_fault(struct fault *f, const char *path)
{
	int sys = errno;

	/* ENOENT for a file that is there: its interpreter is not. */
	if ((sys == ENOENT || sys == ENOTDIR) && faccessat(AT_FDCWD, path, F_OK, 0) < 0)
		return fault_at(f, FAULT_NOT_FOUND, 0);
	errno = sys;
	return fault_at(f, FAULT_EXEC, 0);
}

static int exec_in_path(struct enter *x, const char *name, struct fault *f)
{
	const char *dirs = strv_env_get(&x->plan->env, "PATH");
	struct fault found = { .step = FAULT_NOT_FOUND, .sys = ENOENT };
	char path[4096];

	if (!dirs)
		dirs = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (;;) {
		size_t len = strcspn(dirs, ":");

		if (len + strlen(name) + 2 <= sizeof(path)) {
			/* An empty element is the working directory. */
			memcpy(path, dirs, len);
			path[len] = '/';
			strcpy(path + len + (len > 0), name);
			exec_one(x, path);
			if (exec_fault(f, path) < 0 && f->step == FAULT_EXEC &&
			    found.step == FAULT_NOT_FOUND)
				found = *f;
		}
		if (!dirs[len])
			break;
		dirs += len + 1;
	}
	*f = found;
	return -1;
}

int enter_exec(struct enter *x, struct fault *f)
{
	const char *program = x->plan->argv.v[0];

	umask(x->plan->umask);
	if (cwd_take(x, f) < 0)
		return -1;
	/* No setuid program or file capability can give more than the caller has; the
	 * image is mounted nosuid, binds of the host need not be. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fault_at(f, FAULT_EXEC, 0);
	if (!*program) {
		errno = ENOENT;
		return fault_at(f, FAULT_NOT_FOUND, 0);
	}
	if (!strchr(program, '/'))
		return exec_in_path(x, program, f);
	exec_one(x, program);
	return exec_fault(f, program);
}
