/* challenge: what a registry asks for when it says 401 (RFC 9110, 11.6.1).
 *
 *	auto_challenge struct challenge c = { 0 };
 *	challenge_add(&c, "Bearer realm=\"https://auth/token\",service=\"reg\"");
 *	if (c.bearer) ... c.realm, c.service, c.scope
 *
 * Several header lines, and several challenges in one line, add up; the first
 * Bearer challenge is kept.  Other schemes are read over. */
#ifndef REGISTRY_CHALLENGE_H
#define REGISTRY_CHALLENGE_H

#include <stdbool.h>

#include "src/base/mem.h"

struct challenge {
	bool basic, bearer;
	char *realm, *service, *scope, *error; /* of Bearer; NULL where not given */
};

/* Adds one WWW-Authenticate value.  What does not parse is left out: there is
 * nothing to report, the registry's 401 is the message. */
void challenge_add(struct challenge *c, const char *value);
void challenge_fini(struct challenge *c);
#define auto_challenge auto_(challenge_fini)

#endif
