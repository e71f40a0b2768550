#include "src/cli/globals.h"

const struct opt global_opts[] = {
	OPT_FLAG('q', "quiet", "QUIET", struct globals, quiet, "only warnings and errors"),
	OPT_FLAG('s', "silent", "SILENT", struct globals, silent, "only errors"),
	OPT_FLAG('v', "verbose", "VERBOSE", struct globals, verbose, "say more"),
	OPT_FLAG('d', "debug", "DEBUG", struct globals, debug, "say everything"),
	OPT_STR('c', "config", "FILE", "CONFIG_FILE", struct globals, config,
		"a berth.conf or apptainer.conf to read in place of the user's own"),
	OPT_STR(0, "progress", "MODE", "PROGRESS", struct globals, progress,
		"how transfers are shown: auto (bars on a terminal), plain, json, none"),
	OPT_FLAG(0, "version", NULL, struct globals, version, "print the version"),
	OPT_NOOP(0, "nocolor"),
	OPT_END,
};
