/* engine: runs berth from inside of slurmstepd, srun or slurmd.
 *
 *	struct engine g = { .argv = words, .env = env, .uid = uid, ... };
 *	int status = engine_run(&g, &out, &err);
 *
 * The child gives up root for good before anything else and keeps no descriptor but those that
 * are named: slurmstepd has many, and root's rights in its saved ids. */
#ifndef MPI_SPANK_ENGINE_H
#define MPI_SPANK_ENGINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "src/base/buf.h"

struct engine {
	char *const *argv; /* argv[0]: the path of berth */
	char *const *env;
	const char *cwd; /* NULL: stay */
	bool become;	 /* become uid and gids: the caller is, or can be again, root */
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	int ngroups;
	int sock; /* becomes descriptor 3; -1: none */
	/* For the caller of engine_start(). */
	pid_t pid;
	/* What it prints lies in memory: a pipe that nobody reads yet would stop it, and one that a
	 * program of the image keeps open would never end.  -1: the caller's own stderr is used. */
	int out, err;
	bool own_err; /* wanted: the caller's stderr */
};

/* -1 with errno. */
int engine_start(struct engine *g);
/* Waits and reads what was printed (some 64 KiB of each; either may be NULL, else empty).  The exit
 * status, 128 + n for a signal, -1 when it could not be started or waited for. */
int engine_finish(struct engine *g, struct buf *out, struct buf *err);

#endif
