/* rundir: where a user's running things are noted, on this host, for this boot.
 *
 *	auto_strv struct strv dirs = { 0 };
 *	rundir_all(&dirs, environ);             // whatever may hold notes, for reading
 *	auto_free char *dir = NULL;
 *	rundir_make(&dir, environ, e);          // the first that can be had, for writing
 *
 * In this order: $XDG_RUNTIME_DIR, /run/user/UID, $TMPDIR/berth-UID, /tmp/berth-UID.  One counts
 * only when it is a directory of the caller's that nobody else may write to; those in a public
 * directory are made with mode 0700.  Below it lies berth/HOST-BOOT-PIDNS, so neither a shared
 * /tmp, nor a reboot, nor another PID namespace makes one process be taken for another. */
#ifndef HOST_RUNDIR_H
#define HOST_RUNDIR_H

#include "src/base/buf.h"
#include "src/base/err.h"

/* Adds the directories that exist, each once.  Removes what an earlier boot of this host left
 * in them. */
void rundir_all(struct strv *out, char *const *environment);
/* The directory to write to, made where it is missing.  Heap string. */
int rundir_make(char **out, char *const *environment, struct err *e);
/* Takes an empty one away again; one in use stays. */
void rundir_tidy(const char *dir);

#endif
