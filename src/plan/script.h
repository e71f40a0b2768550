/* script: the part of the shell language that environment files are written in.
 *
 *	struct shvars v = { 0 };
 *	if (script_run(&v, text, NULL) == 1)
 *		...  // the image's own /bin/sh has to read it
 *
 * Understood: assignments, export, unset, comments, both kinds of quotes, $K,
 * ${K}, ${K:-w}, ${K-w}, ${K:+w}, ${K+w}, and if/elif/else/fi over [ ] or test
 * with -n, -z, =, ==, !=.  Everything else is for a shell; nothing is guessed.
 * The reading is bash's where shells differ: no word splitting in assignments,
 * "${K:-"w"}" nests.  The text is foreign and only read. */
#ifndef PLAN_SCRIPT_H
#define PLAN_SCRIPT_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/mem.h"

/* Variables as a shell has them; entries are "K=V". */
struct shvars {
	struct strv exported;
	struct strv local;
	const struct strv *outer; /* borrowed; read when neither list has the key, never changed */
	struct strv marked;	  /* names that are exported as soon as they have a value */
};

void shvars_fini(struct shvars *v);
#define auto_shvars auto_(shvars_fini)
void shvars_copy(struct shvars *to, const struct shvars *from);
/* The value, exported or not; NULL when unset. */
const char *shvars_get(const struct shvars *v, const char *key);
/* An exported variable stays exported. */
void shvars_set(struct shvars *v, const char *key, const char *value, bool exported);
void shvars_unset(struct shvars *v, const char *key);

/* [A-Za-z_][A-Za-z0-9_]* */
bool shell_name_is_valid(const char *key, size_t n);

/* Runs text.  0 done; 1 it needs a shell: v is as before and *line (may be NULL)
 * is the line that could not be read. */
int script_run(struct shvars *v, const char *text, unsigned *line);

/* Adds word as it reads inside double quotes; a double quote in it stands for
 * itself.  0 done; 1 it needs a shell, nothing was added. */
int script_expand(const struct shvars *v, const char *word, struct buf *out);

/* Splits text into the words of a command line; a variable in it needs a shell.
 * 0 done; 1 it needs a shell, the list is as before. */
int script_words(const char *text, struct strv *out);

/* Adds s in single quotes, so that any shell reads exactly s. */
void script_quote(struct buf *out, const char *s);

#endif
