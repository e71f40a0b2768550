/* sqfs_inode: an inode of the tree in SquashFS's form.  Used by sqfs_write.c only. */
#ifndef IMAGE_SQFS_INODE_H
#define IMAGE_SQFS_INODE_H

#include <sqfs/inode.h>

#include "image/tree.h"

struct sqfs_common {
	uint16_t uid, gid; /* indices into the id table */
	uint32_t xattr;	   /* UINT32_MAX: none */
};

/* Anything but a directory: from malloc, freed by the caller.  The basic form where that can hold
 * it. */
sqfs_inode_generic_t *sqfs_inode_make(const struct inode *i, const struct sqfs_common *c);
/* The part that all types share. */
void sqfs_inode_base(sqfs_inode_generic_t *out, const struct inode *i, const struct sqfs_common *c);

#endif
