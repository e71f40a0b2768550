/* stream: a pull stream of bytes; streams stack.
 *
 *	auto_stream struct stream *s = stream_fd(fd, 0, -1);  // a file
 *	s = stream_tee(s, &digest);                           // hashed as it passes
 *	while ((n = stream_read(s, buf, sizeof(buf), e)) > 0)
 *		...
 *
 * A constructor that takes a stream owns it: closing the top closes all below.
 * A stream is used by one thread at a time. */
#ifndef BASE_STREAM_H
#define BASE_STREAM_H

#include <stdint.h>
#include <sys/types.h>

#include "src/base/err.h"
#include "src/base/mem.h"

struct digest_ctx;
struct stream;

struct stream_ops {
	/* Up to n bytes, n > 0.  > 0 got, 0 end, -1 error.  After an error or the
	 * end, it is not called again. */
	ssize_t (*read)(struct stream *s, void *buf, size_t n, struct err *e);
	/* Frees s itself. */
	void (*close)(struct stream *s);
};

struct stream {
	const struct stream_ops *ops;
};

static inline ssize_t stream_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	return s->ops->read(s, buf, n, e);
}

/* NULL is fine. */
void stream_close(struct stream *s);
static inline void stream_close_p_(struct stream **s)
{
	stream_close(*s);
}
#define auto_stream auto_(stream_close_p_)

/* Reads until n bytes are there or the stream ends.  Returns the number read
 * (< n only at the end), -1 on error. */
ssize_t stream_read_full(struct stream *s, void *buf, size_t n, struct err *e);
/* Reads and drops everything up to the end.  0 or -1. */
int stream_drain(struct stream *s, struct err *e);

/* The bytes p[0..n), borrowed. */
struct stream *stream_mem(const void *p, size_t n);
/* len bytes of fd from off by pread (len < 0: up to the end of the file); fd is
 * borrowed and its file position left alone. */
struct stream *stream_fd(int fd, off_t off, off_t len);
/* Passes src on and feeds every byte to ctx, which is borrowed. */
struct stream *stream_tee(struct stream *src, struct digest_ctx *ctx);

#endif
