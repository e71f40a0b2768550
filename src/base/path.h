/* path: names as pure text.  Nothing here looks at a file system. */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>

#include "src/base/buf.h"

/* Absolute, no empty, "." or ".." component, no trailing slash ("/" itself is clean). */
bool path_is_clean(const char *p);
/* The clean absolute form of p, which is taken relative to base when it does not
 * start with '/'; ".." goes up lexically and stops at the root.  base is clean.
 * Heap string. */
char *path_clean(const char *base, const char *p);
/* True when p is dir or lies below it; both clean. */
bool path_is_below(const char *p, const char *dir);
/* What comes after the last '/'; borrowed. */
const char *path_base(const char *p);
/* Everything before the last '/', "/" for a name right below the root, "." for a
 * bare name.  Heap string. */
char *path_dir(const char *p);
/* a + "/" + b without doubling the slash.  Heap string. */
char *path_join(const char *a, const char *b);

#endif
