/* found: makes the keeper of a container that many processes will join.
 *
 *	struct founding w = { .work = { ... }, .build = ..., .ns = CLONE_NEWUSER | ... };
 *	keeper_found(listener, &w, e);     // mpi/meet.c, who won the election
 *
 * The keeper is the process of keeper.h with two more duties.  A builder child of it
 * makes the namespaces and mounts, hands the FUSE descriptors and then the namespaces'
 * up, and is gone: no rank's life matters to another.  And it answers on the listener
 * for as long as a member lives, which it sees by pidfds.  When the last one is gone it
 * drops the name and the namespaces and goes on serving until the kernel says ENODEV,
 * for a background child may still read.  Who comes later founds anew. */
#ifndef MPI_FOUND_H
#define MPI_FOUND_H

#include "mpi/keeper.h"
#include "mpi/meet.h"

struct founding {
	struct keeper_work work; /* serve NULL: nothing to serve, the image is a directory */
	/* In the builder: enters the namespaces, sends FUSE descriptors to sock with
	 * fd_send().  0, or -1; either way *len bytes (at most MEET_DATA) of report. */
	int (*build)(void *arg, int sock, void *report, size_t *len);
	unsigned ns; /* CLONE_NEW* that build makes; members get these */
	/* Who becomes a member: the process that asked the caller to fetch the namespaces for
	 * it, a parent; 0: the caller. */
	pid_t member;
};

/* Takes over listener: a bound socket that does not listen yet.  Returns in the caller
 * when the keeper runs. */
int keeper_found(int listener, const struct founding *w, struct err *e);

#endif
