/* def: definition files, the recipes of Apptainer and SingularityCE.
 *
 *	struct def_opts o = { .name = "app.def", .args = &args };
 *	auto_def struct def *d = NULL;
 *	if (def_parse(&d, text, len, &o, e) < 0) ...        // "app.def:7: unknown section %psot
 *..." def_steps(&steps, &d->stages[0], e);
 *
 * Pure: nothing is opened, the text is foreign.  Strings belong to the def.  The language is
 * that of Apptainer 1.5's user guide, "Definition files"; a stage begins at each Bootstrap line. */
#ifndef RECIPE_DEF_H
#define RECIPE_DEF_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/arena.h"
#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/base/mem.h"
#include "src/recipe/step.h"

#define DEF_MAX (4 << 20) /* bytes; the largest definition file that is read */

enum def_script {
	DEF_HELP,
	DEF_PRE,
	DEF_SETUP,
	DEF_POST,
	DEF_ENVIRONMENT,
	DEF_RUNSCRIPT,
	DEF_STARTSCRIPT,
	DEF_TEST,
	DEF_SCRIPTS
};

/* A section that is text.  Repeated ones are one behind the other. */
struct def_text {
	const char *text; /* NULL: there is no such section */
	const char *args; /* what stood behind the name, "" */
	unsigned line;
};

struct def_pair {
	const char *key, *value;
	unsigned line;
};

struct def_pairs {
	struct def_pair *v;
	size_t n, cap;
};

struct def_files {
	const char *from; /* stage; NULL: the host */
	unsigned line;
	struct step_item *v;
	size_t n, cap;
};

struct def_app {
	const char *name;
	struct def_text install, env, help, run, start, test;
	struct def_pairs labels;
	struct def_files files;
};

struct def_stage {
	const char *name; /* NULL: none */
	unsigned line;
	struct def_pairs header; /* keys in lower case, in their order */
	struct def_text script[DEF_SCRIPTS];
	struct def_pairs labels;
	struct def_pairs arguments;
	struct def_files *files;
	size_t nfiles, files_cap;
	struct def_app *apps;
	size_t napps, apps_cap;
};

struct def {
	const char *text; /* with the templates filled in: what an image keeps as its recipe */
	struct def_stage *stages;
	size_t nstages, stages_cap;
	struct strv unused; /* build arguments that no template uses */
	struct arena arena;
};

struct def_opts {
	const char *name;	 /* for messages */
	const struct strv *args; /* --build-arg: "K=V"; NULL none */
};

/* ERR_INPUT with the line and its text, ERR_LIMIT when it is too long. */
int def_parse(struct def **out, const char *text, size_t n, const struct def_opts *o,
	      struct err *e);
void def_free(struct def *d);
static inline void def_free_p_(struct def **d)
{
	def_free(*d);
}
#define auto_def auto_(def_free_p_)

/* The value of a header key, NULL without one. */
const char *def_header(const struct def_stage *s, const char *key);
/* The stage of that name, or with that number, before stage index end; -1 none. */
int def_find_stage(const struct def *d, const char *name, size_t end);

/* What follows once the stage's base is there: app installs and files from stages, %setup, %files,
 * %post.  (%pre comes before the base: it is not in the list.) */
void def_steps(struct steps *out, const struct def_stage *s);

/* One line of a K=V file (--build-arg-file): adds "K=V" to out, nothing for a blank line or a
 * comment.  1: it is no assignment. */
int def_argument_line(const char *line, size_t n, struct strv *out);

struct jw;
void def_json(const struct def *d, struct jw *w, const char *key);

#endif
