#include "src/flow/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/store.h"
#include "src/base/dl.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/enter/blockers.h"
#include "src/enter/mountapi.h"

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

/* What a start does first, in a small file system that nobody sees. */
static int try_mount(const char *uid_map, const char *gid_map)
{
	auto_close int fs = -1, mount = -1;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    !proc_write("/proc/self/setgroups", "deny") ||
	    !proc_write("/proc/self/uid_map", uid_map) ||
	    !proc_write("/proc/self/gid_map", gid_map))
		return errno;
	fs = sys_fsopen("tmpfs");
	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return errno;
	mount = sys_fsmount(fs, MOUNT_ATTR_NOSUID);
	return mount < 0 || sys_mount_setattr(mount, 0, MOUNT_ATTR_RDONLY, 0) < 0 ? errno : 0;
}

/* Switches can lie: seccomp filters and outer containers say no without one, to the
 * namespaces or only to the mounts in them.  So a child tries.  Returns errno, 0 when
 * it worked. */
static int try_namespaces(void)
{
	auto_free char *uid_map = xasprintf("%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
	auto_free char *gid_map = xasprintf("%u %u 1", (unsigned)getegid(), (unsigned)getegid());
	/* A caller that ignores SIGCHLD would keep the answer from us. */
	void (*was)(int) = signal(SIGCHLD, SIG_DFL);
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(try_mount(uid_map, gid_map));
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	signal(SIGCHLD, was);
	if (pid < 0)
		return EAGAIN;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

static int check_namespaces(const struct blockers *b, struct buf *out)
{
	struct err e = { 0 };
	int r = blockers_namespaces(b, 0, &e);

	if (r == 0) {
		int sys = try_namespaces();

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
	int missing = 0;

	(void)e;
	blockers_probe(&b, "/");
	line(text, blockers_kernel_fits(b.kernel) ? "ok" : "MISSING", "kernel", b.kernel);
	missing += check_namespaces(&b, text);
	missing += check_fuse(&b, text);
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
