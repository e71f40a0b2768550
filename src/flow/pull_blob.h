/* pull_blob: one blob on its way from the registry into the store.
 *
 *	struct blob b = { .put = put, .bar = bar };
 *	blob_get_fill(&gets[i], &b, &descriptor);
 *	remote_blobs(remote, gets, n, e);          // b.put is committed afterwards */
#ifndef FLOW_PULL_BLOB_H
#define FLOW_PULL_BLOB_H

#include <stdbool.h>

#include "image/store.h"
#include "registry/manifest.h"
#include "registry/remote.h"
#include "src/base/progress.h"

struct blob {
	struct store_put *put;
	struct bar *bar;
	bool restarted; /* readers may have seen bytes that were thrown away */
	bool done;
};

void blob_get_fill(struct blob_get *g, struct blob *b, const struct descriptor *d);

#endif
