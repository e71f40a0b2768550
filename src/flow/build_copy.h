/* build_copy: files and trees into a stage's tree.
 *
 *	struct copier c = { .to = tree->owners, .follow = true };
 *	copy_one(&c, AT_FDCWD, "/data/x", dirfd, "x", e);
 *
 * Nothing is ever followed on the target's side: what stands in the way of a file is removed. */
#ifndef FLOW_BUILD_COPY_H
#define FLOW_BUILD_COPY_H

#include <stdbool.h>
#include <sys/types.h>

#include "src/base/err.h"
#include "src/enter/emul_table.h"
#include "src/flow/build_tree.h"
#include "src/recipe/step.h"

/* The source's directories on the way down. */
struct copy_dir {
	dev_t dev;
	ino_t ino;
	const struct copy_dir *up;
};
/* ERR_INPUT: name, which is here, is one of those above it: links lead in a circle. */
int copy_dir_check(const struct copy_dir *here, const char *name, struct err *e);

struct copier {
	const struct emul_table *from; /* owners of the source; NULL: all is root's */
	struct emul_table *to;
	bool follow;   /* links of the source, all of them */
	bool preserve; /* mode, times, attributes and links as they are */
	bool chown;    /* give everything to uid:gid */
	uint32_t uid, gid;
	int chmod; /* with chmod_set */
	bool chmod_set;
	/* Leaves out what it says true to; rel is the path below what is copied. */
	bool (*skip)(void *arg, const char *rel, bool is_dir);
	void *arg;
	dev_t skip_dev; /* a directory that is never copied (our own), ino 0: none */
	ino_t skip_ino;
	unsigned depth_; /* private */
	struct buf *rel_;
	int top_; /* what rel_ and the links are below, on the target's side */
	const char *top_name_;
	struct copy_link *links_;
	size_t nlinks_, links_cap_;
	const struct copy_dir *above_;
};

/* name below dir becomes to_name below to. */
int copy_one(struct copier *c, int dir, const char *name, int to, const char *to_name,
	     struct err *e);
/* What is in the directory dir, and its own mode, into to. */
int copy_contents(struct copier *c, int dir, int to, struct err *e);
/* The same, and its owner: a whole tree. */
int copy_root(struct copier *c, int dir, int to, struct err *e);
void copier_fini(struct copier *c);

#endif
