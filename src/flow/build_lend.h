/* build_lend: --nv and --rocm while steps run, for a %post or %test that needs the GPU.
 *
 *	build_lend(b, tree, plan, &binds, e);     // adds mounts and variables to the plan
 *
 * The same rules as for exec; nothing of it is in the image. */
#ifndef FLOW_BUILD_LEND_H
#define FLOW_BUILD_LEND_H

#include "src/flow/build_state.h"
#include "src/plan/bind.h"
#include "src/plan/plan.h"

/* Nothing when nothing was asked for.  user: binds that win on their targets. */
int build_lend(struct build *b, const struct build_tree *t, struct plan *p,
	       const struct binds *user, struct err *e);

#endif
