/* The descriptors are kept in memory and written last, the header after them: until
 * sif_write_end() has run, the file has no magic. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <time.h>

#include "image/sif.h"
#include "image/sif_format.h"
#include "src/base/fd.h"

struct sif_writer {
	int fd;
	struct sif_write_opts opts;
	char launch[32];
	char arch[3];
	int64_t now;
	int64_t end;	  /* of the last object */
	int64_t part_off; /* of the partition being written, 0 none */
	unsigned n;
	uint8_t table[SIF_SLOTS * SIF_DESC_SIZE];
};

static int64_t align_up(int64_t v, int64_t to)
{
	return (v + to - 1) / to * to;
}

int sif_write_begin(struct sif_writer **out, int fd, const struct sif_write_opts *o, struct err *e)
{
	const char *launch = o->launch ? o->launch : "";
	struct sif_writer *w;

	*out = NULL;
	if (strlen(launch) >= sizeof(w->launch))
		return err_set(e, ERR_USAGE, "SIF launch line is longer than %zu bytes",
			       sizeof(w->launch) - 1);
	w = xcalloc(1, sizeof(*w));
	w->fd = fd;
	w->opts = *o;
	memcpy(w->launch, launch, strlen(launch));
	memcpy(w->arch, o->arch ? o->arch : "00", 2);
	w->now = o->deterministic ? SIF_ZERO_TIME : (int64_t)time(NULL);
	w->end = SIF_DATA_OFF;
	*out = w;
	return 0;
}

/* Fills the next slot for size bytes at off. */
static int add_descriptor(struct sif_writer *w, const struct sif_object *like, int64_t off,
			  int64_t size, struct err *e)
{
	uint8_t *d = w->table + w->n * SIF_DESC_SIZE;

	if (w->n == SIF_SLOTS)
		return err_set(e, ERR_LIMIT, "SIF holds no more than %d objects", SIF_SLOTS);
	sif_set(d + SIF_D_TYPE, 4, (uint32_t)like->type);
	d[SIF_D_USED] = 1;
	sif_set(d + SIF_D_ID, 4, ++w->n);
	sif_set(d + SIF_D_GROUP, 4, SIF_GROUP_BIT | like->group);
	sif_set(d + SIF_D_LINK, 4, like->link);
	sif_set(d + SIF_D_OFF, 8, (uint64_t)off);
	sif_set(d + SIF_D_SIZE, 8, (uint64_t)size);
	sif_set(d + SIF_D_PADDED, 8, (uint64_t)(off - w->end + size));
	sif_set(d + SIF_D_CTIME, 8, (uint64_t)w->now);
	sif_set(d + SIF_D_MTIME, 8, (uint64_t)w->now);
	memcpy(d + SIF_D_NAME, like->name, strnlen(like->name, SIF_NAME_SIZE));
	memcpy(d + SIF_D_EXTRA, like->extra, SIF_EXTRA_SIZE);
	if (like->type == SIF_PARTITION) {
		uint8_t *x = d + SIF_D_EXTRA;

		memset(x, 0, SIF_EXTRA_SIZE);
		sif_set(x + SIF_X_FS, 4, (uint32_t)like->fs);
		sif_set(x + SIF_X_PART, 4, (uint32_t)like->part);
		memcpy(x + SIF_X_ARCH, like->arch, 2);
		if (like->part == SIF_PART_PRIMARY)
			memcpy(w->arch, like->arch, 2);
	}
	w->end = off + size;
	return 0;
}

int sif_write_like(struct sif_writer *w, const struct sif_object *like, const void *p, size_t n,
		   struct err *e)
{
	int64_t off = like->type == SIF_PARTITION ? align_up(w->end, SIF_PART_ALIGN) : w->end;

	if (fd_pwrite(w->fd, p, n, off) < 0)
		return err_sys(e, "write SIF object %u", w->n + 1);
	return add_descriptor(w, like, off, (int64_t)n, e);
}

int sif_write_object(struct sif_writer *w, int32_t type, const char *name, const void *p, size_t n,
		     struct err *e)
{
	struct sif_object o = { .type = type, .group = 1 };

	strncpy(o.name, name ? name : "", SIF_NAME_SIZE);
	return sif_write_like(w, &o, p, n, e);
}

int sif_write_partition_begin(struct sif_writer *w, off_t *off, struct err *e)
{
	if (w->n == SIF_SLOTS)
		return err_set(e, ERR_LIMIT, "SIF holds no more than %d objects", SIF_SLOTS);
	*off = w->part_off = align_up(w->end, SIF_PART_ALIGN);
	return 0;
}

int sif_write_partition_end(struct sif_writer *w, int32_t fs, int32_t part, const char *arch,
			    uint64_t size, struct err *e)
{
	struct sif_object o = { .type = SIF_PARTITION, .group = 1, .fs = fs, .part = part };

	memcpy(o.arch, arch, 2);
	return add_descriptor(w, &o, w->part_off, (int64_t)size, e);
}

static void make_uuid(uint8_t *u)
{
	/* 16 bytes come at once or not at all (getrandom(2)); without them the UUID is nil. */
	if (getrandom(u, 16, 0) != 16) {
		memset(u, 0, 16);
		return;
	}
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
}

int sif_write_end(struct sif_writer *w, struct err *e)
{
	uint8_t h[SIF_HEADER_SIZE] = { 0 };

	memcpy(h + SIF_H_LAUNCH, w->launch, sizeof(w->launch));
	memcpy(h + SIF_H_MAGIC, SIF_MAGIC, sizeof(SIF_MAGIC));
	memcpy(h + SIF_H_VERSION, SIF_VERSION, sizeof(SIF_VERSION));
	memcpy(h + SIF_H_ARCH, w->arch, 2);
	if (!w->opts.deterministic)
		make_uuid(h + SIF_H_UUID);
	sif_set(h + SIF_H_CTIME, 8, (uint64_t)w->now);
	sif_set(h + SIF_H_MTIME, 8, (uint64_t)w->now);
	sif_set(h + SIF_H_FREE, 8, SIF_SLOTS - w->n);
	sif_set(h + SIF_H_TOTAL, 8, SIF_SLOTS);
	sif_set(h + SIF_H_TABLE_OFF, 8, SIF_TABLE_OFF);
	sif_set(h + SIF_H_TABLE_SIZE, 8, sizeof(w->table));
	sif_set(h + SIF_H_DATA_OFF, 8, SIF_DATA_OFF);
	sif_set(h + SIF_H_DATA_SIZE, 8, (uint64_t)(w->end - SIF_DATA_OFF));
	if (fd_pwrite(w->fd, w->table, sizeof(w->table), SIF_TABLE_OFF) < 0 ||
	    fd_pwrite(w->fd, h, sizeof(h), 0) < 0)
		return err_sys(e, "write SIF header");
	return 0;
}

void sif_writer_free(struct sif_writer *w)
{
	free(w);
}
