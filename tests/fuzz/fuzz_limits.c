/* A TOML file of limits: whatever is made of it are lines for files of cgroup version 2, and no
 * path leads elsewhere. */
#include <stdint.h>
#include <string.h>

#include "src/plan/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	const struct run_req req = { .apply_cgroups = "fuzz" };
	auto_strv struct strv files = { 0 };
	const struct facts f = { .limits = text };
	struct err e;

	if (limits_make(&files, &req, &f, &e) < 0)
		return 0;
	for (size_t i = 0; i < files.n; i++) {
		size_t n = strcspn(files.v[i], "=");

		if (!files.v[i][n] || memchr(files.v[i], '/', n) || files.v[i][0] == '.' ||
		    strchr(files.v[i], '\n'))
			__builtin_trap();
	}
	return 0;
}
