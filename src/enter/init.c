/* Signals from outside of the namespace reach a first process only where it waits for them, which
 * this one does with sigwaitinfo(); a handler is never needed.  Those that the terminal sent
 * (si_code SI_KERNEL) have reached the program by themselves. */
#include "src/enter/init.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/base/clock.h"

/* sival_int of a signal that means: end the instance. */
#define STOP_MARK 0x62657274
/* What a joined program has to end in; as long as "instance stop" gives all by itself. */
#define GUESTS_MS 10000

struct init {
	enum init_kind kind;
	pid_t program; /* 0: none, or ended */
	int status;    /* of the program, as exit status */
	bool stopping;
	int64_t guests_until; /* joined programs have until then; 0: not yet waited for */
};

static void become_small(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	syscall(SYS_capset, &head, none);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_NAME, "berth-init");
	syscall(SYS_close_range, 0U, ~0U, 0);
}

/* What is left hears once that this is the end. */
static void rest_end(void)
{
	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
}

static void program_ended(struct init *in, int status)
{
	in->program = 0;
	in->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (in->kind == INIT_PLAIN || (in->status && !in->stopping))
		_exit(in->status);
	if (in->stopping)
		rest_end();
}

/* Programs that have joined are children of processes outside, so nobody tells this one when they
 * end; with it they would be killed in the middle of what they do on TERM. */
static void guests_wait(struct init *in)
{
	if (!in->guests_until)
		in->guests_until = now_ms() + GUESTS_MS;
	if ((kill(-1, 0) < 0 && errno == ESRCH) || now_ms() >= in->guests_until)
		_exit(in->status);
}

static void children_collect(struct init *in)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == in->program)
			program_ended(in, status);
	if (pid < 0 && errno == ECHILD && in->stopping)
		guests_wait(in);
}

static void signal_take(struct init *in, const siginfo_t *s)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP };

	if (s->si_signo == SIGCHLD || s->si_code > 0)
		return;
	if (in->kind == INIT_PLAIN) {
		kill(in->program, s->si_signo);
		return;
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		in->stopping |= s->si_signo == ends[i];
	in->stopping |= s->si_code == SI_QUEUE && s->si_value.sival_int == STOP_MARK;
	if (in->program) {
		kill(-in->program, s->si_signo);
		if (in->stopping)
			kill(-in->program, SIGCONT); /* a stopped one hears nothing */
	} else if (in->stopping) {
		rest_end();
	}
}

static _Noreturn void serve(struct init *in)
{
	const struct timespec look = { .tv_nsec = 5000000 };
	sigset_t all;
	siginfo_t s;

	become_small();
	sigfillset(&all);
	for (;;) {
		children_collect(in);
		if (sigtimedwait(&all, &s, in->guests_until ? &look : NULL) > 0)
			signal_take(in, &s);
	}
}

/* What came before there was a program is meant for it, whoever sent it. */
static void early_signals(sigset_t *out)
{
	const struct timespec now = { 0 };
	siginfo_t s;
	sigset_t all;

	sigemptyset(out);
	sigfillset(&all);
	while (sigtimedwait(&all, &s, &now) > 0)
		if (s.si_signo != SIGCHLD)
			sigaddset(out, s.si_signo);
}

int init_spawn(enum init_kind kind, struct fault *f)
{
	struct init in = { .kind = kind };
	sigset_t early;

	early_signals(&early);
	in.program = fork();
	if (in.program < 0)
		return fault_at(f, FAULT_FORK, 1);
	if (in.program == 0) {
		if (kind == INIT_INSTANCE)
			setpgid(0, 0);
		return 0;
	}
	if (kind == INIT_INSTANCE)
		setpgid(in.program, in.program);
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sigismember(&early, sig) == 1)
			kill(in.program, sig);
	serve(&in);
}

_Noreturn void init_idle(void)
{
	struct init in = { .kind = INIT_INSTANCE };

	serve(&in);
}

int init_stop(int pidfd, int sig)
{
	siginfo_t s;

	if (sig == SIGKILL)
		return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
	memset(&s, 0, sizeof(s));
	s.si_signo = sig;
	s.si_code = SI_QUEUE;
	s.si_pid = getpid();
	s.si_uid = getuid();
	s.si_value.sival_int = STOP_MARK;
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, &s, 0);
}
