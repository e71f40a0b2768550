/* tree: every path that an image's layers name, and what is there in the end.
 *
 * A node is a path, made once and never moved; its inode is what stands there now, NULL when
 * nothing does.  So a path costs one node, whether five layers name it or one, and "removed" is
 * one pointer.
 *
 *	auto_tree struct tree t;
 *	tree_init(&t, max_nodes, max_meta);
 *	if (tree_path(&t, &n, "./usr/../bin/sh", e) < 0) ...    // /bin/sh
 *	tree_put(&t, n, inode);
 *
 * All memory belongs to the tree's arena. */
#ifndef IMAGE_TREE_H
#define IMAGE_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "src/base/arena.h"
#include "src/base/buf.h"
#include "src/base/err.h"

#define TREE_NAME_MAX  255
#define TREE_PATH_MAX  4095
#define TREE_DEPTH_MAX 1024

struct sqfs_body; /* sqfs_data.h: where a file's bytes are */

struct xattr {
	const char *name;
	const void *value;
	uint32_t len;
};

struct xattrs {
	uint32_t n;
	struct xattr v[];
};

/* Shared by all hard links to it.  64 bytes: an image may have a million. */
struct inode {
	uint64_t size; /* of a regular file */
	union {
		struct sqfs_body *body; /* NULL: not stored (yet), or size is 0 */
		const char *target;	/* of a symlink */
		uint32_t rdev;
	};
	const struct xattrs *xattrs; /* NULL: none */
	uint32_t uid, gid, mtime;
	uint32_t nlink;	  /* nodes that point here */
	uint32_t number;  /* of the SquashFS inode, given when it is written */
	uint32_t ordinal; /* entry of its layer, from 1; 0: not from a layer */
	uint64_t ref;	  /* of the written SquashFS inode, UINT64_MAX before */
	uint16_t mode;
};

struct node {
	struct node *parent; /* NULL for the root */
	struct node *chain;  /* next in the hash slot */
	struct node *child;  /* children that have, or lately had, an inode */
	struct node *sibling;
	struct inode *inode;	      /* NULL: nothing is here */
	uint16_t named, gone, opaque; /* see hide.h */
	uint16_t touched;	      /* see merge.h */
	uint16_t depth;
	bool linked; /* in its parent's list of children */
	bool wanted; /* see hide.h */
	uint8_t len;
	char name[];
};

struct tree {
	struct arena arena;
	struct node *root;
	struct node **slots;
	size_t nslots, nnodes;
	size_t max_nodes, max_meta;
	struct node *last_dir;	/* of the latest tree_path(): archives go by directory */
	struct buf last_prefix; /* the text that led to it */
};

void tree_init(struct tree *t, size_t max_nodes, size_t max_meta);
void tree_fini(struct tree *t);
#define auto_tree auto_(tree_fini)

/* The node of a path as text: taken from the root, "." and ".." resolved as text, ".." at the
 * root staying there, as umoci anchors names.  ERR_INPUT when a component or the whole is too
 * long, ERR_LIMIT when the tree is full. */
int tree_path(struct tree *t, struct node **out, const char *path, struct err *e);
/* The child of dir with this name, made when it is not known.  NULL with ERR_INPUT, ERR_LIMIT. */
struct node *tree_child(struct tree *t, struct node *dir, const char *name, size_t len,
			struct err *e);
/* The same, but NULL when it is not known. */
struct node *tree_find(const struct tree *t, const struct node *dir, const char *name, size_t len);
/* ERR_LIMIT when the arena has outgrown max_meta. */
int tree_check_size(const struct tree *t, struct err *e);

/* Puts inode at n, whose parent is a directory.  What was there must have been removed, unless
 * both are directories. */
void tree_put(struct node *n, struct inode *inode);
/* Takes away what is at n and below. */
void tree_remove(struct node *n);

static inline bool node_is_dir(const struct node *n)
{
	return n->inode && S_ISDIR(n->inode->mode);
}
/* Adds the absolute path, escaped for a message. */
void node_path(const struct node *n, struct buf *out);
/* A new inode of the tree. */
struct inode *tree_inode(struct tree *t, mode_t mode);
/* The live children of dir sorted by bytes: *out from malloc, the caller frees. */
size_t node_children(const struct node *dir, struct node ***out);

#endif
