/* What the two kinds of keepers share. */
#ifndef MPI_KEEPER_PRIV_H
#define MPI_KEEPER_PRIV_H

#include "mpi/keeper.h"

/* Forks twice, so that the program never gets a child that it did not start; body runs
 * in the grandchild, in a session of its own, and does not return. */
int keeper_detach(void (*body)(void *arg), void *arg, const struct keeper_work *w, struct err *e);

/* Job signals no longer reach this process, except SIGKILL and its own faults. */
void keeper_ignore_signals(void);

/* Descriptors that a keeper has for itself. */
#define KEEPER_EXTRA_MAX 4

/* Gives up everything that is the job's but extra[] and w->keep[]: descriptors, working
 * directory, soft limits. */
void keeper_leave_the_job(const struct keeper_work *w, const int *extra, size_t n);

#endif
