/* mpi-check: will this image's MPI start here, without starting it. */
#include "src/cli/cmd.h"
#include "src/flow/mpi_check.h"

static const struct opt check_opts[] = { OPT_END };

static int run_check(void *req, int argc, char **argv, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int status = flow_mpi_check(argc ? argv[0] : NULL, &text, e);

	(void)req;
	if (status < 0 || cmd_print(&text, e) < 0)
		return -1;
	return status;
}

const struct cmd cmd_mpi_check = {
	.name = "mpi-check",
	.args = "[IMAGE]",
	.brief = "say which MPI is where, and whether it starts under this launcher",
	.details = "Reads the MPI, PMIx, UCX and libfabric of the host and of IMAGE out of their\n"
		   "files, executes nothing, and prints one verdict: over which wire-up the ranks\n"
		   "of the launcher that started this very command would meet, and the remedy\n"
		   "where they would not. Exit status 0: nothing speaks against it; 1: it would\n"
		   "not start.\n\n"
		   "  srun -n1 --mpi=pmix berth mpi-check app.sif",
	.opts = check_opts,
	.size = 0,
	.most = 1,
	.run = run_check,
};
