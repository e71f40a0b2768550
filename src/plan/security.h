/* security: what --security asks for.  Only the ids inside can be had without root: one user and
 * one group, which stand for the caller's.
 *
 *	struct security s;
 *	if (security_parse(&s, req, e) < 0) ...     // "uid:1000", "gid:100"
 */
#ifndef PLAN_SECURITY_H
#define PLAN_SECURITY_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/plan/request.h"

struct security {
	bool has_uid, has_gid;
	uint32_t uid, gid;
};

/* ERR_USAGE names the word and what is wrong with it; ERR_UNSUPPORTED for what takes root. */
int security_parse(struct security *out, const struct run_req *req, struct err *e);

#endif
