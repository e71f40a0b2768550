/* run_slurm: --slurm: the batch system's commands inside of a container.
 *
 *	run_slurm_begin(&s, &launcher, &req_site_binds, e);   // before the plan
 *	run_slurm_start(&s, e);                               // before the container
 *
 * Binds the static client over /usr/bin/sbatch and its kin, and a private directory with the
 * socket of the host's side (mpi/proxy.h).  The ranks of a node have one. */
#ifndef FLOW_RUN_SLURM_H
#define FLOW_RUN_SLURM_H

#include "mpi/launcher.h"
#include "src/base/buf.h"
#include "src/base/err.h"

struct run_slurm {
	char *dir; /* NULL: not asked for */
};

void run_slurm_fini(struct run_slurm *s);
#define auto_run_slurm auto_(run_slurm_fini)

/* Adds to binds what the container needs. */
int run_slurm_begin(struct run_slurm *s, const struct launcher *l, struct strv *binds,
		    struct err *e);
int run_slurm_start(struct run_slurm *s, struct err *e);

#endif
