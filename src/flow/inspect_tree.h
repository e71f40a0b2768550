/* inspect_tree: what inspect-metadata.json would say, read from the files of an image that
 * keeps none: a bare SquashFS, a directory, an old SIF.
 *
 *	auto_buf struct buf text = { 0 };
 *	if (inspect_tree(image, squash, &text, e) < 0) ...   // {"data":{"attributes":{...}}, ...}
 *
 * The table of texts is the one that inspect prints by. */
#ifndef FLOW_INSPECT_TREE_H
#define FLOW_INSPECT_TREE_H

#include "image/image.h"
#include "image/squash.h"
#include "src/base/buf.h"
#include "src/base/err.h"

#define INSPECT_TEXT_MAX (16u << 20)

/* One text attribute: its bit, its key, and its file below /.singularity.d or below the scif
 * folder of an application. */
struct inspect_part {
	unsigned bit; /* of enum inspect_what */
	const char *key, *file;
};

/* In the order in which Apptainer prints them. */
extern const struct inspect_part inspect_parts[];
#define INSPECT_NPARTS 5

/* sq is NULL for a directory.  Errors name the file that cannot be read, not the image. */
int inspect_tree(struct image *im, struct squash *sq, struct buf *out, struct err *e);

#endif
