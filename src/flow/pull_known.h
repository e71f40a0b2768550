/* pull_known: an image in the store that shares files with one that is about to be made.
 *
 *	auto_pull_known struct pull_known k = { 0 };
 *	pull_known_find(&k, store, config, &flatten);      // sets flatten.known, flatten.index
 *	... flatten ...
 *	pull_known_keep(&k, store, config, &flatten, key); // when the store has the image
 *
 * The store has a note for each layer, and for each base of a build, which image was last made with
 * it, and one for each image, what blocks it has (image/sqfs_known.h).  Whatever is missing or
 *damaged costs time and nothing else. */
#ifndef FLOW_PULL_KNOWN_H
#define FLOW_PULL_KNOWN_H

#include "image/flatten.h"
#include "image/image.h"
#include "image/oci.h"
#include "image/store.h"

struct pull_known {
	struct image *image;
	struct sqfs_known *blocks;
	struct buf index; /* of the image that is made */
};

/* The image that the note names; true: k->blocks is set. */
bool pull_known_open(struct pull_known *k, struct store *store, const char *note);
/* k->index becomes that of the store's image key, which the notes name from here on. */
void pull_known_write(struct pull_known *k, struct store *store, const char *key,
		      const char *const *notes, size_t n);

void pull_known_fini(struct pull_known *k);
#define auto_pull_known auto_(pull_known_fini)

void pull_known_find(struct pull_known *k, struct store *store, const struct oci_config *config,
		     struct flatten_opts *o);
void pull_known_keep(struct pull_known *k, struct store *store, const struct oci_config *config,
		     const struct flatten_opts *o, const char *key);

#endif
