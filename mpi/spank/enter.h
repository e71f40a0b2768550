/* enter: takes the container that the engine hands over (handover.h) and goes in.
 *
 *	struct container c = { 0 };
 *	if (container_recv(&c, sock) == 0 && container_enter(&c, text) == 0) ...
 *	container_fini(&c);
 *
 * The calling process has one thread.  What it changes of the environment goes through a
 * function, because it is Slurm's. */
#ifndef MPI_SPANK_ENTER_H
#define MPI_SPANK_ENTER_H

#include <stdbool.h>
#include <stddef.h>

#include "mpi/handover.h"
#include "src/base/buf.h"
#include "src/base/err.h"

struct container {
	struct handover head;
	int text, prefix;
	int ns[HANDOVER_NS_MAX];
	struct buf records;
};

void container_fini(struct container *c);
/* 1 when the engine ended without sending one. */
int container_recv(struct container *c, int sock, struct err *e);

/* value NULL: unset. */
typedef int container_setenv(const char *key, const char *value, void *arg);
/* Joins the namespaces, changes directory, sets the environment. */
int container_enter(struct container *c, container_setenv *set, void *arg, struct err *e);
/* The words that stand before the program. */
void container_prefix(const struct container *c, struct strv *words);

#endif
