/* build_spec: the words of a build request become stages.
 *
 *	build_spec_read(b, e);      // reads the recipe, or sees that SPEC is an image
 *	build_spec_plan(b, i, e);   // steps and keys of stage i, once its base is known
 */
#ifndef FLOW_BUILD_SPEC_H
#define FLOW_BUILD_SPEC_H

#include "src/flow/build_state.h"

/* A stage behind the others; there is room for all of the recipe and some images. */
struct build_stage *build_spec_add_stage(struct build *b);
/* The agent for what FROM and --from name. */
const char *build_spec_docker_agent(const char *from);

int build_spec_read(struct build *b, struct err *e);
int build_spec_plan(struct build *b, size_t i, struct err *e);
/* Arguments that nothing used: an error, or a warning when the request says so. */
int build_spec_unused(struct build *b, struct err *e);
/* The state of a stage after all its steps. */
const struct build_key *build_spec_key(const struct build_stage *s);

#endif
