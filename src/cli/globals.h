/* globals: the options before the command. */
#ifndef CLI_GLOBALS_H
#define CLI_GLOBALS_H

#include <stdbool.h>

#include "src/cli/opt.h"

struct globals {
	bool quiet, silent, verbose, debug, version;
	const char *config, *progress;
};

extern const struct opt global_opts[];

#endif
