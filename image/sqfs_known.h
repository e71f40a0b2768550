/* sqfs_known: compressed blocks of an image that is there, found by what they hold, so that an
 *image that shares files with it need not compress them again.
 *
 *	auto_sqfs_known struct sqfs_known *k = NULL;
 *	if (sqfs_known_open(&k, fd, off, index, n) == 0) ...      // 1: the index is damaged
 *	sqfs_known_find(k, sha256, &block);                       // true: copy block.size bytes
 *	...
 *	sqfs_known_note(&index, sha256, &block);                  // of the image that is written
 *	sqfs_known_seal(&index);
 *
 * Blocks are known by the first 24 bytes of the SHA-256 of their uncompressed bytes.  Equal bytes,
 *the same compressor and level give the same compressed bytes: an image made with this and one made
 * without are the same, byte for byte.  The other image may have been damaged since: what is read
 *has a checksum. */
#ifndef IMAGE_SQFS_KNOWN_H
#define IMAGE_SQFS_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/buf.h"
#include "src/base/digest.h"
#include "src/base/mem.h"

struct known_block {
	uint64_t at;   /* in the image */
	uint32_t word; /* stored size; bit 24: not compressed */
	uint32_t sum;  /* the block processor's, of what the block holds */
	uint32_t crc;  /* of the stored bytes */
	uint32_t zero;
};

struct sqfs_known;

/* off: where the SquashFS begins in fd, which is borrowed. */
int sqfs_known_open(struct sqfs_known **out, int fd, off_t off, const char *index, size_t n);
void sqfs_known_free(struct sqfs_known *k);
static inline void sqfs_known_free_p_(struct sqfs_known **k)
{
	sqfs_known_free(*k);
}
#define auto_sqfs_known auto_(sqfs_known_free_p_)

bool sqfs_known_find(const struct sqfs_known *k, const struct digest *sha256,
		     struct known_block *out);
/* The block's stored bytes into p, which has room for a block.  False: they cannot be read, or are
 * not those that were noted. */
bool sqfs_known_read(const struct sqfs_known *k, const struct known_block *b, void *p, size_t room);

/* stored: its bytes in the image; b->crc is set here. */
void sqfs_known_note(struct buf *index, const struct digest *sha256, const struct known_block *b,
		     const void *stored);
void sqfs_known_seal(struct buf *index);

#endif
