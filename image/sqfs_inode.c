#include "image/sqfs_inode.h"

#include <string.h>

#include "image/sqfs_data.h"
#include "src/base/mem.h"

static sqfs_inode_generic_t *alloc(size_t payload)
{
	sqfs_inode_generic_t *out = xcalloc(1, sizeof(*out) + payload);

	out->payload_bytes_available = out->payload_bytes_used = (sqfs_u32)payload;
	return out;
}

void sqfs_inode_base(sqfs_inode_generic_t *out, const struct inode *i, const struct sqfs_common *c)
{
	out->base.mode = i->mode & 07777;
	out->base.uid_idx = c->uid;
	out->base.gid_idx = c->gid;
	out->base.mod_time = i->mtime;
	out->base.inode_number = i->number;
}

static sqfs_inode_generic_t *make_file(const struct inode *i, uint32_t xattr)
{
	static const struct sqfs_body empty = { .fragment = SQFS_NO_FRAGMENT };
	const struct sqfs_body *b = i->size ? i->body : &empty;
	sqfs_inode_generic_t *out = alloc(b->n * sizeof(uint32_t));

	if (b->n)
		memcpy(out->extra, b->sizes, b->n * sizeof(uint32_t));
	if (b->start <= UINT32_MAX && i->size <= UINT32_MAX && i->nlink == 1 && !b->sparse &&
	    xattr == UINT32_MAX) {
		out->base.type = SQFS_INODE_FILE;
		out->data.file.blocks_start = (sqfs_u32)b->start;
		out->data.file.fragment_index = b->fragment;
		out->data.file.fragment_offset = b->offset;
		out->data.file.file_size = (sqfs_u32)i->size;
		return out;
	}
	out->base.type = SQFS_INODE_EXT_FILE;
	out->data.file_ext.blocks_start = b->start;
	out->data.file_ext.file_size = i->size;
	out->data.file_ext.sparse = b->sparse;
	out->data.file_ext.nlink = i->nlink;
	out->data.file_ext.fragment_idx = b->fragment;
	out->data.file_ext.fragment_offset = b->offset;
	out->data.file_ext.xattr_idx = xattr;
	return out;
}

static sqfs_inode_generic_t *make_link(const struct inode *i, uint32_t xattr)
{
	size_t n = strlen(i->target);
	sqfs_inode_generic_t *out = alloc(n);

	memcpy(out->extra, i->target, n);
	/* The two forms begin alike. */
	out->data.slink_ext.nlink = i->nlink;
	out->data.slink_ext.target_size = (sqfs_u32)n;
	out->data.slink_ext.xattr_idx = xattr;
	out->base.type = xattr == UINT32_MAX ? SQFS_INODE_SLINK : SQFS_INODE_EXT_SLINK;
	return out;
}

static sqfs_inode_generic_t *make_special(const struct inode *i, uint32_t xattr)
{
	sqfs_inode_generic_t *out = alloc(0);
	uint16_t type = S_ISBLK(i->mode)    ? SQFS_INODE_BDEV
			: S_ISCHR(i->mode)  ? SQFS_INODE_CDEV
			: S_ISFIFO(i->mode) ? SQFS_INODE_FIFO
					    : SQFS_INODE_SOCKET;

	out->base.type = xattr == UINT32_MAX ? type : type + 7;
	if (type == SQFS_INODE_FIFO || type == SQFS_INODE_SOCKET) {
		out->data.ipc_ext.nlink = i->nlink;
		out->data.ipc_ext.xattr_idx = xattr;
	} else {
		out->data.dev_ext.nlink = i->nlink;
		out->data.dev_ext.devno = i->rdev;
		out->data.dev_ext.xattr_idx = xattr;
	}
	return out;
}

sqfs_inode_generic_t *sqfs_inode_make(const struct inode *i, const struct sqfs_common *c)
{
	sqfs_inode_generic_t *out = S_ISREG(i->mode)   ? make_file(i, c->xattr)
				    : S_ISLNK(i->mode) ? make_link(i, c->xattr)
						       : make_special(i, c->xattr);

	sqfs_inode_base(out, i, c);
	return out;
}
