/* A ring of jobs and one thread.  What is stored comes from the cache, where the
 * read that caused it has just put it; a job that is dropped costs the kernel a
 * request later, no more. */
#include "image/serve_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "src/base/mem.h"

enum { RING = 64, PAGE = 4096 };

struct job {
	uint64_t node, off;
	size_t n;
};

struct push {
	struct serve *s;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job ring[RING];
	unsigned head, tail; /* taken from head, added at tail */
	bool started, quit;
	pthread_t thread;
};

struct push *push_new(struct serve *s)
{
	struct push *p = xcalloc(1, sizeof(*p));

	p->s = s;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	return p;
}

/* [off, off + n) of the file, which lies at data.  Fails when the kernel has
 * forgotten the inode: no loss. */
static bool store(struct serve *s, uint64_t node, uint64_t off, const void *data, size_t n)
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
	struct iovec iov[3] = {{&h, sizeof(h)}, {&what, sizeof(what)}, {(void *)data, n}};

	return writev(s->fd, iov, 3) >= 0;
}

static void work(struct serve *s, const struct job *j)
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

static void *run(void *arg)
{
	struct push *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->quit) {
		struct job j;

		if (p->head == p->tail) {
			pthread_cond_wait(&p->more, &p->lock);
			continue;
		}
		j = p->ring[p->head++ % RING];
		pthread_mutex_unlock(&p->lock);
		work(p->s, &j);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

void push_store(struct push *p, uint64_t node, uint64_t off, size_t n)
{
	pthread_mutex_lock(&p->lock);
	if (!p->started)
		p->started = pthread_create(&p->thread, NULL, run, p) == 0;
	if (p->started && p->tail - p->head < RING) {
		p->ring[p->tail++ % RING] = (struct job){node, off, n};
		pthread_cond_signal(&p->more);
	}
	pthread_mutex_unlock(&p->lock);
}

void push_free(struct push *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->quit = true;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	if (p->started)
		pthread_join(p->thread, NULL);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->more);
	free(p);
}
