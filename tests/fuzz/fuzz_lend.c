/* What a host's files say: ld.so.cache, lists, modules, CDI specs in both languages.  The first
 * byte chooses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/cdi_spec.h"
#include "bindings/liblist.h"
#include "bindings/module_file.h"
#include "bindings/nvidia.h"
#include "bindings/yaml.h"
#include "src/base/json.h"
#include "src/host/ldcache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void cache(const char *p, size_t n)
{
	auto_ldcache struct ldcache c = { 0 };
	struct err e;

	if (ldcache_parse(&c, p, n, &e) < 0)
		return;
	for (size_t i = 0; i < c.n; i++) {
		size_t at = ldcache_first(&c, c.v[i].name);

		check(c.v[i].path[0] == '/' && at <= i);
		while (at < i)
			at = ldcache_next(&c, at);
		check(at == i);
	}
}

static void texts(const char *text)
{
	auto_liblist struct liblist l = { 0 };
	auto_modules struct modules m = { 0 };
	struct nvidia_facts f = { "550.54.14", "12.4", "tesla", NULL };
	unsigned caps;
	char version[16];
	struct err e;

	liblist_parse(&l, text);
	modules_parse(&m, "x.conf", text, &e);
	nvidia_require_met(text, &f);
	nvidia_caps_parse(&caps, text, &e);
	if (nvidia_version_parse(version, sizeof(version), text))
		check(strlen(version) < sizeof(version));
	cdi_name_is_valid(text);
}

/* What the YAML reader writes, the JSON reader takes. */
static void yaml(const char *p, size_t n)
{
	auto_buf struct buf json = { 0 };
	auto_json struct json *doc = NULL;
	struct err e;

	if (yaml_to_json(&json, p, n, &e) == 0)
		check(json_parse(&doc, buf_str(&json), json.len, 64 << 20, &e) == 0 ||
		      e.kind == ERR_LIMIT);
}

static void spec(const char *path, const char *p, size_t n)
{
	struct cdi_spec s;
	struct err e;

	if (cdi_parse(&s, path, p, n, &e) < 0)
		return;
	struct cdi c = { .v = xmemdup(&s, sizeof(s)), .n = 1 };
	struct cdi_device d;

	cdi_find(&d, &c, "nvidia.com/gpu=0", &e);
	cdi_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup(size ? (const char *)data + 1 : "", size ? size - 1 : 0);
	auto_free char *exact = size > 1 ? xmemdup(data + 1, size - 1) : xstrdup("");
	size_t n = size ? size - 1 : 0;

	switch (size ? data[0] % 4 : 0) {
	case 0:
		cache(exact, n);
		break;
	case 1:
		texts(text);
		break;
	case 2:
		yaml(exact, n);
		spec("x.yaml", exact, n);
		break;
	default:
		spec("x.json", exact, n);
	}
	return 0;
}
