#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "src/host/names.h"
#include "tests/unit/fixture_host.h"

START_TEST(names_come_from_the_hosts_files)
{
	struct fixture_host x;

	fixture_host_load(&x, "debian12");
	ck_assert_str_eq(x.host.user, "ada");
	ck_assert_str_eq(x.host.gecos, "Ada Lovelace,,,");
	ck_assert_str_eq(x.host.home, "/home/ada");
	ck_assert_str_eq(x.host.shell, "/bin/bash");
	ck_assert_uint_eq(x.host.ngroups, 3); /* the primary group is not listed twice */
	ck_assert_uint_eq(x.host.groups[0].gid, 1000);
	ck_assert_str_eq(x.host.groups[1].name, "sudo");
	fixture_host_fini(&x);
}
END_TEST

START_TEST(a_caller_without_an_entry_is_no_error)
{
	struct fixture_host x;

	fixture_host_load(&x, "stateless");
	ck_assert_ptr_null(x.host.user);
	ck_assert_ptr_null(x.host.home);
	ck_assert_uint_eq(x.host.uid, 70001);
	ck_assert_ptr_null(x.host.groups[0].name);
	fixture_host_fini(&x);
}
END_TEST

START_TEST(paths_are_looked_up_below_the_root)
{
	struct fixture_host x;
	struct host_path p;

	fixture_host_load(&x, "ubuntu2404");
	host_path_look(&p, &x.host, "/etc/resolv.conf");
	ck_assert(S_ISREG(p.mode));
	ck_assert_str_eq(p.real, "/run/systemd/resolve/stub-resolv.conf");
	host_path_look(&p, &x.host, "/etc/localtime"); /* an absolute link */
	ck_assert_str_eq(p.real, "/usr/share/zoneinfo/Etc/UTC");
	host_path_look(&p, &x.host, "/home");
	ck_assert(S_ISDIR(p.mode));
	ck_assert_ptr_null(p.real);
	host_path_look(&p, &x.host, "/nosuch");
	ck_assert_uint_eq(p.mode, 0);
	ck_assert_int_eq(p.error, ENOENT);
	fixture_host_fini(&x);
}
END_TEST

START_TEST(this_process_is_probed_too)
{
	auto_host struct host h = { 0 };
	struct host_path p;
	struct err e = { 0 };
	mode_t before = umask(0);

	umask(before);
	ck_ok(host_probe(&h, AT_FDCWD, NULL, &e), &e);
	ck_assert_uint_eq(h.uid, getuid());
	ck_assert_uint_eq(h.umask, before);
	ck_assert_uint_eq(umask(before), before);
	ck_assert_ptr_nonnull(h.cwd);
	ck_assert_uint_ge(h.ngroups, 1);
	host_path_look(&p, &h, "/proc/self/exe");
	ck_assert(S_ISREG(p.mode));
	ck_assert_ptr_nonnull(p.real);
	host_path_look(&p, &h, "/proc/nosuch/x");
	ck_assert_int_eq(p.error, ENOENT);
}
END_TEST

START_TEST(a_directory_behind_a_link_keeps_the_users_name)
{
	char dir[] = "/tmp/berth-host-XXXXXX";
	auto_host struct host h = { 0 }, g = { 0 };
	auto_free char *link = NULL;
	struct err e = { 0 };

	ck_assert_ptr_nonnull(mkdtemp(dir));
	link = xasprintf("%s/link", dir);
	ck_assert_int_eq(symlink(dir, link), 0);
	ck_assert_int_eq(chdir(dir), 0);
	setenv("PWD", link, 1);
	ck_ok(host_probe(&h, AT_FDCWD, NULL, &e), &e);
	ck_assert_str_eq(h.cwd, link);
	setenv("PWD", "/", 1); /* not where we are */
	ck_ok(host_probe(&g, AT_FDCWD, NULL, &e), &e);
	ck_assert_str_eq(g.cwd, dir);
	unlink(link);
	rmdir(dir);
}
END_TEST

START_TEST(lines_that_are_no_entries_are_passed_over)
{
	static const char text[] = "+x:x:7:7:::\n#y:x:7:7:::\n:x:7:7:::\nshort:x:7\nbig:x:"
				   "4294967303:7:::\nhuge:x:99999999999999999999999:7:::\n"
				   "neg:x:-7:7:::\nlast:x:7:9:g:/h:/s:extra";
	auto_arena struct arena a = { 0 };
	struct passwd_entry pw;

	ck_assert(passwd_find(&pw, &a, text, 7));
	ck_assert_str_eq(pw.name, "last");
	ck_assert_str_eq(pw.shell, "/s");
	ck_assert(!passwd_find(&pw, &a, text, 8));
	ck_assert(!passwd_find(&pw, &a, "", 0));
	ck_assert_ptr_null(group_find(&a, "g:x:5\n", 5));
	ck_assert_str_eq(group_find(&a, "g:x:5:\n", 5), "g");
	ck_assert_str_eq(group_find(&a, "g:x:4294967294:a,b", 4294967294U), "g");
}
END_TEST

UNIT(host, names_come_from_the_hosts_files, a_caller_without_an_entry_is_no_error,
     paths_are_looked_up_below_the_root, this_process_is_probed_too,
     a_directory_behind_a_link_keeps_the_users_name, lines_that_are_no_entries_are_passed_over)
