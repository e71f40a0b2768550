/* mount_option: the words of --mount and of the MOUNT variables.
 *
 *	struct binds b = { 0 };
 *	if (mount_option_parse(&b, "type=bind,src=/data,dst=/mnt,ro", "--mount", cwd, e) < 0) ...
 *
 * Text in, text out, as src/plan/bind.h. */
#ifndef PLAN_MOUNT_OPTION_H
#define PLAN_MOUNT_OPTION_H

#include "src/plan/bind.h"

/* Adds what text says: one mount a line, each a line of CSV with the keys type (only
 * bind), source|src, destination|dst|target, ro|readonly, image-src, id and nonested.
 * ERR_USAGE names the mount and what is wrong with it. */
int mount_option_parse(struct binds *b, const char *text, const char *from, const char *cwd,
		       struct err *e);

#endif
