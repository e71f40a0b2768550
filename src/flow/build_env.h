/* build_env: what a step sees as its environment: nothing of the caller's but TERM and the proxies.
 */
#ifndef FLOW_BUILD_ENV_H
#define FLOW_BUILD_ENV_H

#include "src/flow/build_state.h"
#include "src/plan/plan.h"

/* Where %post leaves variables for the image, and labels for it. */
#define BUILD_ENV_SCRIPT "/.singularity.d/env/91-environment.sh"
#define BUILD_LABELS	 "/.build.labels"

int build_env_make(struct build *b, const struct build_stage *s, const struct step *step,
		   struct plan *p, struct err *e);

/* The step itself says what the variable is. */
bool build_env_has(const struct step *step, const char *name);

#endif
