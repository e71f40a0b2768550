#include "src/base/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/base/digest.h"

void stream_close(struct stream *s)
{
	if (s)
		s->ops->close(s);
}

ssize_t stream_read_full(struct stream *s, void *buf, size_t n, struct err *e)
{
	size_t have = 0;

	while (have < n) {
		ssize_t r = stream_read(s, (char *)buf + have, n - have, e);

		if (r < 0)
			return -1;
		if (r == 0)
			break;
		have += (size_t)r;
	}
	return (ssize_t)have;
}

int stream_drain(struct stream *s, struct err *e)
{
	char drop[16384];
	ssize_t r;

	while ((r = stream_read(s, drop, sizeof(drop), e)) > 0)
		;
	return r < 0 ? -1 : 0;
}

static void close_plain(struct stream *s)
{
	free(s);
}

struct mem_stream {
	struct stream s;
	const char *p;
	size_t left;
};

static ssize_t mem_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct mem_stream *m = (struct mem_stream *)s;

	(void)e;
	n = MIN(n, m->left);
	if (n)
		memcpy(buf, m->p, n);
	m->p += n;
	m->left -= n;
	return (ssize_t)n;
}

struct stream *stream_mem(const void *p, size_t n)
{
	static const struct stream_ops ops = { mem_read, close_plain };
	struct mem_stream *m = xcalloc(1, sizeof(*m));

	m->s.ops = &ops;
	m->p = p;
	m->left = n;
	return &m->s;
}

struct fd_stream {
	struct stream s;
	int fd;
	off_t off;
	off_t left; /* < 0: to the end of the file */
};

static ssize_t fd_stream_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct fd_stream *f = (struct fd_stream *)s;
	ssize_t r;

	if (f->left >= 0 && (off_t)n > f->left)
		n = (size_t)f->left;
	do
		r = n ? pread(f->fd, buf, n, f->off) : 0;
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_sys(e, "read");
	f->off += r;
	if (f->left >= 0)
		f->left -= r;
	return r;
}

struct stream *stream_fd(int fd, off_t off, off_t len)
{
	static const struct stream_ops ops = { fd_stream_read, close_plain };
	struct fd_stream *f = xcalloc(1, sizeof(*f));

	f->s.ops = &ops;
	f->fd = fd;
	f->off = off;
	f->left = len;
	return &f->s;
}

struct tee_stream {
	struct stream s;
	struct stream *src;
	struct digest_ctx *ctx;
};

static ssize_t tee_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct tee_stream *t = (struct tee_stream *)s;
	ssize_t r = stream_read(t->src, buf, n, e);

	if (r > 0)
		digest_update(t->ctx, buf, (size_t)r);
	return r;
}

static void tee_close(struct stream *s)
{
	stream_close(((struct tee_stream *)s)->src);
	free(s);
}

struct stream *stream_tee(struct stream *src, struct digest_ctx *ctx)
{
	static const struct stream_ops ops = { tee_read, tee_close };
	struct tee_stream *t = xcalloc(1, sizeof(*t));

	t->s.ops = &ops;
	t->src = src;
	t->ctx = ctx;
	return &t->s;
}
