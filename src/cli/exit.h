/* exit: what a script sees when Berth itself ends.
 *
 * A started program's status is its own: Berth has become it.  These are for
 * everything else, under its own name; persona.h has the other names'. */
#ifndef CLI_EXIT_H
#define CLI_EXIT_H

enum {
	EXIT_OWN_FAILURE = 125, /* Berth failed before the program ran */
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
};

#endif
