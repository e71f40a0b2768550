#include "image/squash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "tests/unit/unit.h"

static const char *const images[] = { "gzip", "zstd", "lz4", "xz" };

/* The image's bytes, behind pad zero bytes, in a file that a test may spoil. */
static int copy_of(const char *name, size_t pad)
{
	auto_free char *path = xasprintf(TEST_DATA "/squash/%s.sqfs", name);
	auto_buf struct buf b = { 0 };
	struct err e;
	int fd = memfd_create(name, MFD_CLOEXEC);

	ck_assert_msg(file_read(AT_FDCWD, path, &b, 1 << 20, &e) == 0, "%s", path);
	ck_assert_int_eq(fd_pwrite(fd, b.data, b.len, (off_t)pad), 0);
	return fd;
}

static struct squash *open_at(int fd, off_t off)
{
	struct squash *s = NULL;
	struct err e = { 0 };

	ck_ok(squash_open(&s, fd, off, -1, NULL, &e), &e);
	return s;
}

static void refused(int fd, enum err_kind kind, const char *text)
{
	struct squash *s = NULL;
	struct err e = { 0 };

	ck_assert_int_eq(squash_open(&s, fd, 0, -1, NULL, &e), -1);
	ck_assert_str_eq(e.text, text);
	ck_assert_int_eq(e.kind, kind);
	close(fd);
}

static void check_text(struct squash *s, const char *path, const char *want)
{
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	ck_ok(squash_read_file(s, path, &b, 1 << 20, &e), &e);
	ck_assert_str_eq(buf_str(&b), want);
}

START_TEST(files_are_read_through_links_under_every_compressor)
{
	for (size_t k = 0; k < ARRAY_LEN(images); k++) {
		auto_close int fd = copy_of(images[k], 12345);
		auto_squash struct squash *s = open_at(fd, 12345);
		auto_buf struct buf b = { 0 };
		struct err e = { 0 };

		ck_assert_str_eq(squash_info(s).compressor, images[k]);
		check_text(s, "/etc/hostname", "berth\n");
		check_text(s, "/bin/hardlink", "berth\n");
		check_text(s, "/usr/up", "berth\n");
		check_text(s, "/usr/../../etc//./hostname", "berth\n");
		check_text(s, "/empty/file", "");
		check_text(s, "/big/entry-277", "277\n");
		ck_assert_int_eq(squash_read_file(s, "/etc/nothing", &b, 10, &e), 1);
		ck_assert_int_eq(squash_read_file(s, "/etc/hostname/x", &b, 10, &e), 1);
		ck_assert_int_eq(squash_read_file(s, "/scratch", &b, 10, &e), 1);
		ck_assert_int_eq(squash_read_file(s, "/etc", &b, 10, &e), 1);
	}
}
END_TEST

START_TEST(a_file_larger_than_the_limit_is_refused)
{
	auto_close int fd = copy_of("zstd", 0);
	auto_squash struct squash *s = open_at(fd, 0);
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(squash_read_file(s, "/usr/lib/numbers", &b, 1000, &e), -1);
	ck_assert_int_eq(e.kind, ERR_LIMIT);
	ck_assert_str_eq(e.text, "/usr/lib/numbers in the image is larger than the limit of 1000 "
				 "bytes");
}
END_TEST

START_TEST(links_that_turn_in_circles_are_an_error)
{
	auto_close int fd = copy_of("zstd", 0);
	auto_squash struct squash *s = open_at(fd, 0);
	struct squash_stat st;
	struct err e = { 0 };

	ck_assert_int_eq(squash_stat_path(s, "/loop1", true, &st, &e), -1);
	ck_assert_str_eq(e.text, "/loop1 in the image: Too many levels of symbolic links");
	ck_assert_int_eq(squash_stat_path(s, "/loop1", false, &st, &e), 0);
	ck_assert(S_ISLNK(st.mode));
}
END_TEST

static void numbers(struct buf *b)
{
	for (int k = 1; k <= 12000; k++)
		buf_printf(b, "%d\n", k);
}

START_TEST(any_range_of_a_file_of_many_blocks_is_right)
{
	auto_buf struct buf want = { 0 };

	numbers(&want);
	for (size_t k = 0; k < ARRAY_LEN(images); k++) {
		auto_close int fd = copy_of(images[k], 0);
		auto_squash struct squash *s = open_at(fd, 0);
		struct squash_stat st;
		struct squash_inode i;
		struct err e = { 0 };
		char got[9000];

		ck_ok(squash_stat_path(s, "/usr/lib/numbers", true, &st, &e), &e);
		ck_assert_uint_eq(st.size, want.len);
		ck_assert_int_eq(squash_inode(s, st.ref, &i), 0);
		for (size_t off = 0; off <= want.len; off += 977) {
			size_t n = 1 + off * 31 % sizeof(got), left = want.len - off;

			ck_assert_int_eq(squash_read(s, &i, off, got, n, NULL), MIN(n, left));
			ck_assert_int_eq(memcmp(got, want.data + off, MIN(n, left)), 0);
		}
		ck_assert_int_eq(squash_read(s, &i, want.len + 1, got, 1, NULL), 0);
		ck_assert_int_eq(squash_read(s, &i, UINT64_MAX, got, 1, NULL), 0);
	}
}
END_TEST

START_TEST(holes_read_as_zeros)
{
	static const char *const both[] = { "zstd", "raw" };

	for (size_t k = 0; k < ARRAY_LEN(both); k++) {
		auto_close int fd = copy_of(both[k], 0);
		auto_squash struct squash *s = open_at(fd, 0);
		auto_buf struct buf b = { 0 };
		struct err e = { 0 };

		ck_ok(squash_read_file(s, "/usr/lib/sparse", &b, 2 << 20, &e), &e);
		ck_assert_uint_eq(b.len, (1 << 20) + 3);
		ck_assert_int_eq(b.data[70000], 'x');
		ck_assert_int_eq(b.data[69999] | b.data[70001] | b.data[0], 0);
		ck_assert_str_eq(b.data + (1 << 20), "end");
	}
}
END_TEST

START_TEST(what_stat_says_is_what_the_image_says)
{
	auto_close int fd = copy_of("zstd", 0);
	auto_squash struct squash *s = open_at(fd, 0);
	struct squash_stat st;
	struct squash_inode i;
	struct err e = { 0 };

	ck_ok(squash_stat_path(s, "/etc/hostname", true, &st, &e), &e);
	ck_assert_uint_eq(st.mode, S_IFREG | 0644);
	ck_assert_uint_eq(st.nlink, 2);
	ck_assert_int_eq(st.mtime, 1700000000);
	ck_ok(squash_stat_path(s, "/tmp", true, &st, &e), &e);
	ck_assert_uint_eq(st.mode, S_IFDIR | 01777);
	ck_ok(squash_stat_path(s, "/disk", true, &st, &e), &e);
	ck_assert_uint_eq(st.mode, S_IFBLK | 0660);
	ck_assert_uint_eq(st.gid, 6);
	ck_assert_int_eq(squash_inode(s, st.ref, &i), 0);
	ck_assert_uint_eq(i.rdev, (300000u & 0xff) | 259u << 8 | (300000u & ~0xffu) << 12);
	ck_ok(squash_stat_path(s, "/pipe", true, &st, &e), &e);
	ck_assert_uint_eq(st.mode, S_IFIFO | 0644);
	ck_assert_int_eq(squash_stat_path(s, "/nothing", true, &st, &e), 1);
}
END_TEST

START_TEST(a_directory_is_listed_in_order)
{
	auto_close int fd = copy_of("lz4", 0);
	auto_squash struct squash *s = open_at(fd, 0);
	auto_strv struct strv names = { 0 }, none = { 0 };
	struct err e = { 0 };

	ck_ok(squash_list_dir(s, "/big", &names, &e), &e);
	ck_assert_uint_eq(names.n, 400);
	ck_assert_str_eq(names.v[0], "entry-001");
	ck_assert_str_eq(names.v[399], "entry-400");
	ck_assert_int_eq(squash_list_dir(s, "/big/entry-001", &none, &e), 1);
	ck_assert_int_eq(squash_list_dir(s, "/none", &none, &e), 1);
}
END_TEST

START_TEST(a_listing_goes_on_behind_any_entry)
{
	auto_close int fd = copy_of("gzip", 0);
	auto_squash struct squash *s = open_at(fd, 0);
	struct squash_stat st;
	struct squash_inode i;
	struct squash_dir d;
	struct squash_dirent ent;
	struct err e = { 0 };
	uint64_t cookie = 0;
	char name[20];
	int n = 0;

	ck_ok(squash_stat_path(s, "/big", true, &st, &e), &e);
	ck_assert_int_eq(squash_inode(s, st.ref, &i), 0);
	for (;; n++) {
		ck_assert_int_eq(squash_dir_open(s, &i, cookie, &d), 0);
		if (squash_dir_next(s, &d, &ent) == 0)
			break;
		snprintf(name, sizeof(name), "entry-%03d", n + 1);
		ck_assert_msg(ent.len == 9 && memcmp(name, ent.name, 9) == 0, "%s", name);
		cookie = ent.next;
	}
	ck_assert_int_eq(n, 400);
	for (uint64_t k = 1; k < 64; k++) {
		/* Cookies that a client makes up: an error or an entry, no more. */
		if (squash_dir_open(s, &i, cookie * k ^ k << 26, &d) == 0)
			squash_dir_next(s, &d, &ent);
	}
}
END_TEST

START_TEST(extended_attributes_are_found_by_name)
{
	auto_close int fd = copy_of("zstd", 0);
	auto_squash struct squash *s = open_at(fd, 0);
	auto_buf struct buf list = { 0 }, value = { 0 };
	struct squash_stat st;
	struct squash_inode i;
	struct err e = { 0 };

	ck_assert(squash_info(s).xattrs);
	ck_ok(squash_stat_path(s, "/etc/os-release", true, &st, &e), &e);
	ck_assert_int_eq(squash_inode(s, st.ref, &i), 0);
	ck_assert_int_eq(squash_xattr_list(s, &i, &list), 0);
	ck_assert_uint_eq(list.len, sizeof("user.color") + sizeof("user.size"));
	ck_assert_int_eq(squash_xattr_get(s, &i, "user.size", &value), 1);
	ck_assert_str_eq(buf_str(&value), "large");
	ck_assert_int_eq(squash_xattr_get(s, &i, "user.none", &value), 0);
	ck_ok(squash_stat_path(s, "/usr/bin", true, &st, &e), &e);
	ck_assert_int_eq(squash_inode(s, st.ref, &i), 0);
	buf_clear(&value);
	ck_assert_int_eq(squash_xattr_get(s, &i, "user.color", &value), 1);
	ck_assert_str_eq(buf_str(&value), "blue");
}
END_TEST

START_TEST(what_is_no_squashfs_of_ours_is_refused_with_a_reason)
{
	int fd = memfd_create("none", MFD_CLOEXEC);

	refused(fd, ERR_INPUT, "not a SquashFS image (too short)");
	fd = copy_of("zstd", 0);
	fd_pwrite(fd, "x", 1, 0);
	refused(fd, ERR_INPUT, "not a SquashFS image (no magic number)");
	fd = copy_of("zstd", 0);
	fd_pwrite(fd, "\3", 1, 28);
	refused(fd, ERR_UNSUPPORTED,
		"SquashFS version 3.0: not supported; rebuild with version 4.0");
	fd = copy_of("zstd", 0);
	fd_pwrite(fd, "\3", 1, 20);
	refused(fd, ERR_UNSUPPORTED,
		"SquashFS with compressor lzo: not supported; rebuild with zstd or gzip");
	fd = copy_of("zstd", 0);
	fd_pwrite(fd, "\1", 1, 12);
	refused(fd, ERR_INPUT, "SquashFS with a bad block size (4097)");
	fd = copy_of("xz", 0);
	ck_assert_int_eq(ftruncate(fd, 5000), 0);
	refused(fd, ERR_INPUT, "SquashFS image is cut short: 5000 bytes of 10646 are there");
}
END_TEST

/* Everything that can be read, bounded by depth. */
static void read_all(struct squash *s, uint64_t ref, int depth)
{
	auto_buf struct buf b = { 0 };
	struct squash_inode i;
	struct squash_dir d;
	struct squash_dirent ent;
	char buf[70000];
	uint64_t found;

	if (squash_inode(s, ref, &i) < 0)
		return;
	squash_xattr_list(s, &i, &b);
	if (S_ISLNK(i.mode))
		squash_readlink(s, &i, buf, sizeof(buf));
	if (S_ISREG(i.mode))
		squash_read(s, &i, 0, buf, sizeof(buf), NULL);
	if (!S_ISDIR(i.mode) || depth == 0)
		return;
	squash_lookup(s, &i, "entry-300", 9, &found);
	if (squash_dir_open(s, &i, 0, &d) < 0)
		return;
	for (int n = 0; n < 50 && squash_dir_next(s, &d, &ent) > 0; n++)
		read_all(s, ent.ref, depth - 1);
}

START_TEST(damage_anywhere_is_an_error_and_not_a_crash)
{
	static const char *const some[] = { "raw", "zstd" };

	for (size_t k = 0; k < ARRAY_LEN(some); k++) {
		int fd = copy_of(some[k], 0);
		off_t end = lseek(fd, 0, SEEK_END);

		for (off_t at = k ? 0 : 16; at < end; at += at < 96 ? 1 : 61) {
			struct squash *s = NULL;
			struct err e;
			uint8_t old, bad;

			fd_pread(fd, &old, 1, at);
			bad = (uint8_t)(old ^ (1u << at % 8) ^ 0x80);
			fd_pwrite(fd, &bad, 1, at);
			if (squash_open(&s, fd, 0, -1, NULL, &e) == 0)
				read_all(s, squash_root(s), 4);
			squash_close(s);
			fd_pwrite(fd, &old, 1, at);
		}
		close(fd);
	}
}
END_TEST

START_TEST(an_image_cut_while_it_is_read_gives_errors)
{
	auto_close int fd = copy_of("gzip", 0);
	auto_squash struct squash *s = open_at(fd, 0);
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(ftruncate(fd, 200), 0);
	ck_assert_int_eq(squash_read_file(s, "/etc/hostname", &b, 100, &e), -1);
	ck_assert_int_eq(e.kind, ERR_INPUT);
	ck_assert_str_eq(e.text, "/etc/hostname in the image: damaged");
}
END_TEST

UNIT(squash, files_are_read_through_links_under_every_compressor,
     a_file_larger_than_the_limit_is_refused, links_that_turn_in_circles_are_an_error,
     any_range_of_a_file_of_many_blocks_is_right, holes_read_as_zeros,
     what_stat_says_is_what_the_image_says, a_directory_is_listed_in_order,
     a_listing_goes_on_behind_any_entry, extended_attributes_are_found_by_name,
     what_is_no_squashfs_of_ours_is_refused_with_a_reason,
     damage_anywhere_is_an_error_and_not_a_crash, an_image_cut_while_it_is_read_gives_errors)
