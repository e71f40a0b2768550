/* command: which program exec, run and shell start.
 *
 *	if (command_make(&argv, &shell, req, &facts, &vars, notes, e) < 0) ... */
#ifndef PLAN_COMMAND_H
#define PLAN_COMMAND_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/plan/facts.h"
#include "src/plan/request.h"

/* Adds the program and its arguments to argv.  ERR_USAGE for exec without a
 * command, ERR_NOTFOUND for shell in an image that has none. */
int command_make(struct strv *argv, const struct run_req *req, const struct facts *f,
		 struct strv *notes, struct err *e);

/* The entrypoint and command that a runscript made from an OCI image holds
 * (docker2singularity's OCI_ENTRYPOINT and OCI_CMD).  0 done, 1 it is another
 * kind of script, or one that only a shell can read. */
int command_from_runscript(struct strv *entrypoint, struct strv *cmd, const char *runscript);

#endif
