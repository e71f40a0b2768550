/* --intel: Level Zero and OpenCL on Intel GPUs.  As with ROCm, an image's own driver is kept, and
 * one without it gets the host's.  --intel-hpu: Gaudi; its user space is always the image's. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "bindings/lend.h"
#include "src/base/path.h"

#define BY  "intel"
#define HPU "intel-hpu"

static const char *const names[] = {
	"libze_loader.so.1",	    "libze_intel_gpu.so.1", "libze_validation_layer.so.1",
	"libze_tracing_layer.so.1", "libigdgmm.so.12",	    "libOpenCL.so.1"
};
static const char *const icds[] = { "/etc/OpenCL/vendors/intel.icd",
				    "/usr/share/vulkan/icd.d/intel_icd.x86_64.json" };

/* Compiler libraries carry their version in the name. */
static int see_library(void *arg, const char *name, const char *path)
{
	struct lend_host *host = arg;

	(void)path;
	if ((str_has_prefix(name, "libigc.so.") || str_has_prefix(name, "libigdfcl.so.") ||
	     str_has_prefix(name, "libopencl-clang")) &&
	    !str_has_suffix(name, ".so"))
		libset_add(&host->set, name, BY, LIBSET_QUIET, elf_own_bits());
	return 0;
}

static int gpu(struct lent *out, struct lend_host *host, const struct lend_config *c, struct err *e)
{
	const struct elf *lib;

	if (!lend_exists(host, "/dev/dri", NULL))
		return lend_absent(
			out, c, e, BY, "/dev/dri",
			"this host has no GPU that the kernel shows there; the container "
			"has none");
	lend_device(out, host, BY, "/dev/dri");
	lend_pass(out, host, c, "ZE_AFFINITY_MASK");
	lend_pass(out, host, c, "ONEAPI_DEVICE_SELECTOR");
	if (inside_lib(&host->image, "libze_intel_gpu.so.1", elf_own_bits(), &lib) == 0) {
		lent_verdict(out, LENT_KEPT, BY, "Level Zero", "the image has its own driver");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		libset_add(&host->set, names[i], BY, LIBSET_QUIET, elf_own_bits());
	hostlib_each(host->libs, elf_own_bits(), see_library, host);
	for (size_t i = 0; i < ARRAY_LEN(icds); i++)
		lend_path(out, host, BY, icds[i]);
	return 0;
}

static bool hpu_is_visible(const char *visible, const char *number)
{
	auto_strv struct strv words = { 0 };

	if (!visible || !visible[0] || !strcmp(visible, "all"))
		return true;
	strv_split(&words, visible, ',');
	return strv_has(&words, number);
}

static int hpu(struct lent *out, struct lend_host *host, const struct lend_config *c, struct err *e)
{
	const char *visible = lend_env(host, c, "HABANA_VISIBLE_DEVICES");
	auto_strv struct strv nodes = { 0 };
	size_t n = 0;

	lend_list(host, "/dev/accel", &nodes);
	for (size_t i = 0; i < nodes.n; i++) {
		const char *number = nodes.v[i] + strcspn(nodes.v[i], "0123456789");
		auto_free char *path = path_join("/dev/accel", nodes.v[i]);

		if (!hpu_is_visible(visible, number))
			continue;
		lend_device(out, host, HPU, path);
		n++;
	}
	lend_pass(out, host, c, "HABANA_VISIBLE_DEVICES");
	if (n)
		return 0;
	return lend_absent(out, c, e, HPU, "/dev/accel",
			   "this host has no Gaudi device%s; the container has none",
			   nodes.n ? " that HABANA_VISIBLE_DEVICES names" : "");
}

int intel_collect(struct lent *out, struct lend_host *host, const struct lend_config *c,
		  struct err *e)
{
	if (c->intel && gpu(out, host, c, e) < 0)
		return -1;
	return c->intel_hpu ? hpu(out, host, c, e) : 0;
}
