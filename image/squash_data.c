/* File data: where a block lies, and how its bytes get into the caller's buffer.
 *
 * A block that the caller's buffer covers whole is decoded straight into it; any
 * other goes through the cache, because the rest of it will be asked for.  Blocks
 * stored as they are need neither: their bytes are read in place.
 *
 * The list of sizes gives a block's position only as a sum.  A large file gets
 * checkpoints in that list once, so that a random read adds up at most 256 sizes. */
#include "image/squash_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "src/base/mem.h"

enum { STEP = 256, SIZES_AT_ONCE = 64, FRAGS_A_BLOCK = 512, FRAG_ENTRY = 16 };

struct mark {
	struct squash_cur cur;
	uint64_t pos;
};

struct filemap {
	uint64_t ref;
	struct filemap *chain;
	struct mark *mark; /* of block k * STEP */
	size_t n, cap;
};

/* One block or fragment tail of a file. */
struct extent {
	uint64_t pos;  /* in the image */
	uint32_t word; /* stored size; 0 a hole */
	uint64_t off;  /* in the file */
	uint32_t len;  /* bytes of the file in it */
	uint32_t skip; /* where they start in the decoded block */
	bool frag;
};

/* --- finding a block --- */

/* Moves m over n sizes. */
static int add_sizes(struct squash *s, struct mark *m, uint64_t n)
{
	while (n) {
		uint8_t raw[SIZES_AT_ONCE * 4];
		size_t k = MIN(n, (uint64_t)SIZES_AT_ONCE);
		const uint8_t *p = squash_meta_view(s, &m->cur, raw, k * 4);

		if (!p)
			return -1;
		for (size_t j = 0; j < k; j++)
			m->pos += WORD_SIZE(le32(p + j * 4));
		n -= k;
	}
	return 0;
}

static void filemap_free(struct filemap *f)
{
	free(f->mark);
	free(f);
}

static struct filemap *filemap_build(struct squash *s, const struct squash_inode *i)
{
	struct filemap *f = xcalloc(1, sizeof(*f));
	struct mark m = { i->tail, i->start };

	f->ref = i->ref;
	/* Grown as the list proves to be there: its length is a claim of the image. */
	for (uint64_t k = 0; k < i->blocks; k += STEP) {
		if (f->n == f->cap && squash_charge(s, (f->cap + 16) * sizeof(m)) < 0)
			goto fail;
		xgrow(&f->mark, &f->cap, f->n + 1, sizeof(m));
		f->mark[f->n++] = m;
		if (add_sizes(s, &m, MIN(i->blocks - k, (uint64_t)STEP)) < 0)
			goto fail;
	}
	return f;
fail:
	filemap_free(f);
	return NULL;
}

static struct filemap *find(struct filemap *f, uint64_t ref)
{
	while (f && f->ref != ref)
		f = f->chain;
	return f;
}

static struct filemap *filemap_get(struct squash *s, const struct squash_inode *i)
{
	_Atomic(struct filemap *) *bucket =
		&s->maps[i->ref * 0x9e3779b97f4a7c15u >> 32 & (MAP_BUCKETS - 1)];
	struct filemap *head = atomic_load_explicit(bucket, memory_order_acquire);
	struct filemap *f = find(head, i->ref), *mine;

	if (f)
		return f;
	mine = filemap_build(s, i);
	if (!mine)
		return NULL;
	mine->chain = head;
	while (!atomic_compare_exchange_strong(bucket, &mine->chain, mine)) {
		f = find(mine->chain, i->ref);
		if (f) {
			filemap_free(mine);
			return f;
		}
	}
	return mine;
}

/* The mark of block k. */
static int seek_block(struct squash *s, const struct squash_inode *i, uint64_t k, struct mark *m)
{
	const struct filemap *f;

	*m = (struct mark){ i->tail, i->start };
	if (i->blocks > STEP && k >= STEP) {
		f = filemap_get(s, i);
		if (!f)
			return -1;
		*m = f->mark[k / STEP];
		k %= STEP;
	}
	return add_sizes(s, m, k);
}

static int next_extent(struct squash *s, const struct squash_inode *i, struct mark *m, uint64_t k,
		       struct extent *x)
{
	uint8_t raw[4];
	const uint8_t *p = squash_meta_view(s, &m->cur, raw, 4);
	uint64_t off = k * s->block_size;

	if (!p)
		return -1;
	*x = (struct extent){
		.pos = m->pos,
		.word = le32(p),
		.off = off,
		.len = (uint32_t)MIN(i->size - off, (uint64_t)s->block_size),
	};
	m->pos += WORD_SIZE(x->word);
	if (WORD_SIZE(x->word) > s->block_size)
		return squash_fail(EIO);
	return 0;
}

static int frag_extent(struct squash *s, const struct squash_inode *i, struct extent *x)
{
	const struct table_index *t =
		squash_index(s, &s->frag_index, s->frag_table,
			     (s->nfrags + FRAGS_A_BLOCK - 1ull) / FRAGS_A_BLOCK);
	struct squash_cur c;
	uint8_t raw[FRAG_ENTRY];
	const uint8_t *p;

	if (!t)
		return -1;
	c = (struct squash_cur){ t->pos[i->frag / FRAGS_A_BLOCK],
				 i->frag % FRAGS_A_BLOCK * FRAG_ENTRY };
	p = squash_meta_view(s, &c, raw, FRAG_ENTRY);
	if (!p)
		return -1;
	*x = (struct extent){
		.pos = le64(p),
		.word = le32(p + 8),
		.off = i->blocks * s->block_size,
		.len = (uint32_t)(i->size % s->block_size),
		.skip = i->frag_off,
		.frag = true,
	};
	if (WORD_SIZE(x->word) > s->block_size || !WORD_SIZE(x->word) ||
	    i->frag_off > s->block_size || x->len > s->block_size - i->frag_off)
		return squash_fail(EIO);
	return 0;
}

/* --- decoding --- */

struct fill {
	struct squash *s;
	uint32_t word;
};

static ssize_t decode_at(struct squash *s, uint64_t pos, uint32_t word, void *dst, size_t cap)
{
	size_t n = WORD_SIZE(word);
	void *in;

	if (word & WORD_RAW) {
		if (n > cap)
			return squash_fail(EIO);
		return squash_pread(s, dst, n, pos) < 0 ? -1 : (ssize_t)n;
	}
	in = codec_scratch(s->block_size);
	if (squash_pread(s, in, n, pos) < 0)
		return -1;
	return codec_decode(s->comp, dst, cap, in, n);
}

static ssize_t fill_block(void *arg, uint64_t key, void *dst, size_t cap)
{
	struct fill *f = arg;

	return decode_at(f->s, key, f->word, dst, MIN(cap, (size_t)f->s->block_size));
}

/* The decoded block of x, pinned, holding all that x claims of it. */
static int get_block(struct squash *s, const struct extent *x, const struct block **b)
{
	struct fill f = { s, x->word };
	int r = blockcache_get(s->cache, x->pos, fill_block, &f, b);

	if (r >= 0 && (*b)->len < (size_t)x->skip + x->len) {
		blockcache_put(s->cache, *b);
		return squash_fail(EIO);
	}
	return r;
}

/* Bytes [at, at + n) of x, counted from x's start, into buf. */
static int read_extent(struct squash *s, const struct extent *x, uint32_t at, void *buf, uint32_t n,
		       unsigned *decoded)
{
	const struct block *b;
	int r;

	if (!WORD_SIZE(x->word)) {
		memset(buf, 0, n);
		return 0;
	}
	if (x->word & WORD_RAW) {
		if ((uint64_t)x->skip + at + n > WORD_SIZE(x->word))
			return squash_fail(EIO);
		return squash_pread(s, buf, n, x->pos + x->skip + at);
	}
	if (n == x->len && !x->frag) {
		b = blockcache_peek(s->cache, x->pos);
		if (!b) {
			ssize_t made = decode_at(s, x->pos, x->word, buf, n);

			return made < 0 ? -1 : made == (ssize_t)n ? 0 : squash_fail(EIO);
		}
		if (b->len < n) {
			blockcache_put(s->cache, b);
			return squash_fail(EIO);
		}
	} else {
		r = get_block(s, x, &b);
		if (r < 0)
			return -1;
		*decoded += (unsigned)r;
	}
	memcpy(buf, b->data + x->skip + at, n);
	blockcache_put(s->cache, b);
	return 0;
}

ssize_t squash_read(struct squash *s, const struct squash_inode *i, uint64_t off, void *buf,
		    size_t n, unsigned *decoded)
{
	uint64_t k = off / s->block_size;
	unsigned ignored = 0;
	struct mark m;
	size_t done = 0;

	if (!S_ISREG(i->mode))
		return squash_fail(S_ISDIR(i->mode) ? EISDIR : EINVAL);
	if (off >= i->size)
		return 0;
	n = MIN(n, i->size - off);
	if (k < i->blocks && seek_block(s, i, k, &m) < 0)
		return -1;
	for (; done < n; k++) {
		struct extent x;
		uint32_t at, piece;

		if ((k < i->blocks ? next_extent(s, i, &m, k, &x) : frag_extent(s, i, &x)) < 0)
			return -1;
		at = (uint32_t)(off + done - x.off);
		piece = (uint32_t)MIN(n - done, (size_t)(x.len - at));
		if (read_extent(s, &x, at, (char *)buf + done, piece,
				decoded ? decoded : &ignored) < 0)
			return -1;
		done += piece;
	}
	return (ssize_t)done;
}

int squash_piece_get(struct squash *s, const struct squash_inode *i, uint64_t off,
		     struct squash_piece *out)
{
	uint64_t k = off / s->block_size;
	struct extent x;
	struct mark m;

	if (!S_ISREG(i->mode) || off >= i->size)
		return squash_fail(EINVAL);
	if (k < i->blocks) {
		if (seek_block(s, i, k, &m) < 0 || next_extent(s, i, &m, k, &x) < 0)
			return -1;
	} else if (frag_extent(s, i, &x) < 0) {
		return -1;
	}
	if (!WORD_SIZE(x.word) || x.word & WORD_RAW)
		return 0;
	if (get_block(s, &x, &out->pin) < 0)
		return -1;
	out->data = out->pin->data + x.skip;
	out->off = x.off;
	out->len = x.len;
	return 1;
}

void squash_piece_put(struct squash *s, struct squash_piece *p)
{
	blockcache_put(s->cache, p->pin);
	p->pin = NULL;
}

void squash_maps_free(struct squash *s)
{
	for (size_t i = 0; i < MAP_BUCKETS; i++) {
		struct filemap *f = s->maps[i];

		while (f) {
			struct filemap *chain = f->chain;

			filemap_free(f);
			f = chain;
		}
	}
}
