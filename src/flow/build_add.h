/* build_add: ADD unpacks an archive that lies beside the Dockerfile. */
#ifndef FLOW_BUILD_ADD_H
#define FLOW_BUILD_ADD_H

#include "src/flow/build_tree.h"

/* file is a host path, dst a directory of the tree.  1: it is no tar archive, nothing was done. */
int build_add_archive(const struct build_tree *t, const char *file, const char *dst, struct err *e);

#endif
