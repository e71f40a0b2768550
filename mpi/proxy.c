#include "mpi/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpi/batch.h"
#include "mpi/keeper_priv.h"
#include "src/base/fd.h"
#include "src/base/mem.h"

#define MEMBERS_MAX 4096
#define FDS	    4

struct proxy {
	const char *dir;
	int listener;
	struct pollfd *v; /* the listener, then members' pidfds */
	size_t n, cap;
};

struct asked {
	struct batch_request r;
	int fds[FDS];
	size_t nfds;
};

static void asked_fini(struct asked *a)
{
	while (a->nfds)
		close(a->fds[--a->nfds]);
}

static bool asked_recv(struct asked *a, int sock)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &a->r, sizeof(a->r) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);
	struct cmsghdr *h;
	ssize_t n;

	*a = (struct asked){ 0 };
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || who.uid != geteuid())
		return false;
	n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	h = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
		a->nfds = MIN((h->cmsg_len - CMSG_LEN(0)) / sizeof(int), (size_t)FDS);
		memcpy(a->fds, CMSG_DATA(h), a->nfds * sizeof(int));
	}
	return n == sizeof(a->r) && a->r.magic == BATCH_MAGIC;
}

static void answer(int sock, int status, const char *why)
{
	struct batch_reply r = { .status = status };

	snprintf(r.text, sizeof(r.text), "%s", why);
	send(sock, &r, sizeof(r), MSG_NOSIGNAL);
}

static bool is_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(batch_commands); i++)
		if (!strcmp(name, batch_commands[i]))
			return true;
	return false;
}

/* The next word that ends within the text, NULL when there is none. */
static char *word_next(char **at, const char *end)
{
	char *w = *at, *nul = w < end ? memchr(w, 0, (size_t)(end - w)) : NULL;

	*at = nul ? nul + 1 : w;
	return nul ? w : NULL;
}

/* Output files of these go to the working directory. */
static bool needs_directory(const char *name)
{
	return !strcmp(name, "sbatch") || !strcmp(name, "srun") || !strcmp(name, "salloc");
}

/* 0, or -1 with the reason for the client. */
static int words_take(char ***argv, const struct asked *a, struct err *e)
{
	char *text = xcalloc(BATCH_WORDS + 1, 1), *at = text, *end = text + a->r.len, *cwd, *var;

	if (a->r.kind != BATCH_RUN || a->nfds != FDS || a->r.len > BATCH_WORDS || !a->r.argc ||
	    a->r.argc > BATCH_ARGS || a->r.envc > BATCH_ARGS ||
	    fd_pread(a->fds[3], text, a->r.len, 0) != 0)
		return err_set(e, ERR_INPUT, "a request that makes no sense");
	*argv = xcalloc(a->r.argc + 1, sizeof(**argv));
	cwd = word_next(&at, end);
	for (uint32_t i = 0; i < a->r.argc; i++)
		(*argv)[i] = word_next(&at, end);
	if (!cwd || !(*argv)[a->r.argc - 1] || !is_command((*argv)[0]))
		return err_set(e, ERR_USAGE,
			       "%s is not among the commands that are started for a "
			       "container",
			       (*argv)[0] ? (*argv)[0] : "nothing");
	for (uint32_t i = 0; i < a->r.envc && (var = word_next(&at, end)); i++)
		if (batch_is_lent(var))
			putenv(var);
	if (chdir(cwd) < 0 && needs_directory((*argv)[0]))
		return err_set(e, ERR_NOTFOUND,
			       "%s: the directory %s is not one of the host's; cd to one that is",
			       (*argv)[0], cwd);
	return 0;
}

/* In a child: becomes what is asked for.  Says on sock why not. */
static void command_be(const struct asked *a, int sock)
{
	char **argv = NULL;
	struct err e = { 0 };
	sigset_t none;

	if (words_take(&argv, a, &e) < 0) {
		answer(sock, 0, e.text);
		return;
	}
	umask((mode_t)(a->r.umask & 0777));
	for (int i = 0; i < 3; i++)
		dup2(a->fds[i], i);
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	for (int s = 1; s <= SIGRTMAX; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	err_sys(&e, "%s on the host", argv[0]);
	answer(sock, 0, e.text);
}

/* A process of its own a request: starts the command and waits for its end; the client's signals
 * reach it, the client's death is a SIGTERM. */
static _Noreturn void request_serve(const struct asked *a, int sock)
{
	struct pollfd p[2] = { { sock, POLLIN, 0 }, { -1, POLLIN, 0 } };
	int status = 0;
	int32_t sig;
	pid_t pid;

	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid == 0) {
		command_be(a, sock);
		_exit(FDS);
	}
	p[1].fd = (int)syscall(SYS_pidfd_open, pid, 0);
	for (int i = 0; i < 3 && i < (int)a->nfds; i++)
		close(a->fds[i]); /* whoever reads a pipe has to see its end */
	while (pid > 0 && p[1].fd >= 0 && !p[1].revents) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (!p[0].revents)
			continue;
		if (recv(sock, &sig, sizeof(sig), 0) == sizeof(sig)) {
			if (sig > 0 && sig <= SIGRTMAX)
				kill(pid, sig);
		} else {
			kill(pid, SIGTERM);
			p[0].fd = -1;
		}
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	answer(sock, status, pid > 0 ? "" : "fork failed");
	_exit(0);
}

static void member_add(struct proxy *p, int pidfd)
{
	if (p->n > MEMBERS_MAX) {
		close(pidfd);
		return;
	}
	xgrow(&p->v, &p->cap, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = (struct pollfd){ pidfd, POLLIN, 0 };
}

static void guest(struct proxy *p)
{
	auto_close int sock = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	struct timeval patience = { .tv_sec = 5 };
	struct asked a;

	if (sock < 0)
		return;
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!asked_recv(&a, sock)) {
		asked_fini(&a);
		return;
	}
	if (a.r.kind == BATCH_MEMBER && a.nfds == 1) {
		member_add(p, a.fds[0]);
		a.nfds = 0;
		answer(sock, 0, "");
	} else if (fork() == 0) {
		close(p->listener);
		patience.tv_sec = 0;
		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		request_serve(&a, sock);
	}
	asked_fini(&a);
}

/* Held by who looks whether there is a proxy, and by the proxy while it goes.  -1, too, when the
 * file was removed by a proxy that went while the lock was waited for. */
static int lock_take(const char *dir)
{
	auto_free char *path = xasprintf("%s/lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	struct stat mine, there;

	if (fd >= 0 && (flock(fd, LOCK_EX) < 0 || fstat(fd, &mine) < 0 || stat(path, &there) < 0 ||
			mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void remove_all(const char *dir)
{
	auto_free char *sock = xasprintf("%s/socket", dir), *lock = xasprintf("%s/lock", dir);

	unlink(sock);
	unlink(lock);
	rmdir(dir);
}

static _Noreturn void serve(struct proxy *p)
{
	for (;;) {
		/* Without a member only who lies in the backlog is served; whoever comes meanwhile
		 * waits for the lock. */
		int lock = p->n > 1 ? -1 : lock_take(p->dir);

		p->v[0].revents = 0;
		if (poll(p->v, p->n, p->n > 1 ? -1 : 0) == 0) {
			if (lock >= 0)
				remove_all(p->dir);
			_exit(0);
		}
		if (lock >= 0)
			close(lock);
		if (p->v[0].revents)
			guest(p);
		for (size_t i = p->n; i-- > 1;)
			if (p->v[i].revents) {
				close(p->v[i].fd);
				p->v[i] = p->v[--p->n];
			}
	}
}

static void detached(void *arg)
{
	struct proxy *p = arg;
	const struct keeper_work none = { 0 };
	int extra[2] = { p->listener, p->v[1].fd };

	keeper_ignore_signals();
	signal(SIGCHLD, SIG_IGN);
	keeper_leave_the_job(&none, extra, ARRAY_LEN(extra));
	prctl(PR_SET_NAME, "berth-slurm");
	serve(p);
}

/* The name through a descriptor of its directory, or a deep TMPDIR would be too long for a socket.
 * The caller holds the lock, so dir stays; *dirfd as long as a is used. */
static int address(struct sockaddr_un *a, int *dirfd, const char *dir, struct err *e)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dirfd < 0)
		return err_sys(e, "--slurm: %s", dir);
	snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/socket", *dirfd);
	return 0;
}

/* 0 we are a member, 1 nobody is there. */
static int member_send(const struct sockaddr_un *a, struct err *e)
{
	struct batch_request r = { .magic = BATCH_MAGIC, .kind = BATCH_MEMBER };
	auto_close int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	auto_close int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &r, sizeof(r) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct batch_reply reply;

	if (sock < 0 || self < 0)
		return err_sys(e, "--slurm");
	if (connect(sock, (const void *)a, sizeof(*a)) < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? 1
								: err_sys(e, "--slurm: its proxy");
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &self, sizeof(int));
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ||
	    recv(sock, &reply, sizeof(reply), 0) != sizeof(reply))
		return 1;
	return 0;
}

static int proxy_start(const struct sockaddr_un *a, const char *dir, struct err *e)
{
	const struct keeper_work none = { 0 };
	auto_close int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	auto_close int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct proxy p = { .dir = dir, .listener = listener };
	int r;

	unlink(a->sun_path);
	if (listener < 0 || self < 0 || bind(listener, (const void *)a, sizeof(*a)) < 0 ||
	    listen(listener, SOMAXCONN) < 0)
		return err_sys(e, "--slurm: socket in %s", dir);
	member_add(&p, listener);
	member_add(&p, self);
	r = keeper_detach(detached, &p, &none, e);
	free(p.v);
	return r;
}

int proxy_join(const char *dir, struct err *e)
{
	struct sockaddr_un a;
	auto_close int lock = -1, dirfd = -1;
	int r;

	/* A proxy that was on its way out has taken the directory along. */
	for (int i = 0; i < 50 && lock < 0; i++) {
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return err_sys(e, "--slurm: make %s", dir);
		lock = lock_take(dir);
	}
	if (lock < 0)
		return err_sys(e, "--slurm: lock %s", dir);
	r = address(&a, &dirfd, dir, e) < 0 ? -1 : member_send(&a, e);
	return r == 1 ? proxy_start(&a, dir, e) : r;
}
