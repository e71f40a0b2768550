/* A batch of pieces is read, compressed by one thread each, and handed out in order. */
#include "image/encode.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "image/codec.h"

#define PIECE	 ((size_t)1 << 20)
#define MAX_JOBS 16u

struct piece {
	pthread_t thread;
	enum encode how;
	int level;
	char *in, *out;
	size_t in_len, out_len;
};

struct encoded {
	struct stream s;
	struct stream *src;
	struct piece piece[MAX_JOBS];
	unsigned jobs, have, at; /* pieces in this batch, the one being handed out */
	size_t off;		 /* in its output */
	bool ended, began;
};

static void *compress_piece(void *arg)
{
	struct piece *p = arg;

	p->out_len = codec_encode_stream(p->how == ENCODE_GZIP ? CODEC_GZIP : CODEC_ZSTD, p->level,
					 p->out, codec_encode_bound(PIECE), p->in, p->in_len);
	return NULL;
}

static int fill(struct encoded *c, struct err *e)
{
	bool started[MAX_JOBS] = { 0 };

	c->have = c->at = 0;
	c->off = 0;
	while (c->have < c->jobs && !c->ended) {
		struct piece *p = &c->piece[c->have];
		ssize_t n = stream_read_full(c->src, p->in, PIECE, e);

		if (n < 0)
			return -1;
		c->ended = (size_t)n < PIECE;
		/* An empty input is still one gzip member. */
		if (!n && c->began)
			break;
		c->began = true;
		p->in_len = (size_t)n;
		c->have++;
	}
	for (unsigned i = 1; i < c->have; i++)
		started[i] = pthread_create(&c->piece[i].thread, NULL, compress_piece,
					    &c->piece[i]) == 0;
	for (unsigned i = 0; i < c->have; i++)
		if (started[i])
			pthread_join(c->piece[i].thread, NULL);
		else
			compress_piece(&c->piece[i]);
	return 0;
}

static ssize_t encoded_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct encoded *c = (struct encoded *)s;
	struct piece *p;

	if (c->at == c->have) {
		if (c->ended)
			return 0;
		if (fill(c, e) < 0)
			return -1;
		if (!c->have)
			return 0;
	}
	p = &c->piece[c->at];
	n = MIN(n, p->out_len - c->off);
	memcpy(buf, p->out + c->off, n);
	c->off += n;
	if (c->off == p->out_len) {
		c->at++;
		c->off = 0;
	}
	return (ssize_t)n;
}

static void encoded_close(struct stream *s)
{
	struct encoded *c = (struct encoded *)s;

	stream_close(c->src);
	for (unsigned i = 0; i < c->jobs; i++) {
		free(c->piece[i].in);
		free(c->piece[i].out);
	}
	free(c);
}

struct stream *stream_encode(struct stream *src, enum encode how, int level, unsigned threads)
{
	static const struct stream_ops ops = { encoded_read, encoded_close };
	struct encoded *c;

	if (how == ENCODE_NONE)
		return src;
	c = xcalloc(1, sizeof(*c));
	c->s.ops = &ops;
	c->src = src;
	c->jobs = MIN(MAX(threads, 1u), MAX_JOBS);
	for (unsigned i = 0; i < c->jobs; i++) {
		c->piece[i] = (struct piece){ .how = how, .level = level };
		c->piece[i].in = xmalloc(PIECE);
		c->piece[i].out = xmalloc(codec_encode_bound(PIECE));
	}
	return &c->s;
}
