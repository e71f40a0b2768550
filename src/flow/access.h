/* access: how a registry is spoken to: who the user is, what is trusted, how fast.
 *
 *	auto_remote struct remote *r = NULL;
 *	access_open(&r, &req->access, &ref, e); */
#ifndef FLOW_ACCESS_H
#define FLOW_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "registry/ref.h"
#include "registry/regconf.h"
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
/* As registries.conf has it: the place itself, never a mirror, for what is changed there.  *at: the
 * reference that is spoken of there. */
int access_open_place(struct remote **out, const struct access *a, const struct ref *ref,
		      struct ref *at, struct err *e);
/* One of its routes; what was typed goes to the host that was named and to no other. */
int access_open_route(struct remote **out, const struct access *a, const struct ref *named,
		      const struct route *route, struct err *e);

/* "docker://..." or "oras://..." and nothing else. */
int access_ref(struct ref *out, const char *uri, struct err *e);

#endif
