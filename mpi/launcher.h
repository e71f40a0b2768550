/* launcher: who started this process as one rank of many, told by its environment.
 *
 *	struct launcher l;
 *	if (launcher_find(&l, environ) && launcher_has_peers(&l))
 *		... // other ranks of this launch may be on this node
 *
 * Pure: reads variables, never blocks, never asks a server.  Variables may be stale (a
 * shell inside a rank) or garbage, so nothing here may be waited for: a number that is
 * none is "not known", an id is only ever compared. */
#ifndef MPI_LAUNCHER_H
#define MPI_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/buf.h"

/* What the ranks of one launch on one node have in common, beside the launcher's name. */
#define LAUNCHER_ID_MAX 512

/* How ranks find each other. */
enum launcher_wire {
	WIRE_NONE,
	WIRE_PMI, /* PMI-1 or PMI-2 over a descriptor (PMI_FD) or a port of the process manager */
	WIRE_PMIX /* a PMIx server: PMIX_NAMESPACE */
};

struct launcher {
	const char *name; /* "Slurm"; NULL: none was recognised */
	char id[LAUNCHER_ID_MAX];
	/* The variables do not tell two launches of one node apart: the process that
	 * started the ranks does.  Its name in /proc/PID/comm, "" for the parent; NULL when
	 * id is enough. */
	const char *anchor;
	unsigned local_size; /* ranks on this node; 0: not known */
	unsigned size;	     /* ranks of the launch; 0: not known */
	long rank;	     /* in the launch; -1: not known */
	long local_rank;     /* on this node; -1: not known */
	enum launcher_wire wire;
};

/* True when one is recognised.  environment: NULL-terminated "K=V", may be NULL. */
bool launcher_find(struct launcher *out, char *const *environment);

/* More than one rank on this node is possible. */
static inline bool launcher_has_peers(const struct launcher *l)
{
	return l->name && l->local_size != 1;
}

/* Ranks on other nodes are possible. */
static inline bool launcher_spans_nodes(const struct launcher *l)
{
	return l->name && l->size != 1 && (!l->size || l->size != l->local_size);
}

/* The rank that speaks for all where a sentence is to be said once: the first one, or
 * anyone whose number is not known. */
static inline bool launcher_is_speaker(const struct launcher *l)
{
	return !l->name || l->rank <= 0;
}

/* Adds the directories that a launcher's variables name and its ranks have to see: PMIx's
 * session and its shared memory store lie below Slurm's spool.  Absolute clean paths; whether
 * they are there is not looked at. */
void launcher_paths(struct strv *out, char *const *environment);

/* Does this variable belong to what a launcher gives its ranks?  var: "K=V" or "K". */
bool launcher_owns(const char *var);

#endif
