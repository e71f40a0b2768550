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
	bool open_pmi;	   /* Open MPI can speak PMI */
	bool mpich_pmix;   /* MPICH needs libpmix */
	bool mpich_vendor; /* of MPICH's ABI, but built by somebody with a wire-up of his own */
	bool pmix, ucx, fabric;
	/* Versions, "" where a library does not tell. */
	char open[24], mpich[24], pmix_version[24], fabric_abi[24];
};

/* "Open MPI 4.1.4, MPICH 4.0.2; PMIx 4.2.2; UCX; libfabric (FABRIC_1.6)", "none". */
void mpi_parts_words(struct buf *out, const struct mpi_parts *p);

/* One line without a newline.  0: it starts, or nothing speaks against it; 1: it does not.  What
 * a vendor's library or another launcher than Slurm, mpirun and Hydra does without a wire-up
 * that is known here is not judged.
 *
 * families of one program: the answer for that program. */
int mpi_verdict(struct buf *out, const struct launcher *l, const struct mpi_parts *image);

#endif
