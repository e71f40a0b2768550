/* run_enter: the last part of a start, with words for what goes wrong.
 *
 *	return run_enter(x, plan, keeper, e);      // comes back only when nothing was started
 *
 * keeper: its socket, -1 for none. */
#ifndef FLOW_RUN_ENTER_H
#define FLOW_RUN_ENTER_H

#include "src/base/err.h"
#include "src/enter/enter.h"

/* Becomes the program; with a PID namespace, waits for it and ends as it does.  -1, 126 or 127
 * with e. */
int run_enter(struct enter *x, struct plan *p, int keeper, struct err *e);

/* Explains a fault; where the keeper gave up first, its reason is the better one.  As
 * fault_explain(). */
int run_explain(const struct fault *f, const struct plan *p, int keeper, struct err *e);
/* One warning for each mount that could not be placed. */
void run_warn_skipped(const struct enter *x, const struct plan *p);

#endif
