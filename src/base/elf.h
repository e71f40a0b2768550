/* elf: what a program or library says about itself, read with a few small reads.
 *
 *	auto_elf struct elf lib = { 0 };
 *	if (elf_read_fd(&lib, fd, e) == 0 && elf_runs_with(&lib, 64, EM_X86_64))
 *		lib.soname, lib.needed[0], lib.verneed[0].version ...
 *
 *	struct elf_source src = { my_read, my_arg };      // a file of an image, bytes in memory
 *	elf_defines(&found, &src, (const char *[]){ "ompi_mpi_comm_world" }, 1, e);
 *
 * Nothing is mapped, so a file that is cut while it is read is an error and no
 * signal.  Every offset, count and length is checked against limits before it is
 * trusted.  Strings belong to the struct and live until elf_fini().
 *
 * Source: System V gABI chapters 4 and 5; LSB Core, "Symbol Versioning"; the GNU
 * hash table as glibc's and binutils' sources have it. */
#ifndef BASE_ELF_H
#define BASE_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/arena.h"
#include "src/base/err.h"
#include "src/base/mem.h"

/* Where the bytes come from. */
struct elf_source {
	/* Up to n bytes at off, fewer only at the end of the file; -1 with errno. */
	ssize_t (*read)(void *arg, void *p, size_t n, uint64_t off);
	void *arg;
};

/* One version that the file wants of another: libc.so.6 must define GLIBC_2.34. */
struct elf_need {
	const char *file;    /* a soname out of needed */
	const char *version; /* "GLIBC_2.34" */
	bool weak;	     /* the loader does without */
};

struct elf {
	int bits;	  /* 32 or 64 */
	bool foreign;	  /* the other byte order: nothing below machine and type is read */
	uint16_t machine; /* EM_* */
	uint16_t type;	  /* ET_EXEC, ET_DYN, ... */

	const char *interp;	     /* the loader, NULL for a library */
	const char *soname;	     /* NULL without one */
	const char *rpath, *runpath; /* as written, "$ORIGIN/..:..."; NULL */
	const char **needed;	     /* sonames, in order */
	size_t nneeded;
	struct elf_need *verneed;
	size_t nverneed;
	const char **verdef; /* versions that it defines, without the file's own name */
	size_t nverdef;
	bool dynamic; /* has a dynamic section: a static program has none */

	struct arena arena; /* private */
};

/* 0 read, 1 it is no ELF file (too short counts), -1: ERR_INPUT for an ELF file that is cut or
 * lies about itself, ERR_SYS when it cannot be read. */
int elf_read(struct elf *out, const struct elf_source *src, struct err *e);
int elf_read_fd(struct elf *out, int fd, struct err *e);
void elf_fini(struct elf *f);
#define auto_elf auto_(elf_fini)

/* A source that reads fd; *fd must outlive it. */
struct elf_source elf_source_fd(const int *fd);

bool elf_runs_with(const struct elf *f, int bits, uint16_t machine);
/* True when version is among verdef. */
bool elf_offers(const struct elf *f, const char *version);
/* found[i]: the file's dynamic symbol table defines names[i].  Answers as elf_read() does; a
 * file without such a table defines nothing. */
int elf_defines(bool *found, const struct elf_source *src, const char *const *names, size_t n,
		struct err *e);

/* The text (printable, at most n - 1 bytes) that a dynamic symbol of this name lies at: a version
 * string that a library exports.  1: no such symbol, or no text there. */
int elf_symbol_text(char *out, size_t n, const struct elf_source *src, const char *name,
		    struct err *e);
/* The printable text that follows the first occurrence of mark anywhere in the file, of which at
 * most 16 MiB are read.  1: not there. */
int elf_text_after(char *out, size_t n, const struct elf_source *src, const char *mark);

/* What this build of Berth runs on: EM_* and 32 or 64. */
uint16_t elf_own_machine(void);
int elf_own_bits(void);

#endif
