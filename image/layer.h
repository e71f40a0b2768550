/* layer: one layer of an image, read into a merge log.  The part of flatten() that knows tar.
 *
 *	struct layer_reader r = { .tree = &tree, .data = sqfs_data, ... };
 *	layer_read(&r, &layers[i], i + 1, &log, e);        // from the topmost down
 *	... replay ...
 *	layer_fetch(&r, &layers[i], i + 1, &log, e);       // bodies that were skipped wrongly */
#ifndef IMAGE_LAYER_H
#define IMAGE_LAYER_H

#include "image/flatten.h"
#include "image/guard.h"
#include "image/merge.h"
#include "image/sqfs_data.h"
#include "image/tree.h"

struct layer_reader {
	struct tree *tree;
	struct sqfs_data *data;
	struct guard limits; /* max_bytes and max_ratio; the rest is one layer's */
	uint64_t max_entries;
	bool many_threads; /* hash in a thread of its own */
	struct bar *bar;
	struct flatten_stat *st;
	uint32_t ordinal; /* of the current entry in its layer, from 1 */
};

/* Decodes the layer, stores the bodies that no upper layer hides, fills log, checks the diffID.
 * Layers are numbered from 1. */
int layer_read(struct layer_reader *r, const struct layer_input *in, uint16_t layer,
	       struct merge_log *log, struct err *e);
/* Does an inode of this log lack the body that it needs? */
bool layer_lacks(const struct merge_log *log);
/* Reads the layer once more and stores those. */
int layer_fetch(struct layer_reader *r, const struct layer_input *in, struct merge_log *log,
		struct err *e);

#endif
