/* workdir: -W and -S: directories that the container may fill, on disk or in memory.
 *
 *	if (workdir_check(req, f, e) < 0) ...
 *	src = workdir_dir(p, req, f, "tmp", 01777);  // NULL without -W: use a tmpfs
 *	scratch_add(p, user, req, f, e);
 *
 * The rules are in docs/mounts.md.  Private to src/plan. */
#ifndef PLAN_WORKDIR_H
#define PLAN_WORKDIR_H

#include "src/plan/bind.h"
#include "src/plan/plan.h"

/* Adds the host path whose fact workdir_check() looks at. */
void workdir_wants(struct strv *paths, const struct run_req *req, const struct facts *f);
/* ERR_NOTFOUND when -W names no directory. */
int workdir_check(const struct run_req *req, const struct facts *f, struct err *e);

/* The path of name below -W, noted to be made before the start; heap, NULL without -W. */
char *workdir_dir(struct plan *p, const struct run_req *req, const struct facts *f,
		  const char *name, mode_t mode);

/* Mounts for all of -S. */
int scratch_add(struct plan *p, const struct binds *user, const struct run_req *req,
		const struct facts *f, struct err *e);

/* Mount options of a tmpfs of the container: mode, and the size when one was given; heap. */
char *tmpfs_data(const struct run_req *req, const char *mode);

#endif
