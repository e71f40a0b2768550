#include "src/flow/instance_start.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/enter/init.h"
#include "src/enter/waiter.h"
#include "src/flow/run_enter.h"
#include "src/host/process.h"
#include "src/host/signals.h"

void instance_start_fini(struct instance_start *s)
{
	if (!s->claim.dir)
		return;
	instance_claim_fini(&s->claim);
	free(s->note.log_out);
	free(s->note.log_err);
	close_p_(&s->null);
	close_p_(&s->out);
	close_p_(&s->err);
}

static int log_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0)
		fchmod(fd, 0600);
	return fd;
}

/* mkdir -p below an existing base, whatever the umask is. */
static bool dirs_make(const char *base, const char *below)
{
	auto_free char *path = xasprintf("%s/%s/", base, below);
	mode_t was = umask(077);
	bool good = true;

	for (char *p = path + strlen(base) + 1; good && (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		good = mkdir(path, 0700) == 0 || errno == EEXIST;
	}
	umask(was);
	return good;
}

static bool logs_open(struct instance_start *s, const char *dir, const char *name)
{
	s->note.log_out = xasprintf("%s/%s.out", dir, name);
	s->note.log_err = xasprintf("%s/%s.err", dir, name);
	s->out = log_open(s->note.log_out);
	s->err = log_open(s->note.log_err);
	if (s->out >= 0 && s->err >= 0)
		return true;
	free(s->note.log_out);
	free(s->note.log_err);
	s->note.log_out = s->note.log_err = NULL;
	close_p_(&s->out);
	close_p_(&s->err);
	s->out = s->err = -1;
	return false;
}

/* Below home, where they outlive the node; a home that is not there or full is no reason not to
 * start, so else beside the note. */
static int logs_place(struct instance_start *s, const char *name, struct err *e)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *home = getenv("HOME");
	char host[65] = "localhost";

	gethostname(host, sizeof(host) - 1);
	if (!home || home[0] != '/')
		home = pw ? pw->pw_dir : NULL;
	if (home) {
		auto_free char *below =
			xasprintf(".berth/instances/logs/%s/%s", host, pw ? pw->pw_name : "user");
		auto_free char *dir = xasprintf("%s/%s", home, below);

		if (dirs_make(home, below) && logs_open(s, dir, name))
			return 0;
	}
	if (logs_open(s, s->claim.dir, name))
		return 0;
	return err_sys(e, "logs of instance %s in %s", name, s->claim.dir);
}

int instance_start_claim(struct instance_start *s, const struct run_req *req, struct err *e)
{
	s->null = s->out = s->err = -1;
	s->pid_file = req->pid_file;
	if (instance_claim(&s->claim, req->instance, e) < 0)
		return -1;
	s->note.name = (char *)(uintptr_t)req->instance;
	s->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (s->null < 0)
		return err_sys(e, "/dev/null");
	return logs_place(s, req->instance, e);
}

int instance_start_signal(struct instance_start *s, const struct run_req *req,
			  const struct oci_config *oci, struct err *e)
{
	const char *name = oci && *oci->stop_signal ? oci->stop_signal : "TERM";

	s->note.stop = req->oci_compat ? signal_parse(name) : SIGINT;
	if (!s->note.stop)
		return err_set(e, ERR_INPUT, "StopSignal %s of the image: no such signal", name);
	return 0;
}

/* A shell script that starts instances in its background has them ignore INT and QUIT. */
static void signals_plain(void)
{
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		signal(sig, SIG_DFL);
}

static _Noreturn void instance_be(struct instance_start *s, struct enter *x, struct plan *p,
				  int keeper, const struct waiter *w)
{
	struct err e = { 0 };
	struct fault f = { 0 };

	if (enter_build(x, keeper, &f) < 0)
		waiter_fail(w, run_explain(&f, p, keeper, &e), &e);
	run_warn_skipped(x, p);
	setsid();
	if (dup2(s->null, 0) < 0 || dup2(s->out, 1) < 0 || dup2(s->err, 2) < 0)
		waiter_fail(w, err_sys(&e, "logs of instance %s", s->note.name), &e);
	signals_plain();
	if (!waiter_ready(w))
		_exit(1);
	if (p->idle)
		init_idle();
	if (init_spawn(INIT_INSTANCE, &f) == 0) {
		waiter_unblock(w);
		enter_exec(x, &f);
	}
	waiter_fail(w, run_explain(&f, p, keeper, &e), &e);
}

static int pid_file_write(const struct instance_start *s, struct err *e)
{
	auto_free char *text = xasprintf("%ld\n", (long)s->note.pid);
	auto_close int fd = -1;

	if (!s->pid_file)
		return 0;
	fd = open(s->pid_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || fd_write(fd, text, strlen(text)) < 0)
		return err_sys(e, "--pid-file %s", s->pid_file);
	return 0;
}

static int instance_stand(struct instance_start *s, struct waiter *w, struct err *e)
{
	int r = waiter_wait_ready(w, e);

	if (r)
		return r;
	s->note.pid = w->child;
	if (!process_start_time(&s->note.start, w->child))
		return err_set(e, ERR_SYS, "instance %s ended while it was started", s->note.name);
	if (pid_file_write(s, e) < 0 || instance_note(&s->claim, &s->note, s->lent, e) < 0)
		return -1;
	waiter_go(w);
	r = waiter_started(w, e);
	if (r)
		instance_forget(s->claim.note, s->note.cgroup);
	return r;
}

int instance_start_act(struct instance_start *s, struct enter *x, struct plan *p, int keeper,
		       struct err *e)
{
	const unsigned made = CLONE_NEWUSER | CLONE_NEWPID;
	struct fault f = { 0 };
	struct waiter w;
	int r = waiter_fork(&w, WAITER_INIT, made, &f);

	if (r < 0)
		return run_explain(&f, p, keeper, e);
	if (r == 0) {
		enter_has_namespaces(x, made);
		instance_be(s, x, p, keeper, &w);
	}
	s->note.image = p->image;
	s->note.ns = CLONE_NEWUSER | CLONE_NEWNS | p->ns;
	r = instance_stand(s, &w, e);
	if (r) {
		waiter_abandon(&w);
		return r;
	}
	log_info("instance started successfully");
	return 0;
}
