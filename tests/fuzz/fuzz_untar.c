/* Layers of any bytes: read, merged, and written as an image, which must then open.
 *
 * The input is an archive, or up to three with a block that starts with "-- layer --" between,
 * lowest first.  Checksums of header blocks are put right first: they keep a fuzzer out and an
 * attacker not. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/flatten.h"
#include "image/squash.h"

enum { BLOCK = 512, LAYERS = 3, LARGEST = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct piece {
	const uint8_t *p;
	size_t n;
};

static void mend(uint8_t *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (int i = 0; i < BLOCK; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
}

static size_t split(uint8_t *data, size_t size, struct piece out[static LAYERS])
{
	size_t n = 1;

	out[0] = (struct piece){ data, size };
	for (size_t at = 0; at + BLOCK <= size; at += BLOCK) {
		if (!memcmp(data + at, "-- layer --", 11) && n < LAYERS) {
			out[n - 1].n = (size_t)(data + at - out[n - 1].p);
			out[n++] = (struct piece){ data + at + BLOCK, size - at - BLOCK };
		} else if (!memcmp(data + at + 257, "ustar", 5)) {
			mend(data + at);
		}
	}
	return n;
}

static int open_piece(struct stream **out, void *arg, struct err *e)
{
	const struct piece *p = arg;

	(void)e;
	*out = stream_mem(p->p, p->n);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	uint8_t *copy = size && size <= LARGEST ? xmemdup(data, size) : NULL;
	struct layer_input in[LAYERS] = { { .name = "layer" } };
	struct flatten_opts o = { .comp = COMP_LZ4,
				  .threads = 1,
				  .block_size = 4096,
				  .max_bytes = 1 << 20,
				  .max_entries = 500,
				  .max_ratio = 1000 };
	struct squash *s = NULL;
	struct piece pieces[LAYERS];
	struct flatten_stat st;
	struct err e;
	size_t n;

	if (!copy)
		return 0;
	if (fd < 0)
		fd = memfd_create("image", MFD_CLOEXEC);
	n = split(copy, size, pieces);
	for (size_t i = 0; i < n; i++)
		in[i] = (struct layer_input){ .name = "layer",
					      .open = open_piece,
					      .arg = &pieces[i] };
	if (flatten(fd, 0, in, n, NULL, 0, &o, &st, &e) == 0 &&
	    squash_open(&s, fd, 0, -1, NULL, &e) < 0)
		abort();
	squash_close(s);
	free(copy);
	return 0;
}
