/* env: the environment of the program, and the shell text that finishes it when
 * the image's scripts need a shell.
 *
 *	auto_environment struct environment env = { 0 };
 *	if (environment_make(&env, req, &facts, &known, notes, e) < 0) ...
 *	env.vars                  // K=V for execve()
 *	env.glue                  // NULL, or for: /bin/sh -c GLUE berth CMD ARGS
 *
 * Order and precedence: docs/environment.md. */
#ifndef PLAN_ENV_H
#define PLAN_ENV_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/base/mem.h"
#include "src/plan/facts.h"
#include "src/plan/request.h"

/* What the rest of the plan decided before. */
struct environment_known {
	const char *home;  /* in the container */
	const char *cwd;   /* the first directory that is tried */
	const char *bind;  /* the user's binds, "src:dst[:ro],..." */
	const char *shell; /* what shell starts, NULL for exec and run */
};

struct environment {
	struct strv vars;
	size_t pwd;	     /* index of PWD */
	char *glue;	     /* ends in: exec "$@" */
	struct strv origins; /* --explain-env: "WHERE<tab>NAME=VALUE", and why others do not pass */
};

void environment_fini(struct environment *env);
#define auto_environment auto_(environment_fini)

int environment_make(struct environment *env, const struct run_req *req, const struct facts *f,
		     const struct environment_known *known, struct strv *notes, struct err *e);

#endif
