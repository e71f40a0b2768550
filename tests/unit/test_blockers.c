#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/enter/blockers.h"

static const struct blockers healthy = { .kernel = "6.1.0-18-amd64",
					 .max_user_ns = 63000,
					 .max_mnt_ns = 63000,
					 .userns_clone = 1,
					 .apparmor_restricts = -1,
					 .has_userns = true,
					 .has_proc = true,
					 .has_fuse = true,
					 .fuse_mode = 0666 };

START_TEST(a_host_with_everything_has_no_blocker)
{
	struct err e = { 0 };

	ck_assert_int_eq(blockers_namespaces(&healthy, 0, &e), 0);
	ck_assert_int_eq(blockers_fuse(&healthy, 0, &e), 0);
}
END_TEST

START_TEST(each_switch_is_named_with_its_remedy)
{
	struct blockers b = healthy;
	struct err e = { 0 };

	b.max_user_ns = 0;
	ck_assert_int_eq(blockers_namespaces(&b, ENOSPC, &e), -1);
	ck_assert_int_eq(e.kind, ERR_HOST);
	ck_assert_str_eq(
		e.text, "user namespaces are switched off (user.max_user_namespaces = 0); an "
			"administrator allows them with: sysctl -w user.max_user_namespaces=65536");
	b = healthy;
	b.userns_clone = 0;
	ck_assert_int_eq(blockers_namespaces(&b, EPERM, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "sysctl -w kernel.unprivileged_userns_clone=1"));
	b = healthy;
	b.apparmor_restricts = 1;
	ck_assert_int_eq(blockers_namespaces(&b, EACCES, &e), -1);
	ck_assert_ptr_nonnull(
		strstr(e.text, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"));
	b = healthy;
	b.max_mnt_ns = 0;
	ck_assert_int_eq(blockers_namespaces(&b, 0, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "user.max_mnt_namespaces = 0"));
	b = healthy;
	b.has_userns = false;
	ck_assert_int_eq(blockers_namespaces(&b, EINVAL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "CONFIG_USER_NS"));
}
END_TEST

START_TEST(check_and_a_failed_start_say_the_same)
{
	struct blockers b = healthy;
	struct err checked = { 0 }, failed = { 0 };

	b.max_user_ns = 0;
	blockers_namespaces(&b, 0, &checked);
	blockers_namespaces(&b, ENOSPC, &failed);
	ck_assert_str_eq(checked.text, failed.text);
	b = healthy;
	b.fuse_mode = 0600;
	blockers_fuse(&b, 0, &checked);
	blockers_fuse(&b, EACCES, &failed);
	ck_assert_str_eq(checked.text, failed.text);
	ck_assert_str_eq(failed.text,
			 "/dev/fuse cannot be opened by this user (its mode is 0600); an "
			 "administrator runs: chmod 0666 /dev/fuse");
}
END_TEST

START_TEST(a_refusal_without_a_switch_names_chroot_and_seccomp)
{
	struct err e = { 0 };

	ck_assert_int_eq(blockers_namespaces(&healthy, EPERM, &e), -1);
	ck_assert_int_eq(e.sys, EPERM);
	ck_assert_ptr_nonnull(strstr(e.text, "a chroot, a seccomp filter"));
}
END_TEST

START_TEST(root_is_not_stopped_by_switches_for_ordinary_users)
{
	struct blockers b = healthy;
	struct err e = { 0 };

	b.is_root = true;
	b.userns_clone = 0;
	b.apparmor_restricts = 1;
	ck_assert_int_eq(blockers_namespaces(&b, 0, &e), 0);
}
END_TEST

START_TEST(a_missing_fuse_device_is_a_module_to_load)
{
	struct blockers b = healthy;
	struct err e = { 0 };

	b.has_fuse = false;
	ck_assert_int_eq(blockers_fuse(&b, ENOENT, &e), -1);
	ck_assert_str_eq(e.text, "/dev/fuse is missing; an administrator loads the module with: "
				 "modprobe fuse");
	b.knows_fuse = true;
	ck_assert_int_eq(blockers_fuse(&b, ENOENT, &e), -1);
	ck_assert(str_has_prefix(e.text, "/dev/fuse is missing, though the kernel has FUSE: an "
					 "outer container hides it"));
}
END_TEST

START_TEST(kernels_before_mount_setattr_are_too_old)
{
	struct blockers b = healthy;
	struct err e = { 0 };

	ck_assert(blockers_kernel_fits("5.12.0"));
	ck_assert(blockers_kernel_fits("5.14.0-427.el9.x86_64"));
	ck_assert(blockers_kernel_fits("6.1.0-18-amd64"));
	ck_assert(!blockers_kernel_fits("5.10.0-28-amd64"));
	ck_assert(!blockers_kernel_fits("4.18.0-513.el8.x86_64"));
	ck_assert(blockers_kernel_fits("odd"));
	strcpy(b.kernel, "4.18.0-513.el8.x86_64");
	ck_assert_int_eq(blockers_namespaces(&b, ENOSYS, &e), -1);
	ck_assert_str_eq(e.text, "Linux 4.18.0-513.el8.x86_64 is too old: 5.12 or later is needed "
				 "(mount_setattr)");
}
END_TEST

START_TEST(a_directory_of_fixtures_is_a_host)
{
	char dir[] = "/tmp/berth-blockers.XXXXXX";
	struct blockers b;
	struct err e = { 0 };
	auto_close int root = -1;
	auto_free char *clean = NULL;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	clean = xasprintf("rm -r %s", dir);
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_ok(dir_make_all(root, "proc/sys/user", 0755, &e), &e);
	ck_ok(dir_make_all(root, "proc/sys/kernel", 0755, &e), &e);
	ck_ok(dir_make_all(root, "proc/self", 0755, &e), &e);
	ck_ok(file_write_atomic(root, "proc/sys/user/max_user_namespaces", "0\n", 2, 0644, &e), &e);
	ck_ok(file_write_atomic(root, "proc/sys/kernel/osrelease", "5.14.0\n", 7, 0644, &e), &e);
	blockers_probe(&b, dir);
	ck_assert_str_eq(b.kernel, "5.14.0");
	ck_assert_int_eq(b.max_user_ns, 0);
	ck_assert_int_eq(b.max_mnt_ns, -1);
	ck_assert_int_eq(b.userns_clone, -1);
	ck_assert(!b.has_fuse);
	ck_assert_int_eq(system(clean), 0);
}
END_TEST

UNIT(blockers, a_host_with_everything_has_no_blocker, each_switch_is_named_with_its_remedy,
     check_and_a_failed_start_say_the_same, a_refusal_without_a_switch_names_chroot_and_seccomp,
     root_is_not_stopped_by_switches_for_ordinary_users, a_missing_fuse_device_is_a_module_to_load,
     kernels_before_mount_setattr_are_too_old, a_directory_of_fixtures_is_a_host)
