/* request: what the user asked of exec, run or shell, as the command line said it.
 *
 *	struct run_req r = { .verb = RUN_EXEC, .image = "a.sif" };
 *	strv_add(&r.args, "true");
 *	strv_add(&r.binds, "/data:/mnt:ro,/scratch");
 *
 * Words only: nothing here was looked up.  The cli owns every string and list.
 * A new option gets a field here and a rule in src/plan. */
#ifndef PLAN_REQUEST_H
#define PLAN_REQUEST_H

#include <stdbool.h>

#include "src/base/buf.h"

enum run_verb { RUN_EXEC, RUN_RUN, RUN_SHELL };

struct run_req {
	enum run_verb verb;
	const char *image;     /* path or URI, as written */
	struct strv args;      /* command and arguments (exec), arguments (run, shell) */
	struct strv binds;     /* -B: each src[:dst[:opts]][,...] */
	struct strv env;       /* --env: each K=V[,K=V...] */
	struct strv env_files; /* --env-file: each a path, or several with commas */
	struct strv no_mount;  /* --no-mount: proc, sys, dev, devpts, home, tmp, cwd,
				* bind-paths, or an absolute target; commas */
	const char *home;      /* -H: src[:dst], NULL when not given */
	const char *pwd;       /* --pwd, --cwd */
	const char *shell;     /* --shell */
	const char *prompt;    /* PS1 of the container, NULL: "Berth> " */
	bool cleanenv;	       /* -e */
	bool contain;	       /* -c */
	bool containall;       /* -C: contain, cleanenv, own pid and ipc namespaces */
	bool no_home;
	bool no_eval; /* values of --env are not expanded, run evaluates nothing */
	bool no_umask;
	bool dry_run; /* print the plan instead of acting on it */

	/* For an image that is a URI: handed on to the pull. */
	const char *arch, *user, *password, *ca_file, *auth_file;
	bool no_https, disable_cache;
};

#endif
