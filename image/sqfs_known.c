#include "image/sqfs_known.h"

#include <string.h>

#include "image/codec.h"
#include "src/base/fd.h"

#define MAGIC "berth blocks 2\n"

/* On this host alone: no byte order, no padding. */
struct row {
	uint8_t key[24];
	struct known_block block;
};

struct sqfs_known {
	int fd;
	off_t off;
	struct row *slots; /* a word of 0: free */
	size_t mask;
};

static size_t hash(const uint8_t *key)
{
	size_t h;

	memcpy(&h, key, sizeof(h));
	return h;
}

/* The first of equal rows stands: a body that turned out to be another's copy was noted as well, at
 * a place that was given up. */
static void insert(struct sqfs_known *k, const struct row *r)
{
	size_t i = hash(r->key) & k->mask;

	while (k->slots[i].block.word && memcmp(k->slots[i].key, r->key, sizeof(r->key)) != 0)
		i = (i + 1) & k->mask;
	if (!k->slots[i].block.word)
		k->slots[i] = *r;
}

int sqfs_known_open(struct sqfs_known **out, int fd, off_t off, const char *index, size_t n)
{
	const size_t head = sizeof(MAGIC) - 1, foot = 32;
	struct sqfs_known *k;
	size_t rows, slots = 64;
	struct digest sum;

	if (n < head + foot || memcmp(index, MAGIC, head) != 0 ||
	    (n - head - foot) % sizeof(struct row))
		return 1;
	digest_of(&sum, DIGEST_SHA256, index, n - foot);
	if (memcmp(sum.raw, index + n - foot, foot) != 0)
		return 1;
	rows = (n - head - foot) / sizeof(struct row);
	while (slots < rows * 2)
		slots *= 2;
	k = xcalloc(1, sizeof(*k));
	k->fd = fd;
	k->off = off;
	k->mask = slots - 1;
	k->slots = xcalloc(slots, sizeof(*k->slots));
	for (size_t i = 0; i < rows; i++) {
		struct row r;

		memcpy(&r, index + head + i * sizeof(r), sizeof(r));
		if (r.block.word)
			insert(k, &r);
	}
	*out = k;
	return 0;
}

void sqfs_known_free(struct sqfs_known *k)
{
	if (!k)
		return;
	free(k->slots);
	free(k);
}

bool sqfs_known_find(const struct sqfs_known *k, const struct digest *sha256,
		     struct known_block *out)
{
	for (size_t i = hash(sha256->raw) & k->mask; k->slots[i].block.word; i = (i + 1) & k->mask)
		if (!memcmp(k->slots[i].key, sha256->raw, sizeof(k->slots[i].key))) {
			*out = k->slots[i].block;
			return true;
		}
	return false;
}

bool sqfs_known_read(const struct sqfs_known *k, const struct known_block *b, void *p, size_t room)
{
	size_t n = b->word & 0xffffff;

	return n && n <= room && fd_pread(k->fd, p, n, k->off + (off_t)b->at) == 0 &&
	       codec_crc32(p, n) == b->crc;
}

void sqfs_known_note(struct buf *index, const struct digest *sha256, const struct known_block *b,
		     const void *stored)
{
	struct row r = { .block = *b };

	if (!index->len)
		buf_adds(index, MAGIC);
	memcpy(r.key, sha256->raw, sizeof(r.key));
	r.block.crc = codec_crc32(stored, b->word & 0xffffff);
	buf_add(index, &r, sizeof(r));
}

void sqfs_known_seal(struct buf *index)
{
	struct digest sum;

	if (!index->len)
		buf_adds(index, MAGIC);
	digest_of(&sum, DIGEST_SHA256, index->data, index->len);
	buf_add(index, sum.raw, 32);
}
