/* run_save: the root of a container becomes an image (--save-as).
 *
 *	run_save_only(plan);                          // nothing but the image and its layers
 *	return run_save("new.sif", image, x, plan, keeper, e);
 *
 * For the Slurm plugin's --container-save: what a step has changed lies in a layer over its
 * image, and both together are packed as the kernel shows them.  The result is a SIF with the
 * configuration of its image, or for a name that ends in .sqsh or .sqfs a bare SquashFS;
 * everything in it is root's. */
#ifndef FLOW_RUN_SAVE_H
#define FLOW_RUN_SAVE_H

#include "src/base/err.h"
#include "src/enter/enter.h"
#include "src/flow/run_image.h"

/* Takes the mounts and the engine's own files out of p. */
void run_save_only(struct plan *p);

/* The calling process ends up inside.  An existing file is replaced. */
int run_save(const char *path, const struct run_image *image, struct enter *x, const struct plan *p,
	     int keeper, struct err *e);

#endif
