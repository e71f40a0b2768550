/* tar_tree: a tree entry by entry, in the order in which an archive has it.
 *
 *	t = tar_tree_squash(squash);
 *	while (tar_tree_next(t, &item, e) == 1)
 *		... tar_tree_read(t, off, buf, n, e) for a file's bytes ...
 *	tar_tree_free(t); */
#ifndef IMAGE_TAR_TREE_H
#define IMAGE_TAR_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/squash.h"
#include "image/tree.h"
#include "src/base/err.h"

struct tar_item {
	const char *path; /* relative, without "./" */
	mode_t mode;
	uint32_t uid, gid;
	int64_t mtime;
	uint64_t size;
	dev_t rdev;
	const char *link; /* target of a link, or first name of a hard one; "" */
	bool hard;
	const struct xattr *xattrs;
	size_t nxattrs;
};

struct tar_tree;
struct tar_tree *tar_tree_squash(struct squash *s);
struct tar_tree *tar_tree_dir(int fd);
void tar_tree_free(struct tar_tree *t);
/* 1 and *out, valid until the next call; 0 the end. */
int tar_tree_next(struct tar_tree *t, struct tar_item *out, struct err *e);
/* Bytes of the current file: 0 at its end. */
ssize_t tar_tree_read(struct tar_tree *t, uint64_t off, void *buf, size_t n, struct err *e);

#endif
