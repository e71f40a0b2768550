#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"

static char dir[] = "/tmp/berth-test-fd-XXXXXX";
static int dfd = -1;

static void set_up(void)
{
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	dfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dfd, 0);
}

START_TEST(an_atomic_write_replaces_whole_files)
{
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	set_up();
	ck_ok(file_write_atomic(dfd, "x", "one", 3, 0600, &e), &e);
	ck_ok(file_write_atomic(dfd, "x", "two!", 4, 0600, &e), &e);
	ck_assert_int_eq(file_read(dfd, "x", &b, 100, &e), 0);
	ck_assert_str_eq(buf_str(&b), "two!");
	ck_assert_int_eq(file_read(dfd, "y", &b, 100, &e), 1);
	ck_assert_int_eq(unlinkat(dfd, "x", 0), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_failed_atomic_write_leaves_nothing)
{
	struct err e = { 0 };

	set_up();
	ck_assert_int_eq(mkdirat(dfd, "d", 0700), 0);
	ck_assert_int_eq(file_write_atomic(dfd, "d", "x", 1, 0600, &e), -1);
	ck_assert_int_eq(unlinkat(dfd, "d", AT_REMOVEDIR), 0);
	ck_assert_msg(rmdir(dir) == 0, "a temporary file was left");
}
END_TEST

START_TEST(an_open_in_a_root_cannot_leave_it)
{
	auto_close int fd = -1;

	set_up();
	ck_assert_int_eq(symlinkat("/../../etc/passwd", dfd, "l"), 0);
	fd = open_in_root(dfd, "l", O_RDONLY, 0);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(unlinkat(dfd, "l", 0), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(directories_are_made_along_a_path)
{
	struct err e = { 0 };

	set_up();
	ck_ok(dir_make_all(dfd, "a/b/c", 0700, &e), &e);
	ck_ok(dir_make_all(dfd, "a/b/c", 0700, &e), &e);
	ck_assert_int_eq(unlinkat(dfd, "a/b/c", AT_REMOVEDIR), 0);
	ck_assert_int_eq(unlinkat(dfd, "a/b", AT_REMOVEDIR), 0);
	ck_assert_int_eq(unlinkat(dfd, "a", AT_REMOVEDIR), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_read_past_the_end_is_zeroed_and_told)
{
	auto_close int fd = -1;
	char p[8];
	struct err e = { 0 };

	set_up();
	ck_ok(file_write_atomic(dfd, "x", "abc", 3, 0600, &e), &e);
	fd = openat(dfd, "x", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fd_pread(fd, p, 3, 0), 0);
	memset(p, 'z', sizeof(p));
	ck_assert_int_eq(fd_pread(fd, p, sizeof(p), 1), 1);
	ck_assert_int_eq(memcmp(p, "bc\0\0\0\0\0\0", 8), 0);
	ck_assert_int_eq(unlinkat(dfd, "x", 0), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

UNIT(fd, an_atomic_write_replaces_whole_files, a_failed_atomic_write_leaves_nothing,
     an_open_in_a_root_cannot_leave_it, directories_are_made_along_a_path,
     a_read_past_the_end_is_zeroed_and_told)
