/* build: a recipe becomes an image.
 *
 *	struct build_req r = { .out = "app.sif", .spec = "app.def" };
 *	if (flow_build(&r, &text, e) < 0) ...
 *
 * Each stage is a plain directory that the caller owns, in a private directory beside the output
 * (or in BERTH_TMPDIR); what its files would be owned by is kept in a table
 *(src/enter/emul_table.h). The process makes itself root of a user namespace first, so that no mode
 *of a file is in its way. The output appears complete under its name or not at all. */
#ifndef FLOW_BUILD_H
#define FLOW_BUILD_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"

struct build_req {
	const char *out;
	const char *spec; /* definition file, Dockerfile, image, directory, URI */
	bool sandbox;	  /* a directory with plain files and a table of owners */
	bool update;	  /* go on in the directory that is there */
	bool notest, force, dockerfile;
	bool json;	    /* the result as a line of JSON; what steps say goes to stderr */
	bool no_cache;	    /* steps are done anew; they are still kept for next time */
	bool disable_cache; /* nothing is kept */
	bool warn_unused;
	bool dry_run;		    /* print stages and steps */
	struct strv sections;	    /* --section: commas; empty: all */
	struct strv args;	    /* --build-arg K=V */
	struct strv arg_files;	    /* --build-arg-file */
	struct strv binds, secrets; /* -B; --secret id=NAME,src=FILE */
	struct strv mounts;	    /* --mount type=bind,... */
	bool nv, rocm;		    /* lent while steps run */
	const char *context;	    /* where COPY reads; NULL: the Dockerfile's directory */
	const char *target;	    /* the stage to stop at */
	const char *arch, *emulation, *compress;
	const char *tmpdir; /* NULL: beside the output */

	/* For the pull of a base. */
	const char *user, *password, *ca_file, *auth_file;
	bool no_https;
};

/* 0 done; with dry_run text is the recipe as JSON.  ERR_INPUT: the recipe; ERR_EXISTS: the output
 * is there. */
int flow_build(const struct build_req *r, struct buf *text, struct err *e);

#endif
