/* The block processor's own file front end is not used, for three reasons seen in 1.2.0: it keeps
 * an inode and two table entries from malloc for every file (80 MB for half a million files); it
 * compares fragments by a 32-bit hash unless it may read them back, and refuses to read back one
 * that is exactly a block long; and its search for equal blocks is linear in the blocks written.
 * Its threads, ordering and compressors are used: blocks go in by submit_block(), and come back,
 * in order, through a block writer of ours.
 *
 * Files smaller than a block go to fragments, larger ones keep their tail as a short block, as
 * mksquashfs does: reading a large file touches no block of other files. */
#include "image/sqfs_data.h"

#include <sqfs/block.h>
#include <sqfs/block_processor.h>
#include <sqfs/block_writer.h>
#include <sqfs/error.h>
#include <stdbool.h>
#include <string.h>

#include "image/sqfs_same.h"
#include "src/base/digest.h"
#include "src/base/mem.h"

#define BACKLOG_BYTES ((size_t)24 << 20) /* blocks in flight, whatever the number of threads */

/* A block on its way through the processor. */
struct job {
	struct job *next;	/* in the free list */
	struct sqfs_body *body; /* NULL: a fragment block */
	uint32_t index;
	bool last;   /* of its body */
	bool copied; /* its bytes are compressed already, as known says */
	struct known_block known;
	struct digest digest; /* DIGEST_NONE: nobody asks */
};

struct sqfs_data {
	sqfs_block_writer_t writer; /* must be first: libsquashfs hands it back to us */
	struct sqfs_out *out;
	struct arena *arena;
	sqfs_block_processor_t *proc;
	sqfs_frag_table_t *fragments;
	struct sqfs_same same;
	struct job *idle;
	uint32_t block_size;
	const struct sqfs_known *known;
	struct buf *index;
	unsigned char *copy; /* a block of known */
	uint64_t blocks, copied;

	/* The file that is being added. */
	struct sqfs_body *body; /* NULL: goes to a fragment */
	uint64_t size, done;
	unsigned char *block; /* [0, fill) is the start of the current block */
	uint32_t fill;
	bool zero; /* all of it comes from holes */

	unsigned char *frag; /* the fragment block that is being filled */
	uint32_t frag_fill, frag_index;
	uint64_t written; /* blocks, for get_block_count */
	bool abandoned;	  /* blocks that come back are dropped */

	/* The body whose blocks are coming back. */
	uint64_t run_start, run_key;
};

static int came_back(struct sqfs_data *d, struct job *j, uint32_t size, uint32_t sum,
		     uint32_t flags, uint64_t at)
{
	struct sqfs_body *b = j->body;
	bool hole = flags & SQFS_BLK_IS_SPARSE;
	uint32_t word = size | (flags & SQFS_BLK_IS_COMPRESSED ? 0 : 1U << 24);

	if (!b)
		return sqfs_frag_table_set(d->fragments, j->index, at, hole ? 0 : word);
	if (b->start == UINT64_MAX) {
		b->start = d->run_start = at;
		d->run_key = 0;
	}
	b->sizes[j->index] = hole ? 0 : word;
	if (hole)
		b->sparse += size;
	d->run_key = sqfs_same_mix(d->run_key, hole ? 0 : sum, hole ? 0 : word);
	if (!j->last || d->out->size == d->run_start)
		return 0;
	/* The blocks are the last ones in the file, so an equal body frees their place. */
	return sqfs_same_body(&d->same, d->out, b, d->run_key, d->out->size - d->run_start);
}

static int write_block(sqfs_block_writer_t *w, void *user, sqfs_u32 size, sqfs_u32 sum,
		       sqfs_u32 flags, const sqfs_u8 *p, sqfs_u64 *location)
{
	struct sqfs_data *d = (struct sqfs_data *)w;
	struct job *j = user;
	uint64_t at = d->out->size;
	int r = 0;

	*location = at;
	if (d->abandoned)
		return 0;
	if (j->copied) {
		flags = j->known.word >> 24 ? 0 : SQFS_BLK_IS_COMPRESSED;
		sum = j->known.sum;
	}
	/* A fragment block of zeros is flagged as a hole, but there are no such fragments. */
	if (!j->body)
		flags &= ~(sqfs_u32)SQFS_BLK_IS_SPARSE;
	if (!(flags & SQFS_BLK_IS_SPARSE)) {
		r = d->out->base.write_at(&d->out->base, at, p, size);
		d->written++;
	}
	if (r == 0 && d->index && !(flags & SQFS_BLK_IS_SPARSE)) {
		const struct known_block b = {
			.at = at,
			.word = size | (flags & SQFS_BLK_IS_COMPRESSED ? 0 : 1U << 24),
			.sum = sum,
		};

		sqfs_known_note(d->index, &j->digest, &b, p);
	}
	if (r == 0)
		r = came_back(d, j, size, sum, flags, at);
	j->next = d->idle;
	d->idle = j;
	return r;
}

static sqfs_u64 block_count(const sqfs_block_writer_t *w)
{
	return ((const struct sqfs_data *)w)->written;
}

static void no_destroy(sqfs_object_t *o)
{
	(void)o;
}

int sqfs_data_new(struct sqfs_data **out, struct sqfs_out *file, sqfs_compressor_t *cmp,
		  unsigned threads, uint32_t block_size, struct arena *arena, struct err *e)
{
	struct sqfs_data *d = xcalloc(1, sizeof(*d));
	sqfs_block_processor_desc_t desc = { .size = sizeof(desc) };
	int r;

	d->writer.base.destroy = no_destroy;
	d->writer.write_data_block = write_block;
	d->writer.get_block_count = block_count;
	d->out = file;
	d->arena = arena;
	d->block_size = block_size;
	d->block = xmalloc(block_size);
	d->frag = xmalloc(block_size);
	d->fragments = sqfs_frag_table_create(0);
	desc.max_block_size = block_size;
	desc.num_workers = threads ? threads : 1;
	desc.max_backlog = (sqfs_u32)MIN((size_t)desc.num_workers * 10, BACKLOG_BYTES / block_size);
	desc.cmp = cmp;
	desc.wr = &d->writer;
	r = d->fragments ? sqfs_block_processor_create_ex(&desc, &d->proc) : SQFS_ERROR_ALLOC;
	if (r != 0) {
		sqfs_data_free(d);
		return err_set(e, ERR_SYS,
			       "cannot start %u compression threads (libsquashfs error "
			       "%d): is there a limit on processes?",
			       desc.num_workers, r);
	}
	*out = d;
	return 0;
}

void sqfs_data_free(struct sqfs_data *d)
{
	if (!d)
		return;
	if (d->proc) {
		/* The processor forgets blocks that are in flight when it is destroyed. */
		d->abandoned = true;
		sqfs_block_processor_sync(d->proc);
		sqfs_destroy(d->proc);
	}
	sqfs_destroy(d->fragments);
	sqfs_same_fini(&d->same);
	free(d->block);
	free(d->frag);
	free(d->copy);
	free(d);
}

void sqfs_data_reuse(struct sqfs_data *d, const struct sqfs_known *known, struct buf *index)
{
	d->known = known;
	d->index = index;
	if (known)
		d->copy = xmalloc(d->block_size);
}

void sqfs_data_count(const struct sqfs_data *d, uint64_t *blocks, uint64_t *copied)
{
	*blocks = d->blocks;
	*copied = d->copied;
}

sqfs_frag_table_t *sqfs_data_fragments(struct sqfs_data *d)
{
	return d->fragments;
}

static int submit(struct sqfs_data *d, struct sqfs_body *body, uint32_t index, bool last,
		  const void *p, uint32_t n, struct err *e)
{
	struct job *j = d->idle;
	uint32_t flags = 0;
	int r;

	if (j)
		d->idle = j->next;
	else
		j = arena_new(d->arena, struct job);
	*j = (struct job){ .body = body, .index = index, .last = last };
	d->blocks++;
	if (d->known || d->index)
		digest_of(&j->digest, DIGEST_SHA256, p, n);
	if (d->known && sqfs_known_find(d->known, &j->digest, &j->known) &&
	    sqfs_known_read(d->known, &j->known, d->copy, d->block_size)) {
		j->copied = true;
		d->copied++;
		p = d->copy;
		n = j->known.word & 0xffffff;
		flags = SQFS_BLK_DONT_COMPRESS | SQFS_BLK_IGNORE_SPARSE | SQFS_BLK_DONT_HASH;
	}
	r = sqfs_block_processor_submit_block(d->proc, j, flags, p, n);
	return r == 0 ? 0 : sqfs_out_error(d->out, r, e);
}

static int fragment_flush(struct sqfs_data *d, struct err *e)
{
	uint32_t n = d->frag_fill;

	d->frag_fill = 0;
	return n ? submit(d, NULL, d->frag_index, true, d->frag, n, e) : 0;
}

static int fragment_add(struct sqfs_data *d, struct sqfs_body *b, struct err *e)
{
	uint32_t n = d->fill;
	int r;

	if (n > d->block_size - d->frag_fill && fragment_flush(d, e) < 0)
		return -1;
	if (d->frag_fill == 0) {
		r = sqfs_frag_table_append(d->fragments, 0, 0, &d->frag_index);
		if (r != 0)
			return sqfs_out_error(d->out, r, e);
	}
	b->fragment = d->frag_index;
	b->offset = d->frag_fill;
	memcpy(d->frag + d->frag_fill, d->block, n);
	d->frag_fill += n;
	return 0;
}

/* A small file, whole in d->block. */
static int small_end(struct sqfs_data *d, struct sqfs_body **out, struct err *e)
{
	struct digest dig;
	struct sqfs_body **slot, *b;

	digest_of(&dig, DIGEST_SHA256, d->block, d->fill);
	slot = sqfs_same_small(&d->same, dig.raw);
	if (!*slot) {
		b = arena_new(d->arena, struct sqfs_body);
		if (fragment_add(d, b, e) < 0)
			return -1;
		*slot = b;
	}
	*out = *slot;
	return 0;
}

int sqfs_data_begin(struct sqfs_data *d, uint64_t size, struct err *e)
{
	uint64_t n = (size + d->block_size - 1) / d->block_size;
	struct sqfs_body *b;

	d->size = size;
	d->done = 0;
	d->fill = 0;
	d->zero = true;
	d->body = NULL;
	if (size < d->block_size)
		return 0;
	if (n > UINT32_MAX / 8)
		return err_set(e, ERR_LIMIT, "a file of %llu bytes has too many blocks",
			       (unsigned long long)size);
	b = arena_new(d->arena, struct sqfs_body);
	b->n = (uint32_t)n;
	b->sizes = arena_array(d->arena, uint32_t, n);
	b->fragment = SQFS_NO_FRAGMENT;
	b->start = UINT64_MAX;
	d->body = b;
	return 0;
}

/* The block that ends at d->done is complete, at p. */
static int block_end(struct sqfs_data *d, const void *p, uint32_t n, struct err *e)
{
	uint32_t index = (uint32_t)((d->done - 1) / d->block_size);
	bool last = d->done == d->size, zero = d->zero;

	d->fill = 0;
	d->zero = true;
	if (zero && !last) {
		/* The last one goes through all the same: it says that the body is complete. */
		d->body->sparse += n;
		return 0;
	}
	return submit(d, d->body, index, last, p, n, e);
}

int sqfs_data_add(struct sqfs_data *d, const void *p, uint64_t n, struct err *e)
{
	while (n > 0) {
		uint32_t k = (uint32_t)MIN(n, d->block_size - d->fill);
		const void *whole = NULL;

		if (p && d->fill == 0 && k == d->block_size)
			whole = p; /* spares a copy */
		else if (p)
			memcpy(d->block + d->fill, p, k);
		else if (!d->body || !d->zero || k != d->block_size || d->done + k == d->size)
			memset(d->block + d->fill, 0, k);
		d->zero = d->zero && !p;
		d->fill += k;
		d->done += k;
		n -= k;
		p = p ? (const char *)p + k : NULL;
		if (d->body && (d->fill == d->block_size || d->done == d->size) &&
		    block_end(d, whole ? whole : d->block, d->fill, e) < 0)
			return -1;
	}
	return 0;
}

int sqfs_data_end(struct sqfs_data *d, struct sqfs_body **out, struct err *e)
{
	*out = d->body;
	return d->body ? 0 : small_end(d, out, e);
}

int sqfs_data_finish(struct sqfs_data *d, struct err *e)
{
	int r;

	if (fragment_flush(d, e) < 0)
		return -1;
	r = sqfs_block_processor_finish(d->proc);
	return r == 0 ? 0 : sqfs_out_error(d->out, r, e);
}
