#include "src/flow/packages.h"

#include <string.h>

#include "src/base/buf.h"
#include "tests/unit/unit.h"

static const char *shown(const char *text, int (*read)(const char *, size_t, struct package_list *))
{
	static struct buf out;
	auto_package_list struct package_list list = { 0 };

	buf_clear(&out);
	ck_assert_int_eq(read(text, strlen(text), &list), 0);
	packages_sort(&list);
	for (size_t i = 0; i < list.n; i++)
		buf_printf(&out, "%s %s %s;", list.v[i].name, list.v[i].version, list.v[i].arch);
	return buf_str(&out);
}

START_TEST(dpkgs_status_gives_what_is_installed_and_not_what_was)
{
	ck_assert_str_eq(shown("Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.2\n"
			       "Architecture: amd64\nDescription: x\n Package: no\n\n"
			       "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
			       "Package: adduser\nStatus: install ok installed\nArchitecture: all\n"
			       "Version: 3.1",
			       packages_dpkg),
			 "adduser 3.1 all;zlib1g 1:1.2 amd64;");
}
END_TEST

START_TEST(apks_database_gives_name_version_and_architecture)
{
	ck_assert_str_eq(
		shown("C:Q1x\nP:musl\nV:1.2.5-r0\nA:x86_64\nF:lib\n\nP:busybox\nV:1\nA:x86_64\n",
		      packages_apk),
		"busybox 1 x86_64;musl 1.2.5-r0 x86_64;");
}
END_TEST

START_TEST(damaged_databases_give_nothing_worse_than_less)
{
	ck_assert_str_eq(shown("", packages_dpkg), "");
	ck_assert_str_eq(shown("Package:\n\n\n\n", packages_dpkg), "");
	ck_assert_str_eq(shown("P:a\033[1m\nV:1\n", packages_apk), "a\\x1b[1m 1 ;");
}
END_TEST

UNIT(packages, dpkgs_status_gives_what_is_installed_and_not_what_was,
     apks_database_gives_name_version_and_architecture,
     damaged_databases_give_nothing_worse_than_less)
