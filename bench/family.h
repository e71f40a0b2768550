/* family: every process this one started, at any depth, and what it has used.
 *
 *	family_adopt();				// once: orphans become our children, not init's
 *	family_list(&before);
 *	... start something that leaves a daemon behind ...
 *	used = family_settle(&before, 5000, &left);
 *
 * A mount served by a daemon has its cost in the daemon, which double-forks away from whoever
 * asked for it.  A child subreaper gets it back, and with it the kernel's exact account of its time
 * when it ends.  Needs /proc/PID/task/TID/children. */
#ifndef BENCH_FAMILY_H
#define BENCH_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { FAMILY_MAX = 512 };

struct family_member {
	pid_t pid;
	double cpu_ms; /* user + system so far, all its threads */
};

struct family {
	struct family_member m[FAMILY_MAX];
	size_t n;
};

struct family_memory {
	double anon_mib; /* RssAnon, the largest single process */
	double rss_mib;	 /* VmRSS of that process */
};

/* Exits with a message when the kernel lacks what this needs. */
void family_adopt(void);
/* The living descendants of this process. */
void family_list(struct family *out);
const struct family_member *family_find(const struct family *f, pid_t pid);
/* CPU in ms used since `before` by descendants that are still alive. */
double family_used(const struct family *before);
/* Memory of the largest living descendant. */
struct family_memory family_memory(void);
/* Waits up to wait_ms until no descendant is left that `before` does not name.  Returns the CPU in
 * ms of those it reaped; what is still there then is killed and counted in *left. */
double family_settle(const struct family *before, int wait_ms, int *left);
/* SIGKILL to every descendant: also ends programs that wait for a hung server. */
void family_kill(const struct family *except);

#endif
