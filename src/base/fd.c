#include "src/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/path.h"

int fd_pread(int fd, void *p, size_t n, off_t off)
{
	while (n) {
		ssize_t r = pread(fd, p, n, off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0) {
			memset(p, 0, n);
			return 1;
		}
		p = (char *)p + r;
		n -= (size_t)r;
		off += r;
	}
	return 0;
}

int fd_pwrite(int fd, const void *p, size_t n, off_t off)
{
	while (n) {
		ssize_t r = pwrite(fd, p, n, off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		p = (const char *)p + r;
		n -= (size_t)r;
		off += r;
	}
	return 0;
}

int fd_write(int fd, const void *p, size_t n)
{
	while (n) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		p = (const char *)p + r;
		n -= (size_t)r;
	}
	return 0;
}

int fd_read_all(int fd, struct buf *out, size_t max, const char *name, struct err *e)
{
	size_t start = out->len;

	for (;;) {
		ssize_t r;

		/* All that there is room for: who knows the size reserves it. */
		buf_reserve(out, 8192);
		r = read(fd, out->data + out->len, out->cap - out->len - 1);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "read %s", name);
		out->len += (size_t)r;
		out->data[out->len] = '\0';
		if (out->len - start > max)
			return err_set(e, ERR_LIMIT, "%s is larger than the limit of %zu bytes",
				       name, max);
		if (r == 0)
			return 0;
	}
}

int file_read(int dirfd, const char *path, struct buf *out, size_t max, struct err *e)
{
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	if (fd < 0)
		return err_sys(e, "open %s", path);
	return fd_read_all(fd, out, max, path, e);
}

static int write_and_sync(int fd, const void *p, size_t n, const char *name, struct err *e)
{
	if (fd_write(fd, p, n) < 0 || fsync(fd) < 0)
		return err_sys(e, "write %s", name);
	return 0;
}

/* A name beside path that nobody else uses; a killed process may have had our pid. */
static int create_beside(int dirfd, const char *path, mode_t mode, char **tmp, struct err *e)
{
	static unsigned counter;
	int fd;

	do {
		free(*tmp);
		*tmp = xasprintf("%s.%ld.%u.tmp", path, (long)getpid(),
				 __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED));
		fd = openat(dirfd, *tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	} while (fd < 0 && errno == EEXIST);
	return fd < 0 ? err_sys(e, "create %s", *tmp) : fd;
}

int file_write_atomic(int dirfd, const char *path, const void *p, size_t n, mode_t mode,
		      struct err *e)
{
	auto_free char *tmp = NULL;
	auto_close int fd = create_beside(dirfd, path, mode, &tmp, e);

	if (fd < 0)
		return -1;
	if (write_and_sync(fd, p, n, path, e) < 0) {
		unlinkat(dirfd, tmp, 0);
		return -1;
	}
	if (renameat(dirfd, tmp, dirfd, path) < 0) {
		err_sys(e, "rename %s to %s", tmp, path);
		unlinkat(dirfd, tmp, 0);
		return -1;
	}
	return dir_sync_of(dirfd, path, e);
}

int open_in_root(int rootfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* The kernel answers EAGAIN when a rename raced with a ".." look-up. */
	for (int tries = 0; tries < 64; tries++) {
		fd = syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return (int)fd;
}

int dir_make_all(int dirfd, const char *path, mode_t mode, struct err *e)
{
	auto_free char *copy = xstrdup(path);

	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST) {
			struct stat st;
			int keep = errno;

			/* On a read-only or automounted parent mkdir fails although the
			 * directory is there. */
			if (fstatat(dirfd, copy, &st, 0) < 0 || !S_ISDIR(st.st_mode)) {
				errno = keep;
				return err_sys(e, "make directory %s", copy);
			}
		}
		*p = c;
		if (!c)
			return 0;
	}
}

int dir_sync_of(int dirfd, const char *path, struct err *e)
{
	auto_free char *dir = path_dir(path);
	auto_close int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Some network file systems refuse fsync on a directory; rename was all
	 * that could be done there. */
	if (fd < 0)
		return err_sys(e, "open directory %s", dir);
	if (fsync(fd) < 0 && errno != EINVAL && errno != EBADF && errno != EROFS)
		return err_sys(e, "fsync directory %s", dir);
	return 0;
}

uint64_t fd_free_space(int fd)
{
	struct statvfs v;

	if (fstatvfs(fd, &v) < 0 || !v.f_blocks)
		return UINT64_MAX;
	return (uint64_t)v.f_bavail * v.f_frsize;
}

union fd_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int fd_send(int sock, int fd)
{
	union fd_control control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	ssize_t r;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	do
		r = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r == 1 ? 0 : -1;
}

int fd_recv(int sock)
{
	union fd_control control = { 0 };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c;
	ssize_t r;
	int fd;

	do
		r = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -1;
	c = r ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int))) {
		errno = EPIPE;
		return -1;
	}
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}
