#include "mpi/verdict.h"

#include "tests/unit/unit.h"

static const struct launcher none = { .name = NULL };

static const char *verdict(int want, enum launcher_wire wire, unsigned families)
{
	static struct buf line;
	struct launcher l = { .name = "Slurm", .wire = wire, .local_size = 4 };
	struct mpi_parts p = { .families = families };

	buf_clear(&line);
	ck_assert_int_eq(mpi_verdict(&line, &l, &p), want);
	return buf_str(&line);
}

START_TEST(an_mpi_that_speaks_the_launcher_s_protocol_starts)
{
	ck_assert_str_eq(verdict(0, WIRE_PMIX, MPI_OPEN), "Open MPI runs under Slurm over PMIx");
	ck_assert_str_eq(verdict(0, WIRE_PMI, MPI_MPICH), "MPICH runs under Slurm over PMI");
	verdict(0, WIRE_PMI, MPI_MPICH | MPI_OPEN);
	verdict(0, WIRE_PMIX, MPI_MPICH | MPI_OPEN);
}
END_TEST

START_TEST(one_that_does_not_is_named_with_the_remedy)
{
	ck_assert_str_eq(
		verdict(1, WIRE_PMIX, MPI_MPICH),
		"MPICH does not start under Slurm over PMIx: each rank would be alone, rank 0 "
		"of 1; use srun --mpi=pmi2 or mpirun of MPICH");
	ck_assert_str_eq(
		verdict(1, WIRE_PMI, MPI_OPEN),
		"Open MPI does not start under Slurm over PMI; use srun --mpi=pmix or mpirun "
		"of Open MPI");
	ck_assert_str_eq(verdict(1, WIRE_NONE, MPI_MPICH),
			 "Slurm gives its ranks no wire-up; use srun --mpi=pmi2");
	ck_assert_str_eq(verdict(1, WIRE_NONE, MPI_OPEN | MPI_MPICH),
			 "Slurm gives its ranks no wire-up; use srun --mpi=pmix (Open MPI) or "
			 "--mpi=pmi2 (MPICH)");
}
END_TEST

START_TEST(what_is_not_known_is_not_judged)
{
	ck_assert_str_eq(verdict(0, WIRE_PMIX, 0),
			 "there is no MPI library where images have them");
	ck_assert_str_eq(verdict(0, WIRE_PMIX, MPI_STANDARD_ABI),
			 "its MPI is not one whose wire-up is known here");
}
END_TEST

START_TEST(without_a_launcher_the_ways_to_start_are_told)
{
	auto_buf struct buf line = { 0 }, words = { 0 };
	struct mpi_parts p = { .families = MPI_OPEN | MPI_MPICH, .pmix = true, .ucx = true };

	ck_assert_int_eq(mpi_verdict(&line, &none, &p), 0);
	ck_assert_str_eq(
		buf_str(&line),
		"start it with mpirun of Open MPI or srun --mpi=pmix (Open MPI); mpirun of "
		"MPICH or srun --mpi=pmi2 (MPICH)");
	mpi_parts_words(&words, &p);
	ck_assert_str_eq(buf_str(&words), "Open MPI, MPICH; PMIx; UCX");
	buf_clear(&words);
	p = (struct mpi_parts){ .families = MPI_OPEN | MPI_MPICH,
				.pmix = true,
				.fabric = true,
				.mpich_vendor = true,
				.open = "4.1.4",
				.pmix_version = "4.2.2",
				.fabric_abi = "FABRIC_1.6" };
	mpi_parts_words(&words, &p);
	ck_assert_str_eq(buf_str(&words),
			 "Open MPI 4.1.4, MPICH ABI; PMIx 4.2.2; libfabric (FABRIC_1.6)");
}
END_TEST

/* What its files tell overrules what is usual. */
START_TEST(libraries_that_speak_more_than_usual_are_not_refused)
{
	auto_buf struct buf line = { 0 };
	struct launcher l = { .name = "Slurm", .wire = WIRE_PMIX, .local_size = 4 };
	struct mpi_parts p = { .families = MPI_MPICH, .mpich_pmix = true };

	ck_assert_int_eq(mpi_verdict(&line, &l, &p), 0);
	ck_assert_str_eq(buf_str(&line), "MPICH runs under Slurm over PMIx");
	p = (struct mpi_parts){ .families = MPI_MPICH, .mpich_vendor = true };
	ck_assert_int_eq(mpi_verdict(&line, &l, &p), 0);
	l.wire = WIRE_NONE;
	ck_assert_int_eq(mpi_verdict(&line, &l, &p), 0);
	p = (struct mpi_parts){ .families = MPI_OPEN, .open_pmi = true };
	ck_assert_int_eq(mpi_verdict(&line, &l, &p), 0);
	l.wire = WIRE_PMI;
	ck_assert_int_eq(mpi_verdict(&line, &l, &p), 0);
	/* A launcher that has its own way, and no variables that are known here. */
	l = (struct launcher){ .name = "PALS", .local_size = 4 };
	p = (struct mpi_parts){ .families = MPI_MPICH };
	ck_assert_int_eq(mpi_verdict(&line, &l, &p), 0);
}
END_TEST

UNIT(verdict, an_mpi_that_speaks_the_launcher_s_protocol_starts,
     one_that_does_not_is_named_with_the_remedy, what_is_not_known_is_not_judged,
     without_a_launcher_the_ways_to_start_are_told,
     libraries_that_speak_more_than_usual_are_not_refused)
