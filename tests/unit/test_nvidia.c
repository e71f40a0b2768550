#include "tests/unit/unit.h"

#include "bindings/liblist.h"
#include "bindings/nvidia.h"

START_TEST(the_driver_tells_its_version_in_two_files)
{
	char v[32];

	ck_assert(nvidia_version_parse(v, sizeof(v),
				       "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  "
				       "Thu Feb 22 01:44:30 UTC 2024\nGCC version: gcc 11.4.1\n"));
	ck_assert_str_eq(v, "550.54.14");
	ck_assert(nvidia_version_parse(v, sizeof(v),
				       "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  "
				       "535.161.08  Release Build\n"));
	ck_assert_str_eq(v, "535.161.08");
	ck_assert(nvidia_version_parse(v, sizeof(v), "470.256\n"));
	ck_assert(!nvidia_version_parse(v, sizeof(v), "no number here"));
	ck_assert(!nvidia_version_parse(v, sizeof(v), ""));
	ck_assert(!nvidia_version_parse(v, sizeof(v), "\n-550.54"));
	ck_assert_str_eq(nvidia_cuda_of("550.54.14"), "12.4");
	ck_assert_str_eq(nvidia_cuda_of("470.256"), "11.4");
	ck_assert_ptr_null(nvidia_cuda_of("390.10"));
}
END_TEST

START_TEST(requirements_read_blanks_as_or_and_commas_as_and)
{
	static const struct {
		const char *expr;
		bool met;
	} rows[] = {
		{ "cuda>=11.0", true },
		{ "cuda>=12.4", true },
		{ "cuda>=12.10", false },
		{ "cuda>12.4", false },
		{ "cuda>=12.6 brand=tesla,driver>=550,driver<551", true },
		{ "cuda>=12.6 brand=geforce,driver>=550", false },
		{ "cuda>=12.6 brand=tesla,driver>=535,driver<536", false },
		{ "driver!=550.54.14", false },
		{ "arch>=8.0", true }, /* not known: no reason to refuse */
		{ "gravity>=9", true },
		{ "", true },
	};
	const struct nvidia_facts f = { "550.54.14", "12.4", "tesla", NULL };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(nvidia_require_met(rows[i].expr, &f) == rows[i].met, "%s",
			      rows[i].expr);
	ck_assert_str_eq(nvidia_brand_of("NVIDIA GeForce RTX 4090"), "geforce");
	ck_assert_str_eq(nvidia_brand_of("NVIDIA A100-SXM4-40GB"), "tesla");
}
END_TEST

START_TEST(capabilities_are_words_and_a_wrong_one_is_named)
{
	unsigned caps;
	struct err e;

	ck_ok(nvidia_caps_parse(&caps, "compute,utility", &e), &e);
	ck_assert_uint_eq(caps, NV_COMPUTE | NV_UTILITY);
	ck_ok(nvidia_caps_parse(&caps, "all", &e), &e);
	ck_assert_uint_eq(caps, NV_ALL);
	ck_assert_int_eq(nvidia_caps_parse(&caps, "compute,speed", &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert(str_has_prefix(e.text, "NVIDIA_DRIVER_CAPABILITIES: \"speed\" is none of "));
	ck_assert_uint_eq(nvidia_lib_caps("libcuda.so.1"), NV_COMPUTE);
	ck_assert_uint_eq(nvidia_lib_caps("libnvidia-glcore.so.550.54.14"), NV_GRAPHICS);
	ck_assert_uint_eq(nvidia_lib_caps("libof-tomorrow.so.1"), NV_ALL);
}
END_TEST

START_TEST(a_list_has_libraries_files_and_programs)
{
	auto_liblist struct liblist l = { 0 };

	liblist_parse(&l, "# comment\n  nvidia-smi \n\nlibcuda.so\n/usr/share/x.json # why\n"
			  "/opt/lib/liby.so.2\r\n\t\n");
	ck_assert_uint_eq(l.programs.n, 1);
	ck_assert_str_eq(l.programs.v[0], "nvidia-smi");
	ck_assert_uint_eq(l.files.n, 1);
	ck_assert_str_eq(l.files.v[0], "/usr/share/x.json");
	ck_assert_uint_eq(l.libs.n, 2);
	ck_assert_str_eq(l.libs.v[1], "/opt/lib/liby.so.2");
	ck_assert(liblist_has(&l, "libcuda.so.1") && !liblist_has(&l, "libcud.so"));
}
END_TEST

START_TEST(a_name_of_a_list_stands_for_all_that_begin_with_it)
{
	static const char *const has[] = { "libGL.so",	  "libGL.so.1",	 "libGL.so.1.7.0",
					   "libGLX.so.0", "libb.so.2.1", "liba.so" };
	static const char *const hasnot[] = { "",	    "lib",	 "libGL.s", "libGLU.so.1",
					      "libGK.so.9", "libb.so.1", "libb.so", "libz.so.1",
					      "~" };
	auto_liblist struct liblist l = { 0 }, empty = { 0 };

	liblist_parse(&l, "libGLX.so\nlibGL.so.1\nlibb.so.2\nlibGL.so\nliba.so\nlibGL.so.0\n"
			  "libGL.so\n");
	liblist_parse(&empty, "");
	for (size_t i = 0; i < ARRAY_LEN(has); i++)
		ck_assert_msg(liblist_has(&l, has[i]), "%s", has[i]);
	for (size_t i = 0; i < ARRAY_LEN(hasnot); i++)
		ck_assert_msg(!liblist_has(&l, hasnot[i]), "%s", hasnot[i]);
	ck_assert(!liblist_has(&empty, "libGL.so"));
}
END_TEST

UNIT(nvidia, the_driver_tells_its_version_in_two_files,
     requirements_read_blanks_as_or_and_commas_as_and,
     capabilities_are_words_and_a_wrong_one_is_named, a_list_has_libraries_files_and_programs,
     a_name_of_a_list_stands_for_all_that_begin_with_it)
