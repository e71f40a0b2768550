/* build_glob: file name patterns below a root directory that is not ours to trust. */
#ifndef FLOW_BUILD_GLOB_H
#define FLOW_BUILD_GLOB_H

#include "src/base/buf.h"
#include "src/base/err.h"

/* Adds the paths (absolute, seen from root, sorted) that pattern matches; links on the way are
 * followed inside of root.  A pattern without magic is taken as it is. */
int glob_in_root(int root, const char *pattern, struct strv *out, struct err *e);

#endif
