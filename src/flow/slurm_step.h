/* slurm_step: what the Slurm plugin asks for before the tasks of a step start, once per node.
 *
 *	struct slurm_step_req r = { .word = "ubuntu:24.04", .name = "work", .base = "/tmp" };
 *	flow_slurm_step(&r, &text, e);       // text: the image's path, then the container's directory
 *
 * A named container is a directory with a link to its image and the layer that has its changes:
 * BASE/berth-UID/slurm/NODE/SCOPE/NAME, private to its user.  SCOPE is the job, unless the site lets
 * containers outlive it. */
#ifndef FLOW_SLURM_STEP_H
#define FLOW_SLURM_STEP_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/flow/access.h"

struct slurm_step_req {
	const char *word;  /* --container-image: a file, a URI, or [USER@][REGISTRY#]IMAGE[:TAG];
			    * NULL: the named container's own */
	bool submit;	   /* where the step is submitted: only fetch what is a URI */
	const char *name;  /* --container-name: NAME[:auto|create|exec|no_exec]; NULL: none */
	const char *base;  /* where named containers lie; NULL: /tmp */
	const char *node;  /* NULL: this host's name */
	const char *scope; /* "job-4711", "global" */
	bool forget;	   /* removes the container name, or without one all of scope */
	const char *arch;
	struct access access;
};

/* Two lines in text.  ERR_USAGE, ERR_NOTFOUND, ERR_EXISTS name the option. */
int flow_slurm_step(const struct slurm_step_req *r, struct buf *text, struct err *e);

#endif
