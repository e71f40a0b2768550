#include "src/flow/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image/store.h"
#include "src/base/dl.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/enter/blockers.h"
#include "src/enter/cgroup.h"
#include "src/enter/mountapi.h"
#include "src/enter/switches.h"

/* "ok", or "MISSING" with the sentence that a failed start would print; "note"
 * for what only some commands need. */
static void line(struct buf *out, const char *state, const char *what, const char *text)
{
	buf_printf(out, "%-8s%-18s%s\n", state, what, text);
}

static bool proc_write(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && fd_write(fd, text, strlen(text)) == 0;
}

/* A child in namespaces of its own that tries one thing.  0, or errno. */
typedef int try_fn(void);

static int enter_namespaces(unsigned flags, const char *uid_map, const char *gid_map)
{
	if (unshare((int)(CLONE_NEWUSER | CLONE_NEWNS | flags)) < 0 ||
	    !proc_write("/proc/self/setgroups", "deny") ||
	    !proc_write("/proc/self/uid_map", uid_map) ||
	    !proc_write("/proc/self/gid_map", gid_map))
		return errno ? errno : EPERM;
	return 0;
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		return EAGAIN;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

/* Switches can lie: seccomp filters and outer containers say no without one, to the
 * namespaces or only to the mounts in them.  So a child tries. */
static int in_namespaces(unsigned flags, try_fn *try)
{
	auto_free char *uid_map = xasprintf("%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
	auto_free char *gid_map = xasprintf("%u %u 1", (unsigned)getegid(), (unsigned)getegid());
	/* A caller that ignores SIGCHLD would keep the answer from us. */
	void (*was)(int) = signal(SIGCHLD, SIG_DFL);
	pid_t pid = fork();
	int r;

	if (pid == 0) {
		r = enter_namespaces(flags, uid_map, gid_map);
		_exit(r ? r : try());
	}
	r = wait_for(pid);
	signal(SIGCHLD, was);
	return r;
}

static int tmpfs_make(void)
{
	auto_close int fs = sys_fsopen("tmpfs");

	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return sys_fsmount(fs, MOUNT_ATTR_NOSUID);
}

/* What a start does first, in a small file system that nobody sees. */
static int try_mount(void)
{
	auto_close int mount = tmpfs_make();

	return mount < 0 || sys_mount_setattr(mount, 0, MOUNT_ATTR_RDONLY, 0) < 0 ? errno : 0;
}

static int in_tmpfs(void)
{
	auto_close int mount = tmpfs_make();

	return mount < 0 || sys_move_mount(mount, AT_FDCWD, "/") < 0 || fchdir(mount) < 0 ||
			       mkdir("lower", 0700) < 0 || mkdir("upper", 0700) < 0 ||
			       mkdir("work", 0700) < 0
		       ? errno
		       : 0;
}

static int try_overlay(void)
{
	static const char *const words[][2] = {
		{ "lowerdir", "lower" },
		{ "upperdir", "upper" },
		{ "workdir", "work" },
		{ "userxattr", NULL },
	};
	auto_close int fs = -1;
	int r = in_tmpfs();

	if (r)
		return r;
	fs = sys_fsopen("overlay");
	for (size_t i = 0; fs >= 0 && i < ARRAY_LEN(words); i++)
		if (sys_fsconfig(fs, words[i][1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
				 words[i][0], words[i][1], 0) < 0)
			return errno;
	return fs < 0 || sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? errno : 0;
}

static int try_tmpfs_xattr(void)
{
	int r = in_tmpfs();

	if (r)
		return r;
	return setxattr("upper", "user.overlay.opaque", "y", 1, 0) < 0 ? errno : 0;
}

static int proc_mount(void)
{
	auto_close int fs = sys_fsopen("proc"), mount = -1;

	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return errno;
	mount = sys_fsmount(fs, MOUNT_ATTR_NOSUID);
	return mount < 0 ? errno : 0;
}

/* The first child of the namespace is the first process in it. */
static int try_proc(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(proc_mount());
	return wait_for(pid);
}

static int check_namespaces(const struct blockers *b, struct buf *out)
{
	struct err e = { 0 };
	int r = blockers_namespaces(b, 0, &e);

	if (r == 0) {
		int sys = in_namespaces(0, try_mount);

		r = sys ? blockers_namespaces(b, sys, &e) : 0;
	}
	line(out, r < 0 ? "MISSING" : "ok", "user namespaces",
	     r < 0 ? e.text : "an ordinary user may make them");
	return r < 0;
}

static int check_fuse(const struct blockers *b, struct buf *out)
{
	auto_close int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	struct err e = { 0 };
	int r = fd < 0 ? blockers_fuse(b, errno, &e) : 0;

	line(out, fd < 0 || r < 0 ? "MISSING" : "ok", "/dev/fuse",
	     fd < 0 || r < 0 ? e.text : "may be opened");
	return fd < 0 || r < 0;
}

static void note(void *out, const char *what, const char *text)
{
	line(out, "note", what, text);
}

/* What only some options need: each lacks something, none keeps containers from starting. */
static void check_features(bool can_enter, struct buf *out)
{
	auto_strv struct strv limits = { 0 };
	struct switches s;
	struct err e = { 0 };
	int r;

	strv_split(&limits, "cpu memory pids", ' ');
	switches_probe(&s, "/");
	switches_report(&s, note, out);
	if (can_enter) {
		r = in_namespaces(0, try_overlay);
		line(out, r ? "note" : "ok", "overlayfs",
		     r ? (switches_overlay(&s, r, &e), e.text) : "in user namespaces");
		r = in_namespaces(0, try_tmpfs_xattr);
		line(out, r ? "note" : "ok", "tmpfs attributes",
		     r ? (switches_tmpfs_xattr(r, &e), e.text) : "of users are kept");
		if (s.max_pid != 0) {
			r = in_namespaces(CLONE_NEWPID, try_proc);
			line(out, r ? "note" : "ok", "/proc",
			     r ? (switches_proc(&s, r, &e), e.text) : "for PID namespaces");
		}
	}
	r = cgroup_delegated("/", &limits, &e);
	line(out, r < 0 ? "note" : "ok", "limits", r < 0 ? e.text : "on a delegated cgroup");
}

static void check_library(const char *soname, const char *package, const char *use, struct buf *out)
{
	struct dl_library lib = { soname, package, NULL, 0, 0 };
	struct err e = { 0 };

	if (dl_load(&lib, &e) < 0) {
		auto_free char *text = xasprintf("%s; needed for %s", e.text, use);

		line(out, "note", soname, text);
	} else {
		line(out, "ok", soname, use);
	}
}

static void check_store(struct buf *out)
{
	struct err e = { 0 };
	auto_free char *dir = store_default_dir(environ, &e);
	auto_free char *there = dir ? xstrdup(dir) : NULL;
	auto_free char *text = NULL;

	if (!dir) {
		line(out, "note", "store", e.text);
		return;
	}
	while (access(there, F_OK) < 0 && strcmp(there, "/") != 0) {
		char *up = path_dir(there);

		free(there);
		there = up;
	}
	if (access(there, W_OK) < 0) {
		text = xasprintf("%s cannot be made: %s is not writable; set BERTH_CACHEDIR", dir,
				 there);
		line(out, "note", "store", text);
	} else {
		line(out, "ok", "store", dir);
	}
}

int flow_check(struct buf *text, struct err *e)
{
	struct blockers b;
	int missing = 0, closed;

	(void)e;
	blockers_probe(&b, "/");
	line(text, blockers_kernel_fits(b.kernel) ? "ok" : "MISSING", "kernel", b.kernel);
	closed = check_namespaces(&b, text);
	missing += closed;
	missing += check_fuse(&b, text);
	check_features(!closed, text);
	check_store(text);
	check_library("libcurl.so.4", "libcurl4", "pull", text);
	check_library("libcrypto.so.3", "libssl3", "pull", text);
	check_library("libisal.so.2", "libisal2", "pull of gzip layers", text);
	check_library("libarchive.so.13", "libarchive13", "pull of xz and bzip2 layers", text);
	if (missing)
		buf_adds(text, "Containers cannot start here until what is MISSING is mended.\n");
	else
		buf_adds(text, "Containers can start here.\n");
	return missing ? 1 : 0;
}
