/* run_opts: the options of everything that starts a container.
 *
 *	.opts = run_opts, .size = sizeof(struct run_req),
 *
 * exec, run, shell, test, instance start and instance run share one table; a row
 * whose option means something to one of them only is accepted by all. */
#ifndef CLI_RUN_OPTS_H
#define CLI_RUN_OPTS_H

#include "src/cli/opt.h"

extern const struct opt run_opts[]; /* into a struct run_req */

/* What the commands that start something have in common; n: the words that are no arguments. */
#define CMD_STARTS(n) \
	.opts = run_opts, .size = sizeof(struct run_req), .least = (n), .most = CMD_MANY

#endif
