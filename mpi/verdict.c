#include "mpi/verdict.h"

#include <string.h>

void mpi_parts_words(struct buf *out, const struct mpi_parts *p)
{
	const struct {
		unsigned family;
		const char *name, *version;
	} names[] = { { MPI_OPEN, "Open MPI", p->open },
		      { MPI_MPICH, p->mpich_vendor ? "MPICH ABI" : "MPICH", p->mpich },
		      { MPI_STANDARD_ABI, "MPI standard ABI", "" } };
	const char *sep = "";

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (p->families & names[i].family) {
			buf_printf(out, "%s%s%s%s", sep, names[i].name,
				   *names[i].version ? " " : "", names[i].version);
			sep = ", ";
		}
	if (!p->families)
		buf_adds(out, "none");
	if (p->pmix)
		buf_printf(out, "; PMIx%s%s", *p->pmix_version ? " " : "", p->pmix_version);
	if (p->ucx)
		buf_adds(out, "; UCX");
	if (p->fabric && *p->fabric_abi)
		buf_printf(out, "; libfabric (%s)", p->fabric_abi);
	else if (p->fabric)
		buf_adds(out, "; libfabric");
}

static int unlaunched(struct buf *out, const struct mpi_parts *image)
{
	buf_adds(out, "start it with");
	if (image->families & MPI_OPEN)
		buf_adds(out, " mpirun of Open MPI or srun --mpi=pmix (Open MPI)");
	if (image->families & MPI_MPICH)
		buf_printf(out, "%s mpirun of MPICH or srun --mpi=pmi2 (MPICH)",
			   image->families & MPI_OPEN ? ";" : "");
	return 0;
}

static int unknown(struct buf *out, const struct launcher *l)
{
	buf_printf(out, "whether it starts under %s is not known here", l->name);
	return 0;
}

static int over_pmix(struct buf *out, const struct launcher *l, const struct mpi_parts *p)
{
	if (p->families & MPI_OPEN || (p->families & MPI_MPICH && p->mpich_pmix)) {
		buf_printf(out, "%s runs under %s over PMIx",
			   p->families & MPI_OPEN ? "Open MPI" : "MPICH", l->name);
		return 0;
	}
	if (p->mpich_vendor)
		return unknown(out, l);
	buf_printf(out,
		   "MPICH does not start under %s over PMIx: each rank would be alone, rank 0 "
		   "of 1; use srun --mpi=pmi2 or mpirun of MPICH",
		   l->name);
	return 1;
}

static int over_pmi(struct buf *out, const struct launcher *l, const struct mpi_parts *p)
{
	if (p->families & MPI_MPICH || p->open_pmi) {
		buf_printf(out, "%s runs under %s over PMI",
			   p->families & MPI_MPICH ? "MPICH" : "Open MPI", l->name);
		return 0;
	}
	buf_printf(out,
		   "Open MPI does not start under %s over PMI; use srun --mpi=pmix or mpirun of "
		   "Open MPI",
		   l->name);
	return 1;
}

/* Slurm's PMI-1 library works without srun's help, and vendors have their own ways. */
static int over_nothing(struct buf *out, const struct launcher *l, const struct mpi_parts *p)
{
	unsigned known = p->families & (MPI_OPEN | MPI_MPICH);

	if (strcmp(l->name, "Slurm") != 0 || (known & MPI_OPEN && p->open_pmi) || p->mpich_vendor)
		return unknown(out, l);
	buf_printf(out, "%s gives its ranks no wire-up; use srun --mpi=%s", l->name,
		   known == MPI_MPICH  ? "pmi2"
		   : known == MPI_OPEN ? "pmix"
				       : "pmix (Open MPI) or --mpi=pmi2 (MPICH)");
	return 1;
}

int mpi_verdict(struct buf *out, const struct launcher *l, const struct mpi_parts *image)
{
	if (!(image->families & (MPI_OPEN | MPI_MPICH))) {
		buf_adds(out, image->families ? "its MPI is not one whose wire-up is known here"
					      : "there is no MPI library where images have them");
		return 0;
	}
	if (!l->name)
		return unlaunched(out, image);
	switch (l->wire) {
	case WIRE_PMIX:
		return over_pmix(out, l, image);
	case WIRE_PMI:
		return over_pmi(out, l, image);
	case WIRE_NONE:
		break;
	}
	return over_nothing(out, l, image);
}
