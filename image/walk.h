/* walk: resolves a path inside a tree that is not a mounted one.
 *
 *	static const struct walk_ops ops = { .lookup = ..., .readlink = ... };
 *	r = walk_path(&ops, arg, root, "/var/run/x", WALK_FOLLOW, &end);
 *
 * Links are followed as if the tree's root were "/": absolute targets start there
 * and ".." stops there, so a path cannot leave the tree.  Nodes are numbers that
 * only the callbacks understand. */
#ifndef IMAGE_WALK_H
#define IMAGE_WALK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { WALK_FOLLOW = 1 /* also a link in the last place */ };

struct walk_ops {
	/* 1 found: *child and its S_IFMT bits; 0 not there; -1 with errno. */
	int (*lookup)(void *arg, uint64_t dir, const char *name, size_t len, uint64_t *child,
		      mode_t *type);
	/* The target without NUL; its length, -1 with errno. */
	ssize_t (*readlink)(void *arg, uint64_t node, char *buf, size_t cap);
	/* NULL: what is missing ends the walk.  Else makes the missing name (last: it
	 * is what the path names; else a directory on the way).  As lookup. */
	int (*make)(void *arg, uint64_t dir, const char *name, size_t len, bool last,
		    uint64_t *child, mode_t *type);
};

struct walk_end {
	uint64_t node;
	mode_t type;
	bool made;		 /* the last step was a make */
	uint64_t dir;		 /* where the last component was looked up */
	char name[NAME_MAX + 1]; /* that component, "" for the root and after ".." */
};

/* path is absolute.  0 found, 1 not there (ENOENT, ENOTDIR in errno), -1 with
 * errno: ELOOP beyond 40 links, ENAMETOOLONG, or a callback's. */
int walk_path(const struct walk_ops *ops, void *arg, uint64_t root, const char *path,
	      unsigned flags, struct walk_end *end);

#endif
