#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
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

/* What the kernel puts into a new cgroup; without it there is nothing to write to. */
int mkdir(const char *path, mode_t mode)
{
	static const char *const files[] = { "cgroup.procs",
					     "cgroup.events",
					     "cgroup.controllers",
					     "cgroup.subtree_control",
					     "memory.max",
					     "pids.max",
					     "cpu.max",
					     "io.weight" };

	if (mkdirat(AT_FDCWD, path, mode) < 0)
		return -1;
	for (size_t i = 0; strstr(path, "/berth-") && i < ARRAY_LEN(files); i++) {
		auto_free char *file = path_join(path, files[i]);
		int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		if (fd >= 0)
			close(fd);
	}
	return 0;
}

static void holds(const char *dir_of, const char *file, const char *want)
{
	auto_free char *path = path_join(dir_of, file);
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };

	ck_ok(file_read(AT_FDCWD, path, &text, 4096, &e), &e);
	ck_assert_str_eq(buf_str(&text), want);
}

static void limit(struct cgroup *c)
{
	auto_strv struct strv files = { 0 };
	struct err e = { 0 };

	strv_add(&files, "memory.max=1073741824");
	strv_add(&files, "pids.max=50");
	strv_add(&files, "cpu.max=150000 100000");
	strv_add(&files, "io.weight=8:0 4950");
	ck_ok(cgroup_make(c, dir, &files, &e), &e);
	holds(c->dir, "memory.max", "1073741824");
	holds(c->dir, "pids.max", "50");
	holds(c->dir, "cpu.max", "150000 100000");
	holds(c->dir, "io.weight", "8:0 4950");
	ck_assert_int_eq(cgroup_enter(c->procs), 0);
	holds(c->dir, "cgroup.procs", "0");
}

START_TEST(each_limit_is_written_to_its_file)
{
	auto_cgroup struct cgroup c = { .procs = -1 };
	auto_free char *parent = NULL;

	setup();
	group("user", "cpu io memory pids\n", "cpu io memory pids\n", "");
	group("user/job", "", "", "17\n");
	limit(&c);
	parent = path_dir(c.dir);
	ck_assert_str_eq(path_base(parent), "user");
	ck_assert_ptr_null(c.leaf);
	teardown();
}
END_TEST

START_TEST(a_scope_that_holds_us_alone_is_emptied_into_a_leaf)
{
	auto_cgroup struct cgroup c = { .procs = -1 };
	auto_free char *own = xasprintf("%ld\n", (long)getpid()), *parent = NULL, *leaf = NULL;
	struct err e = { 0 };

	setup();
	group("user", "cpu io memory pids\n", "cpu io memory pids\n", "16\n");
	group("user/job", "cpu io memory pids\n", "", own);
	ck_ok(delegated(&e), &e);
	limit(&c);
	parent = path_dir(c.dir);
	leaf = path_dir(c.leaf);
	ck_assert_str_eq(path_base(parent), "job");
	ck_assert_str_eq(leaf, parent);
	holds(c.leaf, "cgroup.procs", "0");
	ck_assert_uint_eq(c.enabled.n, 4);
	teardown();
}
END_TEST

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

UNIT(cgroup, each_limit_is_written_to_its_file, a_scope_that_holds_us_alone_is_emptied_into_a_leaf,
     a_parent_that_has_the_controllers_on_is_delegated, a_cgroup_with_processes_cannot_turn_them_on,
     a_controller_that_is_not_delegated_is_named, a_host_without_version_2_says_how_to_boot)
