/* overlay_create: an empty layer that a container's changes can go to.
 *
 *	struct overlay_req r = { .path = "layer.img", .size = 64 };
 *	flow_overlay_create(&r, e);
 *
 * An image holds an ext3 file system with upper/ and work/, made by mke2fs of the host
 * (e2fsprogs); a SIF gets it as an overlay partition; a directory gets the two below it. */
#ifndef FLOW_OVERLAY_CREATE_H
#define FLOW_OVERLAY_CREATE_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"

struct overlay_req {
	const char *path;
	unsigned size;		 /* MiB; 0: OVERLAY_SIZE_LEAST */
	bool sparse;		 /* blocks are taken when they are written */
	bool dir;		 /* path is a directory, made when it is not there */
	struct strv create_dirs; /* absolute paths to have in upper/ */
};

#define OVERLAY_SIZE_LEAST 64

void overlay_req_fini(struct overlay_req *r);

/* ERR_EXISTS when path is there and no SIF, ERR_UNSUPPORTED without mke2fs and for a SIF that is
 * signed, encrypted or has a writable overlay. */
int flow_overlay_create(const struct overlay_req *r, struct err *e);

#endif
