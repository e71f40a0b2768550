/* build_labels: labels.json of a stage: the base's, the recipe's, those that %post left, and what
 * the build itself has to say. */
#ifndef FLOW_BUILD_LABELS_H
#define FLOW_BUILD_LABELS_H

#include "src/flow/build_state.h"

int build_labels(struct build *b, struct build_stage *s, struct err *e);

#endif
