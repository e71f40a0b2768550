/* A tracee's path means what it means under its root, in its working directory.  While nobody has
 * another root than ours, absolute paths are ours as they stand, and relative ones go through
 * "PID/cwd" or "PID/fd/N": one system call in all.  After a chroot(), setns() or the like by any
 * process, each tracee's root is looked at, and where it differs we go there ourselves to resolve
 * the path: then links and ".." lead where they lead the tracee. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/enter/emul_priv.h"

#define PAGE ((size_t)4096)

int tracee_read(const struct emul_tracee *t, uint64_t addr, void *buf, size_t n)
{
	struct iovec to = { buf, n };
	struct iovec from = { (void *)(uintptr_t)addr, n };
	ssize_t r = process_vm_readv(t->pid, &to, 1, &from, 1, 0);

	if (r >= 0 && (size_t)r < n)
		errno = EFAULT;
	return r == (ssize_t)n ? 0 : -1;
}

int tracee_write(const struct emul_tracee *t, uint64_t addr, const void *buf, size_t n)
{
	struct iovec from = { (void *)(uintptr_t)buf, n };
	struct iovec to = { (void *)(uintptr_t)addr, n };
	ssize_t r = process_vm_writev(t->pid, &from, 1, &to, 1, 0);

	if (r >= 0 && (size_t)r < n)
		errno = EFAULT;
	return r == (ssize_t)n ? 0 : -1;
}

ssize_t tracee_string(const struct emul_tracee *t, uint64_t addr, char *buf, size_t cap)
{
	size_t n = 0;

	/* To the end of a page at most: the next one need not be there. */
	while (n < cap) {
		size_t part = MIN(PAGE - (size_t)((addr + n) % PAGE), cap - n);
		char *end;

		part = MIN(part, n ? PAGE : 256);
		if (tracee_read(t, addr + n, buf + n, part) < 0)
			return -1;
		end = memchr(buf + n, 0, part);
		if (end)
			return end - buf;
		n += part;
	}
	errno = ENAMETOOLONG;
	return -1;
}

bool tracee_is_there(const struct emul_tracee *t)
{
	return ioctl(t->s->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &t->id) == 0;
}

void place_fini(struct place *p)
{
	close_p_(&p->own);
}

int place_open(const struct place *p)
{
	int flags = O_PATH | O_CLOEXEC | (p->flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);

	if (p->flags & AT_EMPTY_PATH)
		return fcntl(p->dirfd, F_DUPFD_CLOEXEC, 0);
	return openat(p->dirfd, p->path, flags);
}

/* What leads to the descriptors of whoever asks must not lead to ours. */
static const char *own_proc(const char *path, const char **rest)
{
	static const struct {
		const char *prefix, *instead;
	} names[] = { { "/proc/self/", "" },	 { "/proc/thread-self/", "" },
		      { "/dev/fd/", "fd/" },	 { "/dev/stdin", "fd/0" },
		      { "/dev/stdout", "fd/1" }, { "/dev/stderr", "fd/2" } };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n = strlen(names[i].prefix);

		if (!strncmp(path, names[i].prefix, n) &&
		    (names[i].prefix[n - 1] == '/' || !path[n])) {
			*rest = path + n;
			return names[i].instead;
		}
	}
	return NULL;
}

static bool has_our_root(const struct emul_tracee *t)
{
	char name[32];
	struct statx st;

	if (!t->s->other_roots)
		return true;
	snprintf(name, sizeof(name), "%d/root", t->pid);
	return statx(AT_FDCWD, name, 0, STATX_INO | STATX_MNT_ID, &st) == 0 &&
	       st.stx_ino == t->s->root_ino && st.stx_mnt_id == t->s->root_mnt;
}

/* Opens path as the tracee does, from its own root. */
static int open_there(const struct emul_tracee *t, int dirfd, const char *path, bool nofollow)
{
	char name[48];
	auto_close int root = -1, base = -1, proc = -1;
	int fd = -1, sys;

	snprintf(name, sizeof(name), "%d/root", t->pid);
	root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd == AT_FDCWD)
		snprintf(name, sizeof(name), "%d/cwd", t->pid);
	else
		snprintf(name, sizeof(name), "%d/fd/%d", t->pid, dirfd);
	base = path[0] == '/' ? fcntl(root, F_DUPFD_CLOEXEC, 0) : open(name, O_PATH | O_CLOEXEC);
	proc = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || base < 0 || proc < 0)
		return -1;
	if (fchdir(root) == 0 && chroot(".") == 0)
		fd = openat(base, path, O_PATH | O_CLOEXEC | (nofollow ? O_NOFOLLOW : 0));
	sys = errno;
	/* Without our own root nothing that follows would be true. */
	if (fchdir(t->s->root) < 0 || chroot(".") < 0 || fchdir(proc) < 0)
		_exit(1);
	errno = sys;
	return fd;
}

int place_of(struct place *out, const struct emul_tracee *t, int dirfd, const char *path,
	     bool nofollow)
{
	const char *rest, *instead = own_proc(path, &rest);
	int n;

	/* Field by field: clearing the rest would cost more than all else. */
	out->dirfd = AT_FDCWD;
	out->own = -1;
	out->path = out->text;
	out->flags = nofollow ? AT_SYMLINK_NOFOLLOW : 0;
	if (instead) {
		n = snprintf(out->text, sizeof(out->text), "%d/%s%s", t->pid, instead, rest);
	} else if (*path && !has_our_root(t)) {
		out->own = out->dirfd = open_there(t, dirfd, path, nofollow);
		out->path = "";
		out->flags = AT_EMPTY_PATH;
		return out->own < 0 ? -1 : 0;
	} else if (path[0] == '/') {
		out->path = path;
		return 0;
	} else if (dirfd == AT_FDCWD) {
		n = snprintf(out->text, sizeof(out->text), "%d/cwd%s%s", t->pid, *path ? "/" : "",
			     path);
	} else {
		n = snprintf(out->text, sizeof(out->text), "%d/fd/%d%s%s", t->pid, dirfd,
			     *path ? "/" : "", path);
	}
	/* The links of /proc itself are always to be followed. */
	if (!*path)
		out->flags = 0;
	if (n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

int place_arg(struct place *out, const struct emul_tracee *t, int dirfd, uint64_t addr,
	      bool nofollow, bool may_be_empty)
{
	ssize_t n = 0;

	out->own = -1;
	out->name[0] = '\0';
	if (addr)
		n = tracee_string(t, addr, out->name, sizeof(out->name));
	if (n < 0)
		return -1;
	if (n == 0 && !may_be_empty) {
		errno = ENOENT;
		return -1;
	}
	return place_of(out, t, dirfd, out->name, nofollow);
}
