/* --rocm.  The kernel's interface (/dev/kfd) is stable across ROCm releases, so an image's own ROCm
 * is always the better one: nothing of it is replaced.  Only an image without the HSA runtime gets
 * the host's, as far as its C library carries it.  libdrm, libnuma and their kin come along when
 * one of these needs them and the image has none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/lend.h"
#include "bindings/liblist.h"
#include "src/base/path.h"

#define BY	 "rocm"
#define TOPOLOGY "/sys/class/kfd/kfd/topology/nodes"

static const char default_list[] = "rocm-smi\nrocminfo\namd-smi\n"
				   "libhsa-runtime64.so\nlibamdhip64.so\nlibhiprtc.so\n"
				   "libhiprtc-builtins.so\nlibamd_comgr.so\nlibamdocl64.so\n"
				   "libOpenCL.so\nlibrocm_smi64.so\nlibamd_smi.so\n"
				   "librocprofiler-register.so\n";

struct amd {
	struct lend_host *host;
	struct liblist list;
};

static int see_library(void *arg, const char *name, const char *path)
{
	struct amd *a = arg;

	(void)path;
	if (liblist_has(&a->list, name) && !str_has_suffix(name, ".so"))
		libset_add(&a->host->set, name, BY, LIBSET_QUIET, elf_own_bits());
	return 0;
}

static bool image_has_rocm(struct lend_host *host)
{
	const struct elf *lib;

	return inside_lib(&host->image, "libhsa-runtime64.so.1", elf_own_bits(), &lib) == 0 ||
	       inside_has(&host->image, "/opt/rocm/lib/libhsa-runtime64.so.1") ||
	       inside_has(&host->image, "/opt/rocm/hsa/lib/libhsa-runtime64.so.1");
}

/* The number behind "key " at the start of a line; 0. */
static unsigned long long property(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (!strncmp(p, key, n) && p[n] == ' ')
			return strtoull(p + n + 1, NULL, 10);
	}
	return 0;
}

/* visible: indices and "GPU-<unique id>" of ROCR_VISIBLE_DEVICES; NULL: all. */
static bool is_visible(const char *visible, size_t index, unsigned long long id)
{
	auto_strv struct strv words = { 0 };
	char number[24], name[32];

	if (!visible)
		return true;
	snprintf(number, sizeof(number), "%zu", index);
	snprintf(name, sizeof(name), "GPU-%llx", id);
	strv_split(&words, visible, ',');
	return strv_has(&words, number) || (id && strv_has(&words, name));
}

/* The render node of each GPU that the job may see, in the order of the HSA runtime. */
static size_t render_nodes(struct lent *out, const struct lend_host *host, const char *visible)
{
	auto_strv struct strv nodes = { 0 };
	size_t gpus = 0;

	lend_list(host, TOPOLOGY, &nodes);
	for (size_t i = 0; i < nodes.n; i++) {
		auto_free char *path = xasprintf(TOPOLOGY "/%zu/properties", i);
		auto_buf struct buf text = { 0 };
		unsigned long long minor;

		if (lend_read(host, path, &text))
			continue;
		minor = property(buf_str(&text), "drm_render_minor");
		if (!property(buf_str(&text), "simd_count") || !minor)
			continue;
		if (is_visible(visible, gpus++, property(buf_str(&text), "unique_id"))) {
			auto_free char *node = xasprintf("/dev/dri/renderD%llu", minor);

			lend_device(out, host, BY, node);
		}
	}
	return gpus;
}

static int collect(struct amd *a, struct lent *out, const struct lend_config *c, struct err *e)
{
	auto_buf struct buf text = { 0 };

	if (!lend_exists(a->host, "/dev/kfd", NULL))
		return lend_absent(out, c, e, BY, "/dev/kfd",
				   "this host runs no AMD GPU driver (amdgpu with KFD); the "
				   "container has no GPU");
	lend_device(out, a->host, BY, "/dev/kfd");
	if (!render_nodes(out, a->host, lend_env(a->host, c, "ROCR_VISIBLE_DEVICES")))
		lend_device(out, a->host, BY, "/dev/dri");
	lend_pass(out, a->host, c, "ROCR_VISIBLE_DEVICES");
	lend_pass(out, a->host, c, "HIP_VISIBLE_DEVICES");
	lend_pass(out, a->host, c, "GPU_DEVICE_ORDINAL");
	if (lend_read_site(a->host, "rocmliblist.conf", &text))
		buf_adds(&text, default_list);
	liblist_parse(&a->list, buf_str(&text));
	for (size_t i = 0; i < a->list.files.n; i++)
		lend_path(out, a->host, BY, a->list.files.v[i]);
	if (image_has_rocm(a->host)) {
		lent_verdict(out, LENT_KEPT, BY, "ROCm", "the image has its own HSA runtime");
		return 0;
	}
	for (size_t i = 0; i < a->list.programs.n; i++)
		lend_program(out, a->host, BY, a->list.programs.v[i]);
	hostlib_each(a->host->libs, elf_own_bits(), see_library, a);
	/* Where /opt/rocm is not known to ldconfig. */
	libset_add(&a->host->set, "/opt/rocm/lib/libhsa-runtime64.so.1", BY, LIBSET_QUIET,
		   elf_own_bits());
	lend_path(out, a->host, BY, "/etc/OpenCL/vendors/amdocl64.icd");
	return 0;
}

int amd_collect(struct lent *out, struct lend_host *host, const struct lend_config *c,
		struct err *e)
{
	struct amd a = { .host = host };
	int r = collect(&a, out, c, e);

	liblist_fini(&a.list);
	return r;
}
