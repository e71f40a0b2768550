#include "src/enter/waiter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/mem.h"

enum message_kind { MESSAGE_READY, MESSAGE_FAILED };

struct message {
	enum message_kind kind;
	int status;
	struct err e;
};

static void signals_hold(struct waiter *g)
{
	const struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &g->outer);
	/* Ignored, as some launchers leave it, no status would be kept for us. */
	sigaction(SIGCHLD, &plain, &g->chld);
}

void waiter_unblock(const struct waiter *g)
{
	sigaction(SIGCHLD, &g->chld, NULL);
	sigprocmask(SIG_SETMASK, &g->outer, NULL);
}

/* True when the other end is closed. */
static bool is_alone(const struct waiter *g)
{
	struct pollfd p = { .fd = g->sock };

	return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

int waiter_fork(struct waiter *g, enum waiter_kind kind, unsigned flags, struct fault *f)
{
	int pair[2];

	*g = (struct waiter){ .kind = kind, .sock = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fault_at(f, FAULT_FORK, 0);
	signals_hold(g);
	/* fork() with namespaces: the child is the first process of a new PID namespace. */
	g->child = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
	if (g->child < 0) {
		fault_at(f, flags & CLONE_NEWUSER ? FAULT_UNSHARE : FAULT_FORK, flags);
		waiter_unblock(g);
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	g->sock = pair[g->child == 0];
	close(pair[g->child != 0]);
	if (g->child)
		return 1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (is_alone(g))
		_exit(1);
	return 0;
}

static void say(const struct waiter *g, enum message_kind kind, int status, const struct err *e)
{
	struct message m = { .kind = kind, .status = status };

	if (e)
		m.e = *e;
	while (send(g->sock, &m, sizeof(m), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

_Noreturn void waiter_fail(const struct waiter *g, int status, const struct err *e)
{
	say(g, MESSAGE_FAILED, status, e);
	_exit(1);
}

bool waiter_ready(const struct waiter *g)
{
	char go;
	ssize_t n;

	say(g, MESSAGE_READY, 0, NULL);
	do
		n = recv(g->sock, &go, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		return false;
	prctl(PR_SET_PDEATHSIG, 0);
	return true;
}

void waiter_go(const struct waiter *g)
{
	char go = 1;

	while (send(g->sock, &go, 1, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* 1: a message; 0: the end, for the program has been started.  Signals act meanwhile, and only
 * meanwhile. */
static int listen_for(struct waiter *g, struct message *m)
{
	struct pollfd p = { .fd = g->sock, .events = POLLIN };
	ssize_t n;

	while (ppoll(&p, 1, NULL, &g->outer) != 1)
		;
	do
		n = recv(g->sock, m, sizeof(*m), 0);
	while (n < 0 && errno == EINTR);
	return n == sizeof(*m);
}

static void child_collect(struct waiter *g)
{
	while (waitpid(g->child, NULL, 0) < 0 && errno == EINTR)
		;
	waiter_unblock(g);
	close(g->sock);
	g->child = 0;
}

void waiter_abandon(struct waiter *g)
{
	if (!g->child)
		return;
	kill(g->child, SIGKILL);
	child_collect(g);
}

int waiter_wait_ready(struct waiter *g, struct err *e)
{
	struct message m;

	if (listen_for(g, &m) && m.kind == MESSAGE_READY)
		return 0;
	return waiter_started(g, e);
}

int waiter_started(struct waiter *g, struct err *e)
{
	struct message m;

	if (!listen_for(g, &m))
		return 0;
	*e = m.e;
	child_collect(g);
	return m.status;
}

/* Nobody who waits for the end of the program's output waits for us. */
static void descriptors_release(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	syscall(SYS_close_range, 3U, ~0U, 0);
}

static _Noreturn void end_as(int status)
{
	const struct sigaction plain = { .sa_handler = SIG_DFL };
	const struct rlimit none = { 0 };
	sigset_t one;
	int sig;

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	sig = WTERMSIG(status);
	/* The program's core, if any, is written; ours would tell nothing. */
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	sigaction(sig, &plain, NULL);
	sigemptyset(&one);
	sigaddset(&one, sig);
	kill(getpid(), sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	_exit(128 + sig);
}

static void child_look(const struct waiter *g)
{
	int status;
	pid_t pid = waitpid(g->child, &status, WNOHANG | WUNTRACED);

	if (pid != g->child)
		return;
	if (!WIFSTOPPED(status))
		end_as(status);
	/* With a first process that we made the program cannot be seen to stop. */
	kill(getpid(), SIGSTOP);
}

static void stop_both(const struct waiter *g, const siginfo_t *s)
{
	/* A first process is stopped by nothing but SIGSTOP from outside. */
	if (g->kind == WAITER_BARE)
		kill(g->child, SIGSTOP);
	else if (s->si_code <= 0)
		kill(g->child, s->si_signo);
	kill(getpid(), SIGSTOP);
}

static void pass_on(const struct waiter *g, const siginfo_t *s)
{
	switch (s->si_signo) {
	case SIGCHLD:
		child_look(g);
		break;
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		stop_both(g, s);
		break;
	case SIGCONT:
	case SIGALRM: /* alarm() before the exec of us: meant for the program */
	case SIGHUP:
		kill(g->child, s->si_signo);
		break;
	default:
		if (s->si_code <= 0) /* kill() and its kin; the terminal's are SI_KERNEL */
			kill(g->child, s->si_signo);
	}
}

_Noreturn void waiter_finish(struct waiter *g)
{
	sigset_t all;
	siginfo_t s;

	descriptors_release();
	sigfillset(&all);
	/* It may have ended before SIGCHLD was looked for. */
	s = (siginfo_t){ .si_signo = SIGCHLD };
	for (;;) {
		pass_on(g, &s);
		while (sigwaitinfo(&all, &s) < 0)
			;
	}
}
