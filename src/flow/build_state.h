/* build_state: what the files of a build share.  Only for flow/build*.c. */
#ifndef FLOW_BUILD_STATE_H
#define FLOW_BUILD_STATE_H

#include <sys/types.h>

#include "image/oci.h"
#include "image/store.h"
#include "src/base/arena.h"
#include "src/base/digest.h"
#include "src/flow/build.h"
#include "src/flow/build_tree.h"
#include "src/flow/output.h"
#include "src/flow/pull_known.h"
#include "src/plan/conf.h"
#include "src/recipe/def.h"
#include "src/recipe/docker.h"
#include "src/recipe/step.h"

/* A state of a tree: what it was made from, in one digest. */
struct build_key {
	char hex[DIGEST_TEXT_MAX]; /* "": cannot be told, nothing is kept or found */
};

struct build_stage {
	const struct def_stage *def; /* NULL for a Dockerfile */
	const char *name;	     /* for people */
	const char *agent, *from;
	int from_stage; /* -1: an image */
	char *image;	/* the base as a file or directory; NULL: scratch, or made by a tool */
	bool listed;	/* the base, by admit_uri() */
	struct oci_config *base_config; /* NULL: none */
	struct docker_config config;	/* Dockerfile: the result's */
	struct steps steps;
	struct build_key base;	/* of the base alone */
	struct build_key *keys; /* after each step */
	struct build_tree tree;
	bool planned, built, building;
};

struct build {
	const struct build_req *req;
	struct conf conf; /* berth.conf */
	bool nv, rocm;	  /* lent while steps run: asked for, or by the conf */
	struct output out;
	char *spec_dir; /* where the recipe lies; absolute */
	struct def *def;
	struct dockerfile *docker;
	struct strv args; /* --build-arg and files */
	bool *args_used;
	const char *text; /* the recipe's, as the image keeps it; NULL: an image was given */
	struct build_stage *stages;
	size_t nrecipe; /* stages of the recipe; the last of them is the result */
	size_t nstages; /* with the images that are only copied from */
	size_t cap;	/* stages never move */
	char *work;	/* private directory, absolute */
	int workfd;
	struct stat workst;
	char *context; /* of COPY, absolute */
	struct strv ignore;
	struct store *store; /* NULL: nothing is kept */
	int64_t epoch;	     /* SOURCE_DATE_EPOCH, -1 */
	bool is_root;	     /* of the user namespace */
	unsigned hits, misses;
	struct pull_known known; /* blocks of the image that was last made from the same base */
	char *known_note;
	struct arena arena;
};

/* The tree of stage i, built as far as it was not. */
int build_stage_make(struct build *b, size_t i, struct err *e);
/* build_find.c: the stage that COPY --from or %files from names; an image that a Dockerfile copies
 * from becomes one.  -1 with e. */
int build_find_stage(struct build *b, const char *name, struct err *e);

/* build_files.c: STEP_COPY.  build_files_key adds what the sources hold. */
int build_files(struct build *b, struct build_stage *s, const struct step *step, struct err *e);
int build_files_key(struct build *b, const struct step *step, struct buf *key, struct err *e);

/* build_run.c: STEP_RUN and STEP_HOST. */
int build_run(struct build *b, struct build_stage *s, const struct step *step, struct err *e);
int build_host(struct build *b, const struct build_stage *s, const struct step *step,
	       struct err *e);
/* The image's own test, on the finished tree. */
int build_test(struct build *b, struct build_stage *s, struct err *e);

/* build_meta.c: /.singularity.d of a finished stage. */
int build_meta(struct build *b, struct build_stage *s, struct err *e);

/* build_write.c: the finished tree as a file. */
int build_write_sif(struct build *b, struct build_stage *s, struct err *e);

#endif
