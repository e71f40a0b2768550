#include "image/sqfs_same.h"

#include <string.h>

#include "image/sqfs_data.h"
#include "src/base/mem.h"

#define COMPARES_MAX 8 /* of one body: equal checksums can be made on purpose */

void sqfs_same_fini(struct sqfs_same *s)
{
	free(s->small);
	free(s->large);
	*s = (struct sqfs_same){ 0 };
}

static struct sqfs_same_small *small_slot(const struct sqfs_same *s, const uint8_t *key)
{
	size_t i;

	memcpy(&i, key, sizeof(i)); /* as good as random already */
	for (i &= s->small_slots - 1; s->small[i].body; i = (i + 1) & (s->small_slots - 1))
		if (!memcmp(s->small[i].key, key, sizeof(s->small[i].key)))
			break;
	return &s->small[i];
}

static void small_grow(struct sqfs_same *s)
{
	struct sqfs_same old = *s;

	s->small_slots = old.small_slots ? old.small_slots * 2 : 1024;
	s->small = xcalloc(s->small_slots, sizeof(*s->small));
	for (size_t i = 0; i < old.small_slots; i++)
		if (old.small[i].body)
			*small_slot(s, old.small[i].key) = old.small[i];
	free(old.small);
}

struct sqfs_body **sqfs_same_small(struct sqfs_same *s, const uint8_t sha256[static 32])
{
	struct sqfs_same_small *slot;

	/* Before each look-up: the caller holds the slot until it has filled it. */
	if (s->nsmall >= s->small_slots - s->small_slots / 4)
		small_grow(s);
	slot = small_slot(s, sha256);
	if (!slot->body) {
		memcpy(slot->key, sha256, sizeof(slot->key));
		s->nsmall++;
	}
	return &slot->body;
}

/* 1 equal, 0 not, < 0 an error of libsquashfs. */
static int same_bytes(struct sqfs_out *out, uint64_t a, uint64_t b, uint64_t len)
{
	char buf[2][16384];

	while (len > 0) {
		size_t n = (size_t)MIN(len, sizeof(buf[0]));
		int r = out->base.read_at(&out->base, a, buf[0], n);

		if (r == 0)
			r = out->base.read_at(&out->base, b, buf[1], n);
		if (r < 0)
			return r;
		if (memcmp(buf[0], buf[1], n) != 0)
			return 0;
		a += n;
		b += n;
		len -= n;
	}
	return 1;
}

static void large_add(struct sqfs_same *s, struct sqfs_same_large x)
{
	size_t i = (size_t)x.key & (s->large_slots - 1);

	while (s->large[i].body)
		i = (i + 1) & (s->large_slots - 1);
	s->large[i] = x;
}

static void large_grow(struct sqfs_same *s)
{
	struct sqfs_same old = *s;

	s->large_slots = old.large_slots ? old.large_slots * 2 : 256;
	s->large = xcalloc(s->large_slots, sizeof(*s->large));
	for (size_t i = 0; i < old.large_slots; i++)
		if (old.large[i].body)
			large_add(s, old.large[i]);
	free(old.large);
}

int sqfs_same_body(struct sqfs_same *s, struct sqfs_out *out, struct sqfs_body *b, uint64_t key,
		   uint64_t len)
{
	int compares = 0;

	if (s->nlarge >= s->large_slots / 2)
		large_grow(s);
	for (size_t i = (size_t)key & (s->large_slots - 1); s->large[i].body;
	     i = (i + 1) & (s->large_slots - 1)) {
		struct sqfs_body *o = s->large[i].body;
		int r;

		if (s->large[i].key != key || o->n != b->n ||
		    memcmp(o->sizes, b->sizes, b->n * sizeof(*b->sizes)) != 0)
			continue;
		if (++compares > COMPARES_MAX)
			break;
		r = same_bytes(out, o->start, b->start, len);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		out->size = b->start;
		b->start = o->start;
		return 0;
	}
	large_add(s, (struct sqfs_same_large){ key, b });
	s->nlarge++;
	return 0;
}
