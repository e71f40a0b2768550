#include "src/flow/pull_layers.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/store_turn.h"
#include "src/flow/pull_blob.h"

/* One stored blob; layers of the same digest share it. */
struct layer {
	struct layers *all;
	const struct descriptor *desc;
	struct blob blob;	  /* put NULL: it was in the store */
	const struct layer *same; /* the lower layer with this digest, or NULL */
	size_t index;
	char name[32];
};

struct layers {
	struct source *source;
	struct layer *layer;
	struct layer_input *input;
	size_t n;
	uint64_t missing;
	struct bar *used; /* counts the stored bytes that the image was made from */
	struct blob_get *get;
	size_t nget;
	pthread_t thread;
	bool running, gave_up;
	int result; /* of remote_blobs */
	struct err why;
};

/* A layer's stream owns the descriptor below it and ends when the pull was stopped. */
struct layer_stream {
	struct stream s;
	struct stream *src;
	int fd;
	struct layers *all;
};

static ssize_t layer_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct layer_stream *ls = (struct layer_stream *)s;
	ssize_t r;

	if (source_is_cancelled(ls->all->source))
		return err_set(e, ERR_INTR, "stopped");
	r = stream_read(ls->src, buf, n, e);
	if (r > 0)
		bar_add(ls->all->used, (uint64_t)r);
	return r;
}

static void layer_close(struct stream *s)
{
	struct layer_stream *ls = (struct layer_stream *)s;

	stream_close(ls->src);
	close_p_(&ls->fd);
	free(ls);
}

static int layer_wrap(struct stream **out, const struct layer *l, struct stream *src, int fd)
{
	static const struct stream_ops ops = { layer_read, layer_close };
	struct layer_stream *ls = xcalloc(1, sizeof(*ls));

	ls->s.ops = &ops;
	ls->all = l->all;
	ls->src = src;
	ls->fd = fd;
	*out = &ls->s;
	return 0;
}

/* Out of an archive or a directory: nothing of it goes through the store. */
static int layer_open_local(struct stream **out, const struct layer *l, struct err *e)
{
	struct stream *src = NULL;

	if (l->all->source->t->layer(l->all->source, l->index, &src, e) < 0)
		return -1;
	return layer_wrap(out, l, src, -1);
}

static int layer_open(struct stream **out, void *arg, struct err *e)
{
	const struct layer *l = arg;
	auto_close int fd = -1;
	int r = 0;

	if (l->same)
		l = l->same;
	if (l->all->source->t->layer)
		return layer_open_local(out, l, e);
	if (!l->blob.put)
		r = store_find(l->all->source->store, &l->desc->digest, l->desc->size, &fd, e);
	if (r < 0)
		return -1;
	if (r == 0 && !l->blob.put)
		return err_set(e, ERR_INPUT, "%s vanished from the store", l->name);
	if (l->blob.put)
		return layer_wrap(out, l, store_put_stream(l->blob.put), -1);
	r = fd;
	return layer_wrap(out, l, stream_fd(r, 0, -1), take_fd(&fd));
}

static void layer_give_up(void *arg)
{
	const struct layer *l = arg;

	l->all->gave_up = true;
	source_stop_remote(l->all->source);
}

static const struct layer *find_same(const struct layers *l, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (digest_equal(&l->layer[k].desc->digest, &l->layer[i].desc->digest))
			return &l->layer[k];
	return NULL;
}

static int find_or_begin(struct layer *l, struct progress *p, struct err *e)
{
	struct layers *all = l->all;
	const struct descriptor *d = l->desc;
	char label[48], hex[DIGEST_TEXT_MAX];
	auto_close int fd = -1;
	int r = store_find(all->source->store, &d->digest, d->size, &fd, e);

	if (r < 0)
		return -1;
	snprintf(label, sizeof(label), "layer %.12s", digest_hex(&d->digest, hex));
	l->blob.bar = progress_bar(p, label, d->size);
	if (r == 1) {
		bar_set(l->blob.bar, d->size);
		bar_done(l->blob.bar, "in store");
		return 0;
	}
	if (blob_await(&l->blob, all->source->store, d, all->source->alone, e) < 0)
		return -1;
	all->missing += d->size - MIN(d->size, store_part_bytes(all->source->store, &d->digest));
	blob_get_fill(&all->get[all->nget++], &l->blob, d);
	return 0;
}

int layers_open(struct layers **out, struct source *s, struct progress *p, struct bar *used,
		struct err *e)
{
	auto_layers struct layers *l = xcalloc(1, sizeof(*l));
	char text[DIGEST_TEXT_MAX];

	*out = NULL;
	l->source = s;
	l->used = used;
	l->n = s->manifest.nlayers;
	l->layer = xcalloc(l->n + 1, sizeof(*l->layer));
	l->input = xcalloc(l->n + 1, sizeof(*l->input));
	l->get = xcalloc(l->n + 1, sizeof(*l->get));
	for (size_t i = 0; i < l->n; i++) {
		struct layer *layer = &l->layer[i];

		layer->all = l;
		layer->index = i;
		layer->desc = &s->manifest.layers[i];
		layer->same = find_same(l, i);
		snprintf(layer->name, sizeof(layer->name), "layer %.19s",
			 digest_text(&layer->desc->digest, text));
		l->input[i] = (struct layer_input){
			.diff_id = s->config->diff_ids[i],
			.name = layer->name,
			.open = layer_open,
			.give_up = layer_give_up,
			.arg = layer,
		};
	}
	/* The top layer first: that is the order in which they are read. */
	for (size_t i = l->n; !s->t->layer && i-- > 0;)
		if (!l->layer[i].same && find_or_begin(&l->layer[i], p, e) < 0)
			return err_wrap(e, "%s", l->layer[i].name);
	*out = take_ptr(l);
	return 0;
}

uint64_t layers_missing(const struct layers *l)
{
	return l->missing;
}

const struct layer_input *layers_inputs(const struct layers *l)
{
	return l->input;
}

/* What an earlier place has given is not asked for again. */
static void drop_done(struct layers *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->nget; i++) {
		const struct blob *b = l->get[i].arg;

		if (b->done)
			continue;
		l->get[n] = l->get[i];
		l->get[n++].have = store_put_have(b->put);
	}
	l->nget = n;
}

static void *fetch(void *arg)
{
	struct layers *l = arg;
	struct remote *remote;

	do {
		drop_done(l);
		l->result = source_remote(l->source, &remote, &l->why);
		if (l->result == 0)
			l->result = remote_blobs(remote, l->get, l->nget, &l->why);
	} while (l->result < 0 && !l->gave_up && source_next_route(l->source, &l->why));
	for (size_t i = 0; l->result < 0 && i < l->n; i++)
		if (l->layer[i].blob.put && !l->layer[i].blob.done) {
			store_put_fail(l->layer[i].blob.put, &l->why);
			bar_done(l->layer[i].blob.bar, "stopped");
		}
	return NULL;
}

int layers_start(struct layers *l, struct err *e)
{
	int r;

	if (!l->nget)
		return 0;
	r = pthread_create(&l->thread, NULL, fetch, l);
	if (r) {
		errno = r;
		return err_sys(e, "start the download thread");
	}
	l->running = true;
	return 0;
}

int layers_finish(struct layers *l, bool give_up, struct err *e)
{
	if (!l->running)
		return 0;
	if (give_up) {
		l->gave_up = true;
		source_stop_remote(l->source);
	}
	pthread_join(l->thread, NULL);
	l->running = false;
	if (l->result == 0 || (l->gave_up && l->why.kind == ERR_INTR))
		return 0;
	*e = l->why;
	return -1;
}

bool layers_were_stale(struct layers *l)
{
	bool stale = false;
	struct err ignored;

	for (size_t i = 0; !l->source->t->layer && i < l->n; i++) {
		const struct layer *layer = &l->layer[i];

		if (layer->blob.put && !layer->blob.found)
			stale |= layer->blob.restarted;
		else if (!layer->same &&
			 store_verify(l->source->store, &layer->desc->digest, &ignored) == 0)
			stale = true;
	}
	return stale;
}

void layers_free(struct layers *l)
{
	struct err ignored;

	if (!l)
		return;
	layers_finish(l, true, &ignored);
	for (size_t i = 0; l->layer && i < l->n; i++) {
		store_turn_end(l->layer[i].blob.turn);
		store_put_free(l->layer[i].blob.put);
	}
	free(l->layer);
	free(l->input);
	free(l->get);
	free(l);
}
