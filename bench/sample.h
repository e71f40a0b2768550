/* sample: one timed run of one contender, with everything that is not timed around it.
 *
 *	sample_take(&s, &contender, &rules);	// idle gate, before, the command, after
 *	if (!s.failed && !s.noisy) use(s.wall_ms, s.cpu_ms);
 *
 * The strings of a contender belong to the caller. */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stdbool.h>

struct contender {
	const char *label;
	double target;	    /* ours / this, 0: for reference only */
	const char *up;	    /* sh: once before the first round (a mount that stays) */
	const char *down;   /* sh: once after the last */
	const char *before; /* sh: before each sample, not timed (a fresh mount, an empty cache) */
	const char *after;  /* sh: after each sample, not timed */
	const char *join;   /* file with a pid: the command runs in that process's namespaces */
	const char *out;    /* file whose size is compared */
	char **argv;
	bool broken;   /* a sample failed: no more of it */
	char why[160]; /* first line the failed command said */
};

struct sample_rules {
	int batch;     /* runs of the command in a sample */
	int timeout_s; /* for one sample; everything is killed then */
	double gate_s; /* longest wait for an idle machine, 0: no gate */
	bool stamp;    /* clock starts in the child right before execve: set if one row joins */
};

struct sample {
	double wall_ms;	 /* one run: the sample divided by the batch */
	double cpu_ms;	 /* user + system of the command and of all servers, one run */
	double written_mib; /* what the command and its children dirtied on disks */
	double rss_mib;	 /* largest process among the command and its children */
	double anon_mib; /* RssAnon of the largest process alive right after the command */
	double anon_rss_mib;
	bool noisy; /* others had the processors before or during it */
	bool failed;
};

/* Takes one sample.  A failure marks c as broken and says why in c->why. */
void sample_take(struct sample *out, struct contender *c, const struct sample_rules *r);
/* Runs a shell line outside any timing.  Returns its exit status, or -1. */
int sample_sh(const char *line);

#endif
