/* keeper: the process that serves an image for as long as anybody is inside.
 *
 *	struct keeper_work w = { .prepare = ..., .serve = ..., .arg = ... };
 *	int sock;
 *	keeper_start(&sock, &w, e);        // before any namespace is made
 *	... mount FUSE, fd_send(sock, fuse_fd) ...
 *	if (failed && keeper_failure(sock, e)) ...   // it was the keeper's fault
 *
 * It is a grandchild of nobody in particular: double-forked, in a session of its
 * own, in the host's namespaces and in the caller's cgroup.  It keeps no descriptor
 * of the job's (a reader of the job's pipe must see its end), ignores the signals
 * that a job gets, and lives until the kernel says ENODEV: the last process has
 * left the mount namespace, which ends all file systems that were mounted there.  When
 * the launcher dies before it handed over all FUSE descriptors, the socket ends and
 * so does the keeper, once those that it has are gone.  Nothing is left behind in
 * either case, for there is no file, no name and no mount outside of the container.
 *
 * What is served comes as functions, because mpi/ does not know images. */
#ifndef MPI_KEEPER_H
#define MPI_KEEPER_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/err.h"

/* Descriptors that a keeper can keep open: one for each image. */
#define KEEPER_KEEP_MAX 62

struct keeper_work {
	/* Runs in the keeper while the launcher makes its namespaces.  May be NULL. */
	int (*prepare)(void *arg, struct err *e);
	/* Serves fuse_fd, which came as number which (from 0), until that file system is
	 * gone: 0.  Called as soon as the descriptor is here; with several, each time in a
	 * thread of its own. */
	int (*serve)(void *arg, unsigned which, int fuse_fd, struct err *e);
	/* Runs once when the last of them is gone, also after a failure of serve.  May be NULL. */
	void (*finish)(void *arg);
	bool announce;	/* keeper_wait() will be called */
	unsigned nfuse; /* how many descriptors will come; 0 counts as 1 */
	void *arg;
	const int *keep; /* descriptors that stay open, in any order: the image */
	size_t nkeep;
};

/* Starts the keeper.  *sock is the launcher's end (close-on-exec): it takes the
 * FUSE descriptors through fd_send(), in order.  The caller has one thread only. */
int keeper_start(int *sock, const struct keeper_work *w, struct err *e);

/* For work with announce: waits until prepare is done.  -1 with its reason. */
int keeper_wait(int sock, struct err *e);

/* After a failed start: 1 when the keeper had given up, with its reason in e; 0
 * when it is well or did not say why.  Does not wait longer than its end takes. */
int keeper_failure(int sock, struct err *e);

#endif
