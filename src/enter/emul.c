#include "src/enter/emul.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/enter/emul_filter.h"
#include "src/enter/emul_priv.h"
#include "src/enter/emul_serve.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define KEEP_MAX 16

struct emul {
	int sock;      /* to the supervisor, until the program is started */
	int done;      /* ends when the supervisor does */
	bool somebody; /* the program is not root: it has the first set of ids behind root's */
	size_t n;
	struct sock_filter code[EMUL_FILTER_MAX];
};

/* What the supervisor has beside the table. */
struct supervisor {
	const struct emul_opts *o;
	int sock, done, proc;
};

static void save(void *arg)
{
	const struct emul_opts *o = arg;

	if (!o->save || !emul_table_is_dirty(o->table))
		return;
	o->save(o->table, o->arg);
	emul_table_clean(o->table);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* close_range() over all gaps between the descriptors to keep. */
static void close_others(struct supervisor *v)
{
	int keep[KEEP_MAX + 3];
	size_t n = 0;
	unsigned from = 3;

	keep[n++] = v->sock;
	keep[n++] = v->done;
	keep[n++] = v->proc;
	for (size_t i = 0; i < v->o->nkeep; i++)
		keep[n++] = v->o->keep[i];
	qsort(keep, n, sizeof(*keep), by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		if (keep[i] > (int)from)
			syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	syscall(SYS_close_range, from, ~0U, 0);
}

/* The job's signals are for the program, and its pipes end with the program. */
static void leave_the_job(struct supervisor *v)
{
	static const int ours[] = { SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	for (int s = 1; s <= SIGRTMAX; s++)
		signal(s, SIG_IGN); /* refused for SIGKILL and SIGSTOP */
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		signal(ours[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int fd = 0; fd < 3; fd++)
		if (null >= 0)
			dup2(null, fd);
	close_others(v);
	prctl(PR_SET_NAME, "berth-emul");
}

/* Into the namespaces of the program, whose pidfd and listener come over the socket. */
static void supervise(struct supervisor *v)
{
	struct emul_server s = { .table = v->o->table, .sets = emul_idsets_new() };
	auto_close int program = -1;
	char ready = 1;

	if (v->o->ids)
		emul_idsets_put(s.sets, v->o->ids);
	s.listener = fd_recv(v->sock);
	program = s.listener < 0 ? -1 : fd_recv(v->sock);
	if (program < 0)
		return; /* it was never started */
	if (setns(program, CLONE_NEWUSER | CLONE_NEWNS) < 0 || fchdir(v->proc) < 0 ||
	    emul_serve_begin(&s) < 0) {
		int sys = errno;

		send(v->sock, &sys, sizeof(sys), MSG_NOSIGNAL);
		return;
	}
	close_p_(&v->proc);
	if (v->o->begin)
		v->o->begin(v->o->table, v->o->arg);
	send(v->sock, &ready, 1, MSG_NOSIGNAL);
	close_p_(&v->sock);
	emul_serve(&s, program, save, (void *)v->o);
	save((void *)v->o);
}

static _Noreturn void be_supervisor(struct supervisor *v)
{
	v->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	leave_the_job(v);
	supervise(v);
	_exit(0);
}

static int start(struct supervisor *v, struct err *e)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		pid = fork();
		if (pid == 0)
			be_supervisor(v);
		_exit(pid < 0);
	}
	if (pid < 0)
		return err_sys(e, "start the supervisor of root emulation");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status)) {
		errno = EAGAIN;
		return err_sys(e, "start the supervisor of root emulation");
	}
	return 0;
}

int emul_start(struct emul **out, const struct emul_opts *o, struct err *e)
{
	struct emul_filter filter = { .arches = emul_host_arches,
				      .narches = emul_host_narches,
				      .stat = o->stat,
				      .fake_sync = o->fake_sync };
	auto_emul struct emul *m = xcalloc(1, sizeof(*m));
	auto_close int sock = -1, done = -1;
	int pair[2], ends[2];

	m->sock = m->done = -1;
	m->somebody = o->ids && o->ids->uid[0];
	if (o->nkeep > KEEP_MAX)
		return err_set(e, ERR_LIMIT, "the supervisor holds at most %d descriptors",
			       KEEP_MAX);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socket for root emulation");
	m->sock = pair[0];
	sock = pair[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "pipe for root emulation");
	m->done = ends[0];
	done = ends[1];
	m->n = emul_filter_make(m->code, &filter);
	if (start(&(struct supervisor){ .o = o, .sock = sock, .done = done }, e) < 0)
		return -1;
	*out = take_ptr(m);
	return 0;
}

static int filter_install(const struct emul *m)
{
	struct sock_fprog prog = { .len = (unsigned short)m->n,
				   .filter = (struct sock_filter *)m->code };
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	int fd;

	/* A signal interrupts a waiting call only when it kills (Linux 5.19): nothing is asked
	 * twice, and a mknod() done is not a mknod() refused. */
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			  flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &prog);
	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	return fd;
}

int emul_attach(struct emul *m, struct fault *f)
{
	auto_close int program = (int)syscall(SYS_pidfd_open, getpid(), 0);
	auto_close int listener = -1;
	int answer = 0;
	ssize_t n;

	if (program < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fault_at(f, FAULT_EMUL, 0);
	if (m->somebody && emul_who_mark(0, 1) < 0)
		return fault_at(f, FAULT_EMUL, 4);
	/* The supervisor may look into us only while we are dumpable. */
	prctl(PR_SET_DUMPABLE, 1);
	listener = filter_install(m);
	if (listener < 0)
		return fault_at(f, FAULT_EMUL, 1);
	if (fd_send(m->sock, listener) < 0 || fd_send(m->sock, program) < 0)
		return fault_at(f, FAULT_EMUL, 2);
	do
		n = recv(m->sock, &answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	errno = n == sizeof(answer) ? answer : EPIPE;
	return fault_at(f, FAULT_EMUL, 3);
}

void emul_wait(struct emul *m)
{
	char end;

	close_p_(&m->sock);
	m->sock = -1;
	while (read(m->done, &end, 1) < 0 && errno == EINTR)
		;
}

void emul_free(struct emul *m)
{
	if (!m)
		return;
	close_p_(&m->sock);
	close_p_(&m->done);
	free(m);
}
