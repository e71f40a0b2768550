/* init: the first process of a PID namespace.
 *
 *	if (init_spawn(INIT_PLAIN, &f) < 0) ...   // from here on this is the program's process
 *	enter_exec(x, &f);
 *
 * It collects the children that the namespace's processes leave, passes signals on to the program,
 * and ends with the program: with its status, or 128 + n when signal n ended it.  Its end takes
 * everything else in the namespace along.  It holds no descriptor and no capability.
 *
 * An instance's init differs: a program that ends well leaves the instance running, and what is
 * asked to stop (init_stop()) first hears the signal, then SIGTERM for whatever is left. */
#ifndef ENTER_INIT_H
#define ENTER_INIT_H

#include <stdbool.h>

#include "src/enter/fault.h"

enum init_kind { INIT_PLAIN, INIT_INSTANCE };

/* Called by the first process, all signals blocked.  Returns 0 in a child of it, which is to become
 * the program; the first process itself does not return.  -1 with the fault when there is no child.
 */
int init_spawn(enum init_kind kind, struct fault *f);
/* The same without a program: an instance that only lives. */
_Noreturn void init_idle(void);

/* Asks the init behind pidfd, which is an instance's, to stop with sig.  -1 with errno. */
int init_stop(int pidfd, int sig);

#endif
