/* Metadata blocks: decoded when first touched, found by position in a hash table
 * without locks, never evicted (2 MB for a tree of 33,000 inodes).  Two threads
 * that decode one block at once both succeed; the second throws its copy away. */
#include "image/squash_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "src/base/mem.h"

enum { HEADER = 2, RAW_BIT = 0x8000 };

static _Atomic(struct meta_block *) *bucket_of(struct squash *s, uint64_t pos)
{
	return &s->meta[pos * 0x9e3779b97f4a7c15u >> (64 - s->meta_bits)];
}

/* Header and body in one read: the body's length is not known before, but its
 * bound is. */
static struct meta_block *load(struct squash *s, uint64_t pos)
{
	uint8_t in[HEADER + META_SIZE];
	struct meta_block *b;
	uint8_t decoded[META_SIZE];
	const uint8_t *body = in + HEADER;
	size_t window, stored;
	ssize_t n;

	if (pos < SUPER_SIZE || pos > s->used || s->used - pos < HEADER)
		return NULL;
	window = MIN(s->used - pos, sizeof(in));
	if (squash_pread(s, in, window, pos) < 0)
		return NULL;
	stored = le16(in) & (RAW_BIT - 1);
	if (!stored || stored > META_SIZE || stored > window - HEADER)
		return NULL;
	n = (ssize_t)stored;
	if (!(le16(in) & RAW_BIT)) {
		n = codec_decode(s->comp, decoded, META_SIZE, body, stored);
		body = decoded;
	}
	if (n <= 0 || squash_charge(s, sizeof(*b) + (size_t)n) < 0)
		return NULL;
	b = xmalloc(sizeof(*b) + (size_t)n);
	b->pos = pos;
	b->next = pos + HEADER + stored;
	b->len = (uint32_t)n;
	memcpy(b->data, body, (size_t)n);
	return b;
}

static struct meta_block *find(struct meta_block *b, const struct meta_block *end, uint64_t pos)
{
	for (; b != end; b = b->chain)
		if (b->pos == pos)
			return b;
	return NULL;
}

const struct meta_block *squash_meta(struct squash *s, uint64_t pos)
{
	_Atomic(struct meta_block *) *bucket = bucket_of(s, pos);
	struct meta_block *head = atomic_load_explicit(bucket, memory_order_acquire);
	struct meta_block *b = find(head, NULL, pos), *mine;

	if (b)
		return b;
	mine = load(s, pos);
	if (!mine) {
		errno = EIO;
		return NULL;
	}
	mine->chain = head;
	while (!atomic_compare_exchange_weak_explicit(bucket, &mine->chain, mine,
						      memory_order_acq_rel, memory_order_acquire)) {
		b = find(mine->chain, head, pos);
		if (b) {
			atomic_fetch_sub_explicit(&s->resident, sizeof(*b) + b->len,
						  memory_order_relaxed);
			free(mine);
			return b;
		}
		head = mine->chain;
	}
	return mine;
}

/* The block under the cursor, after moving past the ends of blocks. */
static const struct meta_block *settle(struct squash *s, struct squash_cur *c)
{
	const struct meta_block *b = squash_meta(s, c->pos);

	while (b && c->off >= b->len) {
		/* Only a full block has a successor; else a bad offset would wander. */
		if (b->len < META_SIZE) {
			errno = EIO;
			return NULL;
		}
		c->off -= b->len;
		c->pos = b->next;
		b = squash_meta(s, c->pos);
	}
	return b;
}

int squash_meta_read(struct squash *s, struct squash_cur *c, void *buf, size_t n)
{
	uint8_t *to = buf;

	while (n) {
		const struct meta_block *b = settle(s, c);
		size_t piece;

		if (!b)
			return -1;
		piece = MIN(n, (size_t)(b->len - c->off));
		memcpy(to, b->data + c->off, piece);
		to += piece;
		n -= piece;
		c->off += (uint32_t)piece;
	}
	return 0;
}

int squash_meta_skip(struct squash *s, struct squash_cur *c, uint64_t n)
{
	while (n) {
		const struct meta_block *b = settle(s, c);
		uint64_t piece;

		if (!b)
			return -1;
		piece = MIN(n, (uint64_t)(b->len - c->off));
		n -= piece;
		c->off += (uint32_t)piece;
	}
	return 0;
}

const uint8_t *squash_meta_view(struct squash *s, struct squash_cur *c, void *buf, size_t n)
{
	const struct meta_block *b = settle(s, c);
	const uint8_t *p;

	if (!b)
		return NULL;
	if (n <= b->len - c->off) {
		p = b->data + c->off;
		c->off += (uint32_t)n;
		return p;
	}
	return squash_meta_read(s, c, buf, n) < 0 ? NULL : buf;
}

void squash_meta_free(struct squash *s)
{
	if (!s->meta)
		return;
	for (size_t i = 0; i < (size_t)1 << s->meta_bits; i++) {
		struct meta_block *b = s->meta[i];

		while (b) {
			struct meta_block *chain = b->chain;

			free(b);
			b = chain;
		}
	}
	free(s->meta);
}
