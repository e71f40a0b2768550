#include "mpi/spank/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/mem.h"

#define OUTPUT_MAX 65536
#define SOCK_FD	   3

/* Plain system calls: glibc's wrappers would tell threads that this child does not have.  The
 * effective id may be the user's already with root still saved, so root is taken back first. */
static bool become_user(const struct engine *g)
{
	syscall(SYS_setresuid, -1, 0, -1);
	if (geteuid() == 0 && (syscall(SYS_setgroups, g->ngroups, g->groups) < 0 ||
			       syscall(SYS_setresgid, g->gid, g->gid, g->gid) < 0 ||
			       syscall(SYS_setresuid, g->uid, g->uid, g->uid) < 0))
		return false;
	return geteuid() == g->uid && getuid() == g->uid &&
	       (g->uid == 0 || syscall(SYS_setresuid, -1, 0, -1) < 0);
}

static void fd_at(int fd, int at)
{
	if (fd >= 0 && fd != at)
		dup2(fd, at);
	else if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

static _Noreturn void child(const struct engine *g, int out, int err)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	if (g->become && !become_user(g))
		_exit(125);
	/* Above what they will be, so that none overwrites another. */
	out = out >= 0 ? fcntl(out, F_DUPFD, 10) : -1;
	err = err >= 0 ? fcntl(err, F_DUPFD, 10) : -1;
	fd_at(g->sock >= 0 ? fcntl(g->sock, F_DUPFD, 10) : -1, SOCK_FD);
	fd_at(open("/dev/null", O_RDWR | O_CLOEXEC), 0);
	fd_at(out, 1);
	fd_at(err, 2);
	close_range(g->sock >= 0 ? SOCK_FD + 1 : SOCK_FD, ~0u, 0);
	if (g->cwd && chdir(g->cwd) < 0)
		(void)!chdir("/");
	execve(g->argv[0], g->argv, g->env);
	_exit(errno == ENOENT ? 127 : 126);
}

int engine_start(struct engine *g)
{
	g->out = memfd_create("berth-out", MFD_CLOEXEC);
	g->err = g->own_err ? -1 : memfd_create("berth-err", MFD_CLOEXEC);
	g->pid = g->out < 0 || (!g->own_err && g->err < 0) ? -1 : fork();
	if (g->pid == 0)
		child(g, g->out, g->err);
	return g->pid < 0 ? -1 : 0;
}

static void take(int *fd, struct buf *b)
{
	char text[4096];
	ssize_t n;

	while (*fd >= 0 && b && b->len < OUTPUT_MAX &&
	       (n = pread(*fd, text, sizeof(text), (off_t)b->len)) > 0)
		buf_add(b, text, (size_t)n);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int engine_finish(struct engine *g, struct buf *out, struct buf *err)
{
	int status = 0;
	pid_t r;

	do
		r = waitpid(g->pid, &status, 0);
	while (r < 0 && errno == EINTR);
	take(&g->out, out);
	take(&g->err, err);
	if (r < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
