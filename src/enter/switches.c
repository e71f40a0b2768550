#include "src/enter/switches.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/base/path.h"

/* clang-format off */
static const struct limit {
	unsigned flag;
	size_t at;
	const char *file, *kind, *use;
} limits[] = {
	{ CLONE_NEWPID, offsetof(struct switches, max_pid), "max_pid_namespaces", "PID",
	  "--pid, --containall and instances" },
	{ CLONE_NEWIPC, offsetof(struct switches, max_ipc), "max_ipc_namespaces", "IPC",
	  "--ipc and --containall" },
	{ CLONE_NEWUTS, offsetof(struct switches, max_uts), "max_uts_namespaces", "UTS",
	  "--uts and --hostname" },
	{ CLONE_NEWNET, offsetof(struct switches, max_net), "max_net_namespaces", "network",
	  "--net" },
};
/* clang-format on */

static long *limit_of(struct switches *s, const struct limit *l)
{
	return (long *)((char *)s + l->at);
}

static long limit_get(const struct switches *s, const struct limit *l)
{
	return *(const long *)((const char *)s + l->at);
}

/* Empty when the file is not there. */
static void text_of(const char *root, const char *path, struct buf *out)
{
	auto_free char *full = path_join(root, path);
	struct err ignored;

	if (file_read(AT_FDCWD, full, out, 1 << 20, &ignored) != 0)
		buf_clear(out);
}

static long number(const char *root, const char *path)
{
	auto_buf struct buf b = { 0 };
	char *end;
	long v;

	text_of(root, path, &b);
	v = strtol(buf_str(&b), &end, 10);
	return end == buf_str(&b) ? -1 : v;
}

/* The fifth field of a line is the mount point. */
static void find_over_proc(struct switches *s, const char *mountinfo)
{
	for (const char *line = mountinfo; *line; line += strspn(line, "\n")) {
		char dst[256];

		if (sscanf(line, "%*s %*s %*s %*s %255s", dst) == 1 &&
		    str_has_prefix(dst, "/proc/") && strcmp(dst, "/proc/sys/fs/binfmt_misc") != 0) {
			memcpy(s->proc_over, dst, sizeof(dst));
			return;
		}
		line += strcspn(line, "\n");
	}
}

void switches_probe(struct switches *s, const char *root)
{
	auto_buf struct buf mounts = { 0 }, systems = { 0 }, status = { 0 };
	const char *seccomp;

	*s = (struct switches){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		auto_free char *path = xasprintf("proc/sys/user/%s", limits[i].file);

		*limit_of(s, &limits[i]) = number(root, path);
	}
	s->ptrace_scope = number(root, "proc/sys/kernel/yama/ptrace_scope");
	s->selinux = number(root, "sys/fs/selinux/enforce");
	s->selinux_has_userns = number(root, "sys/fs/selinux/class/user_namespace/index") > 0;
	text_of(root, "proc/self/mountinfo", &mounts);
	find_over_proc(s, buf_str(&mounts));
	text_of(root, "proc/filesystems", &systems);
	s->has_overlay = strstr(buf_str(&systems), "\toverlay\n") != NULL;
	text_of(root, "proc/self/status", &status);
	seccomp = strstr(buf_str(&status), "\nSeccomp:");
	s->seccomp = seccomp && strtol(seccomp + strlen("\nSeccomp:"), NULL, 10) == 2;
}

static int limit_error(const struct limit *l, struct err *e)
{
	return err_set(e, ERR_HOST,
		       "%s namespaces are switched off (user.%s = 0), which %s need; an "
		       "administrator allows them with: sysctl -w user.%s=65536",
		       l->kind, l->file, l->use, l->file);
}

int switches_namespaces(const struct switches *s, unsigned flags, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (flags & limits[i].flag && limit_get(s, &limits[i]) == 0)
			return limit_error(&limits[i], e);
	return 0;
}

/* Each answers NULL when there is nothing to say. */
static const char *say_ptrace(const struct switches *s)
{
	if (s->ptrace_scope <= 0)
		return NULL;
	return s->ptrace_scope == 1
		       ? "kernel.yama.ptrace_scope = 1: MPI ranks on one node read each other's "
			 "memory (CMA) only where the library asks for it by PR_SET_PTRACER, "
			 "and else copy through shared memory, slower; an administrator allows "
			 "it with: sysctl -w kernel.yama.ptrace_scope=0"
		       : "kernel.yama.ptrace_scope is 2 or more: MPI ranks on one node copy "
			 "through shared memory, slower, and debuggers cannot attach; an "
			 "administrator allows it with: sysctl -w kernel.yama.ptrace_scope=0 "
			 "(3 stays until the next boot)";
}

static const char *say_selinux(const struct switches *s)
{
	if (s->selinux != 1 || !s->selinux_has_userns)
		return NULL;
	return "SELinux is enforcing and its policy decides about user namespaces; if they are "
	       "refused to you, an administrator looks with: ausearch -m avc -c berth, and "
	       "allows user_namespace create for your domain";
}

static const char *say_seccomp(const struct switches *s)
{
	return s->seccomp ? "a seccomp filter is on this process, an outer container's or a "
			    "service's: what it forbids fails with \"Operation not permitted\" "
			    "whatever the switches say"
			  : NULL;
}

static const struct row {
	const char *what;
	const char *(*say)(const struct switches *s);
} rows[] = {
	{ "ptrace", say_ptrace },
	{ "SELinux", say_selinux },
	{ "seccomp", say_seccomp },
};

void switches_report(const struct switches *s,
		     void (*f)(void *arg, const char *what, const char *text), void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		auto_free char *what = xasprintf("%s namespaces", limits[i].kind);
		struct err e = { 0 };

		if (limit_get(s, &limits[i]) == 0) {
			limit_error(&limits[i], &e);
			f(arg, what, e.text);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].say(s))
			f(arg, rows[i].what, rows[i].say(s));
}

int switches_overlay(const struct switches *s, int sys, struct err *e)
{
	if (sys == ENODEV || (!s->has_overlay && sys == EPERM))
		err_set(e, ERR_HOST,
			"this kernel has no overlayfs, which --overlay, --writable-tmpfs and mount "
			"points that an image lacks need; an administrator loads it with: "
			"modprobe overlay");
	else
		err_set(e, ERR_HOST,
			"overlayfs is refused in a user namespace (%s), which --overlay, "
			"--writable-tmpfs and mount points that an image lacks need; Linux 5.11 "
			"or later allows it",
			strerror(sys));
	e->sys = sys;
	return -1;
}

int switches_tmpfs_xattr(int sys, struct err *e)
{
	err_set(e, ERR_HOST,
		"a tmpfs keeps no user attributes here (%s; Linux 6.6 or later does): what a "
		"--writable-tmpfs cannot record of a directory that replaces the image's fails "
		"with an I/O error",
		strerror(sys));
	e->sys = sys;
	return -1;
}

int switches_proc(const struct switches *s, int sys, struct err *e)
{
	if (*s->proc_over)
		err_set(e, ERR_HOST,
			"a /proc of its own is refused to a PID namespace (%s): %s is mounted over "
			"a part of /proc, as outer containers do; an administrator unmounts it, or "
			"starts the outer container with --security-opt unmask=ALL",
			strerror(sys), s->proc_over);
	else
		err_set(e, ERR_HOST,
			"a /proc of its own is refused to a PID namespace (%s); /proc has to be "
			"wholly visible here: an administrator mounts it without hidepid and "
			"subset",
			strerror(sys));
	e->sys = sys;
	return -1;
}
