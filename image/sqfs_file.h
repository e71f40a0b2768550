/* sqfs_file: the part of a file that a SquashFS is written to, as libsquashfs sees it.
 *
 *	struct sqfs_out out;
 *	sqfs_out_init(&out, fd, offset);
 *	if (sqfs_super_write(&super, &out.base) < 0)
 *		return sqfs_out_error(&out, r, e);
 *
 * Offsets in the image count from offset; what lies before is never touched.  fd is borrowed. */
#ifndef IMAGE_SQFS_FILE_H
#define IMAGE_SQFS_FILE_H

#include <sqfs/io.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/err.h"

struct sqfs_out {
	sqfs_file_t base; /* must be first */
	int fd;
	off_t off;
	uint64_t size; /* bytes of the image so far */
	int sys;       /* errno of the first failure */
};

void sqfs_out_init(struct sqfs_out *o, int fd, off_t off);
/* Writes the error for a negative result r of libsquashfs.  Returns -1. */
int sqfs_out_error(const struct sqfs_out *o, int r, struct err *e);

#endif
