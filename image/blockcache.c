/* Shards keep threads off each other's lock; the lock covers look-up and list
 * surgery only, never a decode.  A shard's slots lie in one mapping that is
 * touched as blocks come, so an idle cache costs nothing and an evicted slot's
 * memory is reused without a call to the allocator. */
#include "image/blockcache.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "src/base/mem.h"

enum { SHARDS_MAX = 16, SLOTS_MIN = 4, SHARD_SLOTS = 8 };

enum slot_state { SLOT_FREE, SLOT_FILLING, SLOT_READY };

struct slot {
	struct block block; /* first: a block is its slot */
	uint64_t key;
	enum slot_state state;
	unsigned pins;
	struct slot *chain;	    /* in the bucket */
	struct slot *older, *newer; /* among the unpinned ready slots */
	struct shard *shard;
};

struct shard {
	pthread_mutex_t lock;
	pthread_cond_t change; /* a fill ended or a pin was dropped */
	unsigned waiters;
	struct slot *slots;
	size_t used;	    /* slots that were ever in use */
	struct slot *spare; /* emptied by a failed fill */
	struct slot *oldest, *newest;
	struct slot **bucket;
	uint8_t *memory;
};

struct blockcache {
	size_t block; /* rounded up to the page, so that slots do not share one */
	size_t per_shard;
	size_t buckets;	  /* a shard; power of 2 */
	unsigned nshards; /* power of 2 */
	struct shard shard[SHARDS_MAX];
};

static uint64_t mix(uint64_t k)
{
	k ^= k >> 31;
	k *= 0x9e3779b97f4a7c15u;
	return k ^ k >> 29;
}

struct blockcache *blockcache_new(size_t bytes, size_t block)
{
	struct blockcache *c = xcalloc(1, sizeof(*c));
	size_t slots;

	c->block = (block + 4095) & ~(size_t)4095;
	slots = MAX(bytes / c->block, (size_t)SLOTS_MIN);
	c->nshards = 1;
	while (c->nshards < SHARDS_MAX && slots / (c->nshards * 2) >= SHARD_SLOTS)
		c->nshards *= 2;
	c->per_shard = slots / c->nshards;
	c->buckets = 8;
	while (c->buckets < c->per_shard)
		c->buckets *= 2;
	for (unsigned i = 0; i < c->nshards; i++) {
		pthread_mutex_init(&c->shard[i].lock, NULL);
		pthread_cond_init(&c->shard[i].change, NULL);
	}
	return c;
}

void blockcache_free(struct blockcache *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->nshards; i++) {
		struct shard *h = &c->shard[i];

		if (h->memory)
			munmap(h->memory, c->per_shard * c->block);
		free(h->slots);
		free(h->bucket);
		pthread_mutex_destroy(&h->lock);
		pthread_cond_destroy(&h->change);
	}
	free(c);
}

/* Makes the shard's tables when its first block comes.  -1 with errno. */
static int shard_start(struct blockcache *c, struct shard *h)
{
	void *m = mmap(NULL, c->per_shard * c->block, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED)
		return -1;
	h->memory = m;
	h->slots = xcalloc(c->per_shard, sizeof(*h->slots));
	h->bucket = xcalloc(c->buckets, sizeof(struct slot *));
	return 0;
}

static struct shard *shard_of(struct blockcache *c, uint64_t key)
{
	return &c->shard[mix(key) >> 40 & (c->nshards - 1)];
}

static struct slot **bucket_of(struct blockcache *c, struct shard *h, uint64_t key)
{
	return &h->bucket[mix(key) & (c->buckets - 1)];
}

static struct slot *find(struct blockcache *c, struct shard *h, uint64_t key)
{
	struct slot *s = h->bucket ? *bucket_of(c, h, key) : NULL;

	while (s && s->key != key)
		s = s->chain;
	return s;
}

static void unhash(struct blockcache *c, struct shard *h, struct slot *s)
{
	struct slot **p = bucket_of(c, h, s->key);

	while (*p != s)
		p = &(*p)->chain;
	*p = s->chain;
}

static void lru_remove(struct shard *h, struct slot *s)
{
	*(s->older ? &s->older->newer : &h->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &h->newest) = s->older;
	s->older = s->newer = NULL;
}

static void lru_add(struct shard *h, struct slot *s)
{
	s->older = h->newest;
	s->newer = NULL;
	*(h->newest ? &h->newest->newer : &h->oldest) = s;
	h->newest = s;
}

static void pin(struct shard *h, struct slot *s)
{
	if (s->pins++ == 0)
		lru_remove(h, s);
}

/* A slot that nobody uses, taken out of every list; NULL when all are pinned. */
static struct slot *take_slot(struct blockcache *c, struct shard *h)
{
	struct slot *s = h->spare;

	if (s) {
		h->spare = s->chain;
		return s;
	}
	if (h->used < c->per_shard) {
		s = &h->slots[h->used];
		s->block.data = h->memory + h->used * c->block;
		s->shard = h;
		h->used++;
		return s;
	}
	s = h->oldest;
	if (s) {
		lru_remove(h, s);
		unhash(c, h, s);
	}
	return s;
}

static void wait_change(struct shard *h)
{
	h->waiters++;
	pthread_cond_wait(&h->change, &h->lock);
	h->waiters--;
}

static void tell_change(struct shard *h)
{
	if (h->waiters)
		pthread_cond_broadcast(&h->change);
}

/* Called and returns with the lock held; drops it while fill works. */
static int fill_slot(struct blockcache *c, struct shard *h, struct slot *s, blockcache_fill *fill,
		     void *arg)
{
	ssize_t n;
	int saved;

	s->state = SLOT_FILLING;
	s->pins = 1;
	s->chain = *bucket_of(c, h, s->key);
	*bucket_of(c, h, s->key) = s;
	pthread_mutex_unlock(&h->lock);

	n = fill(arg, s->key, s->block.data, c->block);
	saved = errno;

	pthread_mutex_lock(&h->lock);
	tell_change(h);
	if (n < 0) {
		unhash(c, h, s);
		s->state = SLOT_FREE;
		s->pins = 0;
		s->chain = h->spare;
		h->spare = s;
		errno = saved;
		return -1;
	}
	s->block.len = (size_t)n;
	s->state = SLOT_READY;
	return 1;
}

int blockcache_get(struct blockcache *c, uint64_t key, blockcache_fill *fill, void *arg,
		   const struct block **out)
{
	struct shard *h = shard_of(c, key);
	struct slot *s;
	int r = 0;

	pthread_mutex_lock(&h->lock);
	if (!h->slots && shard_start(c, h) < 0) {
		pthread_mutex_unlock(&h->lock);
		return -1;
	}
	for (;;) {
		s = find(c, h, key);
		if (s && s->state == SLOT_READY) {
			pin(h, s);
			break;
		}
		if (!s && (s = take_slot(c, h))) {
			s->key = key;
			r = fill_slot(c, h, s, fill, arg);
			break;
		}
		wait_change(h);
	}
	pthread_mutex_unlock(&h->lock);
	if (r >= 0)
		*out = &s->block;
	return r;
}

const struct block *blockcache_peek(struct blockcache *c, uint64_t key)
{
	struct shard *h = shard_of(c, key);
	struct slot *s;

	pthread_mutex_lock(&h->lock);
	while ((s = find(c, h, key)) && s->state == SLOT_FILLING)
		wait_change(h);
	if (s)
		pin(h, s);
	pthread_mutex_unlock(&h->lock);
	return s ? &s->block : NULL;
}

void blockcache_put(struct blockcache *c, const struct block *b)
{
	struct slot *s = (struct slot *)b;
	struct shard *h = s->shard;

	(void)c;
	pthread_mutex_lock(&h->lock);
	if (--s->pins == 0) {
		lru_add(h, s);
		tell_change(h);
	}
	pthread_mutex_unlock(&h->lock);
}
