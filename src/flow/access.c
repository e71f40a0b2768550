#include "src/flow/access.h"

#include <string.h>

#include "src/flow/transport.h"

int access_open_route(struct remote **out, const struct access *a, const struct ref *named,
		      const struct route *route, struct err *e)
{
	bool same = !strcmp(named->host, route->ref.host);
	struct remote_opts o = {
		.user = same ? a->user : NULL,
		.password = same ? a->password : NULL,
		.ca_file = a->ca_file,
		.auth_file = a->auth_file,
		.no_https = a->no_https || route->plain,
		.insecure = route->insecure,
		.parallel = a->parallel,
		.limit_rate = a->limit_rate,
	};

	return remote_open(out, &route->ref, &o, e);
}

int access_open(struct remote **out, const struct access *a, const struct ref *ref, struct err *e)
{
	const struct route here = { .ref = *ref };

	return access_open_route(out, a, ref, &here, e);
}

int access_open_place(struct remote **out, const struct access *a, const struct ref *ref,
		      struct ref *at, struct err *e)
{
	auto_regconf struct regconf *c = NULL;
	auto_routes struct routes routes = { 0 };

	if (regconf_load(&c, e) < 0 || regconf_route(c, ref, &routes, e) < 0)
		return -1;
	for (size_t i = 0; i < routes.n; i++) {
		struct route *r = &routes.v[i];

		if (r->mirror)
			continue;
		if (access_open_route(out, a, ref, r, e) < 0)
			return -1;
		/* Only "insecure" has a second one, http; which it is, a question tells. */
		if (i + 1 == routes.n || remote_login(*out, e) == 0 || e->kind != ERR_NET) {
			*at = r->ref;
			r->ref = (struct ref){ 0 };
			return 0;
		}
		remote_close(take_ptr(*out));
	}
	return err_set(e, ERR_USAGE, "%s: registries.conf names no place for it", ref->text);
}

int access_ref(struct ref *out, const char *uri, struct err *e)
{
	const char *rest;
	const struct transport *t = transport_of(uri, &rest);

	if (t != &transport_docker && t != &transport_oras)
		return err_set(e, ERR_USAGE, "%s: a registry is named docker:// or oras://", uri);
	return ref_parse(out, rest, e);
}
