/* env_host: which of the host's variables may pass into the container at all.
 *
 *	if (env_host_passes(req, &facts, "LANG=C")) ...
 *
 * Options and what is never lent; the levels come on top (env_level.h).  Pure. */
#ifndef PLAN_ENV_HOST_H
#define PLAN_ENV_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "src/plan/facts.h"
#include "src/plan/request.h"

/* key (len bytes) is one of the n names. */
bool env_name_in(const char *const *list, size_t n, const char *key, size_t len);
/* var is one of f->environ. */
bool env_host_passes(const struct run_req *req, const struct facts *f, const char *var);

#endif
