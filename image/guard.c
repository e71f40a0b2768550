#include "image/guard.h"

#include <inttypes.h>

struct guarded {
	struct stream s;
	struct stream *src;
	struct guard *g;
};

static void guarded_close(struct stream *s)
{
	stream_close(((struct guarded *)s)->src);
	free(s);
}

static ssize_t count_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct guarded *c = (struct guarded *)s;
	ssize_t r = stream_read(c->src, buf, n, e);

	if (r > 0)
		c->g->stored += (uint64_t)r;
	return r;
}

static ssize_t limit_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct guarded *c = (struct guarded *)s;
	struct guard *g = c->g;
	ssize_t r = stream_read(c->src, buf, n, e);

	if (r <= 0)
		return r;
	g->decoded += (uint64_t)r;
	if (g->decoded > g->max_bytes)
		return err_set(e, ERR_LIMIT,
			       "it unpacks to more than %" PRIu64 " bytes; "
			       "--max-layer-size raises this limit",
			       g->max_bytes);
	if (g->decoded > GUARD_RATIO_FROM && (double)g->decoded > (double)g->stored * g->max_ratio)
		return err_set(e, ERR_LIMIT,
			       "it unpacks to more than %.0f times its size; "
			       "--max-layer-size lifts this limit",
			       g->max_ratio);
	return r;
}

static struct stream *make(const struct stream_ops *ops, struct guard *g, struct stream *src)
{
	struct guarded *c = xcalloc(1, sizeof(*c));

	c->s.ops = ops;
	c->src = src;
	c->g = g;
	return &c->s;
}

struct stream *guard_count(struct guard *g, struct stream *src)
{
	static const struct stream_ops ops = { count_read, guarded_close };

	return make(&ops, g, src);
}

struct stream *guard_limit(struct guard *g, struct stream *src)
{
	static const struct stream_ops ops = { limit_read, guarded_close };

	return make(&ops, g, src);
}
