/* squash_priv: what the squash_*.c files share. */
#ifndef IMAGE_SQUASH_PRIV_H
#define IMAGE_SQUASH_PRIV_H

#include <stdatomic.h>
#include <string.h>

#include "image/blockcache.h"
#include "image/codec.h"
#include "image/squash.h"

enum {
	META_SIZE = 8192, /* decoded bytes of a metadata block */
	SUPER_SIZE = 96,
	MAP_BUCKETS = 256,
	HASH_BUCKETS = 1024,
};
#define SQUASH_NONE UINT64_MAX /* an absent table */
#define NO_FRAG	    UINT32_MAX
#define NO_XATTR    UINT32_MAX

/* A data block's size word: stored bytes, and a bit for "stored as is". */
#define WORD_SIZE(w) ((w)&0xffffffu)
#define WORD_RAW     0x1000000u

struct meta_block {
	uint64_t pos;
	uint64_t next; /* where the following block starts */
	struct meta_block *chain;
	uint32_t len;
	uint8_t data[];
};

/* A list of absolute block positions, as the id, fragment and xattr tables have. */
struct table_index {
	uint64_t n;
	uint64_t pos[];
};

struct filemap; /* squash_data.c */
struct dirhash; /* squash_dir.c */

struct squash {
	int fd;
	uint64_t off; /* of the superblock in the file */
	unsigned comp;
	uint32_t block_size, nfrags, inodes, mtime;
	unsigned nids;
	uint64_t root, used;
	uint64_t id_table, xattr_table, inode_table, dir_table, frag_table;

	_Atomic(struct meta_block *) *meta; /* buckets, by pos */
	unsigned meta_bits;
	_Atomic size_t resident; /* bytes of decoded metadata and of what is built on it */

	_Atomic(struct table_index *) id_index, frag_index, xattr_index;

	struct blockcache *cache;
	_Atomic(struct filemap *) maps[MAP_BUCKETS];
	_Atomic(struct dirhash *) hashes[HASH_BUCKETS];
	uint64_t seed; /* of name hashes, so that an image cannot aim at one bucket */
};

static inline uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}
static inline uint64_t le64(const uint8_t *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

/* Sets errno and returns -1. */
int squash_fail(int error);
/* Exactly n bytes at pos of the image; EIO beyond its end. */
int squash_pread(const struct squash *s, void *buf, size_t n, uint64_t pos);
/* Accounts n bytes of metadata that will stay; ENOMEM beyond what an image may cost. */
int squash_charge(struct squash *s, size_t n);

/* The decoded block at pos, valid until squash_close(); NULL with errno. */
const struct meta_block *squash_meta(struct squash *s, uint64_t pos);
/* Copies n bytes from the cursor on and moves it. */
int squash_meta_read(struct squash *s, struct squash_cur *c, void *buf, size_t n);
int squash_meta_skip(struct squash *s, struct squash_cur *c, uint64_t n);
/* n bytes at the cursor, moving it: in place when one block holds them, else
 * copied to buf.  NULL with errno. */
const uint8_t *squash_meta_view(struct squash *s, struct squash_cur *c, void *buf, size_t n);
void squash_meta_free(struct squash *s);

/* The positions of a table's n metadata blocks, read once and kept in *slot; NULL
 * with errno. */
const struct table_index *squash_index(struct squash *s, _Atomic(struct table_index *) *slot,
				       uint64_t table, uint64_t n);

void squash_maps_free(struct squash *s);
void squash_hashes_free(struct squash *s);

#endif
