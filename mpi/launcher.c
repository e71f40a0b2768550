/* A launcher inside another's job wins: in "salloc mpirun" the ranks also carry the
 * variables of the step that started mpirun's daemon (SLURM_STEP_TASKS_PER_NODE=1), so
 * Slurm's row comes last.  A batch script has SLURM_JOB_ID and SLURM_LOCALID, too, but
 * SLURM_STEP_TASKS_PER_NODE only a step's task has.
 *
 * Names: Open MPI 4.1 orte/mca/odls/base, hydra of MPICH 4.0 (pmiserv), slurm 22.05
 * src/common/env.c; Flux (flux-core doc/man7/flux-environment), PALS (HPE cray-pals
 * manual), jsrun and MVAPICH2 by their documentation. */
#include "mpi/launcher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/path.h"

#define IDS 4

struct row {
	const char *name;
	const char *marks[2];	/* all of them have to be set */
	const char *ids[IDS];	/* "A|B": the first that is set */
	const char *anchor;	/* see launcher.h */
	const char *local_size; /* a number, or with tasks a list */
	const char *rank, *local_rank, *size;
	const char *tasks_node; /* local_size is "4,1(x2)"; this is the index in it */
};

/* clang-format off */
static const struct row rows[] = {
	{ .name = "Open MPI",
	  .marks = { "OMPI_COMM_WORLD_LOCAL_SIZE", "PMIX_NAMESPACE" },
	  .ids = { "PMIX_NAMESPACE", "PMIX_SERVER_TMPDIR" },
	  .local_size = "OMPI_COMM_WORLD_LOCAL_SIZE",
	  .size = "OMPI_COMM_WORLD_SIZE",
	  .rank = "OMPI_COMM_WORLD_RANK", .local_rank = "OMPI_COMM_WORLD_LOCAL_RANK" },
	{ .name = "Hydra",
	  .marks = { "MPI_LOCALNRANKS", "MPI_LOCALRANKID" },
	  .anchor = "hydra_pmi_proxy",
	  .local_size = "MPI_LOCALNRANKS", .size = "PMI_SIZE",
	  .rank = "PMI_RANK", .local_rank = "MPI_LOCALRANKID" },
	{ .name = "PALS",
	  .marks = { "PALS_APID" },
	  .ids = { "PALS_APID", "PALS_NODEID" },
	  .local_size = "PMI_LOCAL_SIZE", .size = "PMI_SIZE",
	  .rank = "PALS_RANKID|PMI_RANK", .local_rank = "PALS_LOCAL_RANKID|PMI_LOCAL_RANK" },
	{ .name = "Flux",
	  .marks = { "FLUX_JOB_ID", "FLUX_TASK_RANK" },
	  .ids = { "FLUX_JOB_ID", "FLUX_URI" },
	  .size = "FLUX_JOB_SIZE",
	  .rank = "FLUX_TASK_RANK", .local_rank = "FLUX_TASK_LOCAL_ID" },
	{ .name = "jsrun",
	  .marks = { "JSM_NAMESPACE_LOCAL_SIZE" },
	  .anchor = "",
	  .local_size = "JSM_NAMESPACE_LOCAL_SIZE", .size = "JSM_NAMESPACE_SIZE",
	  .rank = "JSM_NAMESPACE_RANK", .local_rank = "JSM_NAMESPACE_LOCAL_RANK" },
	{ .name = "MVAPICH2",
	  .marks = { "MV2_COMM_WORLD_LOCAL_SIZE" },
	  .anchor = "",
	  .local_size = "MV2_COMM_WORLD_LOCAL_SIZE", .size = "MV2_COMM_WORLD_SIZE",
	  .rank = "MV2_COMM_WORLD_RANK", .local_rank = "MV2_COMM_WORLD_LOCAL_RANK" },
	{ .name = "Slurm",
	  .marks = { "SLURM_STEP_ID", "SLURM_STEP_TASKS_PER_NODE" },
	  .ids = { "SLURM_HET_JOB_ID|SLURM_JOB_ID", "SLURM_STEP_ID", "SLURMD_NODENAME",
		   "SLURM_CLUSTER_NAME" },
	  .local_size = "SLURM_STEP_TASKS_PER_NODE", .tasks_node = "SLURM_NODEID",
	  .size = "SLURM_STEP_NUM_TASKS",
	  .rank = "SLURM_PROCID", .local_rank = "SLURM_LOCALID" },
	{ .name = "PMIx",
	  .marks = { "PMIX_NAMESPACE", "PMIX_RANK" },
	  .ids = { "PMIX_NAMESPACE", "PMIX_SERVER_TMPDIR" },
	  .rank = "PMIX_RANK" },
};

/* What reaches the program whatever else is kept from it.  A name that ends in '*' is a
 * prefix. */
static const char *const wired[] = {
	"PMI_*", "PMIX_*", "PMI2_*", "PRTE_*", "PALS_*", "SLURM_*", "SLURMD_*", "SRUN_*", "SBATCH_*",
	"FLUX_*", "JSM_*", "PBS_*", "OMPI_*", "OPAL_*", "ORTE_*", "MPI_LOCALRANKID", "MPI_LOCALNRANKS",
	"HYDRA_*", "HYDI_*", "MPIR_*", "MPICH_*", "I_MPI_*", "MV2_*", "UCX_*", "FI_*", "PSM2_*", "PSM3_*",
	"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL",
	"ZE_AFFINITY_MASK",
};
/* clang-format on */

/* Each names a directory.  PMIx 3 and 4 (src/mca/gds/ds12, ds21), HPE PALS. */
static const char *const directories[] = { "PMIX_SERVER_TMPDIR", "PMIX_DSTORE_21_BASE_PATH",
					   "PMIX_DSTORE_ESH_BASE_PATH", "PALS_SPOOL_DIR",
					   "PALS_RUNDIR" };

/* The value of the first name of "A|B" that is set; NULL when none is. */
static const char *value_of(char *const *environment, const char *names)
{
	while (names) {
		size_t n = strcspn(names, "|");

		for (char *const *v = environment; v && *v; v++)
			if (!strncmp(*v, names, n) && (*v)[n] == '=')
				return *v + n + 1;
		names = names[n] ? names + n + 1 : NULL;
	}
	return NULL;
}

/* -1 for what is no number from 0 to max. */
static long number(const char *s, long max)
{
	char *end;
	long v;

	if (!s || *s < '0' || *s > '9')
		return -1;
	errno = 0;
	v = strtol(s, &end, 10);
	return errno || *end || v > max ? -1 : v;
}

/* A number of ranks; 0: not known. */
static unsigned size_of(const char *s)
{
	long size = number(s, 100000000);

	return size > 0 ? (unsigned)size : 0;
}

/* Element index of "4,1(x2)"; 0 when the text is something else. */
static unsigned tasks_at(const char *s, long index)
{
	if (index < 0)
		index = strchr(s, ',') ? -1 : 0; /* one word holds for all nodes */
	while (index >= 0 && *s >= '0' && *s <= '9') {
		char *end;
		unsigned long tasks = strtoul(s, &end, 10), times = 1;

		if (!strncmp(end, "(x", 2) && end[2] >= '0' && end[2] <= '9') {
			times = strtoul(end + 2, &end, 10);
			if (*end++ != ')')
				return 0;
		}
		if ((*end && *end != ',') || tasks > 1000000 || times > 10000000)
			return 0;
		if ((unsigned long)index < times)
			return (unsigned)tasks;
		index -= (long)times;
		s = *end ? end + 1 : end;
	}
	return 0;
}

static bool is_row(const struct row *r, char *const *environment)
{
	for (size_t i = 0; i < ARRAY_LEN(r->marks); i++) {
		const char *v = r->marks[i] ? value_of(environment, r->marks[i]) : "";

		if (!v || (r->marks[i] && !*v))
			return false;
	}
	return true;
}

/* "3/0/node7/": a value that does not fit is cut, and two that begin alike for 512 bytes
 * are taken for one launch. */
static void id_make(struct launcher *out, const struct row *r, char *const *environment)
{
	size_t n = 0;

	for (size_t i = 0; i < IDS && r->ids[i]; i++) {
		const char *v = value_of(environment, r->ids[i]);
		int more = snprintf(out->id + n, sizeof(out->id) - n, "%s/", v ? v : "");

		n = MIN(n + (size_t)MAX(more, 0), sizeof(out->id) - 1);
	}
}

static enum launcher_wire wire_of(char *const *environment)
{
	if (value_of(environment, "PMIX_NAMESPACE"))
		return WIRE_PMIX;
	return value_of(environment, "PMI_FD") || value_of(environment, "PMI_PORT") ? WIRE_PMI
										    : WIRE_NONE;
}

bool launcher_find(struct launcher *out, char *const *environment)
{
	const char *node;
	const struct row *r = rows;

	*out = (struct launcher){ .rank = -1, .local_rank = -1 };
	while (r < rows + ARRAY_LEN(rows) && !is_row(r, environment))
		r++;
	out->wire = wire_of(environment);
	if (r == rows + ARRAY_LEN(rows))
		return false;
	out->name = r->name;
	out->anchor = r->anchor;
	id_make(out, r, environment);
	out->rank = number(value_of(environment, r->rank), 1L << 30);
	out->local_rank = number(value_of(environment, r->local_rank), 1L << 20);
	out->size = size_of(value_of(environment, r->size));
	if (r->tasks_node) {
		node = value_of(environment, r->tasks_node);
		out->local_size =
			tasks_at(value_of(environment, r->local_size), number(node, 1L << 24));
	} else {
		out->local_size = size_of(value_of(environment, r->local_size));
	}
	return true;
}

bool launcher_owns(const char *var)
{
	size_t len = strcspn(var, "=");

	for (size_t i = 0; i < ARRAY_LEN(wired); i++) {
		size_t n = strlen(wired[i]);

		if (wired[i][n - 1] == '*' ? len >= n && !strncmp(var, wired[i], n - 1)
					   : len == n && !strncmp(var, wired[i], n))
			return true;
	}
	return false;
}

void launcher_paths(struct strv *out, char *const *environment)
{
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		const char *v = value_of(environment, directories[i]);
		auto_free char *clean = v && v[0] == '/' ? path_clean("/", v) : NULL;
		bool covered = !clean || !strcmp(clean, "/");

		for (size_t k = 0; k < out->n; k++)
			covered |= clean && path_is_below(clean, out->v[k]);
		if (!covered)
			strv_take(out, take_ptr(clean));
	}
}
