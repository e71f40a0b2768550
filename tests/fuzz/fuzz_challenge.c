/* WWW-Authenticate and Retry-After, up to the token request that they lead to. */
#include <stdint.h>

#include "registry/auth.h"
#include "registry/base64.h"
#include "registry/retry.h"
#include "registry/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	auto_free char *text = xstrndup((const char *)p, n);
	auto_challenge struct challenge c = { 0 };
	auto_credential struct credential who = { .user = xstrdup("u"),
						  .password = xstrdup("p"),
						  .identity_token = xstrdup("i") };
	auto_buf struct buf out = { 0 };
	auto_free char *shown = NULL;
	struct auth a = { 0 };
	struct err e;

	shown = url_shown(text);
	challenge_add(&c, text);
	challenge_add(&c, text);
	if (auth_challenged(&a, &c, &who, "lab/t", true, &e) == 1) {
		auth_token_url(&a, &who, &out);
		auth_token_form(&a, &who, &out);
	}
	retry_after_parse(text, 784111777);
	base64_decode(&out, text);
	auth_fini(&a);
	return 0;
}
