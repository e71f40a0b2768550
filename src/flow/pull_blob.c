#include "src/flow/pull_blob.h"

static int blob_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct blob *b = arg;

	bar_add(b->bar, n);
	return store_put_write(b->put, p, n, e);
}

static int blob_restart(void *arg, struct err *e)
{
	struct blob *b = arg;

	b->restarted = true;
	bar_set(b->bar, 0);
	return store_put_restart(b->put, e);
}

/* 1, when an earlier run's bytes were bad, makes the registry side fetch all of it again. */
static int blob_done(void *arg, struct err *e)
{
	struct blob *b = arg;
	int r = store_put_commit(b->put, e);

	if (r == 0) {
		b->done = true;
		bar_done(b->bar, "done");
	}
	return r;
}

void blob_get_fill(struct blob_get *g, struct blob *b, const struct descriptor *d)
{
	*g = (struct blob_get){
		.digest = d->digest,
		.size = d->size,
		.media_type = d->media_type,
		.have = store_put_have(b->put),
		.data = blob_data,
		.restart = blob_restart,
		.done = blob_done,
		.arg = b,
	};
	bar_set(b->bar, g->have);
}
