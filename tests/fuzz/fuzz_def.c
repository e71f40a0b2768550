/* Definition files. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/json.h"
#include "src/recipe/def.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_strv struct strv args = { 0 };
	struct def_opts o = { .name = "f", .args = &args };
	auto_def struct def *d = NULL;
	auto_buf struct buf text = { 0 };
	struct jw w = { .out = &text };
	struct err e;

	strv_add(&args, "A={{ B }}");
	if (def_parse(&d, (const char *)data, size, &o, &e) < 0)
		return 0;
	for (size_t i = 0; i < d->nstages; i++) {
		auto_arena struct arena a = { 0 };
		struct steps s = { .arena = &a };

		def_steps(&s, &d->stages[i]);
		for (size_t k = 0; k < s.n; k++)
			for (size_t n = 0; n < s.v[k].nitems; n++) {
				const char *dst = s.v[k].items[n].dst;

				check(!dst || (*dst == '/' && !strstr(dst, "/../")));
			}
	}
	def_json(d, &w, NULL);
	return 0;
}
