/* A library of any bytes: reading it ends, without damage, and its lists are whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/elf.h"
#include "tests/unit/elf_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "cuInit", "MPI_Init" };
	struct elf_bytes b = { data, size };
	struct elf_source src = { elf_bytes_read, &b };
	struct elf f;
	bool found[2];
	char text[24];
	struct err e;

	if (elf_read(&f, &src, &e) == 0) {
		size_t sum = 0;

		for (size_t i = 0; i < f.nneeded; i++)
			sum += strlen(f.needed[i]);
		for (size_t i = 0; i < f.nverneed; i++)
			sum += strlen(f.verneed[i].file) + strlen(f.verneed[i].version);
		for (size_t i = 0; i < f.nverdef; i++)
			sum += strlen(f.verdef[i]);
		if (sum > size * 8192 + 1)
			abort();
		elf_fini(&f);
	}
	elf_defines(found, &src, names, 2, &e);
	elf_symbol_text(text, sizeof(text), &src, "MPI_Init", &e);
	elf_text_after(text, sizeof(text), &src, "MPI");
	return 0;
}
