/* The reference library checks magic and version only.  Here every rule that a reader leans on
 * is checked once, in sif_read(), so that nobody behind it has to. */
#include "image/sif.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "image/sif_format.h"
#include "src/base/fd.h"

#define MAX_SLOTS 16384 /* writers make 48; a table of 9.6 MB is nobody's image */

static const char *const arch_names[] = {
	"unknown", "386",    "amd64",  "arm",	   "arm64", "ppc64",   "ppc64le",
	"mips",	   "mipsle", "mips64", "mips64le", "s390x", "riscv64", "loong64",
};
static const char *const arch_codes[] = {
	"00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13",
};

const char *sif_arch_code(const char *goarch)
{
	for (size_t i = 1; i < ARRAY_LEN(arch_names); i++)
		if (!strcmp(arch_names[i], goarch))
			return arch_codes[i];
	return arch_codes[0];
}

const char *sif_arch_name(const char *code)
{
	for (size_t i = 1; i < ARRAY_LEN(arch_codes); i++)
		if (!strcmp(arch_codes[i], code))
			return arch_names[i];
	return arch_names[0];
}

struct table {
	int64_t total, off, size;
	int64_t data_off, data_size;
	int64_t file_size;
};

/* Rounding and addition of hostile numbers: a + b <= limit, without overflow. */
static bool fits(int64_t a, int64_t b, int64_t limit)
{
	return a >= 0 && b >= 0 && a <= limit && b <= limit - a;
}

static int check_table(const struct table *t, struct err *e)
{
	if (t->total < 0 || t->total > MAX_SLOTS)
		return err_set(e, ERR_INPUT, "SIF header: %" PRId64 " descriptors (limit %d)",
			       t->total, MAX_SLOTS);
	if (t->size != t->total * SIF_DESC_SIZE)
		return err_set(e, ERR_INPUT,
			       "SIF header: table of %" PRId64 " bytes for %" PRId64 " descriptors",
			       t->size, t->total);
	if (t->off < SIF_HEADER_SIZE || !fits(t->off, t->size, t->file_size))
		return err_set(e, ERR_INPUT,
			       "SIF header: descriptor table lies outside the file (truncated?)");
	if (t->data_off < 0 || t->data_size < 0)
		return err_set(e, ERR_INPUT, "SIF header: negative data section");
	return 0;
}

static void parse_header(struct sif *s, struct table *t, const uint8_t *h)
{
	memcpy(s->launch, h + SIF_H_LAUNCH, 32);
	memcpy(s->arch, h + SIF_H_ARCH, 2);
	memcpy(s->uuid, h + SIF_H_UUID, 16);
	s->ctime = sif_get_i64(h + SIF_H_CTIME);
	s->mtime = sif_get_i64(h + SIF_H_MTIME);
	t->total = sif_get_i64(h + SIF_H_TOTAL);
	t->off = sif_get_i64(h + SIF_H_TABLE_OFF);
	t->size = sif_get_i64(h + SIF_H_TABLE_SIZE);
	s->data_off = t->data_off = sif_get_i64(h + SIF_H_DATA_OFF);
	s->data_size = t->data_size = sif_get_i64(h + SIF_H_DATA_SIZE);
}

static void parse_descriptor(struct sif_object *o, const uint8_t *d)
{
	uint32_t group = (uint32_t)sif_get(d + SIF_D_GROUP, 4);

	o->type = (int32_t)sif_get(d + SIF_D_TYPE, 4);
	o->id = (uint32_t)sif_get(d + SIF_D_ID, 4);
	o->group = group & ~SIF_GROUP_BIT;
	o->link = (uint32_t)sif_get(d + SIF_D_LINK, 4);
	o->off = sif_get_i64(d + SIF_D_OFF);
	o->size = sif_get_i64(d + SIF_D_SIZE);
	o->ctime = sif_get_i64(d + SIF_D_CTIME);
	o->mtime = sif_get_i64(d + SIF_D_MTIME);
	memcpy(o->name, d + SIF_D_NAME, SIF_NAME_SIZE);
	memcpy(o->extra, d + SIF_D_EXTRA, SIF_EXTRA_SIZE);
	if (o->type == SIF_PARTITION) {
		o->fs = (int32_t)sif_get(o->extra + SIF_X_FS, 4);
		o->part = (int32_t)sif_get(o->extra + SIF_X_PART, 4);
		memcpy(o->arch, o->extra + SIF_X_ARCH, 2);
	}
}

static int check_object(const struct sif_object *o, const struct table *t, struct err *e)
{
	int64_t table_end = t->off + t->size;

	if (!fits(o->off, o->size, t->file_size))
		return err_set(e, ERR_INPUT,
			       "SIF object %u (offset %" PRId64 ", size %" PRId64
			       ") lies outside the file of %" PRId64 " bytes (truncated?)",
			       o->id, o->off, o->size, t->file_size);
	if (o->size > 0 &&
	    (o->off < SIF_HEADER_SIZE || (o->off < table_end && o->off + o->size > t->off)))
		return err_set(e, ERR_INPUT, "SIF object %u overlaps the header or the table",
			       o->id);
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct sif_object *x = *(struct sif_object *const *)a;
	const struct sif_object *y = *(struct sif_object *const *)b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static int check_together(const struct sif *s, struct err *e)
{
	auto_free struct sif_object **o = xcalloc(s->n + 1, sizeof(*o));
	size_t n = 0, primaries = 0;

	for (size_t i = 0; i < s->n; i++) {
		primaries += s->obj[i].part == SIF_PART_PRIMARY;
		if (s->obj[i].size > 0)
			o[n++] = &s->obj[i];
	}
	if (primaries > 1)
		return err_set(e, ERR_INPUT, "SIF has %zu primary system partitions", primaries);
	qsort(o, n, sizeof(*o), by_offset);
	for (size_t i = 1; i < n; i++)
		if (o[i - 1]->off + o[i - 1]->size > o[i]->off)
			return err_set(e, ERR_INPUT, "SIF objects %u and %u overlap", o[i - 1]->id,
				       o[i]->id);
	return 0;
}

static int read_table(struct sif *s, int fd, const struct table *t, struct err *e)
{
	auto_free uint8_t *raw = xmalloc((size_t)t->size + 1);
	size_t used = 0;

	if (fd_pread(fd, raw, (size_t)t->size, t->off) < 0)
		return err_sys(e, "read SIF descriptors");
	for (int64_t i = 0; i < t->total; i++)
		used += raw[i * SIF_DESC_SIZE + SIF_D_USED] != 0;
	s->obj = xcalloc(used + 1, sizeof(*s->obj));
	for (int64_t i = 0; i < t->total; i++) {
		const uint8_t *d = raw + i * SIF_DESC_SIZE;

		if (!d[SIF_D_USED])
			continue;
		parse_descriptor(&s->obj[s->n], d);
		if (check_object(&s->obj[s->n++], t, e) < 0)
			return -1;
	}
	return check_together(s, e);
}

int sif_read(struct sif **out, int fd, struct err *e)
{
	auto_sif struct sif *s = xcalloc(1, sizeof(*s));
	uint8_t h[SIF_HEADER_SIZE];
	struct table t;
	struct stat st;

	*out = NULL;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	switch (fd_pread(fd, h, sizeof(h), 0)) {
	case 0:
		break;
	case 1:
		return 1;
	default:
		return err_sys(e, "read SIF header");
	}
	if (memcmp(h + SIF_H_MAGIC, SIF_MAGIC, sizeof(SIF_MAGIC)) != 0)
		return 1;
	if (memcmp(h + SIF_H_VERSION, SIF_VERSION, sizeof(SIF_VERSION)) != 0)
		return err_set(e, ERR_UNSUPPORTED, "SIF format version other than %s", SIF_VERSION);
	parse_header(s, &t, h);
	t.file_size = st.st_size;
	if (check_table(&t, e) < 0 || read_table(s, fd, &t, e) < 0)
		return -1;
	s->total = t.total;
	s->table_off = t.off;
	*out = take_ptr(s);
	return 0;
}

void sif_free(struct sif *s)
{
	if (!s)
		return;
	free(s->obj);
	free(s);
}

const struct sif_object *sif_primary(const struct sif *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->obj[i].part == SIF_PART_PRIMARY)
			return &s->obj[i];
	return NULL;
}

const struct sif_object *sif_find(const struct sif *s, int32_t type, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->obj[i].type == type && (!name || !strcmp(s->obj[i].name, name)))
			return &s->obj[i];
	return NULL;
}

int sif_object_read(const struct sif *s, int fd, const struct sif_object *o, struct buf *out,
		    size_t max, struct err *e)
{
	(void)s;
	if ((uint64_t)o->size > max)
		return err_set(e, ERR_LIMIT,
			       "SIF object %u of %" PRId64 " bytes is larger than the limit of %zu",
			       o->id, o->size, max);
	buf_reserve(out, (size_t)o->size);
	switch (fd_pread(fd, out->data + out->len, (size_t)o->size, o->off)) {
	case 0:
		break;
	case 1:
		return err_set(e, ERR_INPUT, "SIF object %u: the file ends inside it", o->id);
	default:
		return err_sys(e, "read SIF object %u", o->id);
	}
	out->len += (size_t)o->size;
	out->data[out->len] = '\0';
	return 0;
}
