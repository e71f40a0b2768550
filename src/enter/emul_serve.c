/* One thread: an answer takes some microseconds, most of them the two switches between processes,
 * and a second one brought nothing on two processors.  32 threads that chown at once are served
 * one after the other. */
#include "src/enter/emul_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/fd.h"

/* Linux 6.6: the answer wakes the tracee on this processor, which we are about to leave. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* The kernel's structures may be longer than those we were compiled with. */
union request {
	struct seccomp_notif n;
	unsigned char room[512];
};
union answer {
	struct seccomp_notif_resp r;
	unsigned char room[256];
};

int emul_serve_begin(struct emul_server *s)
{
	struct seccomp_notif_sizes sizes;
	struct statx st;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return -1;
	if (sizes.seccomp_notif > sizeof(union request) ||
	    sizes.seccomp_notif_resp > sizeof(union answer)) {
		errno = ENOTSUP;
		return -1;
	}
	s->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0 || statx(s->root, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &st) < 0)
		return -1;
	s->root_ino = st.stx_ino;
	s->root_mnt = st.stx_mnt_id;
	umask(0);
	(void)ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	return 0;
}

static void clone3_call(const struct emul_tracee *t)
{
	struct clone_args a;

	/* The first field is all that is needed, and all versions have it. */
	if (tracee_read(t, t->args[0], &a.flags, sizeof(a.flags)) < 0 ||
	    a.flags & (CLONE_NEWNS | CLONE_NEWUSER))
		t->s->other_roots = true;
}

static enum emul_verdict dispatch(const struct emul_tracee *t, int64_t *value)
{
	switch (t->nr->call) {
	case EMUL_CHOWN:
	case EMUL_LCHOWN:
	case EMUL_FCHOWN:
	case EMUL_FCHOWNAT:
		return emul_chown_call(t, value);
	case EMUL_MKNOD:
	case EMUL_MKNODAT:
	case EMUL_OPEN:
	case EMUL_OPENAT:
	case EMUL_OPENAT2:
	case EMUL_CREAT:
	case EMUL_MKDIR:
	case EMUL_MKDIRAT:
	case EMUL_SYMLINK:
	case EMUL_SYMLINKAT:
		return emul_make_call(t, value);
	case EMUL_STAT:
	case EMUL_LSTAT:
	case EMUL_FSTAT:
	case EMUL_FSTATAT:
	case EMUL_STATX:
		return emul_stat_call(t, value);
	case EMUL_CHROOT:
	case EMUL_PIVOT_ROOT:
	case EMUL_SETNS:
	case EMUL_UNSHARE:
	case EMUL_CLONE:
		t->s->other_roots = true;
		return EMUL_CONTINUE;
	case EMUL_CLONE3:
		clone3_call(t);
		return EMUL_CONTINUE;
	case EMUL_OTHER:
		return EMUL_CONTINUE;
	default:
		return t->nr->call >= EMUL_SETUID ? emul_id_call(t, value)
						  : emul_xattr_call(t, value);
	}
}

/* -1: nobody is left to serve. */
static int serve_one(struct emul_server *s)
{
	union request q;
	union answer a;
	struct emul_tracee t = { .s = s, .args = (const uint64_t *)q.n.data.args };
	int64_t value = 0;

	/* The kernel insists on zeroes. */
	memset(&q, 0, sizeof(q));
	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, &q) < 0)
		return errno == ENOENT || errno == EINTR ? 0 : -1;
	t.id = q.n.id;
	t.pid = (pid_t)q.n.pid;
	t.arch = q.n.data.arch;
	t.nr = emul_call_find(t.arch, q.n.data.nr);
	memset(&a, 0, sizeof(a));
	a.r.id = q.n.id;
	if (!t.nr || dispatch(&t, &value) == EMUL_CONTINUE)
		a.r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (value < 0)
		a.r.error = (int)value;
	else
		a.r.val = value;
	/* ENOENT: it died, or a signal came in between and it asks again. */
	(void)ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, &a);
	return 0;
}

void emul_serve(struct emul_server *s, int program, void (*ended)(void *arg), void *arg)
{
	struct pollfd p[2] = { { .fd = s->listener, .events = POLLIN },
			       { .fd = program, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (p[0].revents & POLLIN) {
			if (serve_one(s) < 0)
				return;
			continue;
		}
		if (p[1].revents) {
			p[1].fd = -1;
			ended(arg);
		}
		if (p[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			return;
	}
}
