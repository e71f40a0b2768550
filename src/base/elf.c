/* Reads go through a few small windows: headers, the dynamic section, version tables and the names
 * that they point to lie close together in a library, so that one of many megabytes costs about
 * five reads of 4 KiB. */
#include "src/base/elf_priv.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define PHDRS_MAX    512u
#define DYNAMIC_MAX  4096u
#define LIST_MAX     4096u /* version needs, version definitions: each */
#define NAME_LONGEST 4096u /* a search path may be long */

int elf_broken(struct reader *r, const char *what)
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
		elf_broken(r, "it ends before its tables do");
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
		return elf_broken(r, "an offset outside of the file");
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
	return elf_broken(r, "an address outside of its segments");
}

int elf_mem_at(struct reader *r, uint64_t va, void *p, size_t n)
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
	elf_broken(r, "a name without an end");
	return NULL;
}

/* The name at offset n of the string table. */
const char *elf_name_at(struct reader *r, uint64_t n)
{
	uint64_t off;

	if (n >= r->strsz) {
		elf_broken(r, "a name outside of its table");
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
		return elf_broken(r, "neither 32 nor 64 bits");
	if (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB)
		return elf_broken(r, "an unknown byte order");
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
		return elf_broken(r, "its program headers");
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

/* 1 at the end of the section. */
static int dynamic_entry(struct reader *r, struct pending *p, int64_t tag, uint64_t v)
{
	uint64_t *field = NULL;

	switch (tag) {
	case DT_NULL:
		return 1;
	case DT_NEEDED:
		if (p->nneeded == ELF_NEEDED_MAX)
			return elf_broken(r, "it needs too many libraries");
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
			return elf_broken(r, "its dynamic section has no end");
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
		f->needed[i] = elf_name_at(r, p->needed[i]);
		if (!f->needed[i])
			return -1;
		f->nneeded++;
	}
	if ((p->has_soname && !(f->soname = elf_name_at(r, p->soname))) ||
	    (p->has_rpath && !(f->rpath = elf_name_at(r, p->rpath))) ||
	    (p->has_runpath && !(f->runpath = elf_name_at(r, p->runpath))))
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
			return elf_broken(r, "too many version needs");
		if (elf_mem_at(r, at, &need, sizeof(need)) < 0 ||
		    !(file = elf_name_at(r, need.vn_file)))
			return -1;
		aux = at + need.vn_aux;
		for (unsigned k = 0; k < need.vn_cnt; k++) {
			Elf64_Vernaux a;
			const char *version;

			if (f->nverneed == LIST_MAX)
				return elf_broken(r, "too many version needs");
			if (elf_mem_at(r, aux, &a, sizeof(a)) < 0 ||
			    !(version = elf_name_at(r, a.vna_name)))
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
		return elf_broken(r, "too many version definitions");
	f->verdef = arena_array(&f->arena, const char *, n + 1);
	for (uint64_t i = 0; i < n; i++) {
		Elf64_Verdef def;
		Elf64_Verdaux aux;
		const char *name;

		if (elf_mem_at(r, at, &def, sizeof(def)) < 0 ||
		    elf_mem_at(r, at + def.vd_aux, &aux, sizeof(aux)) < 0 ||
		    !(name = elf_name_at(r, aux.vda_name)))
			return -1;
		if (!(def.vd_flags & VER_FLG_BASE))
			f->verdef[f->nverdef++] = name;
		if (!def.vd_next)
			break;
		at += def.vd_next;
	}
	return 0;
}

void elf_reader_init(struct reader *r, struct elf *f, const struct elf_source *src, struct err *e)
{
	memset(r, 0, offsetof(struct reader, win));
	for (size_t i = 0; i < WINDOWS; i++)
		memset(&r->win[i], 0, offsetof(struct window, data));
	r->f = f;
	r->src = src;
	r->e = e;
}

/* Everything up to the dynamic section's addresses; 1 no ELF file. */
int elf_start(struct reader *r, struct pending *p)
{
	struct header h = { 0 };
	int x = header_read(r, &h);

	memset(p, 0, offsetof(struct pending, needed));
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
	struct reader r;
	struct pending p;
	int x;

	*out = (struct elf){ 0 };
	elf_reader_init(&r, out, src, e);
	x = elf_start(&r, &p);
	if (!x && out->dynamic &&
	    (names_read(&r, &p) < 0 || verneed_read(&r) < 0 || verdef_read(&r) < 0))
		x = -1;
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
