/* sqfs_write: one SquashFS 4.0 image, written at its place in a file.
 *
 *	sqfs_writer_new(&w, fd, offset, &opts, &arena, e);
 *	struct sqfs_data *d = sqfs_writer_data(w);          // file bodies, as they come
 *	...
 *	sqfs_writer_finish(w, tree.root, &stat, e);         // then the tree, once
 *
 * The tables stand behind the data, the superblock is written last: a file without it is no image.
 * formats.md section 10. */
#ifndef IMAGE_SQFS_WRITE_H
#define IMAGE_SQFS_WRITE_H

#include <stdint.h>
#include <sys/types.h>

#include "image/sqfs_comp.h"
#include "image/tree.h"
#include "src/base/err.h"

struct sqfs_writer;
struct sqfs_data;

struct sqfs_writer_opts {
	enum sqfs_comp comp;
	int level;
	unsigned threads;
	uint32_t block_size; /* 0: 128 KiB */
	uint32_t mtime;	     /* of the superblock */
};

struct sqfs_stat {
	uint64_t bytes; /* of the image, padded to 4096 */
	uint64_t used;	/* without the padding */
	uint32_t inodes;
};

/* fd, from offset on, is written; what lies before offset stays.  fd and arena are borrowed. */
int sqfs_writer_new(struct sqfs_writer **out, int fd, off_t offset,
		    const struct sqfs_writer_opts *o, struct arena *arena, struct err *e);
void sqfs_writer_free(struct sqfs_writer *w);
static inline void sqfs_writer_free_p_(struct sqfs_writer **w)
{
	sqfs_writer_free(*w);
}
#define auto_sqfs_writer auto_(sqfs_writer_free_p_)

struct sqfs_data *sqfs_writer_data(struct sqfs_writer *w);
/* Writes inodes, directories and tables of what lives below root, a directory, and cuts fd off
 * behind the image.  Inodes get their number and ref.  ERR_LIMIT: over 65536 owners. */
int sqfs_writer_finish(struct sqfs_writer *w, struct node *root, struct sqfs_stat *st,
		       struct err *e);

#endif
