#include "tests/unit/unit.h"

#include "bindings/mpi.h"
#include "tests/unit/lend_fixture.h"

static const char *const in_opt[] = { "LD_LIBRARY_PATH=/opt/mpich/lib", NULL };
static const char *const vendor[] = { "VENDOR=1", NULL };

START_TEST(the_host_s_library_and_all_it_needs_take_the_image_s_place)
{
	auto_loan struct loan l = { .config = { .mpi_host = true } };

	loan_make(&l, "el9-mpi", "glibc236-openmpi");
	ck_assert_msg(loan_complain(&l, l.r == 0), "%s", l.e.text);
	ck_says(&l, "--mpi=host: libmpi.so.40: given: /usr/lib64/openmpi/lib/libmpi.so.40.30.6");
	ck_says(&l, "--mpi=host: libopen-pal.so.40: given");
	ck_says(&l, "--mpi=host: libevent_core-2.1.so.7: given");
	/* Nothing says that the image's would do. */
	ck_says(&l, "--mpi=host: libhwloc.so.15: given");
	/* These say that they are as new as the host's. */
	ck_says(&l, "--mpi=host: libnl-3.so.200: kept: the image has its own");
	ck_says(&l, "--mpi=host: libstdc++.so.6: kept: the image has its own");
	/* Over the image's own, where a search path built into a program finds it. */
	ck_says(&l, "/opt/openmpi/lib/libmpi.so.40 <- /usr/lib64/openmpi/lib/libmpi.so.40.30.6");
	ck_says(&l, "/opt/openmpi/lib/libopen-pal.so.40 <- ");
	ck_says(&l, "/usr/lib/x86_64-linux-gnu/libhwloc.so.15 <- ");
	ck_says(&l, "/usr/lib64/openmpi/lib/openmpi <- /usr/lib64/openmpi/lib/openmpi");
	ck_assert(!loan_says(&l, "/.singularity.d/libs/libc.so"));
}
END_TEST

START_TEST(too_old_a_c_library_is_refused_by_library_symbol_and_remedy)
{
	auto_loan struct loan l = { .config = { .mpi_host = true } };

	loan_make(&l, "el9-mpi", "glibc231-openmpi");
	ck_assert_int_eq(l.r, -1);
	ck_assert_str_eq(l.e.text,
			 "--mpi=host: libmpi.so.40: needs GLIBC_2.34 of libc.so.6, the image has "
			 "glibc 2.31; use an image with glibc 2.34 or newer (EL 9, Debian 12, "
			 "Ubuntu 22.04); or stay with the image's own (--mpi=image)");
}
END_TEST

START_TEST(families_are_never_crossed)
{
	auto_loan struct loan l = { .config = { .mpi_host = true } };

	loan_make(&l, "el9-mpi", "glibc231-mpich");
	ck_assert_int_eq(l.r, -1);
	ck_assert_str_eq(l.e.text,
			 "--mpi=host: the image's MPI is of the family MPICH ABI, this host's is "
			 "Open MPI, and programs of one do not run on the other; use an image that "
			 "was built with Open MPI; or stay with the image's own (--mpi=image)");
	loan_make(&l, "bare", "glibc231-mpich");
	ck_assert_int_eq(l.r, -1);
	ck_assert_ptr_nonnull(strstr(l.e.text, "this host has no MPI library"));
}
END_TEST

START_TEST(an_mpi_that_the_caller_s_search_path_chose_brings_what_lies_beside_it)
{
	auto_loan struct loan l = { .config = { .mpi_host = true }, .environ = in_opt };

	loan_make(&l, "el9-mpi", "glibc231-mpich");
	ck_assert_msg(loan_complain(&l, l.r == 0), "%s", l.e.text);
	ck_says(&l, "--mpi=host: libmpi.so.12: given: /opt/mpich/lib/libmpi.so.12.3.1");
	ck_says(&l, "--mpi=host: libucs.so.0: given: /opt/mpich/lib/libucs.so.0.0.0");
	ck_says(&l, "/usr/lib64/libmpi.so.12 <- /opt/mpich/lib/libmpi.so.12.3.1");
	/* Debian's programs ask for it so. */
	ck_says(&l, "/.singularity.d/libs/libmpich.so.12 <- libmpi.so.12");
	ck_says(&l, "UCX_MODULE_DIR 0 /opt/mpich/lib/ucx");
}
END_TEST

START_TEST(a_site_s_module_says_how_a_family_is_replaced)
{
	auto_loan struct loan l = { .config = { .mpi_host = true }, .environ = vendor };

	loan_make(&l, "el9-mpi", "glibc231-mpich");
	ck_assert_msg(loan_complain(&l, l.r == 0), "%s", l.e.text);
	ck_says(&l, "module vendor-mpich: libmpi_gnu.so.12: given");
	ck_says(&l, "/usr/lib64/libmpi.so.12 <- /opt/vendor/lib/libmpi_gnu.so.12.0.0");
	ck_assert(!loan_says(&l, "--mpi=host: libmpi.so.40: given"));
	/* Not without --mpi=host. */
	l.config.mpi_host = false;
	l.config.default_modules = true;
	loan_make(&l, "el9-mpi", "glibc231-mpich");
	ck_assert(!loan_says(&l, "module vendor-mpich: libmpi_gnu.so.12"));
}
END_TEST

START_TEST(a_module_for_another_family_does_not_stand_for_the_image_s)
{
	auto_loan struct loan l = { .config = { .mpi_host = true } };

	strv_add(&l.config.modules, "vendor-mpich");
	loan_make(&l, "el9-vendor", "glibc236-openmpi");
	ck_assert_int_eq(l.r, -1);
	ck_assert_msg(strstr(l.e.text, "--mpi=host: this host has no MPI library") != NULL, "%s",
		      l.e.text);
	loan_make(&l, "el9-vendor", "glibc231-mpich");
	ck_assert_msg(loan_complain(&l, l.r == 0), "%s", l.e.text);
	ck_says(&l, "module vendor-mpich: libmpi_gnu.so.12: given");
}
END_TEST

START_TEST(names_belong_to_families)
{
	ck_assert_uint_eq(mpi_abi_of("libmpi.so.40"), MPI_ABI_OPEN);
	ck_assert_uint_eq(mpi_abi_of("libmpich.so.12"), MPI_ABI_MPICH);
	ck_assert_uint_eq(mpi_abi_of("libmpi.so.12"), MPI_ABI_MPICH);
	ck_assert_uint_eq(mpi_abi_of("libmpi_abi.so.0"), MPI_ABI_STANDARD);
	ck_assert_uint_eq(mpi_abi_of("libpmix.so.2"), 0);
	ck_assert_uint_eq(mpi_abi_of("libm.so.6"), 0);
}
END_TEST

UNIT(mpi_swap, the_host_s_library_and_all_it_needs_take_the_image_s_place,
     too_old_a_c_library_is_refused_by_library_symbol_and_remedy, families_are_never_crossed,
     an_mpi_that_the_caller_s_search_path_chose_brings_what_lies_beside_it,
     a_site_s_module_says_how_a_family_is_replaced,
     a_module_for_another_family_does_not_stand_for_the_image_s, names_belong_to_families)
