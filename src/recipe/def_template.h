/* def_template: {{ NAME }} in a definition file.
 *
 *	struct def_template t = { .args = args, .used = used };
 *	def_template_line(&t, line, n, &out, e);
 *
 * A name is looked up among the build arguments, then among the defaults of its stage's
 * %arguments, then among those of the other stages.  A default may itself hold {{ }}. */
#ifndef RECIPE_DEF_TEMPLATE_H
#define RECIPE_DEF_TEMPLATE_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/recipe/def.h"

#define DEF_TEMPLATE_DEPTH 8
#define DEF_TEMPLATE_MAX   (1 << 20) /* bytes that one line may become */

struct def_template {
	const struct strv *args;	/* "K=V"; NULL none */
	bool *used;			/* one a member of args */
	const struct def_stage *stages; /* whose %arguments are read */
	size_t nstages, stage;		/* the line's own */
};

/* Adds line[0..n) with its templates filled in.  A comment line passes as it is.  ERR_INPUT: a name
 * without a value, or a value that refers to itself. */
int def_template_line(const struct def_template *t, const char *line, size_t n, struct buf *out,
		      struct err *e);

#endif
