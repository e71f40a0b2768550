/* What stands at the top of a saved image, and remote.yaml. */
#include <stdint.h>

#include "registry/remotes.h"
#include "registry/saved.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	auto_free char *text = xstrndup((const char *)p, n);
	auto_docker_save struct docker_save save = { 0 };
	auto_descriptor struct descriptor d = { 0 };
	auto_remote_endpoint struct remote_endpoint r = { 0 };
	struct platform want;
	struct err e;

	platform_parse(&want, "amd64", &e);
	layout_choose(&d, (const char *)p, n, "1", &want, &e);
	docker_save_choose(&save, (const char *)p, n, n & 1 ? NULL : "box:1", &e);
	remote_endpoint_parse(&r, text, &e);
	return 0;
}
