/* Reads go through a few small windows: headers, the dynamic section, version tables and the names
 * that they point to lie close together in a library, so that one of many megabytes costs about
 * five reads of 4 KiB. */
#include "src/base/elf.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define WINDOW	     4096u
#define WINDOWS	     4
#define PHDRS_MAX    512u
#define DYNAMIC_MAX  4096u
#define NEEDED_MAX   1024u
#define LIST_MAX     4096u	/* version needs, version definitions: each */
#define NAME_LONGEST 4096u	/* a search path may be long */
#define CHAIN_MAX    (1u << 20) /* symbols looked at for one name */

struct window {
	uint64_t off;
	size_t len;
	unsigned used; /* when */
	unsigned char data[WINDOW];
};

struct segment {
	uint64_t vaddr, off, size;
};

struct reader {
	const struct elf_source *src;
	struct elf *f;
	struct err *e;
	unsigned clock;
	struct segment load[16];
	size_t nload;
	uint64_t dyn_off, dyn_size, interp_off, interp_size;
	/* Out of the dynamic section: addresses, 0 when absent. */
	uint64_t strtab, strsz, symtab, verneed, verneednum, verdef, verdefnum, hash, gnu_hash;
	struct window win[WINDOWS];
};

static int broken(struct reader *r, const char *what)
{
	return err_set(r->e, ERR_INPUT, "damaged ELF file: %s", what);
}

/* Loads the window that begins at off; NULL with the error. */
static struct window *window_at(struct reader *r, uint64_t off)
{
	struct window *w = &r->win[0];
	ssize_t n;

	for (size_t i = 0; i < WINDOWS; i++) {
		struct window *o = &r->win[i];

		if (o->len && off >= o->off && off - o->off < o->len) {
			o->used = ++r->clock;
			return o;
		}
		if (o->used < w->used)
			w = o;
	}
	w->len = 0;
	n = r->src->read(r->src->arg, w->data, WINDOW, off);
	if (n < 0) {
		err_sys(r->e, "read");
		return NULL;
	}
	if (n == 0) {
		broken(r, "it ends before its tables do");
		return NULL;
	}
	w->off = off;
	w->len = MIN((size_t)n, WINDOW);
	w->used = ++r->clock;
	return w;
}

/* Exactly n bytes at off of the file. */
static int bytes_at(struct reader *r, uint64_t off, void *p, size_t n)
{
	unsigned char *to = p;

	if (off > INT64_MAX - n)
		return broken(r, "an offset outside of the file");
	while (n) {
		const struct window *w = window_at(r, off);
		size_t part;

		if (!w)
			return -1;
		part = MIN(n, w->len - (size_t)(off - w->off));
		memcpy(to, w->data + (off - w->off), part);
		to += part;
		off += part;
		n -= part;
	}
	return 0;
}

/* The file offset of address va. */
static int offset_of(struct reader *r, uint64_t va, uint64_t *off)
{
	for (size_t i = 0; i < r->nload; i++) {
		const struct segment *s = &r->load[i];

		if (va >= s->vaddr && va - s->vaddr < s->size) {
			*off = s->off + (va - s->vaddr);
			return 0;
		}
	}
	return broken(r, "an address outside of its segments");
}

static int mem_at(struct reader *r, uint64_t va, void *p, size_t n)
{
	uint64_t off;

	return offset_of(r, va, &off) < 0 ? -1 : bytes_at(r, off, p, n);
}

/* The NUL-terminated text at off of the file, at most max bytes of it; the arena's. */
static const char *text_at(struct reader *r, uint64_t off, uint64_t max)
{
	char text[NAME_LONGEST];
	size_t n = 0;

	while (n < sizeof(text) && n < max) {
		const struct window *w = window_at(r, off + n);
		const unsigned char *from, *nul;
		size_t part;

		if (!w)
			return NULL;
		from = w->data + (off + n - w->off);
		part = MIN(w->len - (size_t)(from - w->data), sizeof(text) - n);
		nul = memchr(from, 0, part);
		part = nul ? (size_t)(nul - from) : part;
		memcpy(text + n, from, part);
		n += part;
		if (nul)
			return arena_strndup(&r->f->arena, text, n);
	}
	broken(r, "a name without an end");
	return NULL;
}

/* The name at offset n of the string table. */
static const char *name_at(struct reader *r, uint64_t n)
{
	uint64_t off;

	if (n >= r->strsz) {
		broken(r, "a name outside of its table");
		return NULL;
	}
	return offset_of(r, r->strtab + n, &off) < 0 ? NULL : text_at(r, off, r->strsz - n);
}

static bool is_native(const unsigned char *ident)
{
	return ident[EI_DATA] == (BYTE_ORDER == LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB);
}

static uint16_t swap_if(bool swap, uint16_t v)
{
	return swap ? (uint16_t)(v << 8 | v >> 8) : v;
}

struct header {
	uint64_t phoff;
	unsigned phnum, phentsize;
};

/* 0, 1 no ELF file, -1.  h->phnum is 0 for the other byte order. */
static int header_read(struct reader *r, struct header *h)
{
	unsigned char ident[EI_NIDENT];
	Elf64_Ehdr e64;
	Elf32_Ehdr e32;
	ssize_t n = r->src->read(r->src->arg, r->win[0].data, WINDOW, 0);
	bool swap;

	if (n < 0)
		return err_sys(r->e, "read");
	r->win[0].len = MIN((size_t)n, WINDOW);
	if (r->win[0].len < sizeof(ident) || memcmp(r->win[0].data, ELFMAG, SELFMAG) != 0)
		return 1;
	memcpy(ident, r->win[0].data, sizeof(ident));
	if (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64)
		return broken(r, "neither 32 nor 64 bits");
	if (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB)
		return broken(r, "an unknown byte order");
	r->f->bits = ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
	swap = r->f->foreign = !is_native(ident);
	if (r->f->bits == 64) {
		if (bytes_at(r, 0, &e64, sizeof(e64)) < 0)
			return -1;
		*h = (struct header){ e64.e_phoff, e64.e_phnum, e64.e_phentsize };
	} else {
		if (bytes_at(r, 0, &e32, sizeof(e32)) < 0)
			return -1;
		e64.e_type = e32.e_type;
		e64.e_machine = e32.e_machine;
		*h = (struct header){ e32.e_phoff, e32.e_phnum, e32.e_phentsize };
	}
	r->f->type = swap_if(swap, e64.e_type);
	r->f->machine = swap_if(swap, e64.e_machine);
	if (swap)
		h->phnum = 0;
	return 0;
}

static void segment_note(struct reader *r, const Elf64_Phdr *p)
{
	if (p->p_type == PT_LOAD && r->nload < ARRAY_LEN(r->load))
		r->load[r->nload++] = (struct segment){ p->p_vaddr, p->p_offset, p->p_filesz };
	if (p->p_type == PT_DYNAMIC) {
		r->dyn_off = p->p_offset;
		r->dyn_size = p->p_filesz;
		r->f->dynamic = true;
	}
	if (p->p_type == PT_INTERP) {
		r->interp_off = p->p_offset;
		r->interp_size = p->p_filesz;
	}
}

static int segments_read(struct reader *r, const struct header *h)
{
	size_t size = r->f->bits == 64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	if (h->phnum > PHDRS_MAX || (h->phnum && h->phentsize != size))
		return broken(r, "its program headers");
	for (unsigned i = 0; i < h->phnum; i++) {
		uint64_t off = h->phoff + (uint64_t)i * size;
		Elf64_Phdr p64;
		Elf32_Phdr p32;

		if (r->f->bits == 64) {
			if (bytes_at(r, off, &p64, sizeof(p64)) < 0)
				return -1;
		} else {
			if (bytes_at(r, off, &p32, sizeof(p32)) < 0)
				return -1;
			p64 = (Elf64_Phdr){ .p_type = p32.p_type,
					    .p_offset = p32.p_offset,
					    .p_vaddr = p32.p_vaddr,
					    .p_filesz = p32.p_filesz };
		}
		segment_note(r, &p64);
	}
	return 0;
}

/* Offsets into the string table are kept until the table is known. */
struct pending {
	uint64_t needed[NEEDED_MAX];
	size_t nneeded;
	uint64_t soname, rpath, runpath;
	bool has_soname, has_rpath, has_runpath;
};

/* 1 at the end of the section. */
static int dynamic_entry(struct reader *r, struct pending *p, int64_t tag, uint64_t v)
{
	uint64_t *field = NULL;

	switch (tag) {
	case DT_NULL:
		return 1;
	case DT_NEEDED:
		if (p->nneeded == NEEDED_MAX)
			return broken(r, "it needs too many libraries");
		p->needed[p->nneeded++] = v;
		break;
	case DT_SONAME:
		p->soname = v, p->has_soname = true;
		break;
	case DT_RPATH:
		p->rpath = v, p->has_rpath = true;
		break;
	case DT_RUNPATH:
		p->runpath = v, p->has_runpath = true;
		break;
	/* clang-format off */
	case DT_STRTAB:     field = &r->strtab; break;
	case DT_STRSZ:      field = &r->strsz; break;
	case DT_SYMTAB:     field = &r->symtab; break;
	case DT_VERNEED:    field = &r->verneed; break;
	case DT_VERNEEDNUM: field = &r->verneednum; break;
	case DT_VERDEF:     field = &r->verdef; break;
	case DT_VERDEFNUM:  field = &r->verdefnum; break;
	case DT_HASH:       field = &r->hash; break;
	case DT_GNU_HASH:   field = &r->gnu_hash; break;
	/* clang-format on */
	default:
		break;
	}
	if (field)
		*field = v;
	return 0;
}

static int dynamic_scan(struct reader *r, struct pending *p)
{
	size_t size = r->f->bits == 64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	uint64_t n = r->dyn_size / size;
	int end = 0;

	for (uint64_t i = 0; i < n && !end; i++) {
		Elf64_Dyn d64;
		Elf32_Dyn d32;
		uint64_t off = r->dyn_off + i * size;

		if (i == DYNAMIC_MAX)
			return broken(r, "its dynamic section has no end");
		if (r->f->bits == 64) {
			if (bytes_at(r, off, &d64, sizeof(d64)) < 0)
				return -1;
			end = dynamic_entry(r, p, d64.d_tag, d64.d_un.d_val);
		} else {
			if (bytes_at(r, off, &d32, sizeof(d32)) < 0)
				return -1;
			end = dynamic_entry(r, p, d32.d_tag, d32.d_un.d_val);
		}
	}
	return end < 0 ? -1 : 0;
}

static int names_read(struct reader *r, const struct pending *p)
{
	struct elf *f = r->f;

	f->needed = arena_array(&f->arena, const char *, p->nneeded + 1);
	for (size_t i = 0; i < p->nneeded; i++) {
		f->needed[i] = name_at(r, p->needed[i]);
		if (!f->needed[i])
			return -1;
		f->nneeded++;
	}
	if ((p->has_soname && !(f->soname = name_at(r, p->soname))) ||
	    (p->has_rpath && !(f->rpath = name_at(r, p->rpath))) ||
	    (p->has_runpath && !(f->runpath = name_at(r, p->runpath))))
		return -1;
	return 0;
}

/* The layouts of these tables are the same in both classes. */
static int verneed_read(struct reader *r)
{
	struct elf *f = r->f;
	uint64_t at = r->verneed;
	size_t cap = 0;
	struct elf_need *list = NULL;

	for (uint64_t i = 0; r->verneed && i < r->verneednum; i++) {
		Elf64_Verneed need;
		const char *file;
		uint64_t aux;

		if (i == LIST_MAX)
			return broken(r, "too many version needs");
		if (mem_at(r, at, &need, sizeof(need)) < 0 || !(file = name_at(r, need.vn_file)))
			return -1;
		aux = at + need.vn_aux;
		for (unsigned k = 0; k < need.vn_cnt; k++) {
			Elf64_Vernaux a;
			const char *version;

			if (f->nverneed == LIST_MAX)
				return broken(r, "too many version needs");
			if (mem_at(r, aux, &a, sizeof(a)) < 0 ||
			    !(version = name_at(r, a.vna_name)))
				return -1;
			if (f->nverneed == cap) {
				struct elf_need *more;

				cap = cap ? cap * 2 : 16;
				more = arena_array(&f->arena, struct elf_need, cap);
				if (f->nverneed)
					memcpy(more, list, f->nverneed * sizeof(*list));
				list = more;
			}
			list[f->nverneed++] =
				(struct elf_need){ file, version,
						   (a.vna_flags & VER_FLG_WEAK) != 0 };
			f->verneed = list;
			if (!a.vna_next)
				break;
			aux += a.vna_next;
		}
		if (!need.vn_next)
			break;
		at += need.vn_next;
	}
	return 0;
}

static int verdef_read(struct reader *r)
{
	struct elf *f = r->f;
	uint64_t at = r->verdef, n = r->verdef ? r->verdefnum : 0;

	if (n > LIST_MAX)
		return broken(r, "too many version definitions");
	f->verdef = arena_array(&f->arena, const char *, n + 1);
	for (uint64_t i = 0; i < n; i++) {
		Elf64_Verdef def;
		Elf64_Verdaux aux;
		const char *name;

		if (mem_at(r, at, &def, sizeof(def)) < 0 ||
		    mem_at(r, at + def.vd_aux, &aux, sizeof(aux)) < 0 ||
		    !(name = name_at(r, aux.vda_name)))
			return -1;
		if (!(def.vd_flags & VER_FLG_BASE))
			f->verdef[f->nverdef++] = name;
		if (!def.vd_next)
			break;
		at += def.vd_next;
	}
	return 0;
}

/* Everything up to the dynamic section's addresses; 1 no ELF file. */
static int start(struct reader *r, struct pending *p)
{
	struct header h = { 0 };
	int x = header_read(r, &h);

	if (x)
		return x;
	if (segments_read(r, &h) < 0)
		return -1;
	if (r->interp_size && !(r->f->interp = text_at(r, r->interp_off, r->interp_size)))
		return -1;
	return r->f->dynamic ? dynamic_scan(r, p) : 0;
}

int elf_read(struct elf *out, const struct elf_source *src, struct err *e)
{
	struct reader r = { .src = src, .f = out, .e = e };
	struct pending *p = xcalloc(1, sizeof(*p));
	int x;

	*out = (struct elf){ 0 };
	x = start(&r, p);
	if (!x && out->dynamic &&
	    (names_read(&r, p) < 0 || verneed_read(&r) < 0 || verdef_read(&r) < 0))
		x = -1;
	free(p);
	if (x)
		elf_fini(out);
	return x;
}

static ssize_t read_fd(void *arg, void *p, size_t n, uint64_t off)
{
	ssize_t r;

	do
		r = pread(*(const int *)arg, p, n, (off_t)off);
	while (r < 0 && errno == EINTR);
	return r;
}

struct elf_source elf_source_fd(const int *fd)
{
	return (struct elf_source){ read_fd, (void *)(uintptr_t)fd };
}

int elf_read_fd(struct elf *out, int fd, struct err *e)
{
	struct elf_source src = elf_source_fd(&fd);

	return elf_read(out, &src, e);
}

void elf_fini(struct elf *f)
{
	arena_fini(&f->arena);
	*f = (struct elf){ 0 };
}

bool elf_runs_with(const struct elf *f, int bits, uint16_t machine)
{
	return !f->foreign && f->bits == bits && f->machine == machine;
}

bool elf_offers(const struct elf *f, const char *version)
{
	for (size_t i = 0; i < f->nverdef; i++)
		if (!strcmp(f->verdef[i], version))
			return true;
	return false;
}

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
		if (mem_at(r, r->symtab + i * sizeof(s), &s, sizeof(s)) < 0)
			return -1;
	} else {
		if (mem_at(r, r->symtab + i * sizeof(s32), &s32, sizeof(s32)) < 0)
			return -1;
		s = (Elf64_Sym){ .st_name = s32.st_name, .st_shndx = s32.st_shndx };
	}
	if (s.st_shndx == SHN_UNDEF)
		return 0;
	has = name_at(r, s.st_name);
	return has ? !strcmp(has, name) : -1;
}

static int find_gnu(struct reader *r, const char *name)
{
	uint32_t head[4]; /* buckets, first symbol, bloom words, shift */
	uint32_t want = hash_gnu(name), i, h;
	uint64_t buckets, chain;
	int x = 0;

	if (mem_at(r, r->gnu_hash, head, sizeof(head)) < 0)
		return -1;
	if (!head[0])
		return 0;
	buckets = r->gnu_hash + sizeof(head) + (uint64_t)head[2] * (r->f->bits / 8);
	chain = buckets + (uint64_t)head[0] * 4;
	if (mem_at(r, buckets + (uint64_t)(want % head[0]) * 4, &i, 4) < 0)
		return -1;
	if (i < head[1])
		return 0;
	for (uint32_t n = 0; n < CHAIN_MAX && !x; n++, i++) {
		if (mem_at(r, chain + (uint64_t)(i - head[1]) * 4, &h, 4) < 0)
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

	if (mem_at(r, r->hash, head, sizeof(head)) < 0)
		return -1;
	if (!head[0])
		return 0;
	if (mem_at(r, r->hash + 8 + (uint64_t)(hash_sysv(name) % head[0]) * 4, &i, 4) < 0)
		return -1;
	for (uint32_t n = 0; n < CHAIN_MAX && i && !x; n++) {
		x = symbol_is(r, i, name);
		if (!x && mem_at(r, r->hash + 8 + ((uint64_t)head[0] + i) * 4, &i, 4) < 0)
			return -1;
	}
	return x;
}

int elf_defines(bool *found, const struct elf_source *src, const char *const *names, size_t n,
		struct err *e)
{
	auto_elf struct elf f = { 0 };
	struct reader r = { .src = src, .f = &f, .e = e };
	struct pending *p = xcalloc(1, sizeof(*p));
	int x = start(&r, p);

	free(p);
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

uint16_t elf_own_machine(void)
{
#if defined(__x86_64__)
	return EM_X86_64;
#elif defined(__i386__)
	return EM_386;
#elif defined(__aarch64__)
	return EM_AARCH64;
#elif defined(__powerpc64__)
	return EM_PPC64;
#elif defined(__riscv)
	return EM_RISCV;
#elif defined(__s390x__)
	return EM_S390;
#else
	return EM_NONE;
#endif
}

int elf_own_bits(void)
{
	return (int)sizeof(void *) * 8;
}
