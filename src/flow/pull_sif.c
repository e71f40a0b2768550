/* A SIF file that is fetched as it is: an artifact of a registry, or a file by its address. */
#include <string.h>

#include "registry/fetch.h"
#include "src/flow/pull_blob.h"
#include "src/flow/pull_source.h"

void source_sif_identity(const struct source *s, struct buf *out)
{
	char text[DIGEST_TEXT_MAX];

	/* By digest it does not matter where it comes from. */
	if (s->sif.digest.algo != DIGEST_NONE)
		buf_printf(out, "sif-file %s", digest_text(&s->sif.digest, text));
	else
		buf_printf(out, "sif-url %s %llu %s", s->sif.url, (unsigned long long)s->sif.size,
			   s->sif.version ? s->sif.version : "");
}

struct sif_blob {
	struct blob blob;
	const char *key;
	struct buf *path;
};

static int sif_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct sif_blob *b = arg;

	bar_add(b->blob.bar, n);
	return store_put_write(b->blob.put, p, n, e);
}

static int sif_restart(void *arg, struct err *e)
{
	struct sif_blob *b = arg;

	bar_set(b->blob.bar, 0);
	return store_put_restart(b->blob.put, e);
}

static int sif_done(void *arg, struct err *e)
{
	struct sif_blob *b = arg;
	int r = store_put_commit_sif(b->blob.put, b->key, b->path, e);

	if (r == 0)
		bar_done(b->blob.bar, "done");
	return r;
}

static int begin(struct source *s, struct store_put **put, struct err *e)
{
	auto_buf struct buf name = { 0 };
	struct digest d;

	if (s->sif.digest.algo != DIGEST_NONE)
		return store_begin(s->store, &s->sif.digest, s->sif.size, put, e);
	source_sif_identity(s, &name);
	digest_of(&d, DIGEST_SHA256, name.data, name.len);
	if (store_begin_named(s->store, &d, s->sif.size, put, e) < 0)
		return -1;
	/* What cannot be told from an older file is no start for this one. */
	return s->sif.version ? 0 : store_put_restart(*put, e);
}

int source_fetch_sif(struct source *s, const char *key, struct progress *bars, struct buf *path,
		     struct err *e)
{
	auto_store_put struct store_put *put = NULL;
	struct sif_blob b = { .key = key, .path = path };
	bool sized = s->sif.size != BLOB_ANY_SIZE;
	struct remote *remote;
	struct blob_get g;
	int r;

	if (begin(s, &put, e) < 0)
		return -1;
	b.blob.put = put;
	b.blob.bar = progress_bar(bars, "image", sized ? s->sif.size : 0);
	g = (struct blob_get){
		.digest = s->sif.digest,
		.url = s->sif.url,
		.if_range = s->sif.version,
		.size = s->sif.size,
		.have = store_put_have(put),
		.data = sif_data,
		.restart = sif_restart,
		.done = sif_done,
		.arg = &b,
	};
	bar_set(b.blob.bar, g.have);
	do {
		g.have = store_put_have(put);
		r = source_remote(s, &remote, e) < 0 ? -1 : remote_blobs(remote, &g, 1, e);
	} while (r < 0 && source_next_route(s, e));
	if (r < 0) {
		bar_done(b.blob.bar, "stopped");
		return -1;
	}
	return 0;
}
