/* docker_walk: one stage's instructions as they are turned into steps.  Private to docker_steps.c,
 * which does what only changes the configuration, and docker_files.c, which does what changes
 * files. */
#ifndef RECIPE_DOCKER_WALK_H
#define RECIPE_DOCKER_WALK_H

#include "src/recipe/docker_priv.h"

struct docker_walk {
	struct steps *out;
	struct docker_config *c;
	struct dockerfile *f;
	const struct docker_opts *o;
	struct arena *a;
	struct docker_scope scope;
	struct strv global; /* ARGs before the first FROM, with values */
	size_t stage;
	bool cmd_is_ours; /* CMD stood in this stage, so ENTRYPOINT leaves it */
};

/* The value of a flag, "" for one without, NULL when it does not stand there. */
const char *docker_flag_get(const struct docker_instr *i, const char *name);
/* text expanded, in the arena; NULL with e. */
const char *docker_word(struct docker_walk *w, const char *text, struct err *e);
/* The words of an instruction, expanded; from the exec form where it has one. */
int docker_words(struct docker_walk *w, const struct docker_instr *i, struct strv *out,
		 struct err *e);
/* SHELL, or /bin/sh -c, with text behind it. */
const char *const *docker_shell_argv(struct docker_walk *w, const char *text);

int docker_do_run(struct docker_walk *w, const struct docker_instr *i, struct err *e);
int docker_do_copy(struct docker_walk *w, const struct docker_instr *i, struct err *e);
int docker_do_workdir(struct docker_walk *w, const struct docker_instr *i, struct err *e);

#endif
