/* lend: everything that the host lends, one collector for each kind of thing.
 *
 *	struct lend_host host = { .rootfd = AT_FDCWD, .environ = environ,
 *				  .image = { .ops = &ops, .arg = arg } };
 *	struct lend_config want = { .nv = true };
 *	if (lend_wanted(&want) && lend_collect(&lent, &host, &want, e) < 0) ...
 *	lend_host_fini(&host);
 *
 * A collector looks at the host and adds to lent; it reads no file that its option did not ask
 * for.  All have one signature and a row in lend.c. */
#ifndef BINDINGS_LEND_H
#define BINDINGS_LEND_H

#include <stdbool.h>

#include "bindings/hostlib.h"
#include "bindings/inside.h"
#include "bindings/libset.h"
#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/plan/lent.h"

struct lend_host {
	int rootfd;	      /* AT_FDCWD: this machine */
	char *const *environ; /* NULL-terminated */
	const char *site;     /* where its lists and modules are; NULL: site_dir() */
	struct inside image;  /* .ops and .arg by the caller */
	struct hostlib *libs; /* private from here on: filled by lend_collect() */
	struct libset set;
	unsigned mpi_swapped; /* enum mpi_abi: site modules have seen to these */
};

struct lend_config {
	bool nv, nvccli, compat32, rocm, intel, intel_hpu;
	bool fabric, require_fabric;
	bool mpi_host;		/* the host's MPI in the place of the image's */
	bool strict;		/* what is absent or unknown is an error */
	bool lenient;		/* nobody asked for this start: what cannot work is a warning */
	bool cleanenv;		/* the selectors of the scheduler pass all the same */
	bool own_dev;		/* /dev has only what is lent */
	struct strv devices;	/* CDI names; borrowed */
	struct strv cdi_dirs;	/* after the usual two */
	struct strv modules;	/* site modules by name */
	bool default_modules;	/* and those that the site gives to everybody */
	char *const *image_env; /* the image's OCI environment, NULL: none */
	const struct strv *set; /* K=V that the user gave with --env */
};

typedef int lend_collector(struct lent *out, struct lend_host *host, const struct lend_config *c,
			   struct err *e);

lend_collector nvidia_collect, amd_collect, intel_collect, cdi_collect, fabric_collect,
	fabric_after, module_collect, mpi_collect, mpi_after;

/* False: nothing of the host needs to be looked at. */
bool lend_wanted(const struct lend_config *c);
/* ERR_HOST when something that was asked for cannot work; verdicts are complete then too. */
int lend_collect(struct lent *out, struct lend_host *host, const struct lend_config *c,
		 struct err *e);
void lend_host_fini(struct lend_host *host);
/* Adds what to do without --mpi=host to an error that is about it.  Returns -1. */
int mpi_remedy(struct err *e);
/* For a start that did not ask for the fabric: one note when this host has one and the image's
 * own libraries cannot open it.  Lists /dev and /dev/infiniband, nothing else. */
void fabric_watch(struct strv *notes, struct lend_host *host);

/* --- for collectors --- */

/* The user's value of key: --env, then the host's environment; NULL. */
const char *lend_env(const struct lend_host *host, const struct lend_config *c, const char *key);
/* The image's own value, NULL. */
const char *lend_image_env(const struct lend_config *c, const char *key);
/* Where distributions keep libraries, and beside them the plug-ins that a library loads. */
extern const char *const lend_lib_dirs[3];
/* Adds a small text file of the host to out.  1: not there. */
int lend_read(const struct lend_host *host, const char *path, struct buf *out);
/* As lend_read(), of a file that the site has for Berth. */
int lend_read_site(const struct lend_host *host, const char *name, struct buf *out);
/* Where that is, or a directory of that place.  Heap string. */
char *lend_site_path(const struct lend_host *host, const char *name);
/* The names in a directory of the host, sorted; none when it is not there. */
void lend_list(const struct lend_host *host, const char *dir, struct strv *names);
bool lend_exists(const struct lend_host *host, const char *path, bool *is_dir);
/* A device with its verdict; nothing when the host has none at path. */
void lend_device(struct lent *out, const struct lend_host *host, const char *by, const char *path);
/* A file or directory of the host at the same path in the container, with its verdict. */
void lend_path(struct lent *out, const struct lend_host *host, const char *by, const char *path);
/* A program of the host at /usr/bin, if it runs with the image's C library. */
void lend_program(struct lent *out, struct lend_host *host, const char *by, const char *name);
/* Passes a variable on that --cleanenv would keep out. */
void lend_pass(struct lent *out, const struct lend_host *host, const struct lend_config *c,
	       const char *key);
/* What was asked for is not on this host: a warning, an error with --strict. */
int lend_absent(struct lent *out, const struct lend_config *c, struct err *e, const char *by,
		const char *what, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

#endif
