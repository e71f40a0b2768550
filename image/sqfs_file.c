#include "image/sqfs_file.h"

#include <errno.h>
#include <sqfs/error.h>
#include <stddef.h>

#include "src/base/fd.h"

static int fail(struct sqfs_out *o, int sys)
{
	if (!o->sys)
		o->sys = sys;
	return SQFS_ERROR_IO;
}

static int out_read(sqfs_file_t *f, sqfs_u64 at, void *p, size_t n)
{
	struct sqfs_out *o = (struct sqfs_out *)f;
	int r = fd_pread(o->fd, p, n, o->off + (off_t)at);

	return r == 0 ? 0 : fail(o, r < 0 ? errno : EIO);
}

static int out_write(sqfs_file_t *f, sqfs_u64 at, const void *p, size_t n)
{
	struct sqfs_out *o = (struct sqfs_out *)f;

	if (fd_pwrite(o->fd, p, n, o->off + (off_t)at) < 0)
		return fail(o, errno);
	if (at + n > o->size)
		o->size = at + n;
	return 0;
}

static sqfs_u64 out_size(const sqfs_file_t *f)
{
	return ((const struct sqfs_out *)f)->size;
}

/* The bytes stay in the file until something is written over them. */
static int out_truncate(sqfs_file_t *f, sqfs_u64 size)
{
	((struct sqfs_out *)f)->size = size;
	return 0;
}

static void out_destroy(sqfs_object_t *o)
{
	(void)o;
}

void sqfs_out_init(struct sqfs_out *o, int fd, off_t off)
{
	*o = (struct sqfs_out){ .fd = fd, .off = off };
	o->base.base.destroy = out_destroy;
	o->base.read_at = out_read;
	o->base.write_at = out_write;
	o->base.get_size = out_size;
	o->base.truncate = out_truncate;
}

int sqfs_out_error(const struct sqfs_out *o, int r, struct err *e)
{
	if (o->sys) {
		errno = o->sys;
		return err_sys(e, "write the image");
	}
	if (r == SQFS_ERROR_ALLOC)
		return err_set(e, ERR_SYS, "write the image: out of memory");
	if (r == SQFS_ERROR_OVERFLOW)
		return err_set(e, ERR_LIMIT, "write the image: a SquashFS limit is exceeded");
	return err_set(e, ERR_SYS, "write the image: libsquashfs error %d", r);
}
