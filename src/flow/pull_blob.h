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
	struct store_turn *turn; /* NULL: nobody else fetches into this store */
	struct bar *bar;
	unsigned waits; /* how often it was not ready */
	bool restarted; /* readers may have seen bytes that were thrown away */
	bool begun;	/* ours to fetch */
	bool found;	/* another process has fetched it */
	bool done;
};

/* A blob that is not in the store: one process of this host fetches it, the others wait for that
 * one.  The put and the turn are the caller's to free. */
int blob_await(struct blob *b, struct store *s, const struct descriptor *d, bool alone,
	       struct err *e);
/* b was awaited, or its put begun. */
void blob_get_fill(struct blob_get *g, struct blob *b, const struct descriptor *d);

#endif
