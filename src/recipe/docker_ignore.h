/* docker_ignore: .dockerignore, and the patterns of COPY.
 *
 *	auto_strv struct strv ig = { 0 };
 *	docker_ignore_parse(&ig, text);
 *	if (docker_ignored(&ig, "src/a.o")) ...       // the last pattern that matches decides
 */
#ifndef RECIPE_DOCKER_IGNORE_H
#define RECIPE_DOCKER_IGNORE_H

#include <stdbool.h>

#include "src/base/buf.h"

/* Adds the patterns, cleaned; "!" in front is kept. */
void docker_ignore_parse(struct strv *out, const char *text);
/* path is relative and clean.  A pattern also matches all below what it matches. */
bool docker_ignored(const struct strv *patterns, const char *path);
/* May something below the directory path be taken in again by a "!" pattern? */
bool docker_ignore_has_exceptions(const struct strv *patterns);
/* Go's filepath.Match, and "**" for any number of directories. */
bool docker_match(const char *pattern, const char *path);

#endif
