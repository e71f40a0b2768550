#include "image/part.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/sif.h"
#include "src/base/buf.h"
#include "src/base/fd.h"

enum { EXT_MAGIC_AT = 1024 + 56 };

void part_close(struct part *p)
{
	close_p_(&p->fd);
	p->fd = -1;
}

static const char *part_name(int32_t part)
{
	static const char *const names[] = { [SIF_PART_SYSTEM] = "system",
					     [SIF_PART_PRIMARY] = "primary system",
					     [SIF_PART_DATA] = "data",
					     [SIF_PART_OVERLAY] = "overlay" };

	return part > 0 && (size_t)part < ARRAY_LEN(names) ? names[part] : "unknown";
}

static int none_found(const struct sif *s, unsigned id, struct err *e)
{
	auto_buf struct buf list = { 0 };

	for (size_t i = 0; i < s->n; i++)
		if (s->obj[i].type == SIF_PARTITION)
			buf_printf(&list, "%s%u (%s)", list.len ? ", " : "", s->obj[i].id,
				   part_name(s->obj[i].part));
	if (!id)
		return err_set(e, ERR_NOTFOUND, "it has no partition to take");
	return err_set(e, ERR_NOTFOUND, "it has no partition %u; its partitions are %s", id,
		       list.len ? buf_str(&list) : "none");
}

static const struct sif_object *choose(const struct sif *s, enum part_use use, unsigned id)
{
	int32_t wanted = use == PART_DATA ? SIF_PART_DATA : SIF_PART_OVERLAY;

	for (size_t i = 0; i < s->n; i++) {
		const struct sif_object *o = &s->obj[i];

		if (o->type == SIF_PARTITION && (id ? o->id == id : o->part == wanted))
			return o;
	}
	return id ? NULL : sif_primary(s);
}

static int from_sif(struct part *p, const struct sif *s, enum part_use use, unsigned id,
		    struct err *e)
{
	const struct sif_object *o = choose(s, use, id);

	if (!o)
		return none_found(s, id, e);
	if (o->fs != SIF_FS_SQUASH && o->fs != SIF_FS_EXT3)
		return err_set(e, ERR_UNSUPPORTED,
			       "its partition %u is %s; only SquashFS and ext3 can be mounted",
			       o->id,
			       o->fs == SIF_FS_LUKS || o->fs == SIF_FS_GOCRYPTFS
				       ? "encrypted"
				       : "no file system");
	p->off = o->off;
	p->size = o->size;
	p->is_ext = o->fs == SIF_FS_EXT3;
	return 0;
}

static int from_plain(struct part *p, off_t size, unsigned id, struct err *e)
{
	unsigned char head[EXT_MAGIC_AT + 2] = { 0 };

	if (id)
		return err_set(e, ERR_USAGE, "it is no SIF, so id=%u means nothing", id);
	if (fd_pread(p->fd, head, sizeof(head), 0) < 0)
		return err_sys(e, "read");
	p->off = 0;
	p->size = size;
	p->is_ext = head[EXT_MAGIC_AT] == 0x53 && head[EXT_MAGIC_AT + 1] == 0xEF;
	if (!p->is_ext && memcmp(head, "hsqs", 4) != 0)
		return err_set(e, ERR_INPUT, "it is no SIF, SquashFS or ext3 image");
	return 0;
}

static int look(struct part *p, enum part_use use, unsigned id, struct err *e)
{
	auto_sif struct sif *s = NULL;
	struct stat st;
	int r;

	if (fstat(p->fd, &st) < 0)
		return err_sys(e, "stat");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "it is no file");
	r = sif_read(&s, p->fd, e);
	if (r < 0)
		return -1;
	return r == 0 ? from_sif(p, s, use, id, e) : from_plain(p, st.st_size, id, e);
}

int part_open(struct part *out, const char *path, enum part_use use, unsigned id, struct err *e)
{
	/* O_NONBLOCK: a FIFO must not hold us up. */
	auto_part struct part p = { .fd = open(path,
					       O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) };

	if (p.fd < 0)
		return err_sys(e, "image %s", path);
	if (look(&p, use, id, e) < 0)
		return err_wrap(e, "image %s", path);
	*out = p;
	p.fd = -1;
	return 0;
}
