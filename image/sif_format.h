/* sif_format: where the fields of header and descriptor lie, for sif.c and sif_write.c only.
 * All integers are little endian, nothing is aligned (SIF format version 01). */
#ifndef IMAGE_SIF_FORMAT_H
#define IMAGE_SIF_FORMAT_H

#include <stdint.h>

/* clang-format off */
enum {
	SIF_HEADER_SIZE = 128,
	SIF_H_LAUNCH = 0, SIF_H_MAGIC = 32, SIF_H_VERSION = 42, SIF_H_ARCH = 45, SIF_H_UUID = 48,
	SIF_H_CTIME = 64, SIF_H_MTIME = 72, SIF_H_FREE = 80, SIF_H_TOTAL = 88,
	SIF_H_TABLE_OFF = 96, SIF_H_TABLE_SIZE = 104, SIF_H_DATA_OFF = 112, SIF_H_DATA_SIZE = 120,

	SIF_DESC_SIZE = 585,
	SIF_D_TYPE = 0, SIF_D_USED = 4, SIF_D_ID = 5, SIF_D_GROUP = 9, SIF_D_LINK = 13,
	SIF_D_OFF = 17, SIF_D_SIZE = 25, SIF_D_PADDED = 33, SIF_D_CTIME = 41, SIF_D_MTIME = 49,
	SIF_D_UID = 57, SIF_D_GID = 65, SIF_D_NAME = 73, SIF_D_EXTRA = 201,
	SIF_NAME_SIZE = 128, SIF_EXTRA_SIZE = 384,
	SIF_X_FS = 0, SIF_X_PART = 4, SIF_X_ARCH = 8,

	SIF_SLOTS = 48, SIF_TABLE_OFF = 4096, SIF_DATA_OFF = 4096 + 48 * 585, SIF_PART_ALIGN = 4096
};
/* clang-format on */
#define SIF_MAGIC   "SIF_MAGIC" /* with its NUL */
#define SIF_VERSION "01"	/* with its NUL */

static inline uint64_t sif_get(const uint8_t *p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline void sif_set(uint8_t *p, int bytes, uint64_t v)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline int64_t sif_get_i64(const uint8_t *p)
{
	return (int64_t)sif_get(p, 8);
}

#endif
