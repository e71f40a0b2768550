#include "mpi/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpi/keeper_priv.h"
#include "src/base/fd.h"
#include "src/base/mem.h"

/* close_range() over all gaps between the descriptors to keep (Linux 5.9). */
static void close_others(int *keep, size_t n)
{
	unsigned from = 3;

	for (size_t i = 1; i < n; i++)
		for (size_t j = i; j > 0 && keep[j - 1] > keep[j]; j--) {
			int swap = keep[j];

			keep[j] = keep[j - 1];
			keep[j - 1] = swap;
		}
	for (size_t i = 0; i < n; i++) {
		if (keep[i] > (int)from)
			syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		if (keep[i] >= (int)from)
			from = (unsigned)keep[i] + 1;
	}
	syscall(SYS_close_range, from, ~0U, 0);
}

/* Soft limits are set with the program in mind; what is served, and for how long, is not
 * the program's own use. */
static void limits_raise(void)
{
	static const int which[] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_CPU, RLIMIT_NOFILE };
	struct rlimit l;

	for (size_t i = 0; i < ARRAY_LEN(which); i++)
		if (getrlimit((unsigned)which[i], &l) == 0 && l.rlim_cur != l.rlim_max) {
			l.rlim_cur = l.rlim_max;
			setrlimit((unsigned)which[i], &l);
		}
}

/* What is sent to a job's step reaches the keeper, too: SIGTERM, or any signal that the
 * job's program has agreed on with its scheduler.  It is meant for the ranks; they may
 * still read while they wind up.  SIGKILL ends everything, and the kernel then fails all
 * reads.  What an own fault raises stays fatal. */
void keeper_ignore_signals(void)
{
	static const int fatal[] = { SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS };
	sigset_t none;

	for (int s = 1; s <= SIGRTMAX; s++)
		signal(s, SIG_IGN); /* refused for SIGKILL and SIGSTOP */
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		signal(fatal[i], SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void keeper_leave_the_job(const struct keeper_work *w, const int *extra, size_t nextra)
{
	int keep[KEEPER_KEEP_MAX + KEEPER_EXTRA_MAX];
	size_t n = 0;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		if (null >= 0)
			dup2(null, fd);
	for (size_t i = 0; i < nextra && i < KEEPER_EXTRA_MAX; i++)
		keep[n++] = extra[i];
	for (size_t i = 0; i < w->nkeep && i < KEEPER_KEEP_MAX; i++)
		keep[n++] = w->keep[i];
	close_others(keep, n);
	if (chdir("/") < 0)
		_exit(1);
	limits_raise();
	prctl(PR_SET_NAME, "berth-keeper");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static _Noreturn void give_up(int sock, const struct err *e)
{
	send(sock, e, sizeof(*e), MSG_NOSIGNAL);
	_exit(1);
}

/* One of several file systems that are served side by side. */
struct served {
	const struct keeper_work *w;
	unsigned which;
	int sock, fuse;
	pthread_t thread;
};

static void *serve_one(void *arg)
{
	struct served *s = arg;
	struct err e = { 0 };

	if (s->w->serve(s->w->arg, s->which, s->fuse, &e) < 0) {
		if (s->w->finish)
			s->w->finish(s->w->arg);
		give_up(s->sock, &e);
	}
	return NULL;
}

/* Serves each descriptor from the moment it comes: the launcher may look into one file
 * system before it makes the next.  The last one needs no further thread. */
static void serve_all(int sock, const struct keeper_work *w)
{
	unsigned n = MAX(w->nfuse, 1u), started = 0;
	struct served *all = xcalloc(n, sizeof(*all));

	while (started < n) {
		struct served *s = &all[started];

		*s = (struct served){ w, started, sock, fd_recv(sock), 0 };
		if (s->fuse < 0)
			break; /* the launcher gave up */
		if (started == n - 1)
			serve_one(s);
		else if (pthread_create(&s->thread, NULL, serve_one, s) != 0)
			break;
		started++;
	}
	for (unsigned i = 0; i < started && i + 1 < n; i++)
		pthread_join(all[i].thread, NULL);
	free(all);
}

struct lone {
	int sock;
	const struct keeper_work *work;
};

static void keep(void *arg)
{
	const struct lone *l = arg;
	const struct keeper_work *w = l->work;
	struct err e = { 0 };

	keeper_ignore_signals();
	keeper_leave_the_job(w, &l->sock, 1);
	if (w->prepare && w->prepare(w->arg, &e) < 0)
		give_up(l->sock, &e);
	if (w->announce)
		send(l->sock, "", 1, MSG_NOSIGNAL);
	serve_all(l->sock, w);
	if (w->finish)
		w->finish(w->arg);
	_exit(0);
}

static pid_t fork_body(void (*body)(void *arg), void *arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		body(arg);
		_exit(1);
	}
	return pid;
}

int keeper_detach(void (*body)(void *arg), void *arg, const struct keeper_work *w, struct err *e)
{
	int status = 0;
	pid_t pid;

	if (w->nkeep > KEEPER_KEEP_MAX)
		return err_set(e, ERR_LIMIT, "a keeper holds at most %d descriptors",
			       KEEPER_KEEP_MAX);
	/* The first one borrows our memory (vfork): copying its page tables costs 0.1 ms,
	 * and all that it does is to fork again. */
	pid = vfork();
	if (pid == 0) {
		setsid();
		if (fork_body(body, arg) < 0)
			_exit(1);
		_exit(0);
	}
	if (pid < 0)
		return err_sys(e, "start the process that serves the image");
	/* ECHILD: our own parent ignores SIGCHLD, so nothing is to be collected. */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status)) {
		errno = EAGAIN;
		return err_sys(e, "start the process that serves the image");
	}
	return 0;
}

int keeper_start(int *sock, const struct keeper_work *w, struct err *e)
{
	int pair[2];
	auto_close int ours = -1, theirs = -1;
	struct lone l = { .work = w };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socket for the process that serves the image");
	ours = pair[0];
	theirs = pair[1];
	l.sock = theirs;
	if (keeper_detach(keep, &l, w, e) < 0)
		return -1;
	*sock = take_fd(&ours);
	return 0;
}

int keeper_wait(int sock, struct err *e)
{
	struct err said;
	ssize_t n;

	do
		n = recv(sock, &said, sizeof(said), 0);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	if (n == sizeof(said)) {
		said.text[sizeof(said.text) - 1] = '\0';
		*e = said;
		return -1;
	}
	return err_set(e, ERR_SYS, "the process that serves the image ended before it was ready");
}

int keeper_failure(int sock, struct err *e)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct err said;
	ssize_t n = 0;

	/* A keeper that gave up has written and ended; one that is well says nothing. */
	if (poll(&p, 1, 100) != 1)
		return 0;
	/* The first answer is ECONNRESET when it left without taking our descriptor. */
	for (int tries = 0; n != sizeof(said) && tries < 2; tries++)
		n = recv(sock, &said, sizeof(said), MSG_DONTWAIT);
	if (n != sizeof(said))
		return 0;
	said.text[sizeof(said.text) - 1] = '\0';
	*e = said;
	return 1;
}
