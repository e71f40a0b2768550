/* sqfs_comp: the compressors that SquashFS images are written with. */
#ifndef IMAGE_SQFS_COMP_H
#define IMAGE_SQFS_COMP_H

#include <stdint.h>
#include <sqfs/compressor.h>

#include "src/base/err.h"

/* Numbers are those of the superblock. */
enum sqfs_comp {
	COMP_DEFAULT = 0 /* zstd */,
	COMP_GZIP = 1,
	COMP_XZ = 4,
	COMP_LZ4 = 5,
	COMP_ZSTD = 6
};

/* "zstd", "gzip:9", "xz", "lz4".  ERR_USAGE says what there is. */
int sqfs_comp_parse(enum sqfs_comp *comp, int *level, const char *text, struct err *e);
/* Level 0 is the default: zstd 3, gzip 6, xz 6.  Made with sqfs_destroy(). */
int sqfs_comp_new(sqfs_compressor_t **out, enum sqfs_comp comp, int level, uint32_t block_size,
		  struct err *e);

#endif
