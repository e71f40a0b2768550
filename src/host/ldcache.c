#include "src/host/ldcache.h"

#include <string.h>

#define OLD_MAGIC "ld.so-1.7.0"
#define NEW_MAGIC "glibc-ld.so.cache1.1"

/* Sizes and places of the two layouts. */
enum {
	OLD_HEADER = 16, /* magic, padding, number of entries */
	OLD_ENTRY = 12,	 /* flags, name, path */
	NEW_HEADER = 48, /* magic, number of entries, length of strings, flags, extensions */
	NEW_ENTRY = 24,	 /* flags, name, path, OS version, hardware capabilities */
};

#define ENTRIES_MAX (1u << 20)

struct layout {
	const char *base; /* what names count from */
	size_t len;	  /* bytes from there on, to the last NUL */
	const char *entries;
	uint32_t n;
	size_t size; /* of an entry */
};

static uint32_t u32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static int broken(struct err *e, const char *what)
{
	return err_set(e, ERR_INPUT, "damaged ld.so.cache: %s", what);
}

static int layout_new(struct layout *l, const char *p, size_t n, struct err *e)
{
	if (n < NEW_HEADER)
		return broken(e, "its header is cut");
	l->n = u32(p + 20);
	l->base = p;
	l->len = n;
	l->entries = p + NEW_HEADER;
	l->size = NEW_ENTRY;
	if (l->n > ENTRIES_MAX || l->n > (n - NEW_HEADER) / NEW_ENTRY)
		return broken(e, "it has fewer entries than it says");
	return 0;
}

static int layout_find(struct layout *l, const char *p, size_t n, struct err *e)
{
	size_t end;
	uint32_t count;

	if (n >= strlen(NEW_MAGIC) && !memcmp(p, NEW_MAGIC, strlen(NEW_MAGIC)))
		return layout_new(l, p, n, e);
	if (n < OLD_HEADER || memcmp(p, OLD_MAGIC, strlen(OLD_MAGIC)) != 0)
		return broken(e, "it begins with neither known word");
	count = u32(p + 12);
	if (count > ENTRIES_MAX || count > (n - OLD_HEADER) / OLD_ENTRY)
		return broken(e, "it has fewer entries than it says");
	end = OLD_HEADER + (size_t)count * OLD_ENTRY;
	/* The newer table stands behind, where its 64-bit fields are aligned. */
	end = (end + 7) & ~(size_t)7;
	if (n > end && n - end >= strlen(NEW_MAGIC) &&
	    !memcmp(p + end, NEW_MAGIC, strlen(NEW_MAGIC)))
		return layout_new(l, p + end, n - end, e);
	end = OLD_HEADER + (size_t)count * OLD_ENTRY;
	*l = (struct layout){ p + end, n - end, p + OLD_HEADER, count, OLD_ENTRY };
	return 0;
}

/* Every string that begins in front of the last NUL has an end. */
static void strings_bound(struct layout *l)
{
	const char *last = l->len ? memrchr(l->base, 0, l->len) : NULL;

	l->len = last ? (size_t)(last - l->base) + 1 : 0;
}

static const char *text(const struct layout *l, uint32_t at)
{
	return at < l->len ? l->base + at : NULL;
}

/* The ABI, as ldconfig writes it; ELF files for libc 6 only. */
static int bits_of(uint32_t flags)
{
	static const struct {
		uint32_t abi;
		int bits;
	} known[] = {
		{ 0x0300, 64 }, /* x86-64 */
		{ 0x0400, 64 }, /* s390x */
		{ 0x0500, 64 }, /* ppc64 */
		{ 0x0900, 32 }, /* arm, hard float */
		{ 0x0a00, 64 }, /* aarch64 */
		{ 0x1000, 64 }, /* riscv64, double float */
		{ 0x0000, sizeof(void *) == 8 ? 32 : (int)sizeof(void *) * 8 },
	};

	if ((flags & 0xff) != 3 && (flags & 0xff) != 1)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if ((flags & 0xff00) == known[i].abi)
			return known[i].bits;
	return 0;
}

static uint32_t hash(const char *s)
{
	uint32_t h = 5381;

	for (; *s; s++)
		h = h * 33 + (unsigned char)*s;
	return h;
}

/* From the last entry to the first, so that each chain is in the order of the table. */
static void index_make(struct ldcache *c)
{
	c->nbuckets_ = 64;
	while (c->nbuckets_ < c->n)
		c->nbuckets_ *= 2;
	c->bucket_ = xmalloc(c->nbuckets_ * sizeof(*c->bucket_));
	for (size_t i = 0; i < c->nbuckets_; i++)
		c->bucket_[i] = (uint32_t)c->n;
	for (size_t i = c->n; i-- > 0;) {
		uint32_t *b = &c->bucket_[hash(c->v[i].name) & (c->nbuckets_ - 1)];

		c->v[i].next_ = *b;
		*b = (uint32_t)i;
	}
}

int ldcache_parse(struct ldcache *out, const char *p, size_t n, struct err *e)
{
	struct layout l = { 0 };
	struct ldcache c = { 0 };

	*out = c;
	if (layout_find(&l, p, n, e) < 0)
		return -1;
	strings_bound(&l);
	c.v = xcalloc((size_t)l.n + 1, sizeof(*c.v));
	for (uint32_t i = 0; i < l.n; i++) {
		const char *entry = l.entries + (size_t)i * l.size;
		const char *name = text(&l, u32(entry + 4)), *path = text(&l, u32(entry + 8));
		uint64_t hwcap = 0;

		if (!name || !path) {
			free(c.v);
			return broken(e, "a name outside of it");
		}
		if (l.size == NEW_ENTRY)
			memcpy(&hwcap, entry + 16, sizeof(hwcap));
		if (!hwcap && path[0] == '/')
			c.v[c.n++] = (struct ldcache_entry){ name, path, bits_of(u32(entry)), 0 };
	}
	index_make(&c);
	*out = c;
	return 0;
}

void ldcache_fini(struct ldcache *c)
{
	free(c->v);
	free(c->bucket_);
	*c = (struct ldcache){ 0 };
}

static size_t match(const struct ldcache *c, size_t i, const char *name)
{
	while (i < c->n && strcmp(c->v[i].name, name) != 0)
		i = c->v[i].next_;
	return i;
}

size_t ldcache_first(const struct ldcache *c, const char *name)
{
	if (!c->n)
		return 0;
	return match(c, c->bucket_[hash(name) & (c->nbuckets_ - 1)], name);
}

size_t ldcache_next(const struct ldcache *c, size_t i)
{
	return match(c, c->v[i].next_, c->v[i].name);
}
