/* run_images: the image files beside the root that a request takes something from,
 * opened once each.
 *
 *	auto_run_images struct run_images im = { 0 };
 *	run_images_gather(&im, req, &facts, e);   // im owns all that facts points to
 *	im.file[i].squash                         // serves plan->images[i]
 */
#ifndef FLOW_RUN_IMAGES_H
#define FLOW_RUN_IMAGES_H

#include "image/part.h"
#include "image/squash.h"
#include "src/plan/facts.h"
#include "src/plan/plan.h"

struct run_image_file {
	const char *path; /* these three as wanted */
	unsigned id;
	enum fact_image_use use;
	struct part part;
	struct squash *squash;
	char *fuse2fs, *overlayfs; /* an ext file system, and who serves it; then squash is NULL */
	const char *unwritable;	   /* why an ext file system cannot take changes; NULL: it can */
	struct err why;		   /* kind ERR_NONE: it is open */
	size_t index;		   /* in files */
};

struct run_images {
	struct plan_image_wants wants;
	struct run_image_file *file; /* one for each (path, id, use); not all are open */
	size_t n;
	struct run_image_file **files; /* those that are, as facts.image_files */
	size_t nfiles;
	struct run_image_file **of; /* for each want, as facts.images */
	struct fact_image *facts;
	struct fact_image_file *file_facts;
	char **why;
};

void run_images_fini(struct run_images *r);
#define auto_run_images auto_(run_images_fini)

/* Fills f->images and f->image_files.  What cannot be opened is a fact, not an error. */
int run_images_gather(struct run_images *r, const struct run_req *req, struct facts *f,
		      struct err *e);

#endif
