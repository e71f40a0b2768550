/* A site's and a user's berth.conf; the input is both, with a line "%%" between. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/plan/conf.h"
#include "src/plan/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	char *user = strstr(text, "\n%%\n");
	auto_conf struct conf c = { 0 };
	auto_strv struct strv notes = { 0 };
	struct run_req req = { 0 };
	struct err e = { 0 };
	bool pid;

	if (user)
		*user = '\0';
	if (conf_parse(&c, text, "site", CONF_SITE, &notes, &e) < 0) {
		check(e.text[0] != '\0');
		return 0;
	}
	pid = conf_yes(&c, CONF_ALLOW_PID_NS);
	if (user && conf_parse(&c, user + 4, "user", CONF_USER, &notes, &e) < 0)
		check(e.text[0] != '\0');
	/* Nothing that a user writes makes more of what the site forbids. */
	check(pid || !conf_yes(&c, CONF_ALLOW_PID_NS));
	policy_request(&c, &req, &e);
	policy_apply(&c, &req);
	strv_fini(&req.no_mount);
	strv_fini(&req.site_binds);
	return 0;
}
