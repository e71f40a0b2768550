/* emul_serve: answers the calls of all processes that carry one filter.
 *
 *	struct emul_server s = { .listener = fd, .table = table };
 *	emul_serve_begin(&s);              // root and /proc as they are from now on
 *	emul_serve(&s, pidfd, on_end, arg); // until the last of them has gone */
#ifndef ENTER_EMUL_SERVE_H
#define ENTER_EMUL_SERVE_H

#include "src/enter/emul_priv.h"

/* The working directory must be a /proc that knows the tracees, the root theirs.  -1 with errno. */
int emul_serve_begin(struct emul_server *s);
/* program: a pidfd; when it ends, ended(arg) is called once, and serving goes on for what it has
 * left behind.  Returns when no process carries the filter any more. */
void emul_serve(struct emul_server *s, int program, void (*ended)(void *arg), void *arg);

#endif
