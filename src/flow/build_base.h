/* build_base: what a stage starts from, by its bootstrap agent.
 *
 *	build_base_find(b, s, e);      // fetches what is fetched: s->image, s->base_config, s->base
 *	build_base_unpack(b, s, e);    // fills s->tree
 */
#ifndef FLOW_BUILD_BASE_H
#define FLOW_BUILD_BASE_H

#include "src/flow/build_state.h"

/* Before this process is root of a namespace: a pull may have threads and needs the caller. */
int build_base_find(struct build *b, struct build_stage *s, struct err *e);
/* May programs of the base run (admit.h)?  Asked of a stage whose steps are known, and has any that
 * runs one; by the same process as build_base_find(). */
int build_base_admit(struct build *b, const struct build_stage *s, struct err *e);
int build_base_unpack(struct build *b, struct build_stage *s, struct err *e);

/* build_tool.c: trees that a distribution's own tool makes. */
int build_base_tool(struct build *b, struct build_stage *s, struct err *e);
/* ERR_HOST: the tool for the agent is not installed.  1: the agent needs none. */
int build_base_tool_check(const struct build_stage *s, struct err *e);

#endif
