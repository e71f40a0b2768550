/* build_tree: a stage's root directory while it is made.
 *
 *	build_tree_make(&t, dirfd, "/x/.berth-1.build", "stage-0", e);
 *	build_tree_unpack(&t, "/store/debian.sif", e);
 *	... t.fd, t.path, t.owners ...
 *	build_tree_fini(&t);          // closes; the directory goes with the private one
 */
#ifndef FLOW_BUILD_TREE_H
#define FLOW_BUILD_TREE_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/enter/emul_table.h"

struct build_tree {
	char *path; /* absolute; NULL: not made yet */
	int fd;
	struct emul_table *owners;
};

int build_tree_make(struct build_tree *t, int dirfd, const char *dir, const char *name,
		    struct err *e);
/* Takes a directory that is there, with its table of owners. */
int build_tree_adopt(struct build_tree *t, const char *path, struct err *e);
void build_tree_fini(struct build_tree *t);

/* Fills the empty tree from an image: SIF, SquashFS or directory. */
int build_tree_unpack(struct build_tree *t, const char *image, struct err *e);

/* An O_PATH descriptor of the directory path of the tree, made with its parents where it is not
 * there; links are followed inside of the tree. */
int build_tree_dir(const struct build_tree *t, const char *path, struct err *e);
/* Writes a file of the tree anew, parents included; what was there is removed, not followed. */
int build_tree_write(const struct build_tree *t, const char *path, const void *p, size_t n,
		     mode_t mode, struct err *e);
/* Adds a file of the tree to out.  1: not there, or no file. */
int build_tree_read(const struct build_tree *t, const char *path, size_t max, struct buf *out,
		    struct err *e);
/* Go's name of the machine that /bin/sh is made for; this host's when there is none. */
const char *build_tree_arch(const struct build_tree *t);

#endif
