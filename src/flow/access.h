/* access: how a registry is spoken to: who the user is, what is trusted, how fast.
 *
 *	auto_remote struct remote *r = NULL;
 *	access_open(&r, &req->access, &ref, e); */
#ifndef FLOW_ACCESS_H
#define FLOW_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "registry/ref.h"
#include "registry/remote.h"
#include "src/base/err.h"

struct access {
	const char *user, *password; /* both or none */
	const char *ca_file, *auth_file;
	bool no_https;
	unsigned parallel;
	uint64_t limit_rate;
};

int access_open(struct remote **out, const struct access *a, const struct ref *ref, struct err *e);
/* "docker://..." or "oras://..." and nothing else. */
int access_ref(struct ref *out, const char *uri, struct err *e);

#endif
