#include "src/cli/persona.h"

#include <string.h>

#include "src/base/log.h"
#include "src/base/mem.h"
#include "src/base/path.h"
#include "src/cli/exit.h"

/* The Apptainer whose command line, environment and messages Berth follows; the answer to
 * --version under its names.  Clients compare it: Snakemake wants 1.0.0 or younger, cwltool 1.1 to
 * use --no-eval, nf-core's tools 1.1. */
#define APPTAINER_VERSION "1.5.3"

/* "%-8s" of the level and a blank. */
static const char *const apptainer_prefixes[] = {
	[LOG_SILENT] = "",	  [LOG_ERROR] = "FATAL:   ",   [LOG_WARN] = "WARNING: ",
	[LOG_INFO] = "INFO:    ", [LOG_VERBOSE] = "VERBOSE: ", [LOG_DEBUG] = "DEBUG:   "
};

#define APPTAINER(as, says, command)                                                              \
	{                                                                                         \
		.called = as, .name = says, .package = "apptainer", .version = APPTAINER_VERSION, \
		.prompt = "Apptainer> ", .implied = command, .prefixes = apptainer_prefixes,      \
		.usage = 1, .failure = 255, .not_executable = 255, .not_found = 255               \
	}

static const struct persona personas[] = {
	{ .called = "berth",
	  .name = "berth",
	  .package = "berth",
	  .version = BERTH_VERSION,
	  .prompt = "Berth> ",
	  .usage = EXIT_OWN_FAILURE,
	  .failure = EXIT_OWN_FAILURE,
	  .not_executable = EXIT_NOT_EXECUTABLE,
	  .not_found = EXIT_NOT_FOUND },
	APPTAINER("apptainer", "apptainer", NULL),
	APPTAINER("singularity", "singularity", NULL),
	APPTAINER("run-singularity", "singularity", "run"),
};

static const struct persona *chosen = &personas[0];

const struct persona *persona_choose(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(personas); i++)
		if (!strcmp(path_base(name), personas[i].called))
			chosen = &personas[i];
	log_set_prefixes(chosen->prefixes);
	return chosen;
}

const struct persona *persona(void)
{
	return chosen;
}
