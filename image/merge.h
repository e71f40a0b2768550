/* merge: what one layer does to the tree below it, by the rules of `umoci unpack`.
 *
 * Reading goes from the top layer down, but the rules only make sense from the bottom up: a name
 * is looked up through the symbolic links that the layers below have put there, and a hard link
 * means the file that its target is at that moment.  So reading a layer only writes down what it
 * says, in a log of 24 bytes an entry, and the logs are replayed from the bottom once all are
 * there.
 *
 *	merge_add(&log, MERGE_PUT, node, inode);
 *	merge_add(&log, MERGE_WHITEOUT, node, NULL);
 *	...
 *	for (i = 0; i < n; i++)
 *		merge_replay(&tree, &log[i], i + 1, e);
 *
 * image-spec 1.1, layer.md, "Applying Changesets". */
#ifndef IMAGE_MERGE_H
#define IMAGE_MERGE_H

#include "image/tree.h"

enum merge_kind {
	MERGE_PUT,	/* inode at node */
	MERGE_LINK,	/* another name for what is at target */
	MERGE_WHITEOUT, /* nothing of lower layers at node */
	MERGE_OPAQUE	/* nothing of lower layers below node */
};

struct merge_op {
	struct node *at; /* by its text; links are followed when it is replayed */
	union {
		struct inode *inode;
		struct node *target;
	};
	enum merge_kind kind;
};

struct merge_log {
	struct merge_op *ops;
	size_t n, cap;
};

void merge_log_fini(struct merge_log *log);
/* what is the inode of MERGE_PUT, the target node of MERGE_LINK, else NULL. */
void merge_add(struct merge_log *log, enum merge_kind kind, struct node *at, void *what);
/* Applies a log; layers count from 1 and come in rising order.  ERR_INPUT names the path: a hard
 * link whose target is nowhere or a directory, a loop of symbolic links, a root that is no
 * directory. */
int merge_replay(struct tree *t, const struct merge_log *log, uint16_t layer, struct err *e);
/* Puts inode at the path, as the entry of a layer above all others; with keep, only when nothing
 * is there.  1: there was, and it was kept. */
int merge_put(struct tree *t, struct node *at, struct inode *inode, bool keep, uint16_t layer,
	      struct err *e);

#endif
