/* build_cache: the difference that a step made, kept in the store under the step's key.
 *
 *	build_shot_take(&before, &tree, e);
 *	... the step ...
 *	build_cache_put(b, key, &tree, &before, e);   // before is the new state afterwards
 *	build_cache_has(b, key);
 *	build_cache_apply(b, key, &tree, e);          // makes the same of a tree that has the
 *parent's state
 *
 * A difference is a SIF: the files that are new or changed, with their directories, and a list of
 * the paths that are gone.  What changed is told by inode, change time, size and owner: the kernel
 * sets the change time at every write, and no program can set it back. */
#ifndef FLOW_BUILD_CACHE_H
#define FLOW_BUILD_CACHE_H

#include "src/flow/build_state.h"

struct shot_entry {
	const char *path; /* "/usr/bin" */
	uint64_t ino;
	int64_t ctime; /* nanoseconds */
	uint64_t size;
	uint32_t mode;
	uint32_t owner; /* hash of what the table says */
	bool changed, keep;
};

struct build_shot {
	struct arena arena;
	struct shot_entry *v; /* sorted by path */
	size_t n, cap;
};

int build_shot_take(struct build_shot *shot, const struct build_tree *t, struct err *e);
void build_shot_fini(struct build_shot *shot);

bool build_cache_has(struct build *b, const struct build_key *key);
int build_cache_put(struct build *b, const struct build_key *key, const struct build_tree *t,
		    struct build_shot *before, struct err *e);
int build_cache_apply(struct build *b, const struct build_key *key, struct build_tree *t,
		      struct err *e);

#endif
