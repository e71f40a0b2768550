/* build_child: a program of a build, its output live, and nothing of it left behind.
 *
 *	struct build_child c = { .run = start_it, .arg = x };
 *	int status = build_child_run(&c, e);        // as of waitpid()
 *	... c.tail: the last lines that it wrote ...
 *
 * What the program leaves running (daemons that a package starts) is killed when it has ended: a
 * process between this one and it is the reaper of everything that descends from it
 * (PR_SET_CHILD_SUBREAPER), and ends all when this process is gone, kill -9 included.  A signal to
 * this process (INT, TERM, HUP) ends the program; one that is deaf is killed after two seconds. */
#ifndef FLOW_BUILD_CHILD_H
#define FLOW_BUILD_CHILD_H

#include "src/base/buf.h"
#include "src/base/err.h"

struct build_child {
	/* In the child: becomes the program, or writes the sentence why not and returns. */
	void (*run)(void *arg, struct err *e);
	void *arg;
	struct buf tail; /* of output and errors */
};

/* The wait status; -1: it did not start, or a signal came (ERR_INTR). */
int build_child_run(struct build_child *c, struct err *e);

/* Where what programs write goes; STDOUT_FILENO unless said. */
void build_child_output(int fd);

/* From here on INT, TERM and HUP are remembered instead of ending the process. */
void build_signals(void);
/* The one that came, 0 none. */
int build_signal(void);

#endif
