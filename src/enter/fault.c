#include "src/enter/fault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/enter/blockers.h"
#include "src/enter/extfs.h"
#include "src/enter/switches.h"

int fault_at(struct fault *f, enum fault_step step, uint64_t index)
{
	*f = (struct fault){ .step = step, .sys = errno, .index = index };
	return -1;
}

/* "bind /gpfs on /data (ro)", "tmpfs on /tmp" */
static const char *mount_words(const struct plan_mount *m, char *out, size_t n)
{
	static const char *const kinds[] = {
		[PLAN_TMPFS] = "tmpfs",	  [PLAN_PROC] = "proc",	    [PLAN_SYSFS] = "sysfs",
		[PLAN_DEVPTS] = "devpts", [PLAN_MQUEUE] = "mqueue", [PLAN_SYMLINK] = "link"
	};
	const char *ro = m->flags & PLAN_RO ? " (ro)" : "";

	if (m->kind == PLAN_BIND)
		snprintf(out, n, "bind %s on %s%s", m->src, m->dst, ro);
	else if (m->kind == PLAN_IMAGE)
		snprintf(out, n, "bind %s of an image on %s", m->src, m->dst);
	else
		snprintf(out, n, "%s on %s%s", kinds[m->kind], m->dst, ro);
	return out;
}

/* A mount call that is refused altogether is the host's doing, not this mount's. */
static bool is_refused(int sys)
{
	return sys == EPERM || sys == ENOSYS;
}

static int host_fault(const struct fault *f, struct err *e)
{
	struct switches s;
	struct blockers b;

	switches_probe(&s, "/");
	if (f->step == FAULT_UNSHARE && switches_namespaces(&s, (unsigned)f->index, e) < 0)
		return -1;
	blockers_probe(&b, "/");
	return f->step == FAULT_FUSE_OPEN ? blockers_fuse(&b, f->sys, e)
					  : blockers_namespaces(&b, f->sys, e);
}

static int mount_fault(const struct fault *f, const struct plan *p, struct err *e)
{
	const struct plan_mount *m = &p->mounts[f->index];
	char words[1024];

	mount_words(m, words, sizeof(words));
	if (f->sys == EMFILE)
		return err_set(e, ERR_LIMIT,
			       "%s: %zu mounts need more open files than the hard limit allows "
			       "(ulimit -Hn)",
			       words, p->nmounts);
	switch (f->step) {
	case FAULT_TARGET:
		if (f->sys == ENOENT)
			return err_set(
				e, ERR_NOTFOUND,
				"%s: there is no %s to mount on; create it, for what it lies in "
				"cannot be added to",
				words, m->dst);
		return err_sys(e, "%s: mount point %s", words, m->dst);
	case FAULT_ATTACH:
		if (f->sys == ENOTDIR || f->sys == EINVAL)
			return err_set(e, ERR_SYS,
				       "%s: one of them is a directory, the other is not", words);
		return err_sys(e, "%s", words);
	default:
		return err_sys(e, "%s", words);
	}
}

/* The process is inside the container by now: what it sees is what the kernel saw. */
static void access_fault(const char *name, struct err *e)
{
	struct stat st;
	bool there = strchr(name, '/') && stat(name, &st) == 0;

	errno = EACCES;
	if (!there)
		err_sys(e, "%s: cannot start", name);
	else if (S_ISDIR(st.st_mode))
		err_set(e, ERR_SYS, "%s: cannot start: it is a directory", name);
	else
		err_set(e, ERR_SYS, "%s: cannot start: %s (its mode is %04o)", name,
			strerror(EACCES), (unsigned)st.st_mode & 07777);
}

/* What belongs to the program: the exit status of a shell. */
static int program_fault(const struct fault *f, const struct plan *p, struct err *e)
{
	const char *name = p->argv.v[0];

	if (f->step == FAULT_NOT_FOUND) {
		if (!*name)
			err_set(e, ERR_NOTFOUND, "the command is an empty word");
		else if (strchr(name, '/'))
			err_set(e, ERR_NOTFOUND, "%s: no such file in the container", name);
		else
			err_set(e, ERR_NOTFOUND,
				"%s: executable file not found in $PATH of the container", name);
		return 127;
	}
	if (f->sys == ENOENT)
		err_set(e, ERR_SYS,
			"%s: cannot start: its interpreter or dynamic loader is not in the image",
			name);
	else if (f->sys == ENOEXEC)
		err_set(e, ERR_SYS,
			"%s: cannot start: made for another architecture, or no program", name);
	else if (f->sys == E2BIG)
		err_set(e, ERR_SYS,
			"%s: cannot start: one argument or variable is longer than 128 KiB, or all "
			"together than a quarter of the stack limit (ulimit -s)",
			name);
	else if (f->sys == EACCES)
		access_fault(name, e);
	else
		err_sys(e, "%s: cannot start", name);
	return 126;
}

static int emul_fault(const struct fault *f, struct err *e)
{
	if (f->sys == EBUSY)
		return err_set(e, ERR_UNSUPPORTED,
			       "this process is under a root emulation already (a build, or "
			       "--fakeroot around this one), and the kernel allows one: leave "
			       "--fakeroot out, or add --emulation=none");
	if (f->index == 4)
		return err_set(e, ERR_HOST,
			       "root emulation: USER needs a hard limit on real-time processes "
			       "(ulimit -HR) that is unlimited");
	if (f->sys == ENOSYS || f->sys == EINVAL)
		return err_set(e, ERR_HOST,
			       "root emulation: the kernel has no seccomp user notification; "
			       "--emulation=none does without");
	return err_sys(e, "root emulation: %s",
		       f->index == 1 ? "install the filter" : "reach the supervisor");
}

/* Whatever was being done: the image's file system has lost its server. */
static bool is_keeper_gone(const struct fault *f, const struct plan *p)
{
	return (p->root == PLAN_ROOT_SQUASH || p->nimages) &&
	       (f->sys == ENOTCONN || f->sys == ECONNABORTED);
}

static int layer_fault(const struct fault *f, const struct plan *p, struct err *e)
{
	if (f->step == FAULT_LAYER && f->index < p->nlayers && p->layers[f->index].dir)
		return err_sys(e, "--overlay: open %s", p->layers[f->index].dir);
	if (f->step == FAULT_UPPER && p->upper == PLAN_UPPER_DIR)
		return err_sys(e, "--overlay %s", p->upper_dir);
	if (f->step == FAULT_UPPER)
		return err_sys(e, "tmpfs for changes (%s)", p->upper_data);
	if (f->sys == E2BIG || f->step == FAULT_LAYER)
		return err_set(e, ERR_LIMIT, "--overlay: %zu layers are too many", p->nlayers);
	if (f->sys == EINVAL && p->root == PLAN_ROOT_DIR)
		return err_set(
			e, ERR_HOST,
			"overlay over %s: the kernel refuses it as a layer; a directory with "
			"mounts of the host below it, or on a network file system, cannot be "
			"one: use an image file, or --writable",
			p->image);
	return err_sys(e, "overlay over %s with its changes in %s", p->image,
		       p->upper == PLAN_UPPER_DIR     ? p->upper_dir
		       : p->upper == PLAN_UPPER_TMPFS ? "memory"
						      : "nothing");
}

static int extfs_fault(const struct fault *f, const struct plan *p, struct err *e)
{
	const char *path = p->exts[f->index / EXTFS_REASONS].path;

	switch ((enum extfs_reason)(f->index % EXTFS_REASONS)) {
	case EXTFS_EXEC:
		return err_sys(e, "--overlay %s: start fuse2fs", path);
	case EXTFS_ENDED:
		return err_set(e, ERR_INPUT,
			       "--overlay %s: fuse2fs ended with status %d; look at the file with "
			       "e2fsck -fn",
			       path, f->sys);
	case EXTFS_UPPER:
		if (f->sys == ENOENT)
			return err_set(e, ERR_INPUT,
				       "--overlay %s: there is no directory upper in it; berth "
				       "overlay create makes one",
				       path);
		return err_set(e, ERR_INPUT,
			       "--overlay %s: its directory upper cannot be opened (%s); look at "
			       "the file with e2fsck -fn",
			       path, strerror(f->sys));
	case EXTFS_PLACE:
		return err_sys(e, "--overlay %s: mount it", path);
	default:
		return err_set(e, ERR_SYS, "--overlay %s: the process that mounts it ended", path);
	}
}

int fault_explain(const struct fault *f, const struct plan *p, struct err *e)
{
	errno = f->sys;
	if (p->upper == PLAN_UPPER_EXT && f->step > FAULT_LAYERS &&
	    (f->sys == ENOTCONN || f->sys == ECONNABORTED))
		return err_set(e, ERR_SYS,
			       "--overlay %s: fuse-overlayfs, which lays it over the image, ended",
			       p->upper_dir);
	if (is_keeper_gone(f, p))
		return err_sys(e, "the process that serves %s ended", p->image);
	switch (f->step) {
	case FAULT_UNSHARE:
	case FAULT_IDMAP:
	case FAULT_FUSE_OPEN:
		return host_fault(f, e);
	case FAULT_FORK:
		return err_sys(e, "start the first process of a PID namespace");
	case FAULT_CGROUP:
		return err_sys(e, "move to the cgroup that has the limits");
	case FAULT_HOSTNAME:
		return err_sys(e, "--hostname %s", p->hostname);
	case FAULT_LOOPBACK:
		return err_sys(e, "--network none: loopback interface");
	case FAULT_PROC:
		return err_set(
			e, ERR_HOST,
			"the kernel refuses a fresh /proc, as an outer container hides parts of "
			"it; the host's is shown, with the host's processes");
	case FAULT_IMAGE:
		return is_refused(f->sys) ? host_fault(f, e) : err_sys(e, "bind %s on /", p->image);
	case FAULT_FUSE_MOUNT:
		return is_refused(f->sys) ? host_fault(f, e)
					  : err_sys(e, "mount %s through FUSE", p->image);
	case FAULT_KEEPER:
		return err_sys(e, "the process that serves %s ended", p->image);
	case FAULT_STAGE:
		return err_sys(e, "make mount points beside %s", p->image);
	case FAULT_OVERLAY:
		return err_sys(e, "overlay for %llu mount points that %s lacks",
			       (unsigned long long)f->index, p->image);
	case FAULT_EXTFS:
		return extfs_fault(f, p, e);
	case FAULT_LAYER:
	case FAULT_UPPER:
	case FAULT_LAYERS:
		return layer_fault(f, p, e);
	case FAULT_FILE:
		if (f->sys == EINVAL || f->sys == ENOTDIR)
			return err_set(e, ERR_INPUT,
				       "supply %s: %s has something else than a file there",
				       p->files[f->index].path, p->image);
		return err_sys(e, "supply %s", p->files[f->index].path);
	case FAULT_SOURCE:
	case FAULT_READONLY:
	case FAULT_TARGET:
	case FAULT_ATTACH:
		return mount_fault(f, p, e);
	case FAULT_ROOT:
		return err_sys(e, "make %s the root directory", p->image);
	case FAULT_JOIN:
		return err_sys(e, "join the container of the other processes");
	case FAULT_CWD:
		return err_sys(e, "working directory %s in the container", p->cwd.v[f->index]);
	case FAULT_EMUL:
		return emul_fault(f, e);
	case FAULT_NOT_FOUND:
	case FAULT_EXEC:
		return program_fault(f, p, e);
	case FAULT_NONE:
		break;
	}
	return err_set(e, ERR_SYS, "entering %s failed", p->image);
}
