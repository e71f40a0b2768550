/* run_share: one container for all ranks of a node.
 *
 *	auto_run_share struct run_share s = { 0 };
 *	run_share_begin(&s, &req, environ, e);        // who started us; before the plan
 *	facts.wired = s.wired;
 *	...
 *	if (run_share_wanted(&s, plan))
 *		r = run_share_enter(&alone, &s, &serving, &work, e);
 *
 * Where the processes of one launch cannot share, each goes alone: that is said once, and
 * the MPI libraries in the image are told to leave cross-memory attach, which the kernel
 * refuses between sibling user namespaces: Open MPI 3 and 4 would hang above 2.6 MB, UCX
 * before 1.18 would abort in MPI_Init. */
#ifndef FLOW_RUN_SHARE_H
#define FLOW_RUN_SHARE_H

#include <stdbool.h>

#include "mpi/keeper.h"
#include "mpi/launcher.h"
#include "mpi/share.h"
#include "src/base/err.h"
#include "src/flow/serving.h"
#include "src/plan/facts.h"
#include "src/plan/plan.h"
#include "src/plan/request.h"

struct run_share {
	struct launcher launcher;
	struct share share;
	char **wired;	   /* facts.wired */
	struct strv paths; /* facts.wired_paths */
	int hand_over;	   /* --hand-over: who takes the container; 0: this process does */
	bool any;	   /* --share-any */
};

void run_share_fini(struct run_share *s);
#define auto_run_share auto_(run_share_fini)

/* Who started this process, told by environment.  req loses what would part the ranks of a
 * node without being asked for by its own name: the PID namespace of --containall.
 * ERR_USAGE for a bad --share. */
int run_share_begin(struct run_share *s, struct run_req *req, char *const *environment,
		    struct err *e);

/* Is p's container to be shared?  Where ranks of one launch will not share although others
 * may be there (--share=none, an own PID namespace), p's environment gets what keeps MPI
 * working. */
bool run_share_wanted(struct run_share *s, struct plan *p);

/* Joins the container that others made, or makes it, and becomes the program.  Returns
 * only on failure, as flow_run() does; *alone: go on with a container of one's own.
 * serving and work as serving_init() made them. */
int run_share_enter(bool *alone, struct run_share *s, struct serving *serving,
		    const struct keeper_work *work, struct err *e);

#endif
