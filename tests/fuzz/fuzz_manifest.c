/* Manifest, index, and the user's config file: all the JSON of registry/. */
#include <stdint.h>

#include "registry/auth.h"
#include "registry/credentials.h"
#include "registry/manifest.h"
#include "registry/reply.h"
#include "src/base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *s = (const char *)p, *type;
	auto_manifest struct manifest m = { 0 };
	auto_descriptor struct descriptor d = { 0 };
	auto_credential struct credential c = { 0 };
	auto_buf struct buf said = { 0 };
	struct auth a = { 0 };
	struct platform want = { "linux", "arm", "v7" };
	struct err e;

	log_set_level(LOG_SILENT);
	if (manifest_type(&type, s, n, NULL, &e) == 0 && !manifest_is_index(type) &&
	    manifest_parse(&m, s, n, type, &e) == 0)
		manifest_check_image(&m, &e);
	index_choose(&d, s, n, &want, &e);
	credential_from_json(&c, s, n, "config.json", "docker.io", "library/debian");
	auth_take_token(&a, s, n, 1, &e);
	reply_message(&said, s, n);
	auth_fini(&a);
	return 0;
}
