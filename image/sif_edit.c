#include "image/sif_edit.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/sif_format.h"
#include "src/base/fd.h"

struct edit {
	int fd;
	struct sif *sif;
	uint8_t header[SIF_HEADER_SIZE];
	uint8_t *table;
	int64_t total, now;
};

static void edit_fini(struct edit *x)
{
	sif_free(x->sif);
	free(x->table);
}
#define auto_edit auto_(edit_fini)

/* Everything that sif_read() has checked, and the raw bytes beside it. */
static int edit_begin(struct edit *x, int fd, struct err *e)
{
	int r = sif_read(&x->sif, fd, e);

	if (r == 1)
		return err_set(e, ERR_INPUT, "it is no SIF file");
	if (r < 0)
		return -1;
	x->fd = fd;
	x->total = x->sif->total;
	x->table = xmalloc((size_t)x->total * SIF_DESC_SIZE + 1);
	if (fd_pread(fd, x->header, SIF_HEADER_SIZE, 0) != 0 ||
	    fd_pread(fd, x->table, (size_t)x->total * SIF_DESC_SIZE, x->sif->table_off) != 0)
		return err_sys(e, "read SIF header");
	x->now = x->sif->mtime == SIF_ZERO_TIME ? SIF_ZERO_TIME : (int64_t)time(NULL);
	return 0;
}

static uint8_t *slot(const struct edit *x, int64_t i)
{
	return x->table + i * SIF_DESC_SIZE;
}

/* NULL: there is none. */
static uint8_t *find(const struct edit *x, uint32_t id)
{
	for (int64_t i = 0; i < x->total; i++)
		if (slot(x, i)[SIF_D_USED] && sif_get(slot(x, i) + SIF_D_ID, 4) == id)
			return slot(x, i);
	return NULL;
}

static int edit_end(struct edit *x, struct err *e)
{
	int64_t free_slots = 0;

	for (int64_t i = 0; i < x->total; i++)
		free_slots += !slot(x, i)[SIF_D_USED];
	sif_set(x->header + SIF_H_FREE, 8, (uint64_t)free_slots);
	sif_set(x->header + SIF_H_MTIME, 8, (uint64_t)x->now);
	if (fd_pwrite(x->fd, x->table, (size_t)x->total * SIF_DESC_SIZE, x->sif->table_off) < 0 ||
	    fd_pwrite(x->fd, x->header, SIF_HEADER_SIZE, 0) < 0 || fsync(x->fd) < 0)
		return err_sys(e, "write SIF header");
	return 0;
}

static int64_t data_end(const struct edit *x)
{
	int64_t end = x->sif->data_off;

	for (size_t i = 0; i < x->sif->n; i++)
		end = MAX(end, x->sif->obj[i].off + x->sif->obj[i].size);
	return end;
}

static int copy_in(int from, int to, int64_t off, int64_t *size, struct err *e)
{
	auto_free char *chunk = xmalloc(256 << 10);
	ssize_t n;

	*size = 0;
	while ((n = read(from, chunk, 256 << 10)) > 0) {
		if (fd_pwrite(to, chunk, (size_t)n, off + *size) < 0)
			return err_sys(e, "write the object");
		*size += n;
	}
	return n < 0 ? err_sys(e, "read the object's data") : 0;
}

static void fill(uint8_t *d, const struct sif_object *like, uint32_t id, int64_t off, int64_t size,
		 int64_t padded, int64_t now)
{
	uint8_t *x = d + SIF_D_EXTRA;

	memset(d, 0, SIF_DESC_SIZE);
	sif_set(d + SIF_D_TYPE, 4, (uint32_t)like->type);
	d[SIF_D_USED] = 1;
	sif_set(d + SIF_D_ID, 4, id);
	sif_set(d + SIF_D_GROUP, 4, SIF_GROUP_BIT | like->group);
	sif_set(d + SIF_D_LINK, 4, like->link);
	sif_set(d + SIF_D_OFF, 8, (uint64_t)off);
	sif_set(d + SIF_D_SIZE, 8, (uint64_t)size);
	sif_set(d + SIF_D_PADDED, 8, (uint64_t)padded);
	sif_set(d + SIF_D_CTIME, 8, (uint64_t)now);
	sif_set(d + SIF_D_MTIME, 8, (uint64_t)now);
	memcpy(d + SIF_D_NAME, like->name, strnlen(like->name, SIF_NAME_SIZE));
	memcpy(x, like->extra, SIF_EXTRA_SIZE);
	if (like->type != SIF_PARTITION)
		return;
	memset(x, 0, SIF_EXTRA_SIZE);
	sif_set(x + SIF_X_FS, 4, (uint32_t)like->fs);
	sif_set(x + SIF_X_PART, 4, (uint32_t)like->part);
	memcpy(x + SIF_X_ARCH, like->arch, 2);
}

int sif_edit_add(int fd, const struct sif_object *like, int data_fd, int64_t align, struct err *e)
{
	auto_edit struct edit x = { 0 };
	int64_t end, off, size, i = 0;
	bool primary = like->type == SIF_PARTITION && like->part == SIF_PART_PRIMARY;

	if (edit_begin(&x, fd, e) < 0)
		return -1;
	while (i < x.total && slot(&x, i)[SIF_D_USED])
		i++;
	if (i == x.total)
		return err_set(e, ERR_LIMIT, "all %lld slots of the SIF are taken",
			       (long long)x.total);
	if (primary && sif_primary(x.sif))
		return err_set(e, ERR_EXISTS, "the SIF has a primary system partition already");
	if (!align)
		align = like->type == SIF_PARTITION ? SIF_PART_ALIGN : 1;
	end = data_end(&x);
	off = (end + align - 1) / align * align;
	if (copy_in(data_fd, fd, off, &size, e) < 0)
		return -1;
	fill(slot(&x, i), like, (uint32_t)i + 1, off, size, off - end + size, x.now);
	if (primary)
		memcpy(x.header + SIF_H_ARCH, like->arch, 2);
	sif_set(x.header + SIF_H_DATA_SIZE, 8, (uint64_t)(off + size - x.sif->data_off));
	return edit_end(&x, e);
}

static int absent(uint32_t id, struct err *e)
{
	return err_set(e, ERR_NOTFOUND, "the SIF has no object %u (berth sif list shows them)", id);
}

int sif_edit_delete(int fd, uint32_t id, struct err *e)
{
	auto_edit struct edit x = { 0 };
	uint8_t *d;

	if (edit_begin(&x, fd, e) < 0)
		return -1;
	d = find(&x, id);
	if (!d)
		return absent(id, e);
	if (sif_get(d + SIF_D_TYPE, 4) == SIF_PARTITION &&
	    sif_get(d + SIF_D_EXTRA + SIF_X_PART, 4) == SIF_PART_PRIMARY)
		memcpy(x.header + SIF_H_ARCH, "00", 2);
	memset(d, 0, SIF_DESC_SIZE);
	return edit_end(&x, e);
}

int sif_edit_primary(int fd, uint32_t id, struct err *e)
{
	auto_edit struct edit x = { 0 };
	uint8_t *d;

	if (edit_begin(&x, fd, e) < 0)
		return -1;
	d = find(&x, id);
	if (!d)
		return absent(id, e);
	if (sif_get(d + SIF_D_TYPE, 4) != SIF_PARTITION ||
	    (sif_get(d + SIF_D_EXTRA + SIF_X_PART, 4) != SIF_PART_SYSTEM &&
	     sif_get(d + SIF_D_EXTRA + SIF_X_PART, 4) != SIF_PART_PRIMARY))
		return err_set(e, ERR_USAGE, "object %u is no system partition", id);
	for (int64_t i = 0; i < x.total; i++) {
		uint8_t *other = slot(&x, i);

		if (other[SIF_D_USED] && sif_get(other + SIF_D_TYPE, 4) == SIF_PARTITION &&
		    sif_get(other + SIF_D_EXTRA + SIF_X_PART, 4) == SIF_PART_PRIMARY) {
			sif_set(other + SIF_D_EXTRA + SIF_X_PART, 4, SIF_PART_SYSTEM);
			sif_set(other + SIF_D_MTIME, 8, (uint64_t)x.now);
		}
	}
	sif_set(d + SIF_D_EXTRA + SIF_X_PART, 4, SIF_PART_PRIMARY);
	sif_set(d + SIF_D_MTIME, 8, (uint64_t)x.now);
	memcpy(x.header + SIF_H_ARCH, d + SIF_D_EXTRA + SIF_X_ARCH, 2);
	return edit_end(&x, e);
}
