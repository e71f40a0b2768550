#include "src/flow/build_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

static pid_t start(struct build_child *c, int out, int fault)
{
	pid_t pid = fork();
	struct err e = { 0 };

	if (pid != 0)
		return pid;
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

static void pump(struct build_child *c, pid_t pid, int in, int *status)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p[2] = { { in, POLLIN, 0 }, { pidfd, POLLIN, 0 } };
	bool ended = false, told = false;

	while (!ended) {
		if (got_signal && !told) {
			kill(pid, SIGTERM);
			told = true;
		}
		/* A second look in time: the signal may come between the test and poll(). */
		if (poll(p, 2, told ? 2000 : 500) < 0 && errno != EINTR)
			break;
		if (told && !(p[1].revents & POLLIN))
			kill(pid, SIGKILL);
		if (p[0].revents && !forward(in, &c->tail))
			p[0].fd = -1;
		ended = p[1].revents & POLLIN || waitpid(pid, status, WNOHANG) == pid;
		p[0].revents = p[1].revents = 0;
	}
}

int build_child_run(struct build_child *c, struct err *e)
{
	int out[2], fault[2], status = 0;
	struct err why;
	ssize_t n;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	if (pipe2(fault, O_CLOEXEC) < 0) {
		close(out[0]);
		close(out[1]);
		return err_sys(e, "pipe");
	}
	fflush(stdout);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = start(c, out[1], fault[1]);
	close(out[1]);
	close(fault[1]);
	if (pid > 0) {
		pump(c, pid, out[0], &status);
		waitpid(pid, &status, 0);
		kill_rest();
		fcntl(out[0], F_SETFL, O_NONBLOCK);
		while (forward(out[0], &c->tail) > 0 && errno != EAGAIN)
			errno = 0;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	n = read(fault[0], &why, sizeof(why));
	close(out[0]);
	close(fault[0]);
	if (pid < 0)
		return err_sys(e, "fork");
	if (got_signal)
		return err_set(e, ERR_INTR, "stopped by SIG%s", sigabbrev_np(got_signal));
	if (n == sizeof(why)) {
		*e = why;
		return -1;
	}
	return status;
}
