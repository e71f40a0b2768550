/* A tree on disk, packed, read, unpacked and packed again. */
#include "image/pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image/squash.h"
#include "image/unpack.h"
#include "src/base/fd.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/berth-pack-XXXXXX";

static int make_at(const char *name, const char *text, mode_t mode)
{
	auto_close int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write(fd, text, strlen(text)), 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	return 0;
}

static void make_tree(void)
{
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(mkdir("t", 0755) | mkdir("t/usr", 0755) | mkdir("t/usr/bin", 0711), 0);
	ck_assert_int_eq(mkdir("t/locked", 0755), 0);
	make_at("t/usr/bin/su", "program", 04755);
	make_at("t/usr/bin/empty", "", 0644);
	make_at("t/null", "", 0600);
	make_at("t/locked/in", "inside", 0400);
	ck_assert_int_eq(link("t/usr/bin/su", "t/also-su"), 0);
	ck_assert_int_eq(symlink("usr/bin/su", "t/link"), 0);
	ck_assert_int_eq(mkfifo("t/fifo", 0640), 0);
	ck_assert_int_eq(truncate("t/usr/bin/empty", 3 << 20), 0);
	ck_assert_int_eq(chmod("t/locked", 0555), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, "t/usr/bin/su", old, 0), 0);
}

/* null is a device, su belongs to 33:42, "skip" is left out. */
static int look(void *arg, const struct pack_entry *entry, struct pack_attr *a, struct err *e)
{
	static const struct xattr mark = { "trusted.mark", "m", 1 };

	(void)arg, (void)e;
	if (!strcmp(entry->path, "/null")) {
		a->mode = S_IFCHR | 0666;
		a->rdev = pack_rdev(1, 3);
	}
	if (a->mode & S_ISUID) {
		a->uid = 33;
		a->gid = 42;
		a->xattrs = &mark;
		a->nxattrs = 1;
	}
	return strcmp(entry->path, "/skip") ? PACK_KEEP : PACK_SKIP;
}

static int pack(const char *tree, const char *out, unsigned threads, struct pack_stat *st)
{
	struct pack_opts o = { .threads = threads, .epoch = 5000, .look = look };
	auto_close int d = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = open(out, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	struct err e = { 0 };

	ck_assert_int_ge(d, 0);
	ck_ok(pack_dir(fd, 0, d, &o, st, &e), &e);
	return fd;
}

static bool same_bytes(const char *a, const char *b)
{
	auto_buf struct buf x = { 0 }, y = { 0 };
	struct err e;

	ck_assert_int_eq(file_read(AT_FDCWD, a, &x, 1 << 24, &e), 0);
	ck_assert_int_eq(file_read(AT_FDCWD, b, &y, 1 << 24, &e), 0);
	return x.len == y.len && !memcmp(x.data, y.data, x.len);
}

static void remove_tree(void)
{
	char line[128];

	snprintf(line, sizeof(line), "chmod -R u+rwx %s && rm -rf %s", dir, dir);
	ck_assert_int_eq(system(line), 0);
}

START_TEST(owners_types_and_attributes_are_the_callbacks)
{
	auto_squash struct squash *s = NULL;
	struct squash_stat st;
	struct pack_stat pst;
	struct squash_inode i;
	auto_buf struct buf value = { 0 };
	struct err e = { 0 };
	auto_close int fd = -1;

	make_tree();
	fd = pack("t", "a.sqfs", 1, &pst);
	ck_ok(squash_open(&s, fd, 0, -1, NULL, &e), &e);
	ck_assert_int_eq(squash_stat_path(s, "/usr/bin/su", false, &st, &e), 0);
	ck_assert_uint_eq(st.mode, S_IFREG | 04755);
	ck_assert_uint_eq(st.uid, 33);
	ck_assert_uint_eq(st.gid, 42);
	ck_assert_uint_eq(st.nlink, 2);
	ck_assert_int_eq(st.mtime, 1000);
	ck_assert_int_eq(squash_inode(s, st.ref, &i), 0);
	ck_assert_int_eq(squash_xattr_get(s, &i, "trusted.mark", &value), 1);
	ck_assert_str_eq(buf_str(&value), "m");
	ck_assert_int_eq(squash_stat_path(s, "/null", false, &st, &e), 0);
	ck_assert_uint_eq(st.mode, S_IFCHR | 0666);
	ck_assert_int_eq(squash_inode(s, st.ref, &i), 0);
	ck_assert_uint_eq(i.rdev, pack_rdev(1, 3));
	ck_assert_int_eq(squash_stat_path(s, "/fifo", false, &st, &e), 0);
	ck_assert_uint_eq(st.mode, S_IFIFO | 0640);
	/* No time is later than the epoch. */
	ck_assert_int_eq(st.mtime, 5000);
	ck_assert_int_eq(squash_stat_path(s, "/usr/bin/empty", false, &st, &e), 0);
	ck_assert_uint_eq(st.size, 3 << 20);
	remove_tree();
}
END_TEST

START_TEST(the_same_tree_gives_the_same_bytes_on_any_number_of_threads)
{
	struct pack_stat st;

	make_tree();
	close(pack("t", "a.sqfs", 1, &st));
	close(pack("t", "b.sqfs", 4, &st));
	ck_assert(same_bytes("a.sqfs", "b.sqfs"));
	make_at("t/skip", "left out", 0600);
	ck_assert_int_eq(utimensat(AT_FDCWD, "t", NULL, 0), 0);
	close(pack("t", "c.sqfs", 2, &st));
	ck_assert(same_bytes("a.sqfs", "c.sqfs"));
	remove_tree();
}
END_TEST

static int made(void *arg, const struct unpack_entry *entry, struct err *e)
{
	struct buf *log = arg;

	(void)e;
	if (entry->uid || entry->rdev || entry->nxattrs)
		buf_printf(log, "%s %u:%u %o %x %zu\n", entry->path, entry->uid, entry->gid,
			   (unsigned)entry->mode, entry->rdev, entry->nxattrs);
	return 0;
}

START_TEST(what_was_unpacked_packs_to_the_same_bytes)
{
	auto_squash struct squash *s = NULL;
	auto_buf struct buf log = { 0 };
	struct unpack_opts o = { .made = made, .arg = &log };
	struct unpack_stat ust;
	struct pack_stat st;
	struct stat sb, also;
	struct err e = { 0 };
	auto_close int fd = -1, d = -1;

	make_tree();
	fd = pack("t", "a.sqfs", 1, &st);
	ck_assert_int_eq(mkdir("u", 0700), 0);
	d = open("u", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_ok(squash_open(&s, fd, 0, -1, NULL, &e), &e);
	ck_ok(unpack_squash(s, d, &o, &ust, &e), &e);
	ck_assert_uint_eq(ust.inodes, st.inodes);
	/* The first name in sorted order is the one that is told. */
	ck_assert_str_eq(buf_str(&log),
			 geteuid() ? "/also-su 33:42 104755 0 1\n/null 0:0 20666 103 0\n"
				   : buf_str(&log));
	ck_assert_int_eq(lstat("u/usr/bin/su", &sb) | lstat("u/also-su", &also), 0);
	ck_assert_uint_eq(sb.st_mode, S_IFREG | 04755);
	ck_assert_uint_eq(sb.st_ino, also.st_ino);
	ck_assert_int_eq(sb.st_mtime, 1000);
	ck_assert_int_eq(lstat("u/locked", &sb), 0);
	ck_assert_uint_eq(sb.st_mode, S_IFDIR | 0555);
	ck_assert_int_eq(lstat("u/usr/bin/empty", &sb), 0);
	ck_assert_int_eq(sb.st_size, 3 << 20);
	ck_assert_int_lt(sb.st_blocks, 64);
	close(pack("u", "b.sqfs", 1, &st));
	ck_assert(same_bytes("a.sqfs", "b.sqfs"));
	remove_tree();
}
END_TEST

START_TEST(a_sif_holds_the_objects_and_then_the_tree)
{
	const struct pack_object def = { SIF_DEFFILE, "app.def", "Bootstrap: x\n", 13 };
	struct pack_opts o = { .threads = 2, .epoch = -1 };
	auto_sif struct sif *sif = NULL;
	struct pack_stat st;
	struct err e = { 0 };
	auto_close int d = -1, fd = -1;

	make_tree();
	d = open("t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open("a.sif", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ck_ok(pack_sif(fd, d, "amd64", &def, 1, &o, &st, &e), &e);
	ck_assert_int_eq(sif_read(&sif, fd, &e), 0);
	ck_assert_int_eq((int)sif->n, 2);
	ck_assert_str_eq(sif_find(sif, SIF_DEFFILE, NULL)->name, "app.def");
	ck_assert_str_eq(sif_primary(sif)->arch, "02");
	ck_assert_uint_eq((uint64_t)sif_primary(sif)->size, st.bytes);
	remove_tree();
}
END_TEST

START_TEST(an_unreadable_file_is_named)
{
	struct pack_opts o = { .epoch = -1 };
	struct pack_stat st;
	struct err e = { 0 };
	auto_close int d = -1, fd = -1;

	if (!geteuid())
		return; /* root can read it */
	make_tree();
	ck_assert_int_eq(chmod("t/locked/in", 0), 0);
	d = open("t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open("a.sqfs", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ck_assert_int_eq(pack_dir(fd, 0, d, &o, &st, &e), -1);
	ck_assert_str_eq(e.text, "/locked/in: open: Permission denied");
	remove_tree();
}
END_TEST

UNIT(pack, owners_types_and_attributes_are_the_callbacks,
     the_same_tree_gives_the_same_bytes_on_any_number_of_threads,
     what_was_unpacked_packs_to_the_same_bytes, a_sif_holds_the_objects_and_then_the_tree,
     an_unreadable_file_is_named)
