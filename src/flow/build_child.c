#include "src/flow/build_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/fd.h"
#include "src/base/mem.h"

#define TAIL_MAX 4096

static volatile sig_atomic_t got_signal;
static int output = STDOUT_FILENO;

void build_child_output(int fd)
{
	output = fd;
}

static void on_signal(int signo)
{
	got_signal = signo;
}

void build_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal }, old;

	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
}

int build_signal(void)
{
	return got_signal;
}

/* Passes what came on and keeps its end.  0 at the end of the stream. */
static int forward(int from, struct buf *tail)
{
	char block[65536];
	ssize_t n = read(from, block, sizeof(block));
	size_t keep;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (n <= 0)
		return 0;
	/* A reader that is gone stops the output, not the build. */
	(void)!fd_write(output, block, (size_t)n);
	buf_add(tail, block, (size_t)n);
	if (tail->len > TAIL_MAX) {
		keep = TAIL_MAX / 2;
		memmove(tail->data, tail->data + tail->len - keep, keep + 1);
		tail->len = keep;
	}
	return 1;
}

/* Kills what is still there of the program's descendants: as our children, once their own parents
 * are gone. */
static void kill_rest(void)
{
	for (int round = 0; round < 100000; round++) {
		char path[64], list[4096];
		int status;
		ssize_t n;
		auto_close int fd = -1;

		while (waitpid(-1, &status, WNOHANG) > 0)
			;
		snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, list, sizeof(list) - 1);
		if (n <= 0)
			return;
		list[n] = '\0';
		for (char *p = list; *p; p += strspn(p, " \n")) {
			pid_t pid = (pid_t)strtol(p, &p, 10);

			if (pid <= 0)
				break;
			kill(pid, SIGKILL);
		}
		/* Blocks until one of them is gone, which may orphan others. */
		if (waitpid(-1, &status, 0) < 0 && errno == ECHILD)
			return;
	}
}

static pid_t start(struct build_child *c, int sock, int out, int fault)
{
	pid_t pid = fork();
	struct err e = { 0 };

	if (pid != 0)
		return pid;
	close(sock);
	/* A step reads nothing from the terminal, as under every build service. */
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	c->run(c->arg, &e);
	(void)!write(fault, &e, sizeof(e));
	_exit(125);
}

/* Stands between this process and the program: kills it on demand, what it leaves when it has
 * ended, and all when this process ends.  A death signal would do nothing of that: entering a user
 * namespace clears it (commit_creds()), and children do not inherit it. */
static _Noreturn void guard(struct build_child *c, int sock, const int *out, const int *fault)
{
	auto_close int pidfd = -1;
	int status = W_EXITCODE(125, 0), signo;
	pid_t pid;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = start(c, sock, out[1], fault[1]);
	close(out[1]);
	close(fault[1]);
	if (pid > 0) {
		struct pollfd p[2] = { { sock, POLLIN, 0 }, { -1, POLLIN, 0 } };

		p[1].fd = pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		while (pidfd >= 0 && (poll(p, 2, -1) >= 0 || errno == EINTR) && !p[1].revents) {
			if (!p[0].revents)
				continue;
			if (recv(sock, &signo, sizeof(signo), 0) != sizeof(signo)) {
				kill(pid, SIGKILL);
				break;
			}
			kill(pid, signo);
		}
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		kill_rest();
	}
	(void)!send(sock, &status, sizeof(status), MSG_NOSIGNAL);
	_exit(0);
}

/* Until the guard says what became of the program. */
static int pump(struct build_child *c, int sock, int in)
{
	static const int term = SIGTERM, killed = SIGKILL;
	struct pollfd p[2] = { { in, POLLIN, 0 }, { sock, POLLIN, 0 } };
	double deadline = 0;
	int status;

	for (;;) {
		if (got_signal && !deadline) {
			(void)!send(sock, &term, sizeof(term), MSG_NOSIGNAL);
			deadline = now_s() + 2;
		} else if (got_signal && now_s() > deadline) {
			(void)!send(sock, &killed, sizeof(killed), MSG_NOSIGNAL | MSG_DONTWAIT);
		}
		/* A second look in time: the signal may come between the test and poll(). */
		if (poll(p, 2, 500) < 0) {
			if (errno != EINTR)
				return SIGKILL;
			continue;
		}
		if (p[0].revents && !forward(in, &c->tail))
			p[0].fd = -1;
		if (p[1].revents)
			return recv(sock, &status, sizeof(status), 0) == sizeof(status) ? status
											: SIGKILL;
	}
}

int build_child_run(struct build_child *c, struct err *e)
{
	auto_close int in = -1, why_in = -1, sock = -1;
	int out[2], fault[2], pair[2], status = 0;
	struct err why;
	ssize_t n;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	in = out[0];
	if (pipe2(fault, O_CLOEXEC) < 0) {
		close(out[1]);
		return err_sys(e, "pipe");
	}
	why_in = fault[0];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		close(out[1]);
		close(fault[1]);
		return err_sys(e, "socket");
	}
	sock = pair[0];
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(sock);
		guard(c, pair[1], out, fault);
	}
	close(out[1]);
	close(fault[1]);
	close(pair[1]);
	if (pid < 0)
		return err_sys(e, "fork");
	status = pump(c, sock, in);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	fcntl(in, F_SETFL, O_NONBLOCK);
	while (forward(in, &c->tail) > 0 && errno != EAGAIN)
		errno = 0;
	n = read(why_in, &why, sizeof(why));
	if (got_signal)
		return err_set(e, ERR_INTR, "stopped by SIG%s", sigabbrev_np(got_signal));
	if (n == sizeof(why)) {
		*e = why;
		return -1;
	}
	return status;
}
