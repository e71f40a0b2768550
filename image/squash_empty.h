/* squash_empty: a SquashFS with nothing in it, for whoever wants to serve a file system only
 * to learn when the last process that sees it is gone.
 *
 *	squash_empty_open(&fd, &s, e);
 *	serve_new(&serve, s, &opts, e);
 */
#ifndef IMAGE_SQUASH_EMPTY_H
#define IMAGE_SQUASH_EMPTY_H

#include "image/squash.h"
#include "src/base/err.h"

/* *fd is a file in memory that s reads from: close it after s. */
int squash_empty_open(int *fd, struct squash **s, struct err *e);

#endif
