#include "image/flatten.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "tests/unit/flatmake.h"
#include "tests/unit/tarmake.h"

#define S(lit) lit, sizeof(lit) - 1

static void file(struct buf *b, const char *path, const char *text)
{
	tarmake(b, (struct tarmake){ .path = path, .data = text, .len = strlen(text), .mtime = 1 });
}

static void hardlink(struct buf *b, const char *path, const char *target)
{
	tarmake(b, (struct tarmake){ .path = path, .link = target, .type = '1' });
}

/* n bytes that no compressor likes, different for each seed. */
static void noise(struct buf *b, size_t n, unsigned seed)
{
	for (unsigned x = seed * 2654435761U + 1; n > 0; n--) {
		x = x * 1664525 + 1013904223;
		buf_addch(b, (char)(x >> 24));
	}
}

/* A layer with everything that is hard to lay out: blocks, tails, holes, doubles, small files. */
static void rich_layer(struct buf *b)
{
	auto_buf struct buf big = { 0 }, zero = { 0 };
	char path[32];

	noise(&big, 300000, 1);
	for (int i = 0; i < 400000; i++)
		buf_addch(&zero, '\0');
	tarmake(b, (struct tarmake){ .path = "big", .data = big.data, .len = big.len });
	tarmake(b, (struct tarmake){ .path = "zero", .data = zero.data, .len = zero.len });
	tarmake(b, (struct tarmake){ .path = "again", .data = big.data, .len = big.len });
	memset(big.data + 131072, 0, 131072);
	tarmake(b, (struct tarmake){ .path = "hole", .data = big.data, .len = big.len });
	tarmake(b, (struct tarmake){ .path = "block", .data = big.data, .len = 131072 });
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "small/%03d", i);
		big.len = 0;
		noise(&big, 100 + (size_t)i * 7, (unsigned)i % 250);
		tarmake(b, (struct tarmake){ .path = path, .data = big.data, .len = big.len });
	}
	tarmake_end(b);
}

static void read_all(int fd, struct buf *out)
{
	struct err e = { 0 };

	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_ok(fd_read_all(fd, out, 64 << 20, "image", &e), &e);
}

START_TEST(one_and_many_threads_write_the_same_bytes)
{
	static const char *const comps[] = { "zstd", "gzip", "lz4", "xz:1" };
	struct buf layers[2] = { { 0 } };
	struct err e = { 0 };

	rich_layer(&layers[0]);
	file(&layers[1], "small/001", "new");
	for (size_t c = 0; c < ARRAY_LEN(comps); c++) {
		auto_buf struct buf one = { 0 }, many = { 0 };
		struct flatten_opts o = { .threads = 1, .mtime = 5 };

		ck_ok(flatten_compression_parse(&o, comps[c], &e), &e);
		auto_close int a = flat_make(layers, 2, 0, NULL, 0, &o, NULL, &e);

		o.threads = 5;
		auto_close int b = flat_make(layers, 2, 0, NULL, 0, &o, NULL, &e);

		ck_assert_int_ge(a, 0);
		ck_assert_int_ge(b, 0);
		read_all(a, &one);
		read_all(b, &many);
		ck_assert_uint_eq(one.len, many.len);
		ck_assert_mem_eq(one.data, many.data, one.len);
		ck_assert_uint_eq(one.len % 4096, 0);
	}
	buf_fini(&layers[0]);
	buf_fini(&layers[1]);
}
END_TEST

/* Every file of an archive reads back from the image. */
static void ck_file(struct squash *s, const char *path, const char *want, size_t n)
{
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(squash_read_file(s, path, &got, 1 << 20, &e), 0);
	ck_assert_uint_eq(got.len, n);
	ck_assert_mem_eq(got.data, want, n);
}

START_TEST(bodies_of_all_shapes_read_back)
{
	static const char *const comps[] = { "zstd", "gzip", "lz4", "xz:1" };

	for (size_t c = 0; c < ARRAY_LEN(comps); c++) {
		auto_buf struct buf b = { 0 }, big = { 0 };
		auto_squash struct squash *s = NULL;
		struct squash_stat x, y;
		struct flatten_opts o = { .threads = 2 };
		struct err e = { 0 };

		rich_layer(&b);
		noise(&big, 300000, 1);
		ck_ok(flatten_compression_parse(&o, comps[c], &e), &e);
		auto_close int fd = flat_make(&b, 1, 4096, NULL, 0, &o, NULL, &e);

		ck_assert_msg(fd >= 0, "%s", e.text);
		ck_ok(squash_open(&s, fd, 4096, -1, NULL, &e), &e);
		ck_file(s, "/big", big.data, big.len);
		ck_file(s, "/again", big.data, big.len);
		memset(big.data + 131072, 0, 131072);
		ck_file(s, "/hole", big.data, big.len);
		ck_file(s, "/block", big.data, 131072);
		for (int i = 0; i < 300; i++) {
			auto_free char *path = xasprintf("/small/%03d", i);

			big.len = 0;
			noise(&big, 100 + (size_t)i * 7, (unsigned)i % 250);
			ck_file(s, path, big.data, big.len);
		}
		ck_ok(squash_stat_path(s, "/big", false, &x, &e), &e);
		ck_ok(squash_stat_path(s, "/again", false, &y, &e), &e);
		ck_assert_uint_ne(x.number, y.number);
	}
}
END_TEST

START_TEST(equal_bodies_are_stored_once_and_holes_not_at_all)
{
	auto_buf struct buf b = { 0 }, big = { 0 };
	struct flatten_stat st;
	struct err e = { 0 };

	noise(&big, 1 << 20, 1);
	for (int i = 0; i < 5; i++) {
		char path[8] = { (char)('a' + i) };

		tarmake(&b, (struct tarmake){ .path = path, .data = big.data, .len = big.len });
	}
	tarmake_pax(&b, 'x', "GNU.sparse.realsize", S("1073741824"));
	tarmake(&b, (struct tarmake){ .path = "hole" });
	auto_close int fd = flat_make(&b, 1, 0, NULL, 0, NULL, &st, &e);

	ck_assert_msg(fd >= 0, "%s", e.text);
	ck_assert_uint_gt(st.bytes, 1 << 20);
	ck_assert_uint_lt(st.bytes, (1 << 20) + 16384);
}
END_TEST

START_TEST(an_image_stands_at_its_offset_and_ends_there)
{
	auto_close int fd = memfd_create("image", MFD_CLOEXEC);
	auto_buf struct buf b = { 0 }, all = { 0 }, before = { 0 };
	struct layer_input in = { .name = "layer", .open = flat_open, .arg = &b };
	struct flatten_opts o = { 0 };
	struct flatten_stat st;
	struct err e = { 0 };

	noise(&before, 100000, 3);
	ck_assert_int_eq(fd_pwrite(fd, before.data, before.len, 0), 0);
	file(&b, "a", "1");
	ck_ok(flatten(fd, 8192, &in, 1, NULL, 0, &o, &st, &e), &e);
	read_all(fd, &all);
	ck_assert_mem_eq(all.data, before.data, 8192);
	ck_assert_mem_eq(all.data + 8192, "hsqs", 4);
	ck_assert_uint_eq(all.len, 8192 + st.bytes);
}
END_TEST

START_TEST(metadata_is_kept_to_the_bit)
{
	auto_buf struct buf b = { 0 }, rec = { 0 }, got = { 0 };
	struct err e = { 0 };

	tarmake(&b,
		(struct tarmake){ .path = "./", .type = '5', .mode = 01711, .uid = 3, .mtime = 7 });
	tarmake(&b, (struct tarmake){ .path = "su", .mode = 04755, .mtime = 1 });
	tarmake(&b,
		(struct tarmake){ .path = "none", .raw = "0000000", .raw_at = 100, .raw_len = 7 });
	tarmake_record(&rec, "uid", S("4294967295"));
	tarmake_record(&rec, "gid", S("70000"));
	tarmake_record(&rec, "mtime", S("-5"));
	tarmake_record(&rec, "path", S("caf\xe9"));
	tarmake(&b, (struct tarmake){ .path = "p", .type = 'x', .data = rec.data, .len = rec.len });
	tarmake(&b, (struct tarmake){ .path = "x" });
	tarmake(&b, (struct tarmake){ .path = "dev", .type = '4', .major = 259, .minor = 300000 });
	tarmake(&b, (struct tarmake){ .path = "ln", .type = '2', .link = "../x y" });
	auto_close int fd = flat_make(&b, 1, 0, NULL, 0, NULL, NULL, &e);

	ck_assert_msg(fd >= 0, "%s", e.text);
	flat_show(fd, 0, &got);
	ck_assert_str_eq(buf_str(&got), "/ 041711 3:0 @7 n2 [] =/\n"
					"/caf\xe9 100644 4294967295:70000 @0 n1 [] =/caf\xe9\n"
					"/dev 060644 0:0 @0 n1 [] =/dev\n"
					"/ln 120777 0:0 @0 n1 [../x y] =/ln\n"
					"/none 100000 0:0 @0 n1 [] =/none\n"
					"/su 104755 0:0 @1 n1 [] =/su\n");
}
END_TEST

static void xattrs_of(struct squash *s, const char *path, struct buf *out)
{
	struct squash_stat st;
	struct squash_inode i;
	auto_buf struct buf names = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(squash_stat_path(s, path, false, &st, &e), 0);
	ck_assert_int_eq(squash_inode(s, st.ref, &i), 0);
	ck_assert_int_ge(squash_xattr_list(s, &i, &names), 0);
	for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
		auto_buf struct buf v = { 0 };

		ck_assert_int_eq(squash_xattr_get(s, &i, names.data + at, &v), 1);
		buf_printf(out, "%s=%s;", names.data + at, buf_str(&v));
	}
}

START_TEST(extended_attributes_are_kept_but_for_the_hosts_own)
{
	auto_buf struct buf b = { 0 }, rec = { 0 }, got = { 0 };
	auto_squash struct squash *s = NULL;
	struct err e = { 0 };

	tarmake_record(&rec, "SCHILY.xattr.user.b", S("2"));
	tarmake_record(&rec, "SCHILY.xattr.user.a", S("1"));
	tarmake_record(&rec, "SCHILY.xattr.security.capability", S("cap"));
	tarmake_record(&rec, "SCHILY.xattr.trusted.t", S("3"));
	tarmake_record(&rec, "SCHILY.xattr.security.selinux", S("label"));
	tarmake_record(&rec, "SCHILY.xattr.user.rootlesscontainers", S("note"));
	tarmake_record(&rec, "SCHILY.xattr.system.posix_acl_access", S("acl"));
	for (int i = 0; i < 2; i++) {
		tarmake(&b, (struct tarmake){
				    .path = "p", .type = 'x', .data = rec.data, .len = rec.len });
		tarmake(&b, (struct tarmake){ .path = i ? "d" : "f", .type = i ? '5' : '0' });
	}
	file(&b, "plain", "");
	auto_close int fd = flat_make(&b, 1, 0, NULL, 0, NULL, NULL, &e);

	ck_assert_msg(fd >= 0, "%s", e.text);
	ck_ok(squash_open(&s, fd, 0, -1, NULL, &e), &e);
	xattrs_of(s, "/f", &got);
	ck_assert_str_eq(buf_str(&got), "security.capability=cap;trusted.t=3;user.a=1;user.b=2;");
	buf_clear(&got);
	xattrs_of(s, "/d", &got);
	ck_assert_str_eq(buf_str(&got), "security.capability=cap;trusted.t=3;user.a=1;user.b=2;");
	buf_clear(&got);
	xattrs_of(s, "/plain", &got);
	ck_assert_str_eq(buf_str(&got), "");
}
END_TEST

START_TEST(a_hidden_body_that_a_link_keeps_alive_is_read_again)
{
	struct buf layers[2] = { { 0 } };
	auto_buf struct buf got = { 0 };
	struct flatten_stat st;
	struct err e = { 0 };

	/* Top down, /a is hidden when its body passes, and only then comes the link to it. */
	file(&layers[0], "a", "old body");
	hardlink(&layers[0], "b", "a");
	file(&layers[1], "a", "new body");
	auto_close int fd = flat_make(layers, 2, 0, NULL, 0, NULL, &st, &e);

	ck_assert_msg(fd >= 0, "%s", e.text);
	flat_show(fd, 0, &got);
	ck_assert_str_eq(buf_str(&got), "/ 040755 0:0 @0 n2 [] =/\n"
					"/a 100644 0:0 @1 n1 [new body] =/a\n"
					"/b 100644 0:0 @1 n1 [old body] =/b\n");
	ck_assert_uint_eq(st.reread, 1);
	buf_fini(&layers[0]);
	buf_fini(&layers[1]);
}
END_TEST

START_TEST(bodies_that_upper_layers_hide_are_not_stored)
{
	struct buf layers[2] = { { 0 } };
	struct flatten_stat st;
	auto_buf struct buf big = { 0 };
	struct err e = { 0 };

	noise(&big, 1 << 20, 1);
	tarmake(&layers[0], (struct tarmake){ .path = "d/a", .data = big.data, .len = big.len });
	file(&layers[1], ".wh.d", "");
	auto_close int fd = flat_make(layers, 2, 0, NULL, 0, NULL, &st, &e);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(st.bytes, 4096);
	ck_assert_uint_eq(st.hidden, 1 << 20);
	ck_assert_uint_eq(st.reread, 0);
	buf_fini(&layers[0]);
	buf_fini(&layers[1]);
}
END_TEST

START_TEST(the_engines_own_files_come_last)
{
	static const struct flatten_node extra[] = {
		{ "/etc/passwd", S_IFREG | 0600, S("ours"), 3, true },
		{ "/etc/keep", S_IFREG | 0644, S("ours"), 3, false },
		{ "/etc/new", S_IFREG | 0644, S("ours"), 3, false },
		{ "/run", S_IFDIR | 0700, NULL, 0, 3, false },
		{ "/.d/sh", S_IFLNK | 0777, S("/bin/sh"), 3, true },
	};
	auto_buf struct buf b = { 0 }, got = { 0 };
	struct err e = { 0 };

	tarmake(&b, (struct tarmake){ .path = "etc", .type = '2', .link = "usr/etc" });
	file(&b, "usr/etc/passwd", "theirs");
	file(&b, "usr/etc/keep", "theirs");
	tarmake(&b, (struct tarmake){ .path = "run", .type = '5', .mode = 0711 });
	auto_close int fd = flat_make(&b, 1, 0, extra, ARRAY_LEN(extra), NULL, NULL, &e);

	ck_assert_msg(fd >= 0, "%s", e.text);
	flat_show(fd, 0, &got);
	ck_assert_str_eq(buf_str(&got),
			 "/ 040755 0:0 @0 n5 [] =/\n"
			 "/.d 040755 0:0 @3 n2 [] =/.d\n"
			 "/.d/sh 120777 0:0 @3 n1 [/bin/sh] =/.d/sh\n"
			 "/etc 120777 0:0 @0 n1 [usr/etc] =/etc\n"
			 "/run 040711 0:0 @0 n2 [] =/run\n"
			 "/usr 040755 0:0 @1 n3 [] =/usr\n"
			 "/usr/etc 040755 0:0 @1 n2 [] =/usr/etc\n"
			 "/usr/etc/keep 100644 0:0 @1 n1 [theirs] =/usr/etc/keep\n"
			 "/usr/etc/new 100644 0:0 @3 n1 [ours] =/usr/etc/new\n"
			 "/usr/etc/passwd 100600 0:0 @3 n1 [ours] =/usr/etc/passwd\n");
}
END_TEST

/* What flattening b says with these limits. */
static void ck_fails(struct buf *b, const struct flatten_opts *o, enum err_kind kind,
		     const char *text)
{
	struct err e = { 0 };
	auto_close int fd = flat_make(b, 1, 0, NULL, 0, o, NULL, &e);

	ck_assert_int_lt(fd, 0);
	ck_assert_str_eq(e.text, text);
	ck_assert_int_eq(e.kind, kind);
}

START_TEST(limits_are_stated_with_their_option)
{
	auto_buf struct buf b = { 0 }, hole = { 0 };
	struct flatten_opts few = { .max_entries = 2 }, little = { .max_bytes = 1000 };

	for (int i = 0; i < 3; i++)
		file(&b, "a", "1");
	ck_fails(&b, &few, ERR_LIMIT,
		 "layer 1: the layers have more than 2 entries; --max-entries raises this limit");
	ck_fails(&b, &little, ERR_LIMIT,
		 "layer 1: it unpacks to more than 1000 bytes; --max-layer-size raises this limit");
	little.max_bytes = 4096;
	tarmake_pax(&hole, 'x', "GNU.sparse.realsize", S("5000"));
	tarmake(&hole, (struct tarmake){ .path = "hole" });
	ck_fails(
		&hole, &little, ERR_LIMIT,
		"layer 1: its files hold more than 4096 bytes; --max-layer-size raises this limit");
}
END_TEST

START_TEST(one_link_again_and_again_is_bounded_too)
{
	auto_buf struct buf b = { 0 };
	auto_free char *target = xcalloc(1, 4001);
	struct flatten_opts o = { .max_entries = 400 };

	memset(target, 'x', 4000);
	for (int i = 0; i < 400; i++) {
		tarmake_pax(&b, 'x', "linkpath", target, 4000);
		tarmake(&b, (struct tarmake){ .path = "a", .type = '2', .link = "x" });
	}
	ck_fails(&b, &o, ERR_LIMIT,
		 "layer 1: a: the image's names, links and attributes take more than 1253376 "
		 "bytes; --max-entries raises this limit");
}
END_TEST

START_TEST(a_broken_layer_is_named_with_its_path)
{
	auto_buf struct buf cut = { 0 }, text = { 0 };

	file(&cut, "usr/x", "0123456789");
	cut.len = 515;
	ck_fails(&cut, NULL, ERR_INPUT, "layer 1: usr/x: the archive ends inside this file");
	for (int i = 0; i < 100; i++)
		buf_adds(&text, "this is no archive\n");
	ck_fails(&text, NULL, ERR_INPUT,
		 "layer 1: a header's checksum is wrong: this is no tar archive");
}
END_TEST

START_TEST(a_wrong_diff_id_is_fatal)
{
	auto_close int fd = memfd_create("image", MFD_CLOEXEC);
	auto_buf struct buf b = { 0 };
	struct layer_input in = { .name = "layer sha256:4f53cda1", .open = flat_open, .arg = &b };
	struct flatten_opts o = { 0 };
	struct flatten_stat st;
	struct err e = { 0 };

	file(&b, "a", "1");
	tarmake_end(&b);
	digest_of(&in.diff_id, DIGEST_SHA256, b.data, b.len);
	buf_addch(&b, '\0'); /* zeros behind the end count */
	ck_assert_int_eq(flatten(fd, 0, &in, 1, NULL, 0, &o, &st, &e), -1);
	ck_assert_int_eq(e.kind, ERR_INPUT);
	ck_assert_msg(!strncmp(e.text,
			       "layer sha256:4f53cda1: its content has the digest sha256:", 57),
		      "%s", e.text);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	auto_close int fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	auto_buf struct buf b = { 0 };
	struct layer_input in = { .name = "layer", .open = flat_open, .arg = &b };
	struct flatten_opts o = { 0 };
	struct flatten_stat st;
	struct err e = { 0 };

	file(&b, "a", "1");
	ck_assert_int_eq(flatten(fd, 0, &in, 1, NULL, 0, &o, &st, &e), -1);
	ck_assert_int_eq(e.kind, ERR_SPACE);
	ck_assert_str_eq(e.text, "write the image: No space left on device");
}
END_TEST

START_TEST(compressions_are_parsed)
{
	static const struct {
		const char *text;
		int comp, level;
	} good[] = { { "zstd", COMP_ZSTD, 0 },
		     { "zstd:19", COMP_ZSTD, 19 },
		     { "gzip:9", COMP_GZIP, 9 },
		     { "xz", COMP_XZ, 0 },
		     { "lz4", COMP_LZ4, 0 } };
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "zst", "unknown compression \"zst\": there are zstd[:1-22], gzip[:1-12], "
			 "xz[:1-9] and lz4" },
		{ "zstd:23", "compression zstd has levels 1 to 22, not \"23\"" },
		{ "zstd:", "compression zstd has levels 1 to 22, not \"\"" },
		{ "lz4:1", "compression lz4 has no levels" },
	};
	struct flatten_opts o;
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		ck_ok(flatten_compression_parse(&o, good[i].text, &e), &e);
		ck_assert_int_eq((int)o.comp, good[i].comp);
		ck_assert_int_eq(o.level, good[i].level);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_int_eq(flatten_compression_parse(&o, bad[i].text, &e), -1);
		ck_assert_str_eq(e.text, bad[i].error);
		ck_assert_int_eq(e.kind, ERR_USAGE);
	}
}
END_TEST

START_TEST(no_layers_are_an_empty_root)
{
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };
	auto_close int fd = flat_make(NULL, 0, 0, NULL, 0, NULL, NULL, &e);

	ck_assert_msg(fd >= 0, "%s", e.text);
	flat_show(fd, 0, &got);
	ck_assert_str_eq(buf_str(&got), "/ 040755 0:0 @0 n2 [] =/\n");
}
END_TEST

/* A layer of which half a megabyte is there; the rest comes when somebody gives up. */
struct stalled {
	struct stream s;
	size_t sent;
	int waited;
	atomic_bool gave_up;
};

static ssize_t stalled_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct stalled *st = (struct stalled *)s;

	if (st->sent < 512 << 10) {
		memset(buf, 'x', n);
		st->sent += n;
		return (ssize_t)n;
	}
	for (; !st->gave_up && st->waited < 5000; st->waited++)
		usleep(1000);
	return err_set(e, ERR_INTR, "given up");
}

static void stalled_close(struct stream *s)
{
	(void)s;
}

static int stalled_open(struct stream **out, void *arg, struct err *e)
{
	(void)e;
	*out = arg;
	return 0;
}

static void stalled_give_up(void *arg)
{
	((struct stalled *)arg)->gave_up = true;
}

START_TEST(a_bad_layer_does_not_wait_for_the_rest_of_it)
{
	static const struct stream_ops ops = { stalled_read, stalled_close };
	struct stalled s = { .s.ops = &ops };
	struct layer_input in = {
		.name = "layer x", .open = stalled_open, .give_up = stalled_give_up, .arg = &s
	};
	struct flatten_opts o = { .threads = 1 };
	struct flatten_stat st;
	struct err e = { 0 };
	auto_close int fd = memfd_create("image", MFD_CLOEXEC);

	ck_assert_int_eq(flatten(fd, 0, &in, 1, NULL, 0, &o, &st, &e), -1);
	ck_assert_str_eq(e.text, "layer x: a header's checksum is wrong: this is no tar archive");
	ck_assert(s.gave_up);
	ck_assert_int_lt(s.waited, 5000);
}
END_TEST

UNIT(flatten, one_and_many_threads_write_the_same_bytes, bodies_of_all_shapes_read_back,
     equal_bodies_are_stored_once_and_holes_not_at_all,
     an_image_stands_at_its_offset_and_ends_there, metadata_is_kept_to_the_bit,
     extended_attributes_are_kept_but_for_the_hosts_own,
     a_hidden_body_that_a_link_keeps_alive_is_read_again,
     bodies_that_upper_layers_hide_are_not_stored, the_engines_own_files_come_last,
     limits_are_stated_with_their_option, one_link_again_and_again_is_bounded_too,
     a_broken_layer_is_named_with_its_path, a_wrong_diff_id_is_fatal, a_full_disk_is_told,
     compressions_are_parsed, no_layers_are_an_empty_root,
     a_bad_layer_does_not_wait_for_the_rest_of_it)
