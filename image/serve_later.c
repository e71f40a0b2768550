/* A ring of jobs and one thread, and the two kinds of job.  What is stored comes from
 * the cache, where the read that caused it has just put it. */
#include "image/serve_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "src/base/mem.h"

enum { RING = 64, PAGE = 4096 };

struct later {
	struct serve *s;
	later_work *work;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct later_job ring[RING];
	unsigned head, tail; /* taken from head, added at tail */
	bool started, quit;
	pthread_t thread;
};

struct later *later_new(struct serve *s, later_work *work)
{
	struct later *l = xcalloc(1, sizeof(*l));

	l->s = s;
	l->work = work;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->more, NULL);
	return l;
}

static void *run(void *arg)
{
	struct later *l = arg;

	pthread_mutex_lock(&l->lock);
	while (!l->quit) {
		struct later_job j;

		if (l->head == l->tail) {
			pthread_cond_wait(&l->more, &l->lock);
			continue;
		}
		j = l->ring[l->head++ % RING];
		pthread_mutex_unlock(&l->lock);
		l->work(l->s, &j);
		pthread_mutex_lock(&l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

void later_add(struct later *l, uint64_t node, uint64_t off, size_t n)
{
	pthread_mutex_lock(&l->lock);
	if (!l->started)
		l->started = pthread_create(&l->thread, NULL, run, l) == 0;
	if (l->started && l->tail - l->head < RING) {
		l->ring[l->tail++ % RING] = (struct later_job){ node, off, n };
		pthread_cond_signal(&l->more);
	}
	pthread_mutex_unlock(&l->lock);
}

void later_free(struct later *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->quit = true;
	pthread_cond_signal(&l->more);
	pthread_mutex_unlock(&l->lock);
	if (l->started)
		pthread_join(l->thread, NULL);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->more);
	free(l);
}

/* [off, off + n) of the file, which lies at data.  Fails when the kernel has
 * forgotten the inode: no loss. */
static void store(struct serve *s, uint64_t node, uint64_t off, const void *data, size_t n)
{
	struct fuse_notify_store_out what = {
		.nodeid = node,
		.offset = off,
		.size = (uint32_t)n,
	};
	struct fuse_out_header h = {
		.len = (uint32_t)(sizeof(h) + sizeof(what) + n),
		.error = FUSE_NOTIFY_STORE,
	};
	struct iovec iov[3] = { { &h, sizeof(h) }, { &what, sizeof(what) }, { (void *)data, n } };

	while (writev(s->fd, iov, 3) < 0 && errno == EINTR)
		;
}

void serve_stale(struct serve *s, const struct later_job *j)
{
	struct fuse_notify_inval_inode_out what = { .ino = j->node };
	struct fuse_out_header h = {
		.len = sizeof(h) + sizeof(what),
		.error = FUSE_NOTIFY_INVAL_INODE,
	};
	struct iovec iov[2] = { { &h, sizeof(h) }, { &what, sizeof(what) } };

	while (writev(s->fd, iov, 2) < 0 && errno == EINTR)
		;
}

void serve_store(struct serve *s, const struct later_job *j)
{
	struct squash_piece piece;
	struct squash_inode i;
	uint64_t end = (j->off + j->n + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	uint64_t last;

	if (squash_inode(s->img, ref_of_node(s->img, j->node), &i) < 0 || j->off >= i.size ||
	    squash_piece_get(s->img, &i, j->off, &piece) <= 0)
		return;
	last = piece.off + piece.len;
	if (end < last)
		store(s, j->node, end, piece.data + (end - piece.off), last - end);
	if (j->off > piece.off)
		store(s, j->node, piece.off, piece.data, (j->off - piece.off) & ~(PAGE - 1ul));
	squash_piece_put(s->img, &piece);
}

void serve_ahead(struct serve *s, const struct later_job *j)
{
	struct squash_piece piece;
	struct squash_inode i;

	if (squash_inode(s->img, ref_of_node(s->img, j->node), &i) < 0)
		return;
	for (uint64_t off = j->off; off < MIN(i.size, j->off + j->n); off += s->info.block_size) {
		if (atomic_load_explicit(&s->quit, memory_order_relaxed))
			return;
		if (squash_piece_get(s->img, &i, off, &piece) > 0)
			squash_piece_put(s->img, &piece);
	}
}
