#include "image/squash_empty.h"

#include <errno.h>
#include <sys/mman.h>

#include "src/base/fd.h"
#include "src/base/mem.h"

/* clang-format off */
static const unsigned char image[144] = {
	/* superblock: one inode, blocks of 128 KiB, gzip, one id, version 4.0 */
	'h', 's', 'q', 's', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0,
	0, 0, 0, 0, 1, 0, 17, 0, 0x4b, 2, 1, 0, 4, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0,		/* root inode: block 0, offset 0 */
	144, 0, 0, 0, 0, 0, 0, 0,		/* bytes used */
	136, 0, 0, 0, 0, 0, 0, 0,		/* id table */
	255, 255, 255, 255, 255, 255, 255, 255,	/* no extended attributes */
	96, 0, 0, 0, 0, 0, 0, 0,		/* inode table */
	130, 0, 0, 0, 0, 0, 0, 0,		/* directory table, empty */
	130, 0, 0, 0, 0, 0, 0, 0,		/* fragment table, empty */
	255, 255, 255, 255, 255, 255, 255, 255,	/* no export table */
	/* at 96: an uncompressed block of 32 bytes: a directory, 0755, listing of 3 bytes */
	0x20, 0x80, 1, 0, 0xed, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
	0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0,
	/* at 130: an uncompressed block with id 0, and the table that points to it */
	4, 0x80, 0, 0, 0, 0,
	130, 0, 0, 0, 0, 0, 0, 0,
};
/* clang-format on */

int squash_empty_open(int *fd, struct squash **s, struct err *e)
{
	auto_close int file = memfd_create("empty.squashfs", MFD_CLOEXEC);

	if (file < 0 || fd_write(file, image, sizeof(image)) < 0)
		return err_sys(e, "file in memory");
	if (squash_open(s, file, 0, sizeof(image), NULL, e) < 0)
		return -1;
	*fd = take_fd(&file);
	return 0;
}
