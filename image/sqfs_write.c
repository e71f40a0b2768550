#include "image/sqfs_write.h"

#include <errno.h>
#include <sqfs/dir_writer.h>
#include <sqfs/error.h>
#include <sqfs/id_table.h>
#include <sqfs/meta_writer.h>
#include <sqfs/super.h>
#include <sqfs/xattr_writer.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/sqfs_data.h"
#include "image/sqfs_file.h"
#include "image/sqfs_inode.h"
#include "src/base/mem.h"

#define PAD 4096 /* loop devices want whole blocks */

struct sqfs_writer {
	struct sqfs_out out;
	sqfs_super_t super;
	sqfs_compressor_t *cmp;
	struct sqfs_data *data;
	sqfs_meta_writer_t *inodes, *dirs;
	sqfs_dir_writer_t *dir;
	sqfs_id_table_t *ids;
	sqfs_xattr_writer_t *xattrs;
	bool any_xattr;
	uint32_t count; /* inode numbers given */
};

void sqfs_writer_free(struct sqfs_writer *w)
{
	if (!w)
		return;
	sqfs_data_free(w->data);
	sqfs_destroy(w->dir);
	sqfs_destroy(w->dirs);
	sqfs_destroy(w->inodes);
	sqfs_destroy(w->xattrs);
	sqfs_destroy(w->ids);
	sqfs_destroy(w->cmp);
	free(w);
}

static int begin(struct sqfs_writer *w, const struct sqfs_writer_opts *o, uint32_t block_size,
		 struct err *e)
{
	enum sqfs_comp comp = o->comp == COMP_DEFAULT ? COMP_ZSTD : o->comp;
	int r = sqfs_super_init(&w->super, block_size, o->mtime, (SQFS_COMPRESSOR)comp);

	if (r != 0)
		return err_set(e, ERR_USAGE,
			       "a block size of %u is not possible: powers of two "
			       "from 4096 to 1048576 are",
			       block_size);
	if (sqfs_comp_new(&w->cmp, comp, o->level, block_size, e) < 0)
		return -1;
	/* Holds the place; its magic comes at the end. */
	r = w->out.base.write_at(&w->out.base, 0, (char[sizeof(w->super)]){ 0 }, sizeof(w->super));
	if (r == 0)
		r = w->cmp->write_options(w->cmp, &w->out.base);
	if (r < 0)
		return sqfs_out_error(&w->out, r, e);
	if (r > 0)
		w->super.flags |= SQFS_FLAG_COMPRESSOR_OPTIONS;
	return 0;
}

int sqfs_writer_new(struct sqfs_writer **out, int fd, off_t offset,
		    const struct sqfs_writer_opts *o, struct arena *arena, struct err *e)
{
	uint32_t block_size = o->block_size ? o->block_size : SQFS_DEFAULT_BLOCK_SIZE;
	struct sqfs_writer *w = xcalloc(1, sizeof(*w));

	sqfs_out_init(&w->out, fd, offset);
	if (begin(w, o, block_size, e) < 0 ||
	    sqfs_data_new(&w->data, &w->out, w->cmp, o->threads, block_size, arena, e) < 0) {
		sqfs_writer_free(w);
		return -1;
	}
	*out = w;
	return 0;
}

struct sqfs_data *sqfs_writer_data(struct sqfs_writer *w)
{
	return w->data;
}

/* All children of a directory get numbers in a row, so that its listing stores small steps. */
static void number_children(struct sqfs_writer *w, struct node **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!v[i]->inode->number)
			v[i]->inode->number = ++w->count;
}

static int common(struct sqfs_writer *w, const struct inode *i, struct sqfs_common *c,
		  struct err *e)
{
	int r = sqfs_id_table_id_to_index(w->ids, i->uid, &c->uid);

	if (r == 0)
		r = sqfs_id_table_id_to_index(w->ids, i->gid, &c->gid);
	if (r != 0)
		return err_set(e, ERR_LIMIT,
			       "the image has more than 65536 different owners, "
			       "which is all that SquashFS can hold");
	c->xattr = UINT32_MAX;
	if (!i->xattrs)
		return 0;
	w->any_xattr = true;
	r = sqfs_xattr_writer_begin(w->xattrs, 0);
	for (uint32_t k = 0; k < i->xattrs->n && r == 0; k++)
		r = sqfs_xattr_writer_add(w->xattrs, i->xattrs->v[k].name, i->xattrs->v[k].value,
					  i->xattrs->v[k].len);
	if (r == 0)
		r = sqfs_xattr_writer_end(w->xattrs, &c->xattr);
	return r == 0 ? 0 : sqfs_out_error(&w->out, r, e);
}

static uint64_t position(const sqfs_meta_writer_t *m)
{
	sqfs_u64 block;
	sqfs_u32 offset;

	sqfs_meta_writer_get_position(m, &block, &offset);
	return block << 16 | offset;
}

static int write_inode(struct sqfs_writer *w, struct inode *i, struct err *e)
{
	auto_free sqfs_inode_generic_t *out = NULL;
	struct sqfs_common c;
	int r;

	if (i->ref != UINT64_MAX)
		return 0; /* another name of it came before */
	if (common(w, i, &c, e) < 0)
		return -1;
	out = sqfs_inode_make(i, &c);
	i->ref = position(w->inodes);
	r = sqfs_meta_writer_write_inode(w->inodes, out);
	return r == 0 ? 0 : sqfs_out_error(&w->out, r, e);
}

static int write_listing(struct sqfs_writer *w, struct node **v, size_t n)
{
	int r = sqfs_dir_writer_begin(w->dir, 0);

	for (size_t i = 0; i < n && r == 0; i++)
		r = sqfs_dir_writer_add_entry(w->dir, v[i]->name, v[i]->inode->number,
					      v[i]->inode->ref, v[i]->inode->mode);
	return r == 0 ? sqfs_dir_writer_end(w->dir) : r;
}

static int write_dir_inode(struct sqfs_writer *w, struct node *dir, uint32_t subdirs, struct err *e)
{
	auto_free sqfs_inode_generic_t *out = NULL;
	struct sqfs_common c;
	int r;

	if (common(w, dir->inode, &c, e) < 0)
		return -1;
	out = sqfs_dir_writer_create_inode(w->dir, 0, c.xattr,
					   dir->parent ? dir->parent->inode->number : 0);
	if (!out)
		return sqfs_out_error(&w->out, SQFS_ERROR_ALLOC, e);
	sqfs_inode_base(out, dir->inode, &c);
	/* The library counts every entry; what stat() says elsewhere is subdirectories only. */
	if (out->base.type == SQFS_INODE_DIR)
		out->data.dir.nlink = 2 + subdirs;
	else
		out->data.dir_ext.nlink = 2 + subdirs;
	dir->inode->ref = position(w->inodes);
	r = sqfs_meta_writer_write_inode(w->inodes, out);
	return r == 0 ? 0 : sqfs_out_error(&w->out, r, e);
}

/* Children first: a listing holds their places.  Depth is bounded by TREE_DEPTH_MAX. */
static int write_dir(struct sqfs_writer *w, struct node *dir, struct err *e)
{
	auto_free struct node **v = NULL;
	size_t n = node_children(dir, &v);
	uint32_t subdirs = 0;
	int r;

	number_children(w, v, n);
	for (size_t i = 0; i < n; i++) {
		if (!node_is_dir(v[i]))
			continue;
		subdirs++;
		if (write_dir(w, v[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		if (!node_is_dir(v[i]) && write_inode(w, v[i]->inode, e) < 0)
			return -1;
	r = write_listing(w, v, n);
	if (r != 0)
		return sqfs_out_error(&w->out, r, e);
	return write_dir_inode(w, dir, subdirs, e);
}

/* A reader needs the tables in this order. */
static int write_tables(struct sqfs_writer *w, struct node *root)
{
	sqfs_file_t *f = &w->out.base;
	int r = sqfs_meta_writer_flush(w->inodes);

	w->super.root_inode_ref = root->inode->ref;
	w->super.directory_table_start = w->out.size;
	if (r == 0)
		r = sqfs_meta_writer_flush(w->dirs);
	if (r == 0)
		r = sqfs_meta_write_write_to_file(w->dirs);
	if (r == 0)
		r = sqfs_frag_table_write(sqfs_data_fragments(w->data), f, &w->super, w->cmp);
	if (r == 0)
		r = sqfs_dir_writer_write_export_table(w->dir, f, w->cmp, root->inode->number,
						       root->inode->ref, &w->super);
	if (r == 0)
		r = sqfs_id_table_write(w->ids, f, &w->super, w->cmp);
	if (r == 0 && w->any_xattr)
		r = sqfs_xattr_writer_flush(w->xattrs, f, &w->super, w->cmp);
	if (r == 0 && !w->any_xattr)
		w->super.flags |= SQFS_FLAG_NO_XATTRS;
	return r;
}

/* fd ends with the image: blocks that were found to be duplicates may have been longer. */
static int end(struct sqfs_writer *w, struct sqfs_stat *st, struct err *e)
{
	uint64_t used = w->out.size, padded = (used + PAD - 1) / PAD * PAD;
	int r;

	w->super.inode_count = w->count;
	w->super.flags &= (sqfs_u16)~SQFS_FLAG_ALWAYS_FRAGMENTS; /* large files have none */
	w->super.bytes_used = used;
	if (ftruncate(w->out.fd, w->out.off + (off_t)used) < 0 ||
	    ftruncate(w->out.fd, w->out.off + (off_t)padded) < 0) {
		w->out.sys = errno;
		return sqfs_out_error(&w->out, SQFS_ERROR_IO, e);
	}
	r = sqfs_super_write(&w->super, &w->out.base);
	if (r != 0)
		return sqfs_out_error(&w->out, r, e);
	*st = (struct sqfs_stat){ .bytes = padded, .used = used, .inodes = w->count };
	return 0;
}

int sqfs_writer_finish(struct sqfs_writer *w, struct node *root, struct sqfs_stat *st,
		       struct err *e)
{
	int r;

	if (sqfs_data_finish(w->data, e) < 0)
		return -1;
	w->inodes = sqfs_meta_writer_create(&w->out.base, w->cmp, 0);
	w->dirs = sqfs_meta_writer_create(&w->out.base, w->cmp, SQFS_META_WRITER_KEEP_IN_MEMORY);
	w->ids = sqfs_id_table_create(0);
	w->xattrs = sqfs_xattr_writer_create(0);
	if (w->dirs)
		w->dir = sqfs_dir_writer_create(w->dirs, SQFS_DIR_WRITER_CREATE_EXPORT_TABLE);
	if (!w->inodes || !w->ids || !w->xattrs || !w->dir)
		return sqfs_out_error(&w->out, SQFS_ERROR_ALLOC, e);
	w->super.inode_table_start = w->out.size;
	root->inode->number = ++w->count;
	if (write_dir(w, root, e) < 0)
		return -1;
	r = write_tables(w, root);
	return r == 0 ? end(w, st, e) : sqfs_out_error(&w->out, r, e);
}
