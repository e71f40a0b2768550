#include "image/decode.h"

#include <stdbool.h>
#include <string.h>

#include "image/decode_filter.h"

/* Gives back the bytes that were looked at.  Also remembers the end: the decoders above may ask
 * for more once they have flushed what they hold, and a source need not answer twice. */
struct peeked {
	struct stream s;
	struct stream *src;
	bool ended;
	unsigned char head[8];
	size_t n, at;
};

static ssize_t peeked_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct peeked *p = (struct peeked *)s;

	if (p->at == p->n) {
		ssize_t r = p->ended ? 0 : stream_read(p->src, buf, n, e);

		p->ended = r == 0;
		return r;
	}
	n = MIN(n, p->n - p->at);
	memcpy(buf, p->head + p->at, n);
	p->at += n;
	return (ssize_t)n;
}

static void peeked_close(struct stream *s)
{
	stream_close(((struct peeked *)s)->src);
	free(s);
}

static bool starts(const struct peeked *p, const char *magic, size_t n)
{
	return p->n >= n && !memcmp(p->head, magic, n);
}

/* A skippable frame, 5x 2a 4d 18, may stand first. */
static bool is_zstd(const struct peeked *p)
{
	return starts(p, "\x28\xb5\x2f\xfd", 4) || (p->n >= 4 && (p->head[0] & 0xf0) == 0x50 &&
						    !memcmp(p->head + 1, "\x2a\x4d\x18", 3));
}

int stream_decode(struct stream **out, struct stream *src, struct err *e)
{
	static const struct stream_ops ops = { peeked_read, peeked_close };
	struct peeked *p = xcalloc(1, sizeof(*p));
	ssize_t n;

	*out = NULL;
	p->s.ops = &ops;
	p->src = src;
	n = stream_read_full(src, p->head, sizeof(p->head), e);
	if (n < 0) {
		stream_close(&p->s);
		return -1;
	}
	p->n = (size_t)n;
	p->ended = p->n < sizeof(p->head);
	if (starts(p, "\x1f\x8b", 2))
		return decode_gzip(out, &p->s, e);
	if (is_zstd(p))
		return decode_zstd(out, &p->s, e);
	if (starts(p,
		   "\xfd"
		   "7zXZ\0",
		   6) ||
	    starts(p, "BZh", 3))
		return decode_archive(out, &p->s, e);
	*out = &p->s;
	return 0;
}
