/* build_report: what a build has made, as one line of JSON for programs. */
#ifndef FLOW_BUILD_REPORT_H
#define FLOW_BUILD_REPORT_H

#include "src/flow/build_state.h"

/* {"output", "format", "bytes", "from_store", "steps", "steps_from_store", "seconds"} and a
 * newline; bytes is absent for a directory. */
void build_report(const struct build *b, bool from_store, double seconds, struct buf *text);

#endif
