/* sqfs_same: finds bodies that are stored already.
 *
 * Small files are known by 16 bytes of their SHA-256.  Larger ones by the block processor's 32-bit
 * checksums and stored sizes, and are then compared byte by byte where they lie. */
#ifndef IMAGE_SQFS_SAME_H
#define IMAGE_SQFS_SAME_H

#include <stddef.h>
#include <stdint.h>

struct sqfs_body;
struct sqfs_out;

struct sqfs_same_small {
	uint8_t key[16];
	struct sqfs_body *body; /* NULL: a free slot */
};

struct sqfs_same_large {
	uint64_t key;
	struct sqfs_body *body;
};

struct sqfs_same {
	struct sqfs_same_small *small;
	struct sqfs_same_large *large;
	size_t nsmall, small_slots, nlarge, large_slots;
};

void sqfs_same_fini(struct sqfs_same *s);
/* The slot for content with this SHA-256; a caller that finds NULL in it fills it. */
struct sqfs_body **sqfs_same_small(struct sqfs_same *s, const uint8_t sha256[static 32]);
/* The key of a body, block by block. */
static inline uint64_t sqfs_same_mix(uint64_t key, uint32_t sum, uint32_t size)
{
	key = (key ^ ((uint64_t)size << 32 | sum)) * UINT64_C(0x9e3779b97f4a7c15);
	return key ^ key >> 31;
}
/* b's blocks, len bytes, are the last ones of out.  When an earlier body has the same, b is
 * pointed there and out shortened; else b is remembered.  0, or an error of libsquashfs. */
int sqfs_same_body(struct sqfs_same *s, struct sqfs_out *out, struct sqfs_body *b, uint64_t key,
		   uint64_t len);

#endif
