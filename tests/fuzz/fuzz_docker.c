/* Dockerfiles, image configurations and .dockerignore files. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/json.h"
#include "src/recipe/docker.h"
#include "src/recipe/docker_ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void stages(struct dockerfile *f)
{
	struct docker_opts o = { .arch = "amd64" };
	struct err e;

	for (size_t i = 0; i < f->nstages && i < 20; i++) {
		auto_arena struct arena a = { 0 };
		auto_docker_config struct docker_config c = { 0 };
		struct steps s = { .arena = &a };
		auto_buf struct buf text = { 0 };
		struct jw w = { .out = &text };
		const char *base;

		strv_add(&c.env, "PATH=/usr/bin:/bin");
		dockerfile_base(f, i, &o, &base, &e);
		if (dockerfile_steps(&s, &c, f, i, &o, &e) < 0)
			continue;
		for (size_t k = 0; k < s.n; k++)
			for (size_t n = 0; n < s.v[k].nitems; n++)
				check(*s.v[k].items[n].dst == '/' &&
				      !strstr(s.v[k].items[n].dst, "/../"));
		steps_json(&s, &w, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_dockerfile struct dockerfile *f = NULL;
	auto_docker_config struct docker_config c = { 0 }, again = { 0 };
	auto_free char *text = xstrndup((const char *)data, size);
	auto_strv struct strv ignore = { 0 };
	auto_buf struct buf json = { 0 };
	struct err e;

	if (dockerfile_parse(&f, (const char *)data, size, "D", &e) == 0)
		stages(f);
	if (docker_config_parse(&c, text, &e) == 0) {
		docker_config_json(&c, &json);
		check(docker_config_parse(&again, buf_str(&json), &e) == 0);
	}
	docker_ignore_parse(&ignore, text);
	docker_ignored(&ignore, "a/b/c.txt");
	return 0;
}
