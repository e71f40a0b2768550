/* instance_lent: what of a loan a program needs that joins an instance later.
 *
 *	instance_lent_write(&w, facts.lent);              // a member "lent" of the instance's note
 *	instance_lent_read(&lent, json_get(note, "lent"));
 *
 * Files, links and devices are in the instance's mounts already; the search path of libraries and
 * the variables belong to a program, and a program that joins has an environment of its own. */
#ifndef FLOW_INSTANCE_LENT_H
#define FLOW_INSTANCE_LENT_H

#include "src/base/json.h"
#include "src/plan/lent.h"

/* l NULL: nothing is lent, and nothing is written. */
void instance_lent_write(struct jw *w, const struct lent *l);
/* j NULL: nothing.  What is no loan is left out. */
void instance_lent_read(struct lent *out, const struct json *j);

#endif
