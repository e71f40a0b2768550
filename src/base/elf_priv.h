/* elf_priv: the reader that elf.c and elf_symbol.c share. */
#ifndef BASE_ELF_PRIV_H
#define BASE_ELF_PRIV_H

#include "src/base/elf.h"

#define WINDOW	       4096u
#define WINDOWS	       4
#define ELF_NEEDED_MAX 1024u

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
	uint64_t value; /* of the symbol that was found last */
	struct window win[WINDOWS];
};

/* Offsets into the string table are kept until the table is known. */
struct pending {
	size_t nneeded;
	uint64_t soname, rpath, runpath;
	bool has_soname, has_rpath, has_runpath;
	uint64_t needed[ELF_NEEDED_MAX];
};

/* A reader is too large to be cleared for each of a driver's hundred libraries: what is read into
 * stays as it is. */
void elf_reader_init(struct reader *r, struct elf *f, const struct elf_source *src, struct err *e);

/* Each -1 with the error. */
int elf_broken(struct reader *r, const char *what);
/* n bytes at address va. */
int elf_mem_at(struct reader *r, uint64_t va, void *p, size_t n);
/* The name at offset n of the string table; NULL with the error. */
const char *elf_name_at(struct reader *r, uint64_t n);
/* Everything up to the dynamic section's addresses; 1 no ELF file. */
int elf_start(struct reader *r, struct pending *p);

#endif
