#include "tests/unit/unit.h"

#include "bindings/module_file.h"
#include "tests/unit/lend_fixture.h"

START_TEST(a_file_holds_modules_of_keys)
{
	auto_modules struct modules m = { 0 };
	struct err e;
	const struct module *one;

	ck_ok(modules_parse(&m, "a.conf",
			    "# site\n\n[ licence ]\nsummary = FlexLM\nbind = /opt/x:/opt/x:ro\n"
			    "  when   exists=/opt/x\nenv = A=b=c\n[other]\ndefault = yes\n",
			    &e),
	      &e);
	ck_assert_uint_eq(m.n, 2);
	one = modules_find(&m, "licence");
	ck_assert_ptr_nonnull(one);
	ck_assert_uint_eq(one->n, 4);
	ck_assert_int_eq(one->v[2].key, MODULE_WHEN_EXISTS);
	ck_assert_str_eq(one->v[3].value, "A=b=c");
	ck_assert_uint_eq(one->v[3].line, 7);
	ck_assert(!module_is_default(one) && module_is_default(modules_find(&m, "other")));
}
END_TEST

START_TEST(a_mistake_is_named_with_its_line)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "bind = /x\n", "a.conf: line 1: a module begins with [NAME]" },
		{ "[a\n", "a.conf: line 1: write [NAME]" },
		{ "[a b]\n", "a.conf: line 1: \"a b\" is no name" },
		{ "[a]\n[a]\n", "a.conf: line 2: there is a module a already, in a.conf" },
		{ "[a]\nbind\n", "a.conf: line 2: write KEY = VALUE" },
		{ "[a]\nbnid = /x\n", "a.conf: line 2: \"bnid\" is no key of a module" },
		{ "[a]\nbind = x\n", "a.conf: line 2: bind: write SRC[:DST[:ro]]" },
		{ "[a]\n\ndefault = maybe\n", "a.conf: line 3: default: write yes or no" },
		{ "[a]\nenv = 1A=b\n", "a.conf: line 2: env: write NAME=VALUE" },
		{ "[a]\nunset = A=b\n", "a.conf: line 2: unset: write the name of a variable" },
		{ "[a]\nlib = mpi\n",
		  "a.conf: line 2: lib: write a library's name or path [as NAME]" },
		{ "[a]\nconflicts = ,\n", "a.conf: line 2: conflicts: write names of modules" },
		{ "[a]\ndevice = cxi0\n", "a.conf: line 2: device: write an absolute path" },
		{ "[a]\nsummary =\n", "a.conf: line 2: summary: it has no value" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_modules struct modules m = { 0 };
		struct err e;

		ck_assert_int_eq(modules_parse(&m, "a.conf", rows[i].text, &e), -1);
		ck_assert_int_eq(e.kind, ERR_INPUT);
		ck_assert_msg(str_has_prefix(e.text, rows[i].why), "%s", e.text);
	}
}
END_TEST

static void borrow(struct loan *l, const char *image, const char *names)
{
	strv_fini(&l->config.modules);
	strv_split(&l->config.modules, names, ',');
	loan_make(l, "el9-nv550", image);
}

START_TEST(a_module_brings_what_it_names)
{
	static const char *const env[] = { "USER=ada", "PATH=/bin", NULL };
	auto_loan struct loan l = { .environ = env };

	borrow(&l, "glibc231", "licence");
	ck_assert_int_eq(l.r, 0);
	ck_says(&l, "module licence: /sw: given: /opt/sw");
	ck_says(&l, "LM_LICENSE_FILE 0 27000@lic-ada");
	ck_says(&l, "PATH 1 /sw/bin");
	ck_says(&l, "LANG 3 ");
	ck_says(&l, "module licence: /nowhere: skipped: not on this host");
	borrow(&l, "glibc231", "cray-mpich");
	ck_assert_int_eq(l.r, -1);
	ck_assert_str_eq(l.e.text, "--module cray-mpich: the image has no libmpi.so.12 "
				   "(/etc/berth/bindings.d/site.conf: line 10)");
	borrow(&l, "glibc231-mpich", "cray-mpich");
	ck_assert_int_eq(l.r, 0);
	ck_says(&l,
		"module cray-mpich: libmpi_gnu_91.so.12: given: /opt/cray/lib/libmpi_gnu_91.so.12");
	ck_says(&l, "/.singularity.d/libs/libmpi.so.12 <- libmpi_gnu_91.so.12");
	ck_says(&l, "module cray-mpich: libpals.so.0: given: /opt/cray/lib/libpals.so.0");
	ck_says(&l, "module cray-mpich: /dev/cxi0: given");
	ck_says(&l, "module fabric-dirs: conditions: given");
}
END_TEST

START_TEST(modules_lie_where_the_site_keeps_its_configuration)
{
	auto_loan struct loan l = { .site = "/elsewhere/berth" };

	borrow(&l, "glibc231", "licence");
	ck_assert_int_eq(l.r, -1);
	ck_assert_str_eq(l.e.text, "--module licence: no such module; "
				   "/elsewhere/berth/bindings.d has none");
}
END_TEST

START_TEST(a_module_that_cannot_work_says_why)
{
	auto_loan struct loan l = { 0 };

	borrow(&l, "glibc217-mpich", "cray-mpich");
	ck_assert_int_eq(l.r, -1);
	ck_assert_str_eq(
		l.e.text,
		"module cray-mpich: libmpi_gnu_91.so.12: needs GLIBC_2.28 of libc.so.6, the "
		"image has glibc 2.17; use an image with glibc 2.28 or newer (EL 8, Debian "
		"10, Ubuntu 20.04)");
	borrow(&l, "glibc231-mpich", "cray-mpich,openmpi");
	ck_assert_str_eq(l.e.text, "--module: openmpi and cray-mpich exclude each other "
				   "(/etc/berth/bindings.d/site.conf: line 23)");
	borrow(&l, "glibc231", "none");
	ck_assert_str_eq(l.e.text,
			 "--module none: no such module; /etc/berth/bindings.d has licence, "
			 "cray-mpich, fabric-dirs, openmpi, always, never");
	borrow(&l, "glibc231", "licence");
	ck_assert_str_eq(l.e.text,
			 "module licence: /etc/berth/bindings.d/site.conf: line 4: USER is "
			 "not set");
}
END_TEST

START_TEST(what_a_site_gives_to_everybody_is_left_out_where_it_does_not_fit)
{
	auto_loan struct loan l = { .config = { .default_modules = true } };

	loan_make(&l, "el9-nv550", "glibc231");
	ck_assert_int_eq(l.r, 0);
	ck_says(&l, "SITE 0 here");
	ck_says(&l, "module never: conditions: skipped: this host has no /not/here");
	ck_silent(&l, "note:");
	/* A host without modules. */
	loan_make(&l, "bare", "glibc231");
	ck_assert_int_eq(l.r, 0);
}
END_TEST

UNIT(module, a_file_holds_modules_of_keys, a_mistake_is_named_with_its_line,
     a_module_brings_what_it_names, a_module_that_cannot_work_says_why,
     modules_lie_where_the_site_keeps_its_configuration,
     what_a_site_gives_to_everybody_is_left_out_where_it_does_not_fit)
