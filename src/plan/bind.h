/* bind: the words of -B and of the BIND variables.
 *
 *	struct binds b = { 0 };
 *	if (binds_parse(&b, "/data:/mnt:ro,/scratch", "-B", cwd, e) < 0) ...
 *	b.v[0].src, b.v[0].dst, b.v[0].ro
 *	binds_fini(&b);
 *
 * Text in, text out: nothing is looked up. */
#ifndef PLAN_BIND_H
#define PLAN_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/mem.h"

struct bind {
	char *src;   /* clean absolute host path */
	char *dst;   /* clean absolute container path */
	char *inner; /* image bind: what of the image file src is bound, clean and absolute; else
		      * NULL */
	unsigned id; /* image bind: the descriptor in a SIF; 0 not said */
	bool ro;
	bool nonested; /* a container inside this one does not bind it again */
	uint32_t hash; /* of dst: hundreds of binds are compared with each other */
};

struct binds {
	struct bind *v;
	size_t n, cap;
};

void binds_fini(struct binds *b);
#define auto_binds auto_(binds_fini)
void bind_fini(struct bind *b);

/* Adds what text says: src[:dst[:opt,...]] with commas between binds; "\," and
 * "\:" stand for the characters themselves.  Options are ro, rw, image-src=PATH and id=N.
 * A relative src is taken from cwd (NULL: refused); dst is src when left out.  from names
 * where the text comes from, for messages.  ERR_USAGE. */
int binds_parse(struct binds *b, const char *text, const char *from, const char *cwd,
		struct err *e);

/* For other spellings of a bind.  Adds one of src and dst (NULL: src), checked and made
 * clean; text is what the user wrote, for messages. */
int bind_add(struct binds *b, const char *src, const char *dst, const char *text, const char *from,
	     const char *cwd, struct err *e);
/* Sets inner and id of an image bind. */
int bind_set_inner(struct bind *b, const char *path, const char *from, struct err *e);
int bind_set_id(struct bind *b, const char *digits, const char *from, struct err *e);

#endif
