/* look: into an image, without starting anything.
 *
 *	flow_ls("a.sif", "/etc", 1, &text, e); */
#ifndef FLOW_LOOK_H
#define FLOW_LOOK_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/flow/pull.h"

struct look_req {
	struct pull_req pull; /* uri: a path or a URI */
	const char *path;     /* in the image; NULL: all of it */
	const char *other;    /* of diff */
	bool longer, recurse, json;
};

/* Adds what is below path: names, or lines as ls -l has them. */
int flow_ls(const struct look_req *r, struct buf *text, struct err *e);
/* The file's bytes to fd. */
int flow_cat(const struct look_req *r, int fd, struct err *e);
/* Lines "+ path", "- path", "M path".  1: they differ. */
int flow_diff(const struct look_req *r, struct buf *text, struct err *e);
/* "name version architecture" by the databases of dpkg, apk; ERR_UNSUPPORTED names one that is not
 * read, ERR_NOTFOUND when there is none. */
int flow_packages(const struct look_req *r, struct buf *text, struct err *e);

#endif
