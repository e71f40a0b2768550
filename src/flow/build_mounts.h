/* build_mounts: what is mounted in a stage's tree while a step runs.
 *
 *	auto_build_mounts struct build_mounts m = { .tree = &s->tree };
 *	build_mounts_add(&m, b, step, plan, e);       // makes the mount points that are missing
 *	...
 *	build_mounts_remove(&m);                      // takes them away again
 *
 * The host's /proc, /sys and /dev, copies of its resolv.conf and hosts, the user's binds, and the
 * mounts of RUN.  A secret lives in memory only and is never below the tree. */
#ifndef FLOW_BUILD_MOUNTS_H
#define FLOW_BUILD_MOUNTS_H

#include "src/flow/build_state.h"
#include "src/plan/plan.h"

struct build_secret {
	const char *target;
	struct buf value;
	mode_t mode;
};

struct build_mounts {
	struct build_tree *tree;
	struct strv made;   /* what was made in the tree, in order */
	struct strv staged; /* in the work directory */
	struct build_secret *secrets;
	size_t nsecrets, secrets_cap;
	int workfd;
};

int build_mounts_add(struct build_mounts *m, struct build *b, const struct step *step,
		     struct plan *p, struct err *e);
/* In the step's own process, once it is inside: puts the secrets in place, each in memory of its
 * own. */
int build_mounts_secrets(const struct build_mounts *m, struct err *e);
/* May be called twice. */
void build_mounts_remove(struct build_mounts *m);
#define auto_build_mounts auto_(build_mounts_remove)

#endif
