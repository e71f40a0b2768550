/* verdict: will this MPI start under that launcher, and what to do when it will not.
 *
 *	auto_buf struct buf line = { 0 };
 *	if (mpi_verdict(&line, &launcher, &image) > 0)
 *		... // it will not; line names the remedy
 *
 * Pure.  What it knows was tried with Debian's builds (Open MPI 4.1 and 5.0 have PMIx and no PMI;
 * MPICH 3.4 to 4.2 have PMI and no PMIx): others may be built with more. */
#ifndef MPI_VERDICT_H
#define MPI_VERDICT_H

#include <stdbool.h>

#include "mpi/launcher.h"
#include "src/base/buf.h"

enum mpi_family { MPI_OPEN = 1, MPI_MPICH = 2, MPI_STANDARD_ABI = 4 };

struct mpi_parts {
	unsigned families; /* enum mpi_family, or-ed */
	bool pmix, ucx, fabric;
};

/* "Open MPI, MPICH ABI; PMIx; UCX", "none". */
void mpi_parts_words(struct buf *out, const struct mpi_parts *p);

/* One line without a newline.  0: it starts, or nothing speaks against it; 1: it does not. */
int mpi_verdict(struct buf *out, const struct launcher *l, const struct mpi_parts *image);

#endif
