/* serving: what the keeper of a plan does.
 *
 *	auto_serving struct serving s = { 0 };
 *	struct keeper_work work;
 *	serving_init(&s, &work, plan, facts, image, images);
 *	if (work.nfuse && keeper_start(&sock, &work, e) < 0) ...
 *
 * The launcher's memory, copied by fork: all but s itself is borrowed until the keeper
 * was started. */
#ifndef FLOW_SERVING_H
#define FLOW_SERVING_H

#include "mpi/keeper.h"
#include "src/enter/extfs.h"
#include "src/flow/run_image.h"
#include "src/flow/run_images.h"
#include "src/host/lease.h"
#include "src/plan/facts.h"
#include "src/plan/plan.h"

struct enter;
struct serve;

struct serving {
	struct run_image *image;
	struct run_images *images;
	struct facts *facts;
	struct plan *plan;
	struct serve **serve; /* the root unless it is a directory, then the plan's images */
	int *keep;	      /* the files of these */
	unsigned n;
	size_t nkeep;
	unsigned threads;    /* of each server at most; 0: by the CPUs of this process */
	struct enter *enter; /* for a builder child (run_share.h) */
	int empty_fd;	     /* of the lifeline, which comes last */
	struct squash *empty;
	struct extfs ext;   /* ext file systems of the plan */
	struct lease lease; /* the keeper's, while the container lives */
};

/* work->nfuse is 0 when nothing is to be served: no keeper is needed. */
int serving_init(struct serving *s, struct keeper_work *work, struct plan *p, struct facts *facts,
		 struct run_image *image, struct run_images *images, struct err *e);
void serving_fini(struct serving *s);
#define auto_serving auto_(serving_fini)

#endif
