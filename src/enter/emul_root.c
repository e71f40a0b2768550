#include "src/enter/emul_root.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/enter/blockers.h"

#define RESULT_MAX 4096

struct message {
	int r;
	struct err e;
	unsigned char result[RESULT_MAX];
};

static int map_write(const char *path, unsigned id)
{
	char text[64];
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	snprintf(text, sizeof(text), "0 %u 1", id);
	return fd < 0 ? -1 : fd_write(fd, text, strlen(text));
}

static int become_root(struct err *e)
{
	unsigned uid = geteuid(), gid = getegid();
	auto_close int deny = -1;
	struct blockers b;

	if (unshare(CLONE_NEWUSER) == 0) {
		deny = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
		if (deny >= 0 && fd_write(deny, "deny", 4) == 0 &&
		    map_write("/proc/self/uid_map", uid) == 0 &&
		    map_write("/proc/self/gid_map", gid) == 0)
			return 0;
	}
	blockers_probe(&b, "/");
	return blockers_namespaces(&b, errno, e);
}

static _Noreturn void child(int out, int (*fn)(void *arg, void *result, struct err *e), void *arg)
{
	struct message m = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	m.r = become_root(&m.e);
	if (m.r == 0)
		m.r = fn(arg, m.result, &m.e);
	_exit(fd_write(out, &m, sizeof(m)) < 0);
}

int emul_as_root(int (*fn)(void *arg, void *result, struct err *e), void *arg, void *result,
		 size_t n, struct err *e)
{
	struct message m;
	auto_close int in = -1;
	int ends[2], status = 0;
	size_t got = 0;
	ssize_t k;
	pid_t pid;

	if (n > RESULT_MAX)
		return err_set(e, ERR_LIMIT, "a result of %zu bytes", n);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	in = ends[0];
	pid = fork();
	if (pid == 0)
		child(ends[1], fn, arg);
	close(ends[1]);
	if (pid < 0)
		return err_sys(e, "start a process");
	while (got < sizeof(m) && (k = read(in, (char *)&m + got, sizeof(m) - got)) != 0) {
		if (k < 0 && errno != EINTR)
			break;
		got += k > 0 ? (size_t)k : 0;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (got < sizeof(m))
		return err_set(e, ERR_SYS,
			       "a process that worked as root of a user namespace ended%s",
			       WIFSIGNALED(status) ? " by a signal" : "");
	if (m.r < 0) {
		*e = m.e;
		return -1;
	}
	memcpy(result, m.result, n);
	return m.r;
}
