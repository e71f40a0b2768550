/* vtree: files and directories that an image lacks, laid over it by name.
 *
 *	vtree_new(&t, img, nodes, n, e);     // paths are resolved once, here
 *	d = vtree_dir(t, node);              // NULL: the image's directory as it is
 *	v = d ? vdir_find(d, name, len) : NULL;
 *
 * Nothing changes after vtree_new(), so any number of threads may look.  A node
 * is a FUSE node number: 1 the root, an image's inode reference + 2, or a virtual
 * one with the top bit set; each says by itself where to look. */
#ifndef IMAGE_VTREE_H
#define IMAGE_VTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/squash.h"
#include "src/base/err.h"

/* What to add.  Paths are absolute and resolved inside the image, links and all. */
struct serve_node {
	const char *path;
	mode_t mode;	  /* S_IFDIR, S_IFREG or S_IFLNK, and permission bits */
	const void *data; /* of a file or link; copied */
	size_t len;
	const char *host; /* a file that always has what this one of the host has; else NULL */
	bool replace;	  /* hides what the image has there (a link: itself); else the
			   * node is only made where nothing is */
};

#define VNODE_BIT (UINT64_C(1) << 63)
#define NODE_ROOT 1u

struct vnode {
	const char *name;
	size_t name_len;
	mode_t mode;
	const void *data;
	size_t len;
	struct live *live; /* instead of data */
	uint64_t node, parent;
};

struct vdir {
	uint64_t node; /* of the directory */
	struct vdir *chain;
	struct vnode **child; /* sorted by name */
	size_t n, cap;
	unsigned subdirs;
};

struct vtree;

/* img is borrowed.  A path that leads through a file is ERR_INPUT. */
int vtree_new(struct vtree **out, struct squash *img, const struct serve_node *nodes, size_t n,
	      struct err *e);
/* Some node's bytes are the host's. */
bool vtree_is_live(const struct vtree *t);
/* NULL is fine. */
void vtree_free(struct vtree *t);

/* The virtual node of a number; NULL when it is none. */
const struct vnode *vtree_node(const struct vtree *t, uint64_t node);
/* What is added to a directory; NULL: nothing. */
const struct vdir *vtree_dir(const struct vtree *t, uint64_t node);
const struct vnode *vdir_find(const struct vdir *d, const char *name, size_t len);

uint64_t node_of_ref(const struct squash *s, uint64_t ref);
uint64_t ref_of_node(const struct squash *s, uint64_t node);

#endif
