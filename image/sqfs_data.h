/* sqfs_data: the data area of a SquashFS: file bodies in, compressed blocks and fragments out.
 *
 *	sqfs_data_new(&d, &out, compressor, threads, block_size, &arena);
 *	sqfs_data_begin(d, size, e);
 *	sqfs_data_add(d, p, n, e) ...               // p NULL: a hole
 *	sqfs_data_end(d, &body, e);
 *	sqfs_data_finish(d, e);                     // bodies are complete after this
 *
 * Blocks are compressed by the threads of libsquashfs's block processor and written in the order
 * in which they came, by the calling thread: the same bytes on any number of threads.  Equal
 * bodies are stored once.  Used by one thread. */
#ifndef IMAGE_SQFS_DATA_H
#define IMAGE_SQFS_DATA_H

#include <sqfs/frag_table.h>
#include <stdint.h>

#include "image/sqfs_file.h"
#include "image/sqfs_known.h"
#include "src/base/arena.h"
#include "src/base/err.h"

#define SQFS_NO_FRAGMENT UINT32_MAX

/* Where the bytes of a file are: its blocks, or a piece of a fragment block.  Lives in the arena;
 * bodies with the same content may be one. */
struct sqfs_body {
	uint64_t start;	 /* of the first block in the image */
	uint64_t sparse; /* bytes in blocks that are holes */
	uint32_t *sizes; /* stored size of each block, bit 24: not compressed, 0: a hole */
	uint32_t n;
	uint32_t fragment, offset; /* SQFS_NO_FRAGMENT: none */
};

struct sqfs_data;

/* Blocks go to out from its current size on.  cmp, out and arena are borrowed. */
int sqfs_data_new(struct sqfs_data **out, struct sqfs_out *file, sqfs_compressor_t *cmp,
		  unsigned threads, uint32_t block_size, struct arena *arena, struct err *e);
void sqfs_data_free(struct sqfs_data *d);

/* Before the first body: blocks that known has are copied, index gets what is written.  Both are
 * borrowed and may be NULL. */
void sqfs_data_reuse(struct sqfs_data *d, const struct sqfs_known *known, struct buf *index);
void sqfs_data_count(const struct sqfs_data *d, uint64_t *blocks, uint64_t *copied);

/* size > 0 bytes will follow. */
int sqfs_data_begin(struct sqfs_data *d, uint64_t size, struct err *e);
int sqfs_data_add(struct sqfs_data *d, const void *p, uint64_t n, struct err *e);
/* *out is complete after sqfs_data_finish(). */
int sqfs_data_end(struct sqfs_data *d, struct sqfs_body **out, struct err *e);
/* Waits for all blocks. */
int sqfs_data_finish(struct sqfs_data *d, struct err *e);
/* For the image's fragment table.  Owned by d. */
sqfs_frag_table_t *sqfs_data_fragments(struct sqfs_data *d);

#endif
