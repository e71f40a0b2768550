#include "mpi/verdict.h"

void mpi_parts_words(struct buf *out, const struct mpi_parts *p)
{
	static const struct {
		unsigned family;
		const char *name;
	} names[] = { { MPI_OPEN, "Open MPI" },
		      { MPI_MPICH, "MPICH ABI" },
		      { MPI_STANDARD_ABI, "MPI standard ABI" } };
	const char *sep = "";

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (p->families & names[i].family) {
			buf_printf(out, "%s%s", sep, names[i].name);
			sep = ", ";
		}
	if (!p->families)
		buf_adds(out, "none");
	buf_printf(out, "%s%s%s", p->pmix ? "; PMIx" : "", p->ucx ? "; UCX" : "",
		   p->fabric ? "; libfabric" : "");
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

int mpi_verdict(struct buf *out, const struct launcher *l, const struct mpi_parts *image)
{
	unsigned known = image->families & (MPI_OPEN | MPI_MPICH);

	if (!known) {
		buf_adds(out, image->families ? "its MPI is not one whose wire-up is known here"
					      : "there is no MPI library where images have them");
		return 0;
	}
	if (!l->name)
		return unlaunched(out, image);
	switch (l->wire) {
	case WIRE_PMIX:
		if (known & MPI_OPEN) {
			buf_printf(out, "Open MPI runs under %s over PMIx", l->name);
			return 0;
		}
		buf_printf(
			out,
			"MPICH does not start under %s over PMIx: each rank would be alone, rank 0 "
			"of 1; use srun --mpi=pmi2 or mpirun of MPICH",
			l->name);
		return 1;
	case WIRE_PMI:
		if (known & MPI_MPICH) {
			buf_printf(out, "MPICH runs under %s over PMI", l->name);
			return 0;
		}
		buf_printf(
			out,
			"Open MPI does not start under %s over PMI; use srun --mpi=pmix or mpirun "
			"of Open MPI",
			l->name);
		return 1;
	case WIRE_NONE:
		break;
	}
	buf_printf(out, "%s gives its ranks no wire-up; use srun --mpi=%s", l->name,
		   known == MPI_MPICH  ? "pmi2"
		   : known == MPI_OPEN ? "pmix"
				       : "pmix (Open MPI) or --mpi=pmi2 (MPICH)");
	return 1;
}
