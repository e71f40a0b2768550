/* docker: Dockerfiles as data.
 *
 *	auto_dockerfile struct dockerfile *f = NULL;
 *	if (dockerfile_parse(&f, text, n, "Dockerfile", e) < 0) ...
 *	dockerfile_base(f, i, &opts, &base, e);               // what FROM says
 *	dockerfile_steps(&steps, &config, f, i, &opts, e);    // once the base's config is known
 *
 * Pure: nothing is opened, the text is foreign.  The language is that of BuildKit's Dockerfile
 * reference, syntax 1.7, apart from what needs its daemon (RUN --mount=type=ssh, --security, git
 * sources): these are refused by name. */
#ifndef RECIPE_DOCKER_H
#define RECIPE_DOCKER_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/arena.h"
#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/base/mem.h"
#include "src/recipe/docker_config.h"
#include "src/recipe/step.h"

#define DOCKERFILE_MAX (4 << 20)

enum docker_verb {
	DOCKER_ADD,
	DOCKER_ARG,
	DOCKER_CMD,
	DOCKER_COPY,
	DOCKER_ENTRYPOINT,
	DOCKER_ENV,
	DOCKER_EXPOSE,
	DOCKER_FROM,
	DOCKER_HEALTHCHECK,
	DOCKER_LABEL,
	DOCKER_MAINTAINER,
	DOCKER_ONBUILD,
	DOCKER_RUN,
	DOCKER_SHELL,
	DOCKER_STOPSIGNAL,
	DOCKER_USER,
	DOCKER_VOLUME,
	DOCKER_WORKDIR
};

struct docker_flag {
	const char *name, *value; /* --name=value; value NULL for --name alone */
};

struct docker_heredoc {
	const char *name, *body;
	bool expand; /* the name was not quoted */
};

struct docker_instr {
	enum docker_verb verb;
	unsigned line;
	const char *name;  /* "RUN" */
	const char *words; /* what follows name and flags, lines joined; never NULL */
	struct docker_flag *flags;
	size_t nflags, flags_cap;
	struct docker_heredoc *heredocs;
	size_t nheredocs, heredocs_cap;
	const char *const *json; /* the exec form, NULL-terminated; NULL: another form */
};

struct docker_stage {
	const char *name; /* NULL: none */
	const char *from; /* not expanded yet */
	const char *platform;
	unsigned line;
	struct docker_instr *v;
	size_t n, cap;
};

struct dockerfile {
	const char *name; /* of the file */
	const char *text;
	char escape;
	struct docker_instr *args; /* before the first FROM */
	size_t nargs, args_cap;
	struct docker_stage *stages;
	size_t nstages, stages_cap;
	struct arena arena;
};

/* ERR_INPUT with the line and its text. */
int dockerfile_parse(struct dockerfile **out, const char *text, size_t n, const char *name,
		     struct err *e);
void dockerfile_free(struct dockerfile *f);
static inline void dockerfile_free_p_(struct dockerfile **f)
{
	dockerfile_free(*f);
}
#define auto_dockerfile auto_(dockerfile_free_p_)

/* The stage of that name (any case) or number before stage end; -1 none. */
int dockerfile_find_stage(const struct dockerfile *f, const char *name, size_t end);

struct docker_opts {
	const struct strv *args; /* --build-arg: "K=V" */
	bool *used;		 /* one a member of args, or NULL */
	const char *arch;	 /* Go's name of the machine that is built for */
	char *const *environ;	 /* for --build-arg K without a value, and the proxies; or NULL */
};

/* What stage i starts from: an image's name, an earlier stage's, or "scratch"; in the file's
 * arena. */
int dockerfile_base(struct dockerfile *f, size_t i, const struct docker_opts *o, const char **base,
		    struct err *e);

/* The steps of stage i.  config comes in as the base's and goes out as the stage's; its triggers
 * (ONBUILD) come first.  Strings live in out's arena and f. */
int dockerfile_steps(struct steps *out, struct docker_config *config, struct dockerfile *f,
		     size_t i, const struct docker_opts *o, struct err *e);

struct jw;
void dockerfile_json(struct dockerfile *f, const struct docker_opts *o, struct jw *w,
		     const char *key);

#endif
