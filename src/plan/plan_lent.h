/* plan_lent: what the host lends, as mounts of the plan.  Private to src/plan.
 *
 *	plan_lent_say(p, lent);           // verdicts and warnings
 *	plan_lent_mounts(p, lent, user);  // before the mounts are sorted
 *
 * Libraries lie in a small tmpfs on /.singularity.d/libs, each a bind of its own with links beside
 * it, so the image needs no such directory and nothing else of the host's shows.  A bind of the
 * user's at or above a target wins.  What is visible anyhow, a device where the host's /dev is
 * shown, is left out. */
#ifndef PLAN_PLAN_LENT_H
#define PLAN_PLAN_LENT_H

#include "src/plan/bind.h"
#include "src/plan/lent.h"
#include "src/plan/plan.h"

void plan_lent_say(struct plan *p, const struct lent *l);
void plan_lent_mounts(struct plan *p, const struct lent *l, const struct binds *user);

#endif
