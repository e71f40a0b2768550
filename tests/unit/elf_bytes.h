/* elf_bytes: bytes in memory as an ELF file.
 *
 *	struct elf_bytes b = { data, size };
 *	struct elf_source src = { elf_bytes_read, &b };
 */
#ifndef TESTS_UNIT_ELF_BYTES_H
#define TESTS_UNIT_ELF_BYTES_H

#include <string.h>

#include "src/base/elf.h"

struct elf_bytes {
	const void *p;
	size_t n;
};

static inline ssize_t elf_bytes_read(void *arg, void *p, size_t n, uint64_t off)
{
	const struct elf_bytes *b = arg;

	if (off >= b->n)
		return 0;
	n = MIN(n, b->n - (size_t)off);
	memcpy(p, (const char *)b->p + off, n);
	return (ssize_t)n;
}

#endif
