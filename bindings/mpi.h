/* mpi: the MPI, PMIx, UCX and libfabric of host and image, read out of their files, and the host's
 * MPI in the place of the image's.
 *
 *	struct mpi_stack in, out;
 *	mpi_stack_inside(&in, &host, &config);     // host: lend.h
 *	mpi_stack_host(&out, &host, &config);
 *	in.families & out.families                 // what can be swapped
 *
 * An MPI family is an ABI: a program that was built with one member runs with any other, and with
 * none of another family.  libmpi.so.40 is Open MPI from 2.0 on, libmpi.so.12 (Debian and Fedora:
 * libmpich.so.12) MPICH from 3.1 on, Intel MPI, Cray MPICH, MVAPICH2, ParaStation; libmpi_abi is
 *the standard ABI of MPI 5.  libmpi.so.12 was Open MPI 1.10's, too: symbols tell them apart.
 *
 * Source: mpich.org/abi; MPI 5.0 chapter 20; Open MPI's VERSION files. */
#ifndef BINDINGS_MPI_H
#define BINDINGS_MPI_H

#include "bindings/lend.h"

enum mpi_abi { MPI_ABI_OPEN = 1, MPI_ABI_MPICH = 2, MPI_ABI_STANDARD = 4, MPI_ABI_ALL = 7 };

struct mpi_stack {
	unsigned families;	/* enum mpi_abi, or-ed */
	char open[24];		/* version of Open MPI, "" unknown */
	char mpich[24];		/* of MPICH itself */
	bool mpich_vendor;	/* of its ABI, but not MPICH itself: what it speaks is not known */
	bool mpich_pmix;	/* it needs libpmix */
	bool open_pmi;		/* Open MPI has a component for PMI-1 or PMI-2 */
	bool pmix, ucx, fabric; /* there is a library */
	char pmix_version[24], fabric_abi[24];
};

/* The family that a library of this name belongs to; 0: none.  For a name that two families had,
 * the one of today. */
unsigned mpi_abi_of(const char *soname);
/* "Open MPI", "MPICH ABI", "MPI standard ABI"; for a set the lowest. */
const char *mpi_abi_name(unsigned family);

/* host->image must be filled, host->libs is opened where it is not. */
void mpi_stack_inside(struct mpi_stack *out, struct lend_host *host, const struct lend_config *c);
int mpi_stack_host(struct mpi_stack *out, struct lend_host *host, const struct lend_config *c,
		   struct err *e);

/* --- private to bindings/ --- */

/* The path of the host's library of this name: along the caller's LD_LIBRARY_PATH, which is how
 * environment modules choose an MPI, then as the loader finds it.  1: none. */
int mpi_host_path(char **out, struct lend_host *host, const struct lend_config *c,
		  const char *name);
/* Where MPI's installers and distributions put libraries in an image, its LD_LIBRARY_PATH first. */
void mpi_inside_dirs(struct strv *out, const struct lend_config *c);

#endif
