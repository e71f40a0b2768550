/* /proc/PID/task/TID/children instead of a scan of /proc: it costs the same on a busy machine, and
 * a batch of twenty launches of 2 ms is disturbed by anything that takes longer. */
#include "family.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double cpu_ms(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		return 0;
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void family_adopt(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	if (access(path, R_OK) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
		fprintf(stderr, "race: %s: this kernel cannot say what a command left behind\n",
			path);
		exit(2);
	}
}

static void add_children(struct family *f, pid_t pid);

static void add_children_of_thread(struct family *f, pid_t pid, const char *tid)
{
	char path[64];
	FILE *in;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", pid, tid);
	in = fopen(path, "re");
	if (!in)
		return;
	while (f->n < FAMILY_MAX && fscanf(in, "%d", &child) == 1) {
		f->m[f->n++] = (struct family_member){ child, cpu_ms(child) };
		add_children(f, child);
	}
	fclose(in);
}

static void add_children(struct family *f, pid_t pid)
{
	char path[64];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			add_children_of_thread(f, pid, d->d_name);
	closedir(dir);
}

void family_list(struct family *out)
{
	out->n = 0;
	add_children(out, getpid());
}

const struct family_member *family_find(const struct family *f, pid_t pid)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->m[i].pid == pid)
			return &f->m[i];
	return NULL;
}

double family_used(const struct family *before)
{
	struct family now;
	double sum = 0;

	family_list(&now);
	for (size_t i = 0; i < now.n; i++) {
		const struct family_member *was = family_find(before, now.m[i].pid);

		/* New ones are counted when they are reaped, exactly and once. */
		if (was)
			sum += now.m[i].cpu_ms - was->cpu_ms;
	}
	return sum;
}

struct family_memory family_memory(void)
{
	struct family_memory top = { 0 };
	struct family now;

	family_list(&now);
	for (size_t i = 0; i < now.n; i++) {
		char path[64], line[128];
		long anon = 0, rss = 0;
		FILE *in;

		snprintf(path, sizeof(path), "/proc/%d/status", now.m[i].pid);
		in = fopen(path, "re");
		if (!in)
			continue;
		while (fgets(line, sizeof(line), in)) {
			sscanf(line, "RssAnon: %ld", &anon);
			sscanf(line, "VmRSS: %ld", &rss);
		}
		fclose(in);
		if ((double)anon / 1024 > top.anon_mib)
			top = (struct family_memory){ (double)anon / 1024, (double)rss / 1024 };
	}
	return top;
}

/* Reaps what has ended; a child that was there before keeps its earlier time out of the sum. */
static double reap(const struct family *before)
{
	struct rusage ru;
	double sum = 0;
	pid_t pid;

	while ((pid = wait4(-1, NULL, WNOHANG, &ru)) > 0) {
		const struct family_member *was = family_find(before, pid);

		sum += (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e3 +
		       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e3 -
		       (was ? was->cpu_ms : 0);
	}
	return sum;
}

static int count_new(const struct family *before)
{
	struct family now;
	int n = 0;

	family_list(&now);
	for (size_t i = 0; i < now.n; i++)
		n += family_find(before, now.m[i].pid) == NULL;
	return n;
}

double family_settle(const struct family *before, int wait_ms, int *left)
{
	double sum = reap(before);

	*left = count_new(before);
	for (int waited = 0; *left > 0 && waited < wait_ms; waited += 2) {
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		sum += reap(before);
		*left = count_new(before);
	}
	if (*left > 0) {
		family_kill(before);
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
		sum += reap(before);
	}
	return sum;
}

void family_kill(const struct family *except)
{
	struct family now;

	family_list(&now);
	for (size_t i = 0; i < now.n; i++)
		if (!except || !family_find(except, now.m[i].pid))
			kill(now.m[i].pid, SIGKILL);
}
