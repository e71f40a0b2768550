/* build_inspect: inspect-metadata.json of a finished tree. */
#ifndef FLOW_BUILD_INSPECT_H
#define FLOW_BUILD_INSPECT_H

#include "src/flow/build_tree.h"

int build_inspect_make(const struct build_tree *t, struct buf *out, struct err *e);

#endif
