#include "image/blockcache.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { BLOCK = 4096, THREADS = 8 };

struct source {
	atomic_int fills;
	int fail; /* errno of the next fills */
	unsigned sleep_us;
};

static ssize_t fill(void *arg, uint64_t key, void *dst, size_t cap)
{
	struct source *s = arg;

	ck_assert_int_ge(cap, BLOCK);
	atomic_fetch_add(&s->fills, 1);
	if (s->sleep_us)
		usleep(s->sleep_us);
	if (s->fail) {
		errno = s->fail;
		return -1;
	}
	memset(dst, (int)(key & 0xff), 100);
	return 100;
}

/* Gets a block, checks it, drops it: what get returned. */
static int touch(struct blockcache *c, struct source *s, uint64_t key)
{
	const struct block *b;
	int r = blockcache_get(c, key, fill, s, &b);

	if (r >= 0) {
		ck_assert_uint_eq(b->len, 100);
		ck_assert_uint_eq(b->data[99], key & 0xff);
		blockcache_put(c, b);
	}
	return r;
}

START_TEST(a_block_is_made_once)
{
	struct blockcache *c = blockcache_new(64 * BLOCK, BLOCK);
	struct source s = { 0 };

	ck_assert_ptr_null(blockcache_peek(c, 7));
	ck_assert_int_eq(touch(c, &s, 7), 1);
	ck_assert_int_eq(touch(c, &s, 7), 0);
	ck_assert_int_eq(s.fills, 1);
	blockcache_put(c, blockcache_peek(c, 7));
	blockcache_free(c);
}
END_TEST

START_TEST(the_block_unused_for_longest_makes_room)
{
	struct blockcache *c = blockcache_new(4 * BLOCK, BLOCK);
	struct source s = { 0 };

	for (uint64_t k = 1; k <= 4; k++)
		ck_assert_int_eq(touch(c, &s, k), 1);
	ck_assert_int_eq(touch(c, &s, 1), 0);
	ck_assert_int_eq(touch(c, &s, 5), 1);
	ck_assert_int_eq(touch(c, &s, 1), 0);
	ck_assert_int_eq(touch(c, &s, 2), 1);
	blockcache_free(c);
}
END_TEST

START_TEST(a_pinned_block_stays)
{
	struct blockcache *c = blockcache_new(4 * BLOCK, BLOCK);
	struct source s = { 0 };
	const struct block *b;

	ck_assert_int_eq(blockcache_get(c, 1, fill, &s, &b), 1);
	for (uint64_t k = 2; k < 100; k++)
		touch(c, &s, k);
	ck_assert_uint_eq(b->data[0], 1);
	ck_assert_int_eq(touch(c, &s, 1), 0);
	blockcache_put(c, b);
	blockcache_free(c);
}
END_TEST

START_TEST(a_failed_block_is_tried_again)
{
	struct blockcache *c = blockcache_new(4 * BLOCK, BLOCK);
	struct source s = { .fail = EIO };

	for (int k = 0; k < 10; k++) {
		errno = 0;
		ck_assert_int_eq(touch(c, &s, 3), -1);
		ck_assert_int_eq(errno, EIO);
	}
	ck_assert_int_eq(s.fills, 10);
	s.fail = 0;
	ck_assert_int_eq(touch(c, &s, 3), 1);
	blockcache_free(c);
}
END_TEST

struct crowd {
	struct blockcache *c;
	struct source *s;
	uint64_t keys;
	int rounds;
};

static void *visit(void *arg)
{
	struct crowd *w = arg;

	for (int k = 0; k < w->rounds; k++)
		touch(w->c, w->s, (uint64_t)(k * 7919) % w->keys);
	return NULL;
}

static void run_crowd(struct crowd *w)
{
	pthread_t t[THREADS];

	for (int k = 0; k < THREADS; k++)
		pthread_create(&t[k], NULL, visit, w);
	for (int k = 0; k < THREADS; k++)
		pthread_join(t[k], NULL);
}

START_TEST(threads_that_ask_at_once_share_one_decode)
{
	struct source s = { .sleep_us = 50000 };
	struct crowd w = { blockcache_new(64 * BLOCK, BLOCK), &s, 1, 1 };

	run_crowd(&w);
	ck_assert_int_eq(s.fills, 1);
	blockcache_free(w.c);
}
END_TEST

START_TEST(more_threads_than_blocks_still_get_through)
{
	struct source s = { 0 };
	struct crowd w = { blockcache_new(0, BLOCK), &s, 50, 5000 };

	run_crowd(&w);
	ck_assert_int_gt(s.fills, 50);
	blockcache_free(w.c);
}
END_TEST

UNIT(blockcache, a_block_is_made_once, the_block_unused_for_longest_makes_room,
     a_pinned_block_stays, a_failed_block_is_tried_again, threads_that_ask_at_once_share_one_decode,
     more_threads_than_blocks_still_get_through)
