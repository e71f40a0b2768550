/* script_word: one word of a script, expanded.  Private to script.c. */
#ifndef PLAN_SCRIPT_WORD_H
#define PLAN_SCRIPT_WORD_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/plan/script.h"

/* How deep ${K:-${L:-...}} may nest. */
#define SCRIPT_DEPTH_MAX 16
/* What one string of an environment may be for execve() (MAX_ARG_STRLEN). */
#define SCRIPT_VALUE_MAX (128 << 10)

/* What all values of one script may be: more than execve() takes (ARG_MAX). */
#define SCRIPT_VALUES_MAX (4 << 20)

struct cursor {
	const char *p; /* next byte to read; the text ends at NUL */
	unsigned depth;
	size_t spent; /* bytes of all values that were assigned */
	bool bare;    /* an expansion stood outside quotes: a shell would split it */
	bool glob;    /* *, ? or [ stood outside quotes */
};

/* Reads a word up to a blank, newline, ';', '&', '|', '(', ')', '<', '>' or the
 * end and adds its value.  0 done; 1 it needs a shell. */
int script_word(struct cursor *c, const struct shvars *v, struct buf *out);
/* Reads up to the end as if between double quotes. */
int script_word_quoted(struct cursor *c, const struct shvars *v, struct buf *out);

#endif
