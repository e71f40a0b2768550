/* env_explain: who gave the environment's variables their values.
 *
 *	env_explain_changes(&x, &vars, "90-environment.sh");   // after each step
 *	x.origins.v[0]                                          // "90-environment.sh\tA=1"
 *
 * Steps are compared by what they leave behind, so they need not know. */
#ifndef PLAN_ENV_EXPLAIN_H
#define PLAN_ENV_EXPLAIN_H

#include "src/base/buf.h"

struct env_explain {
	struct strv origins; /* "WHERE<tab>NAME=VALUE", in the order of the last change */
	struct strv seen;    /* the variables at the last call */
};

void env_explain_fini(struct env_explain *x);
/* Notes each variable of now that is new or other than at the last call as the work of who. */
void env_explain_changes(struct env_explain *x, const struct strv *now, const char *who);

#endif
