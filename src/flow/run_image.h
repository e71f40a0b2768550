/* run_image: what a plan needs to know of an image, and what serves it later.
 *
 *	auto_run_image struct run_image r = { 0 };
 *	run_image_open(&r, path, req, &facts.image, e);   // r owns all that facts.image points to
 */
#ifndef FLOW_RUN_IMAGE_H
#define FLOW_RUN_IMAGE_H

#include "image/image.h"
#include "image/squash.h"
#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/plan/facts.h"
#include "src/plan/request.h"

struct run_image {
	struct image *image;
	struct squash *squash; /* NULL for a directory */
	char *path;	       /* absolute */
	struct buf passwd, group;
	bool has_names; /* these are read */
	struct fact_script *scripts;
};

void run_image_fini(struct run_image *r);
#define auto_run_image auto_(run_image_fini)

/* path is a file or directory; cwd what a relative one is relative to.  Reads no more
 * than req's verb needs: a start waits for every block that is decoded here. */
int run_image_open(struct run_image *r, const char *path, const char *cwd,
		   const struct run_req *req, struct facts_image *out, struct err *e);

/* Reads /etc/passwd and /etc/group of the image into out.  Apart, because two blocks
 * have to be decoded for it, half of what a start from a cold image costs: the keeper
 * does it while the launcher goes on. */
void run_image_names(struct run_image *r, struct facts_image *out);

#endif
