/* mounts: which host paths and file systems the container sees, where, in which order.
 *
 *	struct mounts m = { 0 };
 *	if (mounts_make(p, &where, req, &facts, e) < 0) ...
 *
 * The rules are in docs/mounts.md.  Private to src/plan. */
#ifndef PLAN_MOUNTS_H
#define PLAN_MOUNTS_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/plan/bind.h"
#include "src/plan/plan.h"

/* The home of this request: where it lies on the host and in the container. */
struct plan_home {
	char *src; /* NULL: no host directory (none is known) */
	char *dst;
	bool given; /* by -H */
};

void plan_home_fini(struct plan_home *h);
#define auto_plan_home auto_(plan_home_fini)
int plan_home_make(struct plan_home *out, const struct run_req *req, const struct facts *f,
		   struct err *e);

/* All binds that the user asked for, the command line's first, then BERTH_BIND, APPTAINER_BIND
 * and so on.  Of two on one target the first is used: a different source is noted. */
int plan_user_binds(struct binds *out, const struct run_req *req, const struct facts *f,
		    struct strv *notes, struct err *e);

/* What the host has at path; NULL when it was not asked. */
const struct fact_path *fact_path_find(const struct facts *f, const char *path);

/* Adds the host paths whose facts mounts_make() looks at.  ERR_USAGE for a site_binds that is none.
 */
int mounts_wants(struct strv *paths, const struct binds *user, const struct plan_home *home,
		 const struct run_req *req, const struct facts *f, struct err *e);

/* Fills p->mounts, sorted so that parents come first.  ERR_NOTFOUND for a user's
 * source that is not there. */
int mounts_make(struct plan *p, const struct binds *user, const struct plan_home *home,
		const struct run_req *req, const struct facts *f, struct err *e);

/* For whoever adds mounts of his own: one more, and without the defaults on dst. */
struct plan_mount *mounts_add(struct plan *p, enum plan_mount_kind kind, const char *src,
			      const char *dst, unsigned flags);
void mounts_drop_default(struct plan *p, const char *dst);

/* True when --no-mount names word. */
bool no_mount_has(const struct run_req *req, const char *word);

#endif
