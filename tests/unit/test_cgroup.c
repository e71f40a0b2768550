#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/enter/cgroup.h"

static char dir[64];
static int root = -1;

static void put(const char *path, const char *text)
{
	auto_free char *up = path_dir(path);
	struct err e = { 0 };

	ck_ok(dir_make_all(root, up, 0755, &e), &e);
	ck_ok(file_write_atomic(root, path, text, strlen(text), 0644, &e), &e);
}

static void group(const char *path, const char *controllers, const char *active, const char *procs)
{
	auto_free char *a = xasprintf("sys/fs/cgroup/%s/cgroup.controllers", path);
	auto_free char *b = xasprintf("sys/fs/cgroup/%s/cgroup.subtree_control", path);
	auto_free char *c = xasprintf("sys/fs/cgroup/%s/cgroup.procs", path);

	put(a, controllers);
	put(b, active);
	put(c, procs);
}

/* A process in user/job, as a service manager would leave it. */
static void setup(void)
{
	strcpy(dir, "/tmp/berth-cgroup.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put("proc/self/mountinfo", "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
	put("proc/self/cgroup", "0::/user/job\n");
}

static void teardown(void)
{
	auto_free char *clean = xasprintf("rm -r %s", dir);

	close(root);
	ck_assert_int_eq(system(clean), 0);
}

static int delegated(struct err *e)
{
	auto_strv struct strv need = { 0 };

	strv_split(&need, "memory pids", ' ');
	return cgroup_delegated(dir, &need, e);
}

START_TEST(a_parent_that_has_the_controllers_on_is_delegated)
{
	struct err e = { 0 };

	setup();
	group("user", "cpu memory pids\n", "memory pids\n", "");
	group("user/job", "memory pids\n", "", "17\n");
	ck_ok(delegated(&e), &e);
	teardown();
}
END_TEST

START_TEST(a_cgroup_with_processes_cannot_turn_them_on)
{
	struct err e = { 0 };

	setup();
	group("user", "memory pids\n", "", "16\n");
	group("user/job", "memory pids\n", "", "17\n");
	ck_assert_int_eq(delegated(&e), -1);
	ck_assert_int_eq(e.kind, ERR_HOST);
	ck_assert_ptr_nonnull(strstr(e.text, "Delegate=yes"));
	teardown();
}
END_TEST

START_TEST(a_controller_that_is_not_delegated_is_named)
{
	struct err e = { 0 };

	setup();
	group("user", "pids\n", "", "");
	group("user/job", "pids\n", "", "17\n");
	ck_assert_int_eq(delegated(&e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "the controller \"memory\""));
	teardown();
}
END_TEST

START_TEST(a_host_without_version_2_says_how_to_boot)
{
	struct err e = { 0 };

	setup();
	put("proc/self/mountinfo", "30 22 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n");
	ck_assert_int_eq(delegated(&e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "systemd.unified_cgroup_hierarchy=1"));
	teardown();
}
END_TEST

UNIT(cgroup, a_parent_that_has_the_controllers_on_is_delegated,
     a_cgroup_with_processes_cannot_turn_them_on, a_controller_that_is_not_delegated_is_named,
     a_host_without_version_2_says_how_to_boot)
