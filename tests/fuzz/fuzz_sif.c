/* A SIF of any bytes: reading it ends without damage, and what it calls sound lies in the file. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/sif.h"
#include "src/base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	auto_sif struct sif *s = NULL;
	struct err e;

	if (fd < 0)
		fd = memfd_create("sif", MFD_CLOEXEC);
	if (ftruncate(fd, 0) < 0 || fd_pwrite(fd, data, size, 0) < 0)
		abort();
	if (sif_read(&s, fd, &e) != 0)
		return 0;
	sif_primary(s);
	for (size_t i = 0; i < s->n; i++) {
		auto_buf struct buf b = { 0 };

		if (sif_object_read(s, fd, &s->obj[i], &b, 1 << 20, &e) < 0 && e.kind != ERR_LIMIT)
			abort();
	}
	return 0;
}
