/* meta: what makes a root file system an Apptainer image: the files below
 * /.singularity.d, the links in the root, and the SIF's inspect-metadata.json.
 *
 *	auto_meta struct meta *m = NULL;
 *	meta_for_oci(&m, config, &manifest_digest);
 *	flatten(fd, off, layers, n, m->nodes, m->nnodes, ...);
 *	sif_write_object(w, SIF_JSON, IMAGE_INSPECT_NAME, m->inspect.data, m->inspect.len, e);
 *
 * The result depends on config and digest only: no host, no clock, no reference. */
#ifndef IMAGE_META_H
#define IMAGE_META_H

#include <stddef.h>

#include "image/flatten.h"
#include "image/oci.h"
#include "src/base/buf.h"
#include "src/base/digest.h"
#include "src/base/err.h"

#define META_FORMAT 1 /* raised when the same image gives other bytes; part of the cache key */

struct meta {
	struct flatten_node *nodes; /* parents first */
	size_t nnodes;
	struct buf inspect; /* inspect-metadata.json */
	struct arena arena_;
};

void meta_for_oci(struct meta **out, const struct oci_config *c, const struct digest *manifest);
void meta_free(struct meta *m);
static inline void meta_free_p_(struct meta **m)
{
	meta_free(*m);
}
#define auto_meta auto_(meta_free_p_)

/* Calls put for every file, directory and link that each image has, whatever it is made from:
 * parents first, without labels and without a runscript.  Stops at -1. */
int meta_frame(int (*put)(void *arg, const struct flatten_node *n, struct err *e), void *arg,
	       struct err *e);
/* "Thursday_2_January_2025_10:1:2_UTC", Apptainer's form of the label
 * org.label-schema.build-date: nothing is padded. */
const char *meta_build_date(struct arena *a, int64_t t);

#endif
