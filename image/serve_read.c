/* READ, extended attributes, and decoding ahead of the first question. */
#include "image/serve_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "image/live.h"
#include "src/base/mem.h"

/* What nearly every program starts with, by the names that distributions use. */
static const char *const first_files[] = {
	"/lib64/ld-linux-x86-64.so.2",
	"/lib/ld-linux-aarch64.so.1",
	"/lib/x86_64-linux-gnu/libc.so.6",
	"/lib/aarch64-linux-gnu/libc.so.6",
	"/lib64/libc.so.6",
	"/lib/ld-musl-x86_64.so.1",
};

enum {
	WARM_MAX = 4 << 20, /* of one file */
	AHEAD = 1 << 20,
	NEAR = 256 << 10,
	STREAM_READ = 64 << 10, /* less is no stream */
	STREAM_RUN = 3,
};

static void read_virtual(struct request *rq, const struct vnode *v, uint64_t off, size_t n)
{
	const char *data = v->data;

	if (!S_ISREG(v->mode)) {
		serve_reply_error(rq, EISDIR);
		return;
	}
	if (v->live) {
		serve_reply(rq, rq->out, live_read(v->live, off, rq->out, n));
		later_add(rq->s->stale, v->node, 0, 0);
		return;
	}
	off = MIN(off, (uint64_t)v->len);
	serve_reply(rq, v->len ? data + off : data, MIN(n, v->len - off));
}

/* Whether a read goes on where earlier ones ended, and so the next will too.  The
 * kernel sends twos and threes at once, so what is near the end counts as going on. */
static bool is_streaming(struct stream_state *st, uint64_t node, uint64_t off, size_t n)
{
	uint64_t next = st->next, end = off + n;

	if (st->node != node || n < STREAM_READ || off > next + NEAR || end + NEAR < next) {
		st->node = node;
		st->next = end;
		st->ahead = 0;
		st->run = 0;
		return false;
	}
	st->next = MAX(next, end);
	return ++st->run > STREAM_RUN;
}

/* The kernel itself looks no further than 128 KiB ahead. */
static void read_ahead(struct serve *s, struct stream_state *st, uint64_t size)
{
	uint64_t step = s->info.block_size, next = st->next;
	uint64_t from = MAX(st->ahead, (next + step - 1) / step * step);
	uint64_t to = MIN(size, next + MAX((uint64_t)AHEAD, 2 * step)) / step * step;

	if (from < to) {
		st->ahead = to;
		later_add(s->ahead, st->node, from, to - from);
	}
}

/* What to do once a read is answered: a stream asks for the rest of the block by
 * itself; to any other reader it is given, for the kernel to keep. */
static void look_ahead(struct serve *s, uint64_t node, const struct squash_inode *i, uint64_t off,
		       size_t n, unsigned decoded)
{
	struct stream_state *st = &s->stream[node * 0x9e3779b97f4a7c15u >> 58];

	if (n == i->size)
		return;
	if (is_streaming(st, node, off, n)) {
		if (s->ahead)
			read_ahead(s, st, i->size);
	} else if (decoded && s->store) {
		later_add(s->store, node, off, n);
	}
}

void serve_read(struct request *rq)
{
	const struct fuse_read_in *in = rq->body;
	struct serve *s = rq->s;
	const struct vnode *v = vtree_node(s->tree, rq->in->nodeid);
	struct squash_inode i;
	unsigned decoded = 0;
	ssize_t n;

	/* A short answer would mean the end of the file. */
	if (rq->len < sizeof(*in) || in->size > SERVE_READ_MAX) {
		serve_reply_error(rq, EINVAL);
		return;
	}
	if (v) {
		read_virtual(rq, v, in->offset, in->size);
		return;
	}
	n = serve_inode(rq, &i);
	if (n == 0)
		n = squash_read(s->img, &i, in->offset, rq->out, in->size, &decoded);
	if (n < 0) {
		serve_reply_error(rq, errno);
		return;
	}
	serve_reply(rq, rq->out, (size_t)n);
	look_ahead(s, rq->in->nodeid, &i, in->offset, (size_t)n, decoded);
}

void serve_xattr(struct request *rq)
{
	const struct fuse_getxattr_in *in = rq->body;
	auto_buf struct buf out = { 0 };
	struct squash_inode i;
	bool list = rq->in->opcode == FUSE_LISTXATTR;
	int r = 0;

	/* An image without any: the kernel need not ask again. */
	if (!rq->s->info.xattrs) {
		serve_reply_error(rq, ENOSYS);
		return;
	}
	if (!(rq->in->nodeid & VNODE_BIT)) {
		r = serve_inode(rq, &i);
		if (r == 0)
			r = list ? squash_xattr_list(rq->s->img, &i, &out)
				 : squash_xattr_get(rq->s->img, &i, (const char *)(in + 1), &out);
	}
	if (r < 0)
		serve_reply_error(rq, errno);
	else if (!list && r == 0)
		serve_reply_error(rq, ENODATA);
	else if (in->size == 0)
		serve_reply(rq, &(struct fuse_getxattr_out){ .size = (uint32_t)out.len },
			    sizeof(struct fuse_getxattr_out));
	else if (out.len > in->size)
		serve_reply_error(rq, ERANGE);
	else
		serve_reply(rq, out.data, out.len);
}

/* Decodes a file's blocks into the cache. */
static void warm_file(struct serve *s, const char *path)
{
	struct squash_piece piece;
	struct squash_stat st;
	struct squash_inode i;
	struct err e;

	if (squash_stat_path(s->img, path, true, &st, &e) || !S_ISREG(st.mode) ||
	    squash_inode(s->img, st.ref, &i) < 0)
		return;
	for (uint64_t off = 0; off < MIN(i.size, (uint64_t)WARM_MAX); off += s->info.block_size) {
		if (atomic_load_explicit(&s->quit, memory_order_relaxed))
			return;
		if (squash_piece_get(s->img, &i, off, &piece) > 0)
			squash_piece_put(s->img, &piece);
	}
}

void serve_warm(struct serve *s)
{
	squash_advise(s->img);
	for (size_t k = 0; k < s->nwarm; k++)
		warm_file(s, s->warm[k]);
	for (size_t k = 0; k < ARRAY_LEN(first_files); k++)
		warm_file(s, first_files[k]);
}
