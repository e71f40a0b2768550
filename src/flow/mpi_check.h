/* mpi_check: which MPI an image and this host have, and whether it starts under the launcher that
 * this very process has.
 *
 *	int r = flow_mpi_check(image path or NULL, &text, e);
 *
 * Nothing is executed: names, and symbols out of ELF files. */
#ifndef FLOW_MPI_CHECK_H
#define FLOW_MPI_CHECK_H

#include "src/base/buf.h"
#include "src/base/err.h"

/* text: a line for the host, one for the image, one verdict.  1: it will not start. */
int flow_mpi_check(const char *image, struct buf *text, struct err *e);

struct launcher;
struct run_image;

/* At a start: the first rank says in one warning that the image's MPI and the launcher's wire-up
 * do not fit.  A warning, because the program need not be an MPI program. */
void mpi_check_warn(struct run_image *image, const struct launcher *l);

#endif
