/* options: what srun, sbatch and salloc say with --container-*, and the words for the engine.
 *
 *	options_register(sp);                                  // slurm_spank_init
 *	const char *image = option_get(OPTION_IMAGE, lookup, arg);
 *	engine_words(&words, lookup, arg, e);
 *
 * Each can be set as PYXIS_CONTAINER_<NAME> too, which an option overrides.  Everything but
 * registering is independent of Slurm. */
#ifndef MPI_SPANK_OPTIONS_H
#define MPI_SPANK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/buf.h"
#include "src/base/err.h"

enum option {
	OPTION_IMAGE,
	OPTION_MOUNTS,
	OPTION_WORKDIR,
	OPTION_NAME,
	OPTION_SAVE,
	OPTION_ENV,
	OPTION_MOUNT_HOME,
	OPTION_REMAP_ROOT,
	OPTION_ENTRYPOINT,
	OPTION_WRITABLE,
	OPTION_COUNT
};

/* One row a word of the command line; two rows may set one option to different values. */
struct option_row {
	const char *name;  /* without "--" */
	const char *arg;   /* NULL: it has none */
	const char *value; /* what a word without argument stands for */
	enum option option;
	const char *usage;
};
extern const struct option_row option_rows[];
extern const size_t option_nrows;

/* Sets an option by its row; the last one on the command line counts. */
void option_set(size_t row, const char *arg);
void options_clear(void);

/* The value of an environment variable, NULL when it is not set. */
typedef const char *option_lookup(const char *key, void *arg);
/* NULL when nobody has set it; "1" and "0" for those that are yes or no. */
const char *option_get(enum option o, option_lookup *lookup, void *arg);
bool option_is(enum option o, const char *value, option_lookup *lookup, void *arg);

/* What comes between "berth" and the image: exec or run, and options.  ERR_USAGE names the
 * option and the part of it that makes no sense. */
int engine_words(struct strv *words, option_lookup *lookup, void *arg, struct err *e);

#endif
