#include "src/flow/access.h"

#include "src/flow/transport.h"

int access_open(struct remote **out, const struct access *a, const struct ref *ref, struct err *e)
{
	struct remote_opts o = {
		.user = a->user,
		.password = a->password,
		.ca_file = a->ca_file,
		.auth_file = a->auth_file,
		.no_https = a->no_https,
		.parallel = a->parallel,
		.limit_rate = a->limit_rate,
	};

	return remote_open(out, ref, &o, e);
}

int access_ref(struct ref *out, const char *uri, struct err *e)
{
	const char *rest;
	const struct transport *t = transport_of(uri, &rest);

	if (t != &transport_docker && t != &transport_oras)
		return err_set(e, ERR_USAGE, "%s: a registry is named docker:// or oras://", uri);
	return ref_parse(out, rest, e);
}
