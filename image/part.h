/* part: the file system of an image file that is not the one being run: a data
 * partition to bind from, an overlay partition to lay over the root.
 *
 *	struct part p;
 *	if (part_open(&p, "data.sif", PART_DATA, 0, e) < 0) ...
 *	squash_open(&sq, p.fd, p.off, p.size, NULL, e);
 *	part_close(&p);
 *
 * A bare SquashFS or ext file system is a file with one partition. */
#ifndef IMAGE_PART_H
#define IMAGE_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/mem.h"

enum part_use { PART_DATA, PART_OVERLAY };

struct part {
	int fd;
	int64_t off, size;
	bool is_ext; /* an ext file system; else SquashFS */
};

/* id 0: the first data or overlay partition, the system where a SIF has no such; else
 * the partition with that descriptor, whatever it is for.  ERR_NOTFOUND: no such file or
 * partition, with those that there are; ERR_INPUT: no image; ERR_UNSUPPORTED: a file
 * system that is neither. */
int part_open(struct part *out, const char *path, enum part_use use, unsigned id, struct err *e);
void part_close(struct part *p);
#define auto_part auto_(part_close)

#endif
