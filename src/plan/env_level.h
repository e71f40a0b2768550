/* env_level: how much of the host's environment passes into the container.
 *
 *	if (env_level_parse(&level, "clean", e) < 0) ...
 *	env_level_passes(level, "PYTHONPATH", 10)   // false
 *
 *	dropin  everything, as with Apptainer
 *	clean   not what a loader, Python, Perl, R, conda and their like act on; packages below
 *	        the home directory are off
 *	strict  only terminal, locale, time zone, proxies, and what the job's launcher says
 *
 * Pure tables. */
#ifndef PLAN_ENV_LEVEL_H
#define PLAN_ENV_LEVEL_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/err.h"

enum env_level { ENV_DROPIN, ENV_CLEAN, ENV_STRICT };

/* NULL is dropin.  ERR_USAGE names the three words. */
int env_level_parse(enum env_level *out, const char *word, struct err *e);
const char *env_level_name(enum env_level l);
/* May the host's variable of this name pass? */
bool env_level_passes(enum env_level l, const char *name, size_t len);
/* Is it what a launcher or scheduler tells its job? */
bool env_level_is_job(const char *name, size_t len);
/* "K=V" of what the level adds for everybody who sets nothing else; NULL at the end. */
const char *const *env_level_adds(enum env_level l);

#endif
