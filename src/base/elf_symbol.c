/* Single names, through the hash table that the dynamic loader itself uses. */
#include "src/base/elf_priv.h"

#include <string.h>

#define CHAIN_MAX (1u << 16) /* symbols looked at for one name; linkers make chains of a few */

static uint32_t hash_sysv(const char *s)
{
	uint32_t h = 0;

	for (; *s; s++) {
		h = (h << 4) + (unsigned char)*s;
		h ^= h >> 24 & 0xf0;
		h &= 0x0fffffff;
	}
	return h;
}

static uint32_t hash_gnu(const char *s)
{
	uint32_t h = 5381;

	for (; *s; s++)
		h = h * 33 + (unsigned char)*s;
	return h;
}

/* 1: symbol i is defined and has this name. */
static int symbol_is(struct reader *r, uint64_t i, const char *name)
{
	Elf64_Sym s;
	Elf32_Sym s32;
	const char *has;

	if (r->f->bits == 64) {
		if (elf_mem_at(r, r->symtab + i * sizeof(s), &s, sizeof(s)) < 0)
			return -1;
	} else {
		if (elf_mem_at(r, r->symtab + i * sizeof(s32), &s32, sizeof(s32)) < 0)
			return -1;
		s = (Elf64_Sym){ .st_name = s32.st_name,
				 .st_value = s32.st_value,
				 .st_shndx = s32.st_shndx };
	}
	if (s.st_shndx == SHN_UNDEF)
		return 0;
	has = elf_name_at(r, s.st_name);
	r->value = s.st_value;
	return has ? !strcmp(has, name) : -1;
}

static int find_gnu(struct reader *r, const char *name)
{
	uint32_t head[4]; /* buckets, first symbol, bloom words, shift */
	uint32_t want = hash_gnu(name), i, h;
	uint64_t buckets, chain;
	int x = 0;

	if (elf_mem_at(r, r->gnu_hash, head, sizeof(head)) < 0)
		return -1;
	if (!head[0])
		return 0;
	buckets = r->gnu_hash + sizeof(head) + (uint64_t)head[2] * (r->f->bits / 8);
	chain = buckets + (uint64_t)head[0] * 4;
	if (elf_mem_at(r, buckets + (uint64_t)(want % head[0]) * 4, &i, 4) < 0)
		return -1;
	if (i < head[1])
		return 0;
	for (uint32_t n = 0; n < CHAIN_MAX && !x; n++, i++) {
		if (elf_mem_at(r, chain + (uint64_t)(i - head[1]) * 4, &h, 4) < 0)
			return -1;
		if ((h | 1) == (want | 1))
			x = symbol_is(r, i, name);
		if (h & 1)
			break;
	}
	return x;
}

static int find_sysv(struct reader *r, const char *name)
{
	uint32_t head[2], i; /* buckets, symbols */
	int x = 0;

	if (elf_mem_at(r, r->hash, head, sizeof(head)) < 0)
		return -1;
	if (!head[0])
		return 0;
	if (elf_mem_at(r, r->hash + 8 + (uint64_t)(hash_sysv(name) % head[0]) * 4, &i, 4) < 0)
		return -1;
	for (uint32_t n = 0; n < CHAIN_MAX && i && !x; n++) {
		x = symbol_is(r, i, name);
		if (!x && elf_mem_at(r, r->hash + 8 + ((uint64_t)head[0] + i) * 4, &i, 4) < 0)
			return -1;
	}
	return x;
}

int elf_defines(bool *found, const struct elf_source *src, const char *const *names, size_t n,
		struct err *e)
{
	auto_elf struct elf f = { 0 };
	struct reader r;
	struct pending p;
	int x;

	elf_reader_init(&r, &f, src, e);
	x = elf_start(&r, &p);
	for (size_t i = 0; i < n; i++) {
		int got = 0;

		found[i] = false;
		if (!x && r.symtab && (r.gnu_hash || r.hash))
			got = r.gnu_hash ? find_gnu(&r, names[i]) : find_sysv(&r, names[i]);
		if (got < 0)
			return -1;
		found[i] = got > 0;
	}
	return x;
}

static bool is_text(unsigned char c)
{
	return c >= ' ' && c < 0x7f;
}

/* Cuts at what is not printable; 1 when nothing is left. */
static int text_take(char *out, size_t n, const char *from, size_t len)
{
	size_t k = 0;

	while (k + 1 < n && k < len && is_text((unsigned char)from[k])) {
		out[k] = from[k];
		k++;
	}
	out[k] = '\0';
	return k == 0;
}

int elf_symbol_text(char *out, size_t n, const struct elf_source *src, const char *name,
		    struct err *e)
{
	auto_elf struct elf f = { 0 };
	struct reader r;
	struct pending p;
	int x, got = 0;
	char c;
	size_t k = 0;

	elf_reader_init(&r, &f, src, e);
	x = elf_start(&r, &p);
	*out = '\0';
	if (x)
		return x;
	if (r.symtab && (r.gnu_hash || r.hash))
		got = r.gnu_hash ? find_gnu(&r, name) : find_sysv(&r, name);
	if (got < 0)
		return -1;
	for (uint64_t at = r.value; got && k + 1 < n; at++) {
		if (elf_mem_at(&r, at, &c, 1) < 0 || !is_text((unsigned char)c))
			break;
		out[k++] = c;
	}
	out[k] = '\0';
	return k == 0;
}

int elf_text_after(char *out, size_t n, const struct elf_source *src, const char *mark)
{
	enum { PART = 1 << 16, PARTS = 256 };
	size_t len = strlen(mark), keep = len + n;
	auto_free char *buf = xmalloc(keep + PART);
	size_t have = 0;
	uint64_t off = 0;

	*out = '\0';
	for (int i = 0; i < PARTS; i++) {
		ssize_t got = src->read(src->arg, buf + have, PART, off);
		const char *at;

		if (got <= 0)
			return 1;
		off += (uint64_t)got;
		have += (size_t)got;
		at = memmem(buf, have, mark, len);
		if (at) {
			const char *text = at + len;

			/* What follows may stand in the next part. */
			if ((size_t)(buf + have - text) < n && got == PART) {
				ssize_t more = src->read(src->arg, buf + have,
							 MIN(n, keep + PART - have), off);
				have += more > 0 ? (size_t)more : 0;
			}
			return text_take(out, n, text, (size_t)(buf + have - text));
		}
		if (have > keep) {
			memmove(buf, buf + have - keep, keep);
			have = keep;
		}
	}
	return 1;
}
