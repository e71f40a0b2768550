/* Machines x images: what is given, kept, skipped, refused, and in which words. */
#include "tests/unit/unit.h"

#include "tests/unit/lend_fixture.h"

#define MUSL                                                                                       \
	"made for glibc, the image's C library is musl; use an image with glibc (Debian, Ubuntu, " \
	"EL)"
#define OLD(image)                                                                         \
	"needs GLIBC_2.34 of libc.so.6, the image has glibc " image "; use an image with " \
	"glibc 2.34 or newer (EL 9, Debian 12, Ubuntu 22.04)"

enum what { NV = 1, ROCM = 2, INTEL = 4, FABRIC = 8, REQUIRE = 16 };

static const struct row {
	const char *host, *image;
	unsigned what;
	const char *says[6];
	const char *silent;
	const char *error; /* NULL: it starts */
} rows[] = {
	{ "el9-nv550",
	  "glibc217",
	  NV,
	  { "nv: driver: given: 550.54.14, CUDA up to 12.4, 2 GPUs",
	    "nv: libcuda.so.1: given: /usr/lib64/libcuda.so.550.54.14",
	    "nv: libGLdispatch.so.0: skipped: " OLD("2.17"),
	    "nv: libGL.so.1: skipped: needs libGLdispatch.so.0, which " OLD("2.17"),
	    "nv: libnvidia-gtk3.so.550.54.14: skipped: " OLD("2.17"),
	    "nv: nvidia-smi: given: /usr/bin/nvidia-smi" },
	  "/.singularity.d/libs/libGLdispatch",
	  NULL },
	{ "el9-nv550",
	  "glibc236",
	  NV,
	  { "nv: libcuda.so.1: given", "nv: libGLdispatch.so.0: given", "nv: libGL.so.1: given",
	    "nv: libGLX_nvidia.so.0: skipped: needs libX11.so.6, which the image does not have",
	    "/.singularity.d/libs/libcuda.so.1 <- libcuda.so.550.54.14",
	    "nv: libnvidia-sandboxutils-not-listed-anywhere.so.550.54.14: given" },
	  "/.singularity.d/libs/libc.so.6",
	  NULL },
	{ "el9-nv550",
	  "glibc231-gl",
	  NV,
	  { "nv: libcuda.so.1: given: /usr/lib64/libcuda.so.550.54.14",
	    "nv: libGL.so.1: kept: the image has its own",
	    "nv: libGLESv2.so.2: kept: the image has its own OpenGL dispatch libraries",
	    "nv: libGLX_nvidia.so.0: given" },
	  "/.singularity.d/libs/libGLdispatch",
	  NULL },
	{ "el9-nv550",
	  "musl",
	  NV,
	  { "nv: libcuda.so.1: refused: " MUSL, "nv: nvidia-smi: skipped: " MUSL },
	  "/.singularity.d/libs/",
	  "nv: libcuda.so.1: " MUSL },
	{ "el9-nv550",
	  "static",
	  NV,
	  { "nv: libcuda.so.1: given: /usr/lib64/libcuda.so.550.54.14, not checked: the image's C "
	    "library was not found" },
	  NULL,
	  NULL },
	{ "ubuntu2204-nv535",
	  "glibc227",
	  NV,
	  { "nv: driver: given: 535.161.08, CUDA up to 12.2, 1 GPU",
	    "nv: libcuda.so.1: given: /usr/lib/x86_64-linux-gnu/libcuda.so.535.161.08",
	    "nv: libGLdispatch.so.0: skipped: " OLD("2.27") },
	  "nv: libnvidia-old.so.1",
	  NULL },
	{ "el8-nv550",
	  "glibc231",
	  NV,
	  { "nv: libcuda.so.1: absent: the kernel driver is 550.54.14, the library is "
	    "/usr/lib64/libcuda.so.535.161.08; reload the kernel module or reboot the node",
	    "note: nv: libcuda.so.1: the kernel driver is 550.54.14" },
	  "/.singularity.d/libs/libcuda",
	  NULL },
	{ "bare",
	  "glibc231",
	  NV,
	  { "nv: driver: absent: this host runs no NVIDIA kernel driver",
	    "note: nv: driver: this host runs no NVIDIA kernel driver" },
	  "/.singularity.d/libs/",
	  NULL },
	{ "ubuntu2404-rocm",
	  "glibc231",
	  ROCM,
	  { "rocm: /dev/kfd: given", "rocm: /dev/dri/renderD129: given",
	    "rocm: libhsa-runtime64.so.1: skipped: " OLD("2.31"),
	    "rocm: libamdhip64.so.6: skipped: ", "rocm: libamd_comgr.so.2: given" },
	  "/.singularity.d/libs/libamdhip64",
	  NULL },
	{ "ubuntu2404-rocm",
	  "glibc239",
	  ROCM,
	  { "rocm: libhsa-runtime64.so.1: given: "
	    "/opt/rocm-6.1.0/lib/libhsa-runtime64.so.1.13.60100",
	    "rocm: libamdhip64.so.6: given", "rocm: libdrm_amdgpu.so.1: given",
	    "rocm: libnuma.so.1: given", "rocm: rocminfo: given" },
	  NULL,
	  NULL },
	{ "ubuntu2404-rocm",
	  "nocxx",
	  ROCM,
	  { "rocm: libstdc++.so.6: given", "rocm: libamdhip64.so.6: given" },
	  NULL,
	  NULL },
	{ "el9-intel",
	  "glibc236",
	  INTEL,
	  { "intel: /dev/dri: given", "intel: libze_intel_gpu.so.1: given",
	    "intel: libze_loader.so.1: given", "intel: /etc/OpenCL/vendors/intel.icd: given" },
	  NULL,
	  NULL },
	{ "el9-intel",
	  "glibc231",
	  INTEL,
	  { "intel: libze_intel_gpu.so.1: skipped: " OLD("2.31"),
	    "intel: libze_loader.so.1: skipped: needs GLIBC_2.34" },
	  "/.singularity.d/libs/libze",
	  NULL },
	{ "ubuntu2204-nv535",
	  "glibc236",
	  FABRIC,
	  { "fabric: InfiniBand/RoCE (verbs): given: /dev/infiniband/uverbs0",
	    "fabric: libibverbs.so.1: given", "fabric: libnl-route-3.so.200: given",
	    "fabric: libmlx5-rdmav34.so: given", "fabric: libucp.so.0: given",
	    "UCX_MODULE_DIR 0 /usr/lib/x86_64-linux-gnu/ucx" },
	  "note:",
	  NULL },
	{ "ubuntu2204-nv535",
	  "glibc227",
	  FABRIC,
	  { "fabric: libibverbs.so.1: skipped: " OLD("2.27"),
	    "note: this host has InfiniBand/RoCE (verbs) (/dev/infiniband/uverbs0), which the "
	    "image "
	    "cannot open, so programs will use TCP: libibverbs.so.1: " OLD("2.27") },
	  "/.singularity.d/libs/libibverbs",
	  NULL },
	{ "ubuntu2204-nv535",
	  "verbs-efa",
	  FABRIC,
	  { "note: this host has InfiniBand/RoCE (verbs) (/dev/infiniband/uverbs0), which the "
	    "image cannot open, so programs will use TCP: beside its libibverbs.so.1 there is no "
	    "libibverbs/libmlx5-rdmav44.so; install the image's package of verbs providers" },
	  "/.singularity.d/libs/libibverbs",
	  NULL },
	{ "ubuntu2204-nv535", "verbs-mlx5", FABRIC | REQUIRE, { NULL }, "note:", NULL },
	{ "ubuntu2204-nv535",
	  "verbs-efa",
	  FABRIC | REQUIRE,
	  { NULL },
	  NULL,
	  "--require-fabric: InfiniBand/RoCE (verbs): the image's libibverbs.so.1 has no "
	  "libibverbs/libmlx5-rdmav44.so beside it; install the image's package of verbs providers" },
	{ "ubuntu2204-nv535",
	  "glibc227",
	  FABRIC | REQUIRE,
	  { NULL },
	  NULL,
	  "--require-fabric: InfiniBand/RoCE (verbs): libibverbs.so.1: " OLD("2.27") },
	{ "el9-nv550",
	  "glibc231-gl",
	  FABRIC,
	  { "fabric: Slingshot (cxi): given: /dev/cxi0", "fabric: /dev/xpmem: given",
	    "fabric: libcxi.so.1: given", "fabric: libfabric.so.1: given" },
	  "note:",
	  NULL },
	{ "alpine-ib",
	  "glibc231",
	  FABRIC,
	  { "fabric: libibverbs.so.1: skipped: needs libc.musl-x86_64.so.1, which neither" },
	  NULL,
	  NULL },
	{ "bare",
	  "glibc231",
	  FABRIC | REQUIRE,
	  { NULL },
	  NULL,
	  "--require-fabric: this host has no InfiniBand, Slingshot or Omni-Path device" },
	{ "bare", "glibc231", FABRIC, { "fabric: device: absent" }, "note:", NULL },
};

START_TEST(each_machine_lends_to_each_image_what_it_can_run)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		auto_loan struct loan l = { .config = { .nv = r->what & NV,
							.rocm = r->what & ROCM,
							.intel = r->what & INTEL,
							.fabric = r->what & FABRIC,
							.require_fabric = r->what & REQUIRE } };

		loan_make(&l, r->host, r->image);
		for (size_t k = 0; k < ARRAY_LEN(r->says) && r->says[k]; k++)
			ck_assert_msg(loan_complain(&l, loan_says(&l, r->says[k])),
				      "%s x %s: no \"%s\"", r->host, r->image, r->says[k]);
		if (r->silent)
			ck_assert_msg(loan_complain(&l, !loan_says(&l, r->silent)),
				      "%s x %s: \"%s\"", r->host, r->image, r->silent);
		ck_assert_msg(loan_complain(&l, (l.r < 0) == (r->error != NULL)), "%s x %s",
			      r->host, r->image);
		if (r->error)
			ck_assert_str_eq(l.e.text, r->error);
	}
}
END_TEST

START_TEST(what_the_user_did_not_ask_for_is_a_warning)
{
	auto_loan struct loan l = { .config = { .nv = true, .lenient = true } };

	loan_make(&l, "el9-nv550", "musl");
	ck_assert_int_eq(l.r, 0);
	ck_says(&l, "note: nv: libcuda.so.1: " MUSL);
	loan_make(&l, "bare", "musl");
	ck_assert_int_eq(l.r, 0);
	ck_silent(&l, "note:");
}
END_TEST

START_TEST(strict_makes_an_absent_driver_an_error)
{
	auto_loan struct loan l = { .config = { .nv = true, .strict = true } };

	loan_make(&l, "bare", "glibc231");
	ck_assert_int_eq(l.r, -1);
	ck_assert_int_eq(l.e.kind, ERR_HOST);
	ck_assert(str_has_prefix(l.e.text, "nv: driver: this host runs no NVIDIA kernel driver"));
}
END_TEST

UNIT(lend, each_machine_lends_to_each_image_what_it_can_run,
     what_the_user_did_not_ask_for_is_a_warning, strict_makes_an_absent_driver_an_error)
