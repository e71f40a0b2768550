/* run_program: the file that a plan's program will be, read before anything is started.
 *
 *	auto_elf struct elf f = { 0 };
 *	if (run_program_elf(&f, plan, &image) == 0)
 *		... f.needed[i]
 *
 * A guess that is right in the usual cases: mounts of the host are followed by name, links that
 *lead from one into another are not, and nothing is looked for in layers over the image. */
#ifndef FLOW_RUN_PROGRAM_H
#define FLOW_RUN_PROGRAM_H

#include "src/base/elf.h"
#include "src/flow/run_image.h"
#include "src/plan/plan.h"

/* 1: it is a script, or was not found. */
int run_program_elf(struct elf *out, const struct plan *p, struct run_image *image);

#endif
