/* posix_spawn keeps the cost of starting a process that of a vfork, the same for every contender.
 * A contender that lives in namespaces of its own cannot be spawned: then all of the row are forked
 * and stamp the clock themselves as the last thing before execve, so that none pays for setns. */
#include "sample.h"
#include "family.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct machine {
	double busy, total; /* ticks of all processors since boot */
};

static volatile sig_atomic_t timed_out;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct machine machine_read(void)
{
	double v[8] = { 0 };
	struct machine m = { 0 };
	FILE *in = fopen("/proc/stat", "re");

	if (in && fscanf(in, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &v[0], &v[1], &v[2], &v[3],
			 &v[4], &v[5], &v[6], &v[7]) >= 5)
		for (int i = 0; i < 8; i++) {
			m.total += v[i];
			m.busy += i == 3 || i == 4 ? 0 : v[i]; /* idle, iowait */
		}
	if (in)
		fclose(in);
	return m;
}

/* Waits for 250 ms of a machine that is 93 % idle.  False: it never came. */
static bool gate(double max_s)
{
	double until = now_ms() + max_s * 1e3;

	if (max_s <= 0)
		return true;
	do {
		struct machine a = machine_read(), b;

		nanosleep(&(struct timespec){ .tv_nsec = 250000000 }, NULL);
		b = machine_read();
		if (b.busy - a.busy <= 0.07 * (b.total - a.total))
			return true;
	} while (now_ms() < until);
	return false;
}

/* Others took more than 15 % of the machine during a sample of `ms` that used `own` itself.  Ticks
 * are 10 ms, so short samples have only the gate. */
static bool disturbed(struct machine a, double ms, double own)
{
	struct machine b = machine_read();
	double tick = 1e3 / (double)sysconf(_SC_CLK_TCK);

	return ms >= 200 && (b.busy - a.busy) * tick - own > 0.15 * (b.total - a.total) * tick;
}

int sample_sh(const char *line)
{
	char *argv[] = { "sh", "-c", (char *)line, NULL };
	int status;
	pid_t pid;

	if (posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) != 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void on_alarm(int sig)
{
	(void)sig;
	timed_out = 1;
}

static void join_namespaces(const char *pidfile)
{
	FILE *in = fopen(pidfile, "re");
	int pid = 0, fd;

	if (in && fscanf(in, "%d", &pid) == 1) {
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (fd >= 0 && setns(fd, CLONE_NEWUSER | CLONE_NEWNS) == 0)
			return;
	}
	dprintf(2, "race: cannot join the process in %s: %s\n", pidfile, strerror(errno));
	_exit(125);
}

static pid_t start_stamped(const struct contender *c, int err, double *stamp)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	dup2(open("/dev/null", O_RDWR), 0);
	dup2(0, 1);
	dup2(err, 2);
	if (c->join)
		join_namespaces(c->join);
	*stamp = now_ms();
	execvp(c->argv[0], c->argv);
	dprintf(2, "%s: %s\n", c->argv[0], strerror(errno));
	_exit(127);
}

static pid_t start_spawned(const struct contender *c, int err)
{
	posix_spawn_file_actions_t fa;
	pid_t pid = -1;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&fa, 0, 1);
	posix_spawn_file_actions_adddup2(&fa, err, 2);
	if (posix_spawnp(&pid, c->argv[0], &fa, NULL, c->argv, environ) != 0) {
		dprintf(err, "%s: %s\n", c->argv[0], strerror(errno));
		pid = -1;
	}
	posix_spawn_file_actions_destroy(&fa);
	return pid;
}

/* One run.  Returns its time, or -1 when it did not end with status 0. */
static double run_once(const struct contender *c, const struct sample_rules *r, int err,
		       double *stamp, struct sample *s)
{
	double start = now_ms(), end, cpu;
	struct rusage ru;
	int status;
	pid_t pid;

	*stamp = 0;
	pid = r->stamp ? start_stamped(c, err, stamp) : start_spawned(c, err);
	if (pid < 0)
		return -1;
	while (wait4(pid, &status, 0, &ru) < 0)
		if (timed_out)
			family_kill(NULL);
	end = now_ms();
	if (*stamp > 0)
		start = *stamp;
	cpu = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e3 +
	      (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e3;
	s->cpu_ms += cpu;
	s->written_mib += (double)ru.ru_oublock / 2048;
	if ((double)ru.ru_maxrss / 1024 > s->rss_mib)
		s->rss_mib = (double)ru.ru_maxrss / 1024;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? end - start : -1;
}

static void fail(struct contender *c, struct sample *s, const char *what, int err)
{
	char text[100];
	ssize_t n = err >= 0 ? pread(err, text, sizeof(text) - 1, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n|")] = '\0';
	snprintf(c->why, sizeof(c->why), "%s%s%s", what, *text ? ": " : "", text);
	c->broken = s->failed = true;
}

static void run_batch(struct sample *s, struct contender *c, const struct sample_rules *r)
{
	static double *stamp;
	int err = memfd_create("stderr", MFD_CLOEXEC);

	if (!stamp)
		stamp = mmap(NULL, sizeof(*stamp), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	timed_out = 0;
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	alarm((unsigned)r->timeout_s);
	for (int i = 0; i < r->batch && !s->failed; i++) {
		double ms = run_once(c, r, err, stamp, s);

		if (ms < 0)
			fail(c, s, timed_out ? "killed: out of time" : "failed", err);
		s->wall_ms += ms;
	}
	alarm(0);
	close(err);
}

void sample_take(struct sample *out, struct contender *c, const struct sample_rules *r)
{
	struct sample s = { 0 };
	struct family outer, inner;
	struct family_memory mem;
	struct machine m;
	double all;
	int left = 0, more = 0;

	family_list(&outer);
	if (c->before && sample_sh(c->before) != 0) {
		fail(c, &s, "preparation failed", -1);
		family_settle(&outer, 0, &left);
		*out = s;
		return;
	}
	s.noisy = !gate(r->gate_s);
	family_list(&inner);
	m = machine_read();
	run_batch(&s, c, r);
	all = s.wall_ms;
	mem = family_memory();
	s.anon_mib = mem.anon_mib;
	s.anon_rss_mib = mem.rss_mib;
	s.cpu_ms += family_used(&inner);
	s.cpu_ms += family_settle(&inner, 5000, &left);
	s.noisy |= disturbed(m, all, s.cpu_ms);
	s.wall_ms /= r->batch;
	s.cpu_ms /= r->batch;
	if (c->after)
		sample_sh(c->after);
	family_settle(&outer, 20000, &more); /* an unmounted server may have much to free */
	if (!s.failed && left + more > 0)
		fail(c, &s, "left a process behind", -1);
	*out = s;
}
