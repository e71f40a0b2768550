/* zstd, RFC 8878.  The library steps over skippable frames and from frame to frame by itself;
 * what it cannot know is whether the input ended inside one. */
#include <stdbool.h>
#include <zstd.h>

#include "image/decode_filter.h"

struct zstd {
	struct stream s;
	struct stream *src;
	ZSTD_DStream *z;
	ZSTD_inBuffer in;
	size_t want; /* 0 between two frames */
	unsigned char buf[DECODE_BUFFER];
};

static ssize_t zstd_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct zstd *z = (struct zstd *)s;
	ZSTD_outBuffer out = { buf, n, 0 };

	while (out.pos == 0) {
		bool ended = false;

		if (z->in.pos == z->in.size) {
			ssize_t r = stream_read(z->src, z->buf, sizeof(z->buf), e);

			if (r < 0)
				return -1;
			z->in = (ZSTD_inBuffer){ z->buf, (size_t)r, 0 };
			ended = r == 0;
		}
		if (ended && z->want == 0)
			return 0;
		z->want = ZSTD_decompressStream(z->z, &out, &z->in);
		if (ZSTD_isError(z->want))
			return err_set(e, ERR_INPUT, "the zstd data is damaged: %s",
				       ZSTD_getErrorName(z->want));
		if (ended && out.pos == 0 && z->want != 0)
			return err_set(e, ERR_INPUT, "the zstd data ends too early");
	}
	return (ssize_t)out.pos;
}

static void zstd_close(struct stream *s)
{
	struct zstd *z = (struct zstd *)s;

	stream_close(z->src);
	ZSTD_freeDStream(z->z);
	free(z);
}

int decode_zstd(struct stream **out, struct stream *src, struct err *e)
{
	static const struct stream_ops ops = { zstd_read, zstd_close };
	struct zstd *z = xcalloc(1, sizeof(*z));

	(void)e;
	z->s.ops = &ops;
	z->src = src;
	z->z = ZSTD_createDStream();
	if (!z->z)
		abort(); /* out of memory, as xmalloc */
	z->want = 1;
	*out = &z->s;
	return 0;
}
