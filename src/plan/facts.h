/* facts: everything of the world that a plan may depend on.
 *
 * src/flow gathers them (the host half from src/host, the image half from
 * image/) and hands them to plan_make().  Two steps, so that only what a
 * request needs is looked at:
 *
 *	facts: ids, passwd entry, environment, cwd
 *	plan_wants(&paths, &env_files, req, &facts, e)   -> which paths to stat
 *	facts.paths = ...; facts.image = ...
 *	plan_make(&plan, req, &facts, e)
 *
 * All pointers are borrowed and must outlive the call that takes the facts; a
 * plan copies what it keeps. */
#ifndef PLAN_FACTS_H
#define PLAN_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/plan/lent.h"

/* One path of the host. */
struct fact_path {
	const char *path; /* as plan_wants() named it */
	mode_t mode;	  /* st_mode of what it leads to; 0: not there */
	int error;	  /* errno when mode is 0: ENOENT, EACCES, ... */
	const char *real; /* the path without symlinks; NULL: same as path or not known */
};

struct fact_group {
	gid_t gid;
	const char *name; /* NULL: the host knows no name for it */
};

/* An environment script of the image, from the tree or from inspect-metadata.json. */
struct fact_script {
	const char *name; /* "90-environment.sh"; lies in /.singularity.d/env */
	const char *text;
};

/* A file that --env-file named. */
struct fact_file {
	const char *path; /* as plan_wants() named it */
	const char *text; /* NULL: not readable, error says why */
	int error;
};

enum fact_image_use { FACT_IMAGE_DATA, FACT_IMAGE_OVERLAY };

/* What a path leads to in an image file that plan_wants_images() named. */
struct fact_image {
	const char *path; /* these four as it named them */
	unsigned id;
	enum fact_image_use use;
	const char *inner;
	mode_t mode;	 /* of inner; 0: not to be had, why says the reason */
	const char *why; /* a whole sentence */
	size_t file;	 /* index in image_files */
	bool is_ext;	 /* an ext file system, in no image_files; mode says only that it is one */
	int64_t off;	 /* ... in the file */
	const char *unwritable; /* ... why it cannot take changes; NULL: it can */
};

/* A SquashFS of such an image file; one for all that is taken from it. */
struct fact_image_file {
	const char *path;
	int64_t off, size;
};

/* A device that --blkio-weight-device names. */
struct fact_device {
	const char *path;
	unsigned major, minor;
	bool is_block;
	int error; /* errno of the look-up, 0 none */
};

struct facts_image {
	bool has_overlay;    /* an overlay partition of its own */
	bool is_dir;	     /* a directory tree instead of a SquashFS in a file */
	const char *path;    /* absolute; what the container calls APPTAINER_CONTAINER */
	const char *fs_path; /* the file that holds the SquashFS; NULL: path */
	int64_t off, size;   /* of the SquashFS in fs_path */

	/* Files of the image, NULL where it has none. */
	const char *passwd;		   /* /etc/passwd */
	const char *group;		   /* /etc/group */
	const char *runscript;		   /* /.singularity.d/runscript; run only */
	const struct fact_script *scripts; /* /.singularity.d/env, in glob order */
	size_t nscripts;
	bool has_startscript; /* one that holds a command; start only */
	bool has_sh;	      /* /bin/sh leads to something */
	bool has_bash;	      /* /bin/bash; shell only */
	bool has_app;	      /* /scif/apps/NAME, of --app */
	bool has_app_script;  /* its runscript, or for test its test */
	bool has_test;	      /* /.singularity.d/test; test only */

	/* oci-config.json; NULL-terminated lists, NULL when absent. */
	bool has_config;
	char *const *env;
	char *const *entrypoint;
	char *const *cmd;
	const char *workdir, *user; /* "" or NULL: the image says none */
};

struct facts {
	uid_t uid; /* inside: the caller's, root's with fakeroot, or as flow/run_user.h says */
	gid_t gid;
	uid_t host_uid; /* the caller's */
	gid_t host_gid;
	const struct fact_group *groups; /* primary first, then supplementary */
	size_t ngroups;
	const char *user, *gecos, *home, *shell; /* entry of uid; user NULL when there is none */
	const char *user_home; /* HOME of the image's User (--oci-compat); NULL: as the caller's */
	const char *cwd;       /* NULL when it cannot be told */
	mode_t umask;
	const char *limits; /* text of --apply-cgroups' file; else NULL */
	const struct fact_device *devices;
	size_t ndevices;
	uint64_t memory_limit;	 /* bytes that the job may use; only with --writable-tmpfs */
	const char *memory_from; /* what says so; NULL: no limit, or not looked up */
	const char *hosts;    /* the host's /etc/hosts, when a request makes its own; else NULL */
	char *const *environ; /* NULL-terminated */
	/* Which of them a launcher gave its rank: they pass whatever else is kept away.  The same
	 * pointers, NULL-terminated; NULL: none. */
	char *const *wired;
	/* Directories of the host that it has to see; NULL-terminated; NULL: none. */
	char *const *wired_paths;

	const struct fact_path *paths;
	size_t npaths;
	const struct fact_file *env_files;
	size_t nenv_files;

	const struct fact_image *images;
	size_t nimages;
	const struct fact_image_file *image_files;
	size_t nimage_files;
	const struct lent *lent; /* what the host lends; NULL: nothing was asked for */

	struct facts_image image;
};

#endif
