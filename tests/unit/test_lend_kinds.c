/* Single things that a host lends: which devices, files and libraries, and who chooses them. */
#include "tests/unit/unit.h"

#include "tests/unit/lend_fixture.h"

START_TEST(visible_devices_choose_the_nodes)
{
	static const struct loan_case contained[] = {
		{ { "NVIDIA_VISIBLE_DEVICES=1" },
		  { "nv: /dev/nvidia1: given", "nv: /dev/dri/renderD129: given" },
		  { "nv: /dev/nvidia0", "nv: /dev/nvidia-caps/", "note:" } },
		{ { "NVIDIA_VISIBLE_DEVICES=GPU-00000000-1111-2222-3333-444455556666" },
		  { "nv: /dev/nvidia0: given" },
		  { "nv: /dev/nvidia1" } },
		{ { "NVIDIA_VISIBLE_DEVICES=MIG-GPU-00000000-1111-2222-3333-444455556666/1/0" },
		  { "nv: /dev/nvidia0: given", "nv: /dev/nvidia-caps/nvidia-cap1: given",
		    "nv: /dev/nvidia-caps/nvidia-cap3: given" },
		  { "nv: /dev/nvidia-caps/nvidia-cap2" } },
		{ { "NVIDIA_VISIBLE_DEVICES=none" },
		  { "nv: libcuda.so.1: given" },
		  { "nv: /dev/nvidia" } },
		{ { "NVIDIA_VISIBLE_DEVICES=void" },
		  { "nv: driver: skipped: NVIDIA_VISIBLE_DEVICES is \"void\"" },
		  { "nv: libcuda" } },
		{ { "NVIDIA_VISIBLE_DEVICES=7" },
		  { "note: nv: 7: NVIDIA_VISIBLE_DEVICES names it, this host has 2 GPUs" },
		  { NULL } },
	};
	static const struct loan_case open = {
		{ "NVIDIA_VISIBLE_DEVICES=1" },
		{ "note: NVIDIA_VISIBLE_DEVICES=1: /dev is the host's" },
		{ NULL }
	};
	auto_loan struct loan l = { .config = { .nv = true, .own_dev = true } };

	loan_cases(&l, "el9-nv550", "glibc231", contained, ARRAY_LEN(contained));
	l.config.own_dev = false;
	loan_cases(&l, "el9-nv550", "glibc231", &open, 1);
}
END_TEST

/* Which instance it is only NVML knows; what belongs to none, and what this job may not open,
 * is kept out all the same. */
#define MIG_OF_GPU0                                                                 \
	{ "nv: /dev/nvidia0: given", "nv: /dev/nvidia-caps/nvidia-cap1: given",     \
	  "nv: /dev/nvidia-caps/nvidia-cap3: given",                                \
	  "nv: /dev/nvidia-caps/nvidia-cap12: skipped: this job may not open it" }, \
	{                                                                           \
		"nv: /dev/nvidia1", "nv: /dev/nvidia-caps/nvidia-cap2",             \
			"/dev/nvidia-caps/nvidia-cap12 <-"                          \
	}

START_TEST(a_mig_instance_by_its_own_uuid_brings_the_nodes_of_instances)
{
	static const struct loan_case cases[] = {
		{ { "NVIDIA_VISIBLE_DEVICES=MIG-99999999-1111-2222-3333-444455556666" },
		  MIG_OF_GPU0 },
		{ { "NVIDIA_VISIBLE_DEVICES=0:0" }, MIG_OF_GPU0 },
		/* A GPU of which nothing is known. */
		{ { "NVIDIA_VISIBLE_DEVICES=1:0" },
		  { "nv: /dev/nvidia1: given", "nv: /dev/nvidia-caps/nvidia-cap2: given" },
		  { NULL } },
	};
	auto_loan struct loan l = { .config = { .nv = true, .own_dev = true } };

	loan_cases(&l, "el9-nv550", "glibc231", cases, ARRAY_LEN(cases));
}
END_TEST

START_TEST(each_kind_of_file_of_a_driver_is_lent)
{
	static const struct loan_case nv[] = {
		{ { NULL },
		  { "nv: /dev/nvidia-modeset: given", "nv: /dev/nvidia-uvm: given",
		    "nv: /dev/nvidia-uvm-tools: given",
		    "nv: /dev/nvidia-caps-imex-channels/channel0: given",
		    "nv: /dev/nvidia-caps/nvidia-cap2: given" },
		  { NULL } },
		{ { NULL },
		  { "nv: /usr/share/glvnd/egl_vendor.d/10_nvidia.json: given",
		    "nv: /usr/share/vulkan/icd.d/nvidia_icd.x86_64.json: given",
		    "nv: /etc/OpenCL/vendors/nvidia.icd: given",
		    "nv: /usr/share/nvidia/nvoptix.bin: given",
		    "/run/nvidia-persistenced/socket <- /run/nvidia-persistenced/socket" },
		  { NULL } },
		{ { NULL },
		  { "nv: nvidia-smi: given", "nv: nvidia-debugdump: given",
		    "nv: nvidia-persistenced: given", "nv: nvidia-cuda-mps-control: given" },
		  { NULL } },
	};
	static const struct loan_case mps[] = {
		{ { NULL }, { "nv: /tmp/nvidia-mps: given: pipes of the MPS daemon" }, { NULL } },
		{ { "CUDA_MPS_PIPE_DIRECTORY=/gone" }, { NULL }, { "nv: /tmp/nvidia-mps" } },
	};
	auto_loan struct loan l = { .config = { .nv = true, .own_dev = true } };

	loan_cases(&l, "el9-nv550", "glibc236", nv, ARRAY_LEN(nv));
	loan_cases(&l, "site-lists", "glibc236", mps, ARRAY_LEN(mps));
}
END_TEST

START_TEST(a_sites_lists_take_the_place_of_ours)
{
	static const struct loan_case nv = {
		{ NULL },
		{ "nv: libcuda.so.1: given", "nv: libsitenv.so.1: given",
		  "/opt/site.icd <- /opt/site.icd", "nv: nvidia-smi: given" },
		{ "nv: libGL.so.1", "nv: libOpenCL.so.1", "nv: nvidia-debugdump" }
	};
	static const struct loan_case rocm = { { NULL },
					       { "rocm: libsiteroc.so.1: given" },
					       { "rocm: libdrm" } };
	auto_loan struct loan l = { .config = { .nv = true, .own_dev = true } };

	loan_cases(&l, "site-lists", "glibc236", &nv, 1);
	l.config = (struct lend_config){ .rocm = true };
	loan_cases(&l, "site-lists", "glibc236", &rocm, 1);
}
END_TEST

START_TEST(gaudi_devices_are_chosen_by_the_scheduler)
{
	static const struct loan_case cases[] = {
		{ { NULL },
		  { "intel-hpu: /dev/accel/accel0: given", "intel-hpu: /dev/accel/accel2: given" },
		  { NULL } },
		{ { "HABANA_VISIBLE_DEVICES=1" },
		  { "intel-hpu: /dev/accel/accel1: given" },
		  { "intel-hpu: /dev/accel/accel0", "intel-hpu: /dev/accel/accel2" } },
		{ { "HABANA_VISIBLE_DEVICES=7" },
		  { "intel-hpu: /dev/accel: absent: this host has no Gaudi device that "
		    "HABANA_VISIBLE_DEVICES names" },
		  { NULL } },
	};
	auto_loan struct loan l = { .config = { .intel_hpu = true, .own_dev = true } };

	loan_cases(&l, "site-lists", "glibc236", cases, ARRAY_LEN(cases));
}
END_TEST

START_TEST(omni_path_brings_its_library_and_the_providers_of_libfabric)
{
	static const struct loan_case opa = { { NULL },
					      { "fabric: Omni-Path (psm2, opx): given: /dev/hfi1_0",
						"fabric: libpsm2.so.2: given",
						"fabric: libfabric.so.1: given",
						"FI_PROVIDER_PATH 0 /usr/lib64/libfabric" },
					      { "note:" } };
	auto_loan struct loan l = { .config = { .fabric = true } };

	loan_cases(&l, "site-lists", "glibc236", &opa, 1);
}
END_TEST

START_TEST(an_older_libstdcxx_keeps_libraries_out_by_the_version_that_it_lacks)
{
	static const struct loan_case cxx = {
		{ NULL },
		{ "intel: libze_loader.so.1: skipped: needs GLIBCXX_3.4.29 of libstdc++.so.6",
		  "intel: libze_intel_gpu.so.1: given" },
		{ "/.singularity.d/libs/libstdc++", "/.singularity.d/libs/libze_loader" }
	};
	auto_loan struct loan l = { .config = { .intel = true } };

	loan_cases(&l, "el9-intel", "oldcxx", &cxx, 1);
}
END_TEST

START_TEST(a_launch_over_nodes_hears_once_of_a_fabric_that_its_image_cannot_open)
{
	static const struct {
		const char *host, *image, *note;
	} hosts[] = {
		{ "ubuntu2204-nv535", "glibc227",
		  "this host has InfiniBand/RoCE (verbs) (/dev/infiniband/uverbs0), which the "
		  "image cannot open, so its ranks will use TCP between nodes: it has no "
		  "libibverbs.so.1; --fabric lends it, --require-fabric makes this an error" },
		{ "el9-nv550", "glibc231", "this host has Slingshot (cxi) (/dev/cxi0)" },
		{ "ubuntu2204-nv535", "verbs-efa",
		  "this host has InfiniBand/RoCE (verbs) (/dev/infiniband/uverbs0), which the "
		  "image cannot open, so its ranks will use TCP between nodes: beside its "
		  "libibverbs.so.1 there is no libibverbs/libmlx5-rdmav44.so; install the image's "
		  "package of verbs providers" },
		{ "ubuntu2204-nv535", "verbs-mlx5", NULL },
		{ "bare", "glibc227", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		auto_strv struct strv notes = { 0 };

		loan_watch(&notes, hosts[i].host, hosts[i].image);
		ck_assert_uint_eq(notes.n, hosts[i].note ? 1 : 0);
		if (hosts[i].note)
			ck_assert_msg(str_has_prefix(notes.v[0], hosts[i].note), "%s", notes.v[0]);
	}
}
END_TEST

START_TEST(capabilities_choose_the_libraries)
{
	static const char *const compute[] = { "APPTAINERENV_NVIDIA_DRIVER_CAPABILITIES=compute",
					       NULL };
	static const char *const wrong[] = { "NVIDIA_DRIVER_CAPABILITIES=speed", NULL };
	static const char *const image[] = { "NVIDIA_DRIVER_CAPABILITIES=utility",
					     "NVIDIA_VISIBLE_DEVICES=0", NULL };
	auto_loan struct loan l = { .config = { .nv = true, .own_dev = true } };

	l.environ = compute;
	loan_make(&l, "el9-nv550", "glibc231");
	ck_says(&l, "nv: libcuda.so.1: given");
	ck_silent(&l, "nv: libnvidia-glcore");
	ck_silent(&l, "nv: nvidia-smi");
	l.environ = wrong;
	loan_make(&l, "el9-nv550", "glibc231");
	ck_assert_int_eq(l.r, -1);
	ck_assert_int_eq(l.e.kind, ERR_USAGE);
	/* The image's wish counts with --nvccli only, as elsewhere. */
	l.environ = NULL;
	l.config.image_env = (char *const *)image;
	loan_make(&l, "el9-nv550", "glibc231");
	ck_says(&l, "nv: libcuda.so.1: given");
	ck_says(&l, "nv: /dev/nvidia1: given");
	l.config.nvccli = true;
	loan_make(&l, "el9-nv550", "glibc231");
	ck_silent(&l, "nv: libcuda.so.1");
	ck_says(&l, "nv: libnvidia-ml.so.1: given");
	ck_silent(&l, "nv: /dev/nvidia1");
}
END_TEST

START_TEST(what_an_image_requires_of_the_driver_is_compared)
{
	static const char *const image[] = { "NVIDIA_REQUIRE_CUDA=cuda>=12.6", NULL };
	static const char *const off[] = { "NVIDIA_DISABLE_REQUIRE=1", NULL };
	auto_loan struct loan l = { .config = { .nv = true, .image_env = (char *const *)image } };

	loan_make(&l, "el9-nv550", "glibc231");
	ck_assert_int_eq(l.r, 0);
	ck_says(&l, "note: nv: the image asks for NVIDIA_REQUIRE_CUDA=\"cuda>=12.6\", this host's "
		    "driver is 550.54.14 (CUDA 12.4)");
	l.config.nvccli = true;
	loan_make(&l, "el9-nv550", "glibc231");
	ck_assert_int_eq(l.r, -1);
	ck_assert(str_has_prefix(l.e.text, "nv: NVIDIA_REQUIRE_CUDA=\"cuda>=12.6\" is not met by"));
	l.environ = off;
	loan_make(&l, "el9-nv550", "glibc231");
	ck_assert_int_eq(l.r, 0);
}
END_TEST

START_TEST(thirty_two_bit_libraries_want_a_c_library_of_their_own)
{
	auto_loan struct loan l = { .config = { .nv = true, .compat32 = true } };

	loan_make(&l, "el9-nv550", "glibc231");
	ck_says(&l, "nv: libcuda.so.1 (32 bits): skipped: the image has no 32-bit C library");
	ck_says(&l, "nv: libcuda.so.1: given");
	loan_make(&l, "el9-nv550", "multilib");
	ck_says(&l, "nv: libcuda.so.1 (32 bits): given: /usr/lib/libcuda.so.550.54.14");
	ck_says(&l, "/.singularity.d/libs32/libcuda.so.1 <- libcuda.so.550.54.14");
	ck_says(&l, "/.singularity.d/libs/libcuda.so.1 <- libcuda.so.550.54.14");
}
END_TEST

START_TEST(the_scheduler_chooses_amd_devices)
{
	static const char *const env[] = { "ROCR_VISIBLE_DEVICES=GPU-abc2", NULL };
	auto_loan struct loan l = { .config = { .rocm = true, .cleanenv = true } };

	l.environ = env;
	loan_make(&l, "ubuntu2404-rocm", "glibc239");
	ck_says(&l, "rocm: /dev/dri/renderD129: given");
	ck_silent(&l, "rocm: /dev/dri/renderD128");
	ck_says(&l, "ROCR_VISIBLE_DEVICES 0 GPU-abc2");
}
END_TEST

UNIT(lend_kinds, visible_devices_choose_the_nodes,
     a_mig_instance_by_its_own_uuid_brings_the_nodes_of_instances,
     each_kind_of_file_of_a_driver_is_lent, a_sites_lists_take_the_place_of_ours,
     gaudi_devices_are_chosen_by_the_scheduler,
     omni_path_brings_its_library_and_the_providers_of_libfabric,
     an_older_libstdcxx_keeps_libraries_out_by_the_version_that_it_lacks,
     a_launch_over_nodes_hears_once_of_a_fabric_that_its_image_cannot_open,
     capabilities_choose_the_libraries, what_an_image_requires_of_the_driver_is_compared,
     thirty_two_bit_libraries_want_a_c_library_of_their_own, the_scheduler_chooses_amd_devices)
