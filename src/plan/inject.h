/* inject: the variables that the user puts into the container from outside.
 *
 *	struct inject in = { 0 };
 *	if (inject_collect(&in, req, &facts, notes, e) < 0) ...
 *	in.v[0].key, in.v[0].value
 *	inject_fini(&in);
 *
 * From weak to strong: SINGULARITYENV_X, APPTAINERENV_X, BERTHENV_X, --env-file
 * (a later file wins), --env. */
#ifndef PLAN_INJECT_H
#define PLAN_INJECT_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/plan/facts.h"
#include "src/plan/request.h"

struct inject_var {
	char *key, *value;
	bool literal;	  /* already evaluated */
	const char *from; /* for messages: "--env", "SINGULARITYENV_", ... */
};

struct inject {
	struct inject_var *v;
	size_t n, cap;
};

void inject_fini(struct inject *in);
#define auto_inject auto_(inject_fini)

/* ERR_USAGE for an --env without '=' or a name no shell knows, or a line of a file that is no
 * assignment; the error of the file when it cannot be read.  Adds warnings to notes. */
int inject_collect(struct inject *in, const struct run_req *req, const struct facts *f,
		   struct strv *notes, struct err *e);

#endif
