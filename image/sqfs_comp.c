/* A wrapper around libsquashfs's compressors, for two reasons.  It compresses gzip blocks with
 * zlib; libdeflate at level 6 makes blocks of the same size as zlib at 9 in a tenth of the time.
 * And its lz4 hands out blocks that are larger than what they hold, which the kernel reads but
 * unsquashfs 4.5 calls corrupt.  What is on disk about options is libsquashfs's own. */
#include "image/sqfs_comp.h"

#include <libdeflate.h>
#include <sqfs/error.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/mem.h"

static const struct {
	const char *name;
	enum sqfs_comp comp;
	int max, dflt; /* levels; no level can be given when max is 0 */
} comps[] = {
	{ "gzip", COMP_GZIP, 12, 6 },
	{ "zstd", COMP_ZSTD, 22, 3 },
	{ "xz", COMP_XZ, 9, 6 },
	{ "lz4", COMP_LZ4, 0, 0 },
};

int sqfs_comp_parse(enum sqfs_comp *comp, int *level, const char *text, struct err *e)
{
	size_t n = strcspn(text, ":");

	for (size_t i = 0; i < ARRAY_LEN(comps); i++) {
		char *end;
		long v;

		if (strlen(comps[i].name) != n || strncmp(comps[i].name, text, n) != 0)
			continue;
		*comp = comps[i].comp;
		*level = 0;
		if (!text[n])
			return 0;
		if (comps[i].max == 0)
			return err_set(e, ERR_USAGE, "compression %s has no levels", comps[i].name);
		v = strtol(text + n + 1, &end, 10);
		if (end == text + n + 1 || *end || v < 1 || v > comps[i].max)
			return err_set(e, ERR_USAGE,
				       "compression %s has levels 1 to %d, not \"%s\"",
				       comps[i].name, comps[i].max, text + n + 1);
		*level = (int)v;
		return 0;
	}
	return err_set(e, ERR_USAGE,
		       "unknown compression \"%s\": there are zstd[:1-22], "
		       "gzip[:1-12], xz[:1-9] and lz4",
		       text);
}

struct packer {
	sqfs_compressor_t base; /* must be first */
	sqfs_compressor_t *inner;
	struct libdeflate_compressor *z; /* for gzip, else NULL */
	int level;
};

static void packer_config(const sqfs_compressor_t *c, sqfs_compressor_config_t *cfg)
{
	const struct packer *p = (const struct packer *)c;

	p->inner->get_configuration(p->inner, cfg);
}

static int packer_write_options(sqfs_compressor_t *c, sqfs_file_t *file)
{
	struct packer *p = (struct packer *)c;

	return p->inner->write_options(p->inner, file);
}

static int packer_read_options(sqfs_compressor_t *c, sqfs_file_t *file)
{
	struct packer *p = (struct packer *)c;

	return p->inner->read_options(p->inner, file);
}

/* 0: it does not get smaller, store it as it is. */
static sqfs_s32 packer_block(sqfs_compressor_t *c, const sqfs_u8 *in, sqfs_u32 n, sqfs_u8 *out,
			     sqfs_u32 max)
{
	struct packer *p = (struct packer *)c;
	sqfs_s32 r = p->z ? (sqfs_s32)libdeflate_zlib_compress(p->z, in, n, out, MIN(max, n))
			  : p->inner->do_block(p->inner, in, n, out, max);

	return r < 0 || (sqfs_u32)r < n ? r : 0;
}

static void packer_destroy(sqfs_object_t *o)
{
	struct packer *p = (struct packer *)o;

	sqfs_destroy(p->inner);
	if (p->z)
		libdeflate_free_compressor(p->z);
	free(p);
}

static struct packer *packer_new(sqfs_compressor_t *inner, bool deflate, int level);

/* Each compression thread has one. */
static sqfs_object_t *packer_copy(const sqfs_object_t *o)
{
	const struct packer *p = (const struct packer *)o;
	sqfs_compressor_t *inner = sqfs_copy(p->inner);

	return inner ? &packer_new(inner, p->z, p->level)->base.base : NULL;
}

static struct packer *packer_new(sqfs_compressor_t *inner, bool deflate, int level)
{
	struct packer *p = xcalloc(1, sizeof(*p));

	p->base.base.destroy = packer_destroy;
	p->base.base.copy = packer_copy;
	p->base.get_configuration = packer_config;
	p->base.write_options = packer_write_options;
	p->base.read_options = packer_read_options;
	p->base.do_block = packer_block;
	p->inner = inner;
	p->level = level;
	p->z = deflate ? libdeflate_alloc_compressor(level) : NULL;
	if (deflate && !p->z)
		abort(); /* out of memory, as xmalloc */
	return p;
}

static int default_level(enum sqfs_comp comp)
{
	for (size_t i = 0; i < ARRAY_LEN(comps); i++)
		if (comps[i].comp == comp)
			return comps[i].dflt;
	return 0;
}

int sqfs_comp_new(sqfs_compressor_t **out, enum sqfs_comp comp, int level, uint32_t block_size,
		  struct err *e)
{
	sqfs_compressor_config_t cfg;
	sqfs_compressor_t *inner;

	if (comp == COMP_DEFAULT)
		comp = COMP_ZSTD;
	if (level == 0)
		level = default_level(comp);
	if (sqfs_compressor_config_init(&cfg, (SQFS_COMPRESSOR)comp, block_size, 0) != 0)
		return err_set(e, ERR_UNSUPPORTED, "compression %d is not supported", (int)comp);
	if (level > 0)
		cfg.level = (sqfs_u32)(comp == COMP_GZIP ? MIN(level, 9) : level);
	if (sqfs_compressor_create(&cfg, &inner) != 0)
		return err_set(e, ERR_UNSUPPORTED, "compression %d at level %d is not supported",
			       (int)comp, level);
	*out = &packer_new(inner, comp == COMP_GZIP, level)->base;
	return 0;
}
