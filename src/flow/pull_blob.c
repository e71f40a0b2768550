#include "src/flow/pull_blob.h"

#include "image/store_turn.h"
#include "src/base/log.h"

int blob_await(struct blob *b, struct store *s, const struct descriptor *d, bool alone,
	       struct err *e)
{
	char hex[DIGEST_TEXT_MAX];
	auto_free char *key = xasprintf("blob-%s", digest_hex(&d->digest, hex));

	if (!alone && store_turn_ask(&b->turn, s, key, e) < 0)
		return -1;
	b->put = store_await(s, &d->digest, d->size);
	return 0;
}

/* The turn ends only when the blob has its name: who has the turn finds it then. */
static int blob_ready(void *arg, uint64_t *have, struct err *e)
{
	struct blob *b = arg;
	bool mine;
	int r;

	if (b->begun)
		return BLOB_FETCH;
	mine = !b->turn || store_turn_is_mine(b->turn);
	r = b->turn ? store_put_found(b->put, e) : 0;
	if (r < 0)
		return -1;
	if (r) {
		b->found = b->done = true;
		store_turn_end(take_ptr(b->turn));
		bar_set(b->bar, store_put_have(b->put));
		bar_done(b->bar, "in store");
		return BLOB_THERE;
	}
	if (!mine) {
		/* The first time nobody can say yet. */
		if (++b->waits == 2)
			log_verbose("another process of this host is fetching a blob that is "
				    "wanted here too; waiting for it");
		return BLOB_WAIT;
	}
	if (store_put_start(b->put, e) < 0)
		return -1;
	b->begun = true;
	*have = store_put_have(b->put);
	bar_set(b->bar, *have);
	return BLOB_FETCH;
}

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
		store_turn_end(take_ptr(b->turn));
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
		.ready = blob_ready,
		.data = blob_data,
		.restart = blob_restart,
		.done = blob_done,
		.arg = b,
	};
	bar_set(b->bar, g->have);
}
