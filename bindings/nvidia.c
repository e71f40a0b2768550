/* --nv: the user-space half of the NVIDIA driver.  It must be exactly as old as the kernel's half,
 * so its libraries are recognised by that: each is a file lib*.so.<version of the kernel driver>. A
 * list of names is never complete (every driver branch adds some) and, where it names the neutral
 * libraries of OpenGL, breaks images that have newer or older ones; ours only adds what the image
 * lacks. */
#include "bindings/nvidia.h"

#include <stdio.h>
#include <string.h>

#include "bindings/liblist.h"
#include "src/base/path.h"

#define BY "nv"

static const char default_list[] =
	"nvidia-smi\nnvidia-debugdump\nnvidia-persistenced\nnvidia-cuda-mps-control\n"
	"nvidia-cuda-mps-server\nnvidia-imex\nnvidia-imex-ctl\n"
	"libGL.so\nlibGLX.so\nlibEGL.so\nlibGLdispatch.so\nlibOpenGL.so\nlibGLESv1_CM.so\n"
	"libGLESv2.so\nlibOpenCL.so\nlibnvidia-egl-wayland.so\nlibnvidia-egl-gbm.so\n"
	"libnvidia-nscq.so\n"
	"libnvidia-rmapi-tegra.so\nlibnvos.so\nlibnvrm_chip.so\nlibnvrm_gpu.so\nlibnvrm_host1x.so\n"
	"libnvrm_mem.so\nlibnvrm_stream.so\nlibnvrm_surface.so\nlibnvrm_sync.so\nlibnvsciipc.so\n"
	"libnvsocsys.so\nlibnvtegrahv.so\n";

/* Configuration that names the driver's libraries to a loader. */
static const struct {
	const char *path;
	unsigned caps;
} files[] = {
	{ "/usr/share/glvnd/egl_vendor.d/10_nvidia.json", NV_GRAPHICS },
	{ "/etc/glvnd/egl_vendor.d/10_nvidia.json", NV_GRAPHICS },
	{ "/usr/share/vulkan/icd.d/nvidia_icd.json", NV_GRAPHICS },
	{ "/usr/share/vulkan/icd.d/nvidia_icd.x86_64.json", NV_GRAPHICS },
	{ "/etc/vulkan/icd.d/nvidia_icd.json", NV_GRAPHICS },
	{ "/usr/share/vulkan/icd.d/nvidia_layers.json", NV_GRAPHICS },
	{ "/usr/share/vulkan/implicit_layer.d/nvidia_layers.json", NV_GRAPHICS },
	{ "/etc/vulkan/implicit_layer.d/nvidia_layers.json", NV_GRAPHICS },
	{ "/usr/share/vulkansc/icd.d/nvidia_icd_vksc.json", NV_GRAPHICS },
	{ "/usr/share/egl/egl_external_platform.d/10_nvidia_wayland.json", NV_GRAPHICS },
	{ "/usr/share/egl/egl_external_platform.d/15_nvidia_gbm.json", NV_GRAPHICS },
	{ "/usr/share/egl/egl_external_platform.d/20_nvidia_xcb.json", NV_GRAPHICS },
	{ "/usr/share/egl/egl_external_platform.d/20_nvidia_xlib.json", NV_GRAPHICS },
	{ "/usr/share/nvidia/nvoptix.bin", NV_GRAPHICS },
	{ "/etc/OpenCL/vendors/nvidia.icd", NV_COMPUTE },
};

static const struct {
	const char *path;
	unsigned caps;
} sockets[] = {
	{ "/run/nvidia-persistenced/socket", NV_UTILITY },
	{ "/var/run/nvidia-persistenced/socket", NV_UTILITY },
	{ "/run/nvidia-fabricmanager/socket", NV_UTILITY },
	{ "/var/run/nvidia-fabricmanager/socket", NV_UTILITY },
};

struct nvidia {
	struct lent *out;
	struct lend_host *host;
	const struct lend_config *c;
	struct liblist list;
	char version[32];
	char suffix[40]; /* ".so.550.54.14" */
	unsigned caps;
	int bits;
	struct err *e;
};

static bool driver_version(struct nvidia *n)
{
	static const char *const where[] = { "/proc/driver/nvidia/version",
					     "/sys/module/nvidia/version" };

	for (size_t i = 0; i < ARRAY_LEN(where); i++) {
		auto_buf struct buf text = { 0 };

		if (!lend_read(n->host, where[i], &text) &&
		    nvidia_version_parse(n->version, sizeof(n->version), buf_str(&text))) {
			snprintf(n->suffix, sizeof(n->suffix), ".so.%s", n->version);
			return true;
		}
	}
	return false;
}

static bool may_be_driver(const char *name)
{
	static const char *const words[] = { "libcuda", "libnvcuvid", "libnvoptix" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_has_prefix(name, words[i]))
			return true;
	return strstr(name, "nvidia") != NULL;
}

/* libcuda.so.1 leads to a file whose name tells the version.  It is opened for that, which is what
 * the judging needs, too; one that is damaged or of another machine is judged by its name. */
static bool add_driver(struct nvidia *n, const char *name, const char *path, unsigned flags)
{
	auto_hostlib_lib struct hostlib_lib lib = { 0 };
	auto_free char *real = NULL;
	struct err ignored;

	if (str_has_suffix(name, n->suffix)) {
		libset_add(&n->host->set, name, BY, flags, n->bits);
		return true;
	}
	if (hostlib_find(&lib, n->host->libs, path, n->bits, &ignored) == 0) {
		if (!str_has_suffix(lib.real, n->suffix))
			return false;
		libset_add_found(&n->host->set, name, BY, flags, n->bits, &lib);
		return true;
	}
	real = host_real(n->host->rootfd, path);
	if (!real || !str_has_suffix(real, n->suffix))
		return false;
	libset_add(&n->host->set, name, BY, flags, n->bits);
	return true;
}

/* Called for every library of the host: what tells most of them apart comes first. */
static int see_library(void *arg, const char *name, const char *path)
{
	struct nvidia *n = arg;
	bool maybe = may_be_driver(name) || str_has_suffix(name, n->suffix);
	unsigned flags = LIBSET_TIED | LIBSET_ALONE;

	/* libcuda.so, for those who link or load it by that name, comes with libcuda.so.1. */
	if ((!maybe && !liblist_has(&n->list, name)) || str_has_suffix(name, ".so") ||
	    !(nvidia_lib_caps(name) & n->caps))
		return 0;
	if (!strcmp(name, "libcuda.so.1") || !strcmp(name, "libnvidia-ml.so.1"))
		flags |= LIBSET_DEVLINK;
	if (!strcmp(name, "libcuda.so.1") && n->bits == elf_own_bits())
		flags |= LIBSET_MUST;
	if (maybe && str_has_prefix(name, "lib") && add_driver(n, name, path, flags))
		return 0;
	if (liblist_has(&n->list, name))
		libset_add(&n->host->set, name, BY, LIBSET_ALONE | LIBSET_QUIET, n->bits);
	return 0;
}

/* A driver that was updated under a running kernel is the usual reason. */
static int check_core(struct nvidia *n)
{
	auto_hostlib_lib struct hostlib_lib lib = { 0 };
	struct err ignored;
	int r;

	if (!(n->caps & NV_COMPUTE))
		return 0;
	r = hostlib_find(&lib, n->host->libs, "libcuda.so.1", elf_own_bits(), &ignored);
	if (r)
		return lend_absent(n->out, n->c, n->e, BY, "libcuda.so.1",
				   "the kernel driver is %s, and this host has no such library; "
				   "install the driver's user-space part",
				   n->version);
	if (!str_has_suffix(lib.real, n->suffix) && strstr(lib.real, ".so.") &&
	    !str_has_suffix(lib.real, ".so.1"))
		return lend_absent(n->out, n->c, n->e, BY, "libcuda.so.1",
				   "the kernel driver is %s, the library is %s; reload the kernel "
				   "module or reboot the node",
				   n->version, lib.real);
	if (!str_has_suffix(lib.real, n->suffix))
		libset_add(&n->host->set, "libcuda.so.1", BY,
			   LIBSET_TIED | LIBSET_ALONE | LIBSET_MUST, elf_own_bits());
	return 0;
}

static int add_libraries(struct nvidia *n)
{
	n->bits = elf_own_bits();
	hostlib_each(n->host->libs, n->bits, see_library, n);
	for (size_t i = 0; i < n->list.libs.n; i++)
		if (n->list.libs.v[i][0] == '/')
			libset_add(&n->host->set, n->list.libs.v[i], BY, LIBSET_QUIET, n->bits);
	if (n->caps & NV_COMPAT32 &&
	    (n->c->compat32 || lend_env(n->host, n->c, "NVIDIA_DRIVER_CAPABILITIES"))) {
		n->bits = 32;
		hostlib_each(n->host->libs, 32, see_library, n);
	}
	return check_core(n);
}

static void add_files(struct nvidia *n)
{
	const char *mps = lend_env(n->host, n->c, "CUDA_MPS_PIPE_DIRECTORY");

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (files[i].caps & n->caps)
			lend_path(n->out, n->host, BY, files[i].path);
	for (size_t i = 0; i < n->list.files.n; i++)
		lend_path(n->out, n->host, BY, n->list.files.v[i]);
	for (size_t i = 0; i < n->list.programs.n && n->caps & NV_UTILITY; i++)
		lend_program(n->out, n->host, BY, n->list.programs.v[i]);
	for (size_t i = 0; i < ARRAY_LEN(sockets); i++)
		if (sockets[i].caps & n->caps && lend_exists(n->host, sockets[i].path, NULL))
			lent_bind(n->out, sockets[i].path, sockets[i].path, false)->writable = true;
	if (!mps)
		mps = "/tmp/nvidia-mps";
	if (mps[0] == '/' && lend_exists(n->host, mps, NULL)) {
		lent_bind(n->out, mps, mps, true)->writable = true;
		lent_verdict(n->out, LENT_GIVEN, BY, mps, "pipes of the MPS daemon");
	}
	lend_pass(n->out, n->host, n->c, "CUDA_VISIBLE_DEVICES");
	lend_pass(n->out, n->host, n->c, "CUDA_DEVICE_ORDER");
	lend_pass(n->out, n->host, n->c, "CUDA_MPS_PIPE_DIRECTORY");
}

/* NVIDIA_REQUIRE_CUDA and its kin, as the image or the user set them. */
static int check_requirements(struct nvidia *n, const struct nvidia_gpus *gpus)
{
	struct nvidia_facts f = { .driver = n->version,
				  .cuda = nvidia_cuda_of(n->version),
				  .brand = gpus->n && gpus->v[0].model[0]
						   ? nvidia_brand_of(gpus->v[0].model)
						   : NULL };
	const char *off = lend_env(n->host, n->c, "NVIDIA_DISABLE_REQUIRE");

	if (!off)
		off = lend_image_env(n->c, "NVIDIA_DISABLE_REQUIRE");
	if (off && strcmp(off, "0") != 0 && strcmp(off, "false") != 0 && off[0])
		return 0;
	for (char *const *v = n->c->image_env; v && *v; v++) {
		const char *eq = strchr(*v, '=');

		if (!str_has_prefix(*v, "NVIDIA_REQUIRE_") || !eq || nvidia_require_met(eq + 1, &f))
			continue;
		auto_free char *key = xstrndup(*v, (size_t)(eq - *v));

		lent_verdict(n->out, LENT_REFUSED, BY, key,
			     "\"%s\" is not met by driver %s (CUDA %s)", eq + 1, n->version,
			     f.cuda ? f.cuda : "unknown");
		if (n->c->strict || n->c->nvccli)
			return err_set(n->e, ERR_HOST,
				       BY ": %s=\"%s\" is not met by driver %s (CUDA %s); use an "
					  "older image or NVIDIA_DISABLE_REQUIRE=1",
				       key, eq + 1, n->version, f.cuda ? f.cuda : "unknown");
		strv_addf(&n->out->notes,
			  BY ": the image asks for %s=\"%s\", this host's driver is %s (CUDA %s)",
			  key, eq + 1, n->version, f.cuda ? f.cuda : "unknown");
	}
	return 0;
}

/* In list mode the image's own wish is not asked, as nowhere else: with --nvccli it is. */
static int capabilities(struct nvidia *n)
{
	const char *text = lend_env(n->host, n->c, "NVIDIA_DRIVER_CAPABILITIES");

	if (!text && n->c->nvccli)
		text = lend_image_env(n->c, "NVIDIA_DRIVER_CAPABILITIES");
	if (!text && n->c->nvccli)
		text = "compute,utility";
	if (!text || !text[0]) {
		n->caps = NV_ALL & ~(unsigned)NV_COMPAT32;
		n->caps |= n->c->compat32 ? NV_COMPAT32 : 0;
		return 0;
	}
	if (nvidia_caps_parse(&n->caps, text, n->e) < 0)
		return -1;
	n->caps |= n->c->compat32 ? NV_COMPAT32 : 0;
	return 0;
}

static int collect(struct nvidia *n, struct nvidia_gpus *gpus)
{
	const char *visible = lend_env(n->host, n->c, "NVIDIA_VISIBLE_DEVICES");
	auto_buf struct buf list = { 0 };

	if (!visible && n->c->nvccli)
		visible = lend_image_env(n->c, "NVIDIA_VISIBLE_DEVICES");
	if (visible && (!visible[0] || !strcmp(visible, "void"))) {
		lent_verdict(n->out, LENT_SKIPPED, BY, "driver", "NVIDIA_VISIBLE_DEVICES is \"%s\"",
			     visible);
		return 0;
	}
	if (!driver_version(n))
		return lend_absent(n->out, n->c, n->e, BY, "driver",
				   "this host runs no NVIDIA kernel driver "
				   "(/proc/driver/nvidia/version); the container has no GPU");
	if (lend_read_site(n->host, "nvliblist.conf", &list))
		buf_adds(&list, default_list);
	liblist_parse(&n->list, buf_str(&list));
	if (capabilities(n) < 0)
		return -1;
	nvidia_gpus_find(gpus, n->host);
	lent_verdict(n->out, LENT_GIVEN, BY, "driver", "%s, CUDA up to %s, %zu GPU%s", n->version,
		     nvidia_cuda_of(n->version) ? nvidia_cuda_of(n->version) : "unknown", gpus->n,
		     gpus->n == 1 ? "" : "s");
	if (check_requirements(n, gpus) < 0 || add_libraries(n) < 0)
		return -1;
	add_files(n);
	if (visible && !strcmp(visible, "none"))
		return 0;
	return nvidia_devices(n->out, n->host, n->c, gpus, visible, n->e);
}

int nvidia_collect(struct lent *out, struct lend_host *host, const struct lend_config *c,
		   struct err *e)
{
	struct nvidia n = { .out = out, .host = host, .c = c, .e = e };
	struct nvidia_gpus gpus = { 0 };
	int r = collect(&n, &gpus);

	free(gpus.v);
	liblist_fini(&n.list);
	return r;
}
