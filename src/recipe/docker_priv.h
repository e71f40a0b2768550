/* docker_priv: what the files of the Dockerfile parser share. */
#ifndef RECIPE_DOCKER_PRIV_H
#define RECIPE_DOCKER_PRIV_H

#include "src/recipe/def_words.h"
#include "src/recipe/docker.h"

#define docker_grow def_grow

/* One instruction out of a text of its own, as ONBUILD holds them. */
int docker_instruction(struct dockerfile *f, const char *text, unsigned line,
		       struct docker_instr *out, struct err *e);

/* What a $name means: ENV wins over ARG. */
struct docker_scope {
	const struct strv *env;
	struct strv args; /* "K=V": declared and with a value */
	char escape;
};

/* NULL when unset. */
const char *docker_scope_get(const struct docker_scope *s, const char *key, size_t n);

/* Adds word expanded, its quotes and escapes taken away.  ERR_INPUT: a ${ without end, an unknown
 * modifier, or ${X:?message} with X unset. */
int docker_expand(const struct docker_scope *s, const char *word, struct buf *out, struct err *e);
/* The same, quotes left alone: for here-documents. */
int docker_expand_text(const struct docker_scope *s, const char *text, struct buf *out,
		       struct err *e);

/* Splits at blanks outside of quotes; quotes and escapes stay in the words. */
void docker_split(const char *text, char escape, struct strv *out);

/* RUN --mount=... into m. */
int docker_mount(struct arena *a, const struct docker_scope *s, const char *text,
		 const char *workdir, struct step_mount *m, struct err *e);

#endif
