#include "image/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#define SLOTS	  4
#define SLOT_SIZE ((size_t)256 << 10)

struct slot {
	size_t len;
	unsigned char data[SLOT_SIZE];
};

struct ahead {
	struct stream s;
	struct stream *src;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t change;
	unsigned head, tail; /* slots filled and emptied so far; head - tail <= SLOTS */
	bool stop, ended, failed;
	struct err err;
	size_t at;		   /* in the slot at tail */
	struct slot *slots[SLOTS]; /* made when first needed: most layers are small */
};

/* Fills the slot at head; 1 goes on, 0 was the last. */
static bool fill(struct ahead *a)
{
	struct slot **s = &a->slots[a->head % SLOTS];
	ssize_t n;

	if (!*s)
		*s = xmalloc(sizeof(**s));
	n = stream_read_full(a->src, (*s)->data, SLOT_SIZE, &a->err);
	pthread_mutex_lock(&a->lock);
	a->failed = n < 0;
	a->ended = n >= 0 && (size_t)n < SLOT_SIZE;
	if (n > 0) {
		(*s)->len = (size_t)n;
		a->head++;
	}
	pthread_cond_signal(&a->change);
	while (!a->stop && a->head - a->tail == SLOTS)
		pthread_cond_wait(&a->change, &a->lock);
	n = !a->stop && !a->failed && !a->ended;
	pthread_mutex_unlock(&a->lock);
	return n;
}

static void *run(void *arg)
{
	while (fill(arg))
		;
	return NULL;
}

static ssize_t ahead_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct ahead *a = (struct ahead *)s;
	struct slot *slot;
	ssize_t r = 0;

	pthread_mutex_lock(&a->lock);
	while (a->head == a->tail && !a->ended && !a->failed)
		pthread_cond_wait(&a->change, &a->lock);
	if (a->head == a->tail) {
		if (a->failed) {
			*e = a->err;
			r = -1;
		}
		pthread_mutex_unlock(&a->lock);
		return r;
	}
	pthread_mutex_unlock(&a->lock);
	slot = a->slots[a->tail % SLOTS];
	n = MIN(n, slot->len - a->at);
	memcpy(buf, slot->data + a->at, n);
	a->at += n;
	if (a->at < slot->len)
		return (ssize_t)n;
	pthread_mutex_lock(&a->lock);
	a->tail++;
	a->at = 0;
	pthread_cond_signal(&a->change);
	pthread_mutex_unlock(&a->lock);
	return (ssize_t)n;
}

static void ahead_close(struct stream *s)
{
	struct ahead *a = (struct ahead *)s;

	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->change);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	stream_close(a->src);
	pthread_cond_destroy(&a->change);
	pthread_mutex_destroy(&a->lock);
	for (int i = 0; i < SLOTS; i++)
		free(a->slots[i]);
	free(a);
}

/* Signals are the main thread's business. */
static int start(struct ahead *a)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&a->thread, NULL, run, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

struct stream *stream_ahead(struct stream *src)
{
	static const struct stream_ops ops = { ahead_read, ahead_close };
	struct ahead *a = xcalloc(1, sizeof(*a));

	a->s.ops = &ops;
	a->src = src;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->change, NULL);
	if (start(a) == 0)
		return &a->s;
	/* A process at its thread limit still gets its image, only slower. */
	pthread_cond_destroy(&a->change);
	pthread_mutex_destroy(&a->lock);
	free(a);
	return src;
}
