/* exit: what a script sees when Berth itself ends.
 *
 * A started program's status is its own: Berth has become it.  These are for
 * everything else. */
#ifndef CLI_EXIT_H
#define CLI_EXIT_H

#include "src/base/err.h"

enum {
	EXIT_OWN_FAILURE = 125, /* Berth failed before the program ran */
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
};

/* The status for an error that reached main. */
int exit_status_of(const struct err *e);

#endif
