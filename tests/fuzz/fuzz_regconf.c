/* registries.conf, up to the routes that follow; and what credential helpers and files say. */
#include <stdint.h>

#include "registry/credentials.h"
#include "registry/helper.h"
#include "registry/regconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	auto_regconf struct regconf *c = regconf_new();
	auto_credential struct credential got = { 0 };
	auto_routes struct routes routes = { 0 };
	auto_ref struct ref ref = { 0 };
	auto_strv struct strv names = { 0 };
	struct err e;

	ref_parse(&ref, "docker.io/library/debian:12", &e);
	if (regconf_add(c, (const char *)p, n, "f", &e) == 0) {
		regconf_route(c, &ref, &routes, &e);
		regconf_expand(c, "debian:12", &names);
	}
	helper_parse(&got, (const char *)p, n, &e);
	return 0;
}
