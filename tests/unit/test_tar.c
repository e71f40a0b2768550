#include "image/tar.h"

#include <string.h>

#include "src/base/buf.h"
#include "tests/unit/tarmake.h"
#include "tests/unit/unit.h"

#define S(lit) lit, sizeof(lit) - 1

/* Everything of the current file, holes as zeros. */
static int body(struct tar *t, struct buf *out, struct err *e)
{
	const void *p;
	size_t n;
	int r;

	while ((r = tar_data(t, &p, &n, e)) > 0) {
		for (size_t i = 0; !p && i < n; i++)
			buf_addch(out, '\0');
		if (p)
			buf_add(out, p, n);
	}
	return r;
}

static struct tar *over(const struct buf *b)
{
	return tar_new(stream_mem(b->data, b->len));
}

/* The first entry of b, which must be there. */
static const struct tar_entry *first(struct tar *t)
{
	const struct tar_entry *en;
	struct err e = { 0 };

	ck_ok(tar_next(t, &en, &e), &e);
	ck_assert_ptr_nonnull(en);
	return en;
}

/* What reading all of b says. */
static void ck_fails(const struct buf *b, const char *text)
{
	auto_tar struct tar *t = over(b);
	const struct tar_entry *en;
	struct err e = { 0 };
	int r;

	while ((r = tar_next(t, &en, &e)) > 0) {
		auto_buf struct buf out = { 0 };

		if (body(t, &out, &e) < 0) {
			r = -1;
			break;
		}
	}
	ck_assert_int_eq(r, -1);
	ck_assert_str_eq(e.text, text);
}

START_TEST(a_ustar_entry_has_its_prefix_before_its_name)
{
	auto_buf struct buf b = { 0 }, got = { 0 };
	struct err e = { 0 };

	tarmake(&b, (struct tarmake){ .path = "name",
				      .prefix = "a/b",
				      .data = "hello",
				      .len = 5,
				      .mode = 04755,
				      .uid = 7,
				      .gid = 8,
				      .mtime = 99 });
	tarmake_end(&b);
	auto_tar struct tar *t = over(&b);
	const struct tar_entry *en = first(t);

	ck_assert_str_eq(en->path, "a/b/name");
	ck_assert_int_eq(en->type, TAR_FILE);
	ck_assert_int_eq(en->mode, 04755);
	ck_assert_int_eq(en->uid, 7);
	ck_assert_int_eq(en->gid, 8);
	ck_assert_int_eq(en->mtime, 99);
	ck_ok(body(t, &got, &e), &e);
	ck_assert_str_eq(buf_str(&got), "hello");
	ck_assert_int_eq(tar_next(t, &en, &e), 0);
}
END_TEST

START_TEST(pax_records_override_the_header)
{
	auto_buf struct buf b = { 0 }, rec = { 0 }, got = { 0 };
	struct err e = { 0 };

	tarmake_record(&rec, "path", S("caf\xe9/\xff"));
	tarmake_record(&rec, "uid", S("4000000000"));
	tarmake_record(&rec, "gid", S("3000000"));
	tarmake_record(&rec, "mtime", S("1234567890.987654321"));
	tarmake_record(&rec, "size", S("3"));
	tarmake_record(&rec, "hdrcharset", S("BINARY"));
	tarmake_record(&rec, "SCHILY.xattr.user.x", "a\0\nb", 4);
	tarmake_record(&rec, "LIBARCHIVE.xattr.user.y%20z", S("aGk="));
	tarmake_record(&rec, "LIBARCHIVE.xattr.user.x", S("aGk="));
	tarmake(&b, (struct tarmake){ .path = "p", .type = 'x', .data = rec.data, .len = rec.len });
	tarmake(&b, (struct tarmake){ .path = "short", .data = "abc", .len = 3, .size = 1 });
	auto_tar struct tar *t = over(&b);
	const struct tar_entry *en = first(t);

	ck_assert_str_eq(en->path, "caf\xe9/\xff");
	ck_assert_uint_eq(en->uid, 4000000000);
	ck_assert_uint_eq(en->gid, 3000000);
	ck_assert_int_eq(en->mtime, 1234567890);
	ck_assert_uint_eq(en->size, 3);
	ck_assert_uint_eq(en->nxattrs, 2);
	ck_assert_str_eq(en->xattrs[0].name, "user.x");
	ck_assert_uint_eq(en->xattrs[0].len, 4);
	ck_assert_mem_eq(en->xattrs[0].value, "a\0\nb", 4);
	ck_assert_str_eq(en->xattrs[1].name, "user.y z");
	ck_assert_mem_eq(en->xattrs[1].value, "hi", 2);
	ck_ok(body(t, &got, &e), &e);
	ck_assert_str_eq(buf_str(&got), "abc");
}
END_TEST

START_TEST(global_records_last_until_an_entry_takes_them_back)
{
	auto_buf struct buf b = { 0 };
	const struct tar_entry *en;
	struct err e = { 0 };

	tarmake_pax(&b, 'g', "uid", S("5"));
	tarmake(&b, (struct tarmake){ .path = "a", .uid = 1 });
	tarmake_pax(&b, 'x', "uid", S(""));
	tarmake(&b, (struct tarmake){ .path = "b", .uid = 1 });
	tarmake_pax(&b, 'x', "uid", S("6"));
	tarmake(&b, (struct tarmake){ .path = "c", .uid = 1 });
	tarmake(&b, (struct tarmake){ .path = "d", .uid = 1 });
	auto_tar struct tar *t = over(&b);
	static const unsigned want[] = { 5, 1, 6, 5 };

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		ck_assert_int_eq(tar_next(t, &en, &e), 1);
		ck_assert_uint_eq(en->uid, want[i]);
	}
}
END_TEST

START_TEST(an_empty_attribute_takes_back_a_global_one)
{
	auto_buf struct buf b = { 0 };
	const struct tar_entry *en;
	struct err e = { 0 };

	tarmake_pax(&b, 'g', "SCHILY.xattr.user.x", S("1"));
	tarmake(&b, (struct tarmake){ .path = "a" });
	tarmake_pax(&b, 'x', "SCHILY.xattr.user.x", S(""));
	tarmake(&b, (struct tarmake){ .path = "b" });
	auto_tar struct tar *t = over(&b);

	ck_assert_uint_eq(first(t)->nxattrs, 1);
	ck_assert_int_eq(tar_next(t, &en, &e), 1);
	ck_assert_uint_eq(en->nxattrs, 0);
}
END_TEST

START_TEST(gnu_long_names_go_with_the_next_entry_only)
{
	auto_buf struct buf b = { 0 };
	const struct tar_entry *en;
	struct err e = { 0 };
	char name[301] = "", link[201] = "";

	memset(name, 'n', 300);
	memset(link, 'l', 200);
	tarmake(&b, (struct tarmake){ .path = "././@LongLink",
				      .type = 'L',
				      .data = name,
				      .len = sizeof(name),
				      .gnu = true });
	tarmake(&b, (struct tarmake){ .path = "././@LongLink",
				      .type = 'K',
				      .data = link,
				      .len = sizeof(link),
				      .gnu = true });
	tarmake(&b, (struct tarmake){ .path = "x", .link = "y", .type = '2', .gnu = true });
	tarmake(&b, (struct tarmake){ .path = "z", .gnu = true });
	auto_tar struct tar *t = over(&b);

	en = first(t);
	ck_assert_str_eq(en->path, name);
	ck_assert_str_eq(en->link, link);
	ck_assert_int_eq(en->type, TAR_SYMLINK);
	ck_assert_int_eq(tar_next(t, &en, &e), 1);
	ck_assert_str_eq(en->path, "z");
}
END_TEST

START_TEST(base_256_numbers_are_read)
{
	auto_buf struct buf b = { 0 };
	const struct tar_entry *en;
	struct err e = { 0 };

	tarmake(&b, (struct tarmake){ .path = "a",
				      .raw = "\x80\0\0\0\xee\x6b\x28\0",
				      .raw_at = 108,
				      .raw_len = 8 });
	tarmake(&b, (struct tarmake){ .path = "b",
				      .raw = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe",
				      .raw_at = 136,
				      .raw_len = 12 });
	auto_tar struct tar *t = over(&b);

	ck_assert_uint_eq(first(t)->uid, 4000000000);
	ck_assert_int_eq(tar_next(t, &en, &e), 1);
	ck_assert_int_eq(en->mtime, -2);
}
END_TEST

/* "AB" at 0, "CD" at 1024, 2000 bytes in all. */
static void ck_sparse(const struct buf *b)
{
	auto_tar struct tar *t = over(b);
	const struct tar_entry *en = first(t);
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };
	char want[2000] = "AB";

	memcpy(want + 1024, "CD", 2);
	ck_assert_str_eq(en->path, "sparse");
	ck_assert_uint_eq(en->size, 2000);
	ck_ok(body(t, &got, &e), &e);
	ck_assert_uint_eq(got.len, 2000);
	ck_assert_mem_eq(got.data, want, 2000);
	ck_assert_int_eq(tar_next(t, &en, &e), 1);
	ck_assert_str_eq(en->path, "next");
}

static void sparse_tail(struct buf *b, struct buf *rec, const char *path, const char *data,
			size_t len)
{
	tarmake(b,
		(struct tarmake){ .path = "p", .type = 'x', .data = rec->data, .len = rec->len });
	tarmake(b, (struct tarmake){ .path = path, .data = data, .len = len });
	tarmake(b, (struct tarmake){ .path = "next" });
	tarmake_end(b);
}

START_TEST(sparse_files_of_all_four_kinds_read_alike)
{
	auto_buf struct buf old = { 0 }, v00 = { 0 }, v01 = { 0 }, v10 = { 0 };
	auto_buf struct buf r00 = { 0 }, r01 = { 0 }, r10 = { 0 };
	char map[512 + 4] = "2\n0\n2\n1024\n2\n";
	char gnu[109] = { 0 };

	snprintf(gnu, 13, "%011o", 0);
	snprintf(gnu + 12, 13, "%011o", 2);
	snprintf(gnu + 24, 13, "%011o", 1024);
	snprintf(gnu + 36, 13, "%011o", 2);
	snprintf(gnu + 97, 12, "%011o", 2000);
	tarmake(&old, (struct tarmake){ .path = "sparse",
					.type = 'S',
					.data = "ABCD",
					.len = 4,
					.gnu = true,
					.raw = gnu,
					.raw_at = 386,
					.raw_len = 108 });
	tarmake(&old, (struct tarmake){ .path = "next" });
	ck_sparse(&old);

	tarmake_record(&r00, "GNU.sparse.size", S("2000"));
	tarmake_record(&r00, "GNU.sparse.numblocks", S("2"));
	tarmake_record(&r00, "GNU.sparse.offset", S("0"));
	tarmake_record(&r00, "GNU.sparse.numbytes", S("2"));
	tarmake_record(&r00, "GNU.sparse.offset", S("1024"));
	tarmake_record(&r00, "GNU.sparse.numbytes", S("2"));
	sparse_tail(&v00, &r00, "sparse", "ABCD", 4);
	ck_sparse(&v00);

	tarmake_record(&r01, "GNU.sparse.size", S("2000"));
	tarmake_record(&r01, "GNU.sparse.map", S("0,2,1024,2"));
	tarmake_record(&r01, "GNU.sparse.name", S("sparse"));
	sparse_tail(&v01, &r01, "GNUSparseFile.1/sparse", "ABCD", 4);
	ck_sparse(&v01);

	tarmake_record(&r10, "GNU.sparse.major", S("1"));
	tarmake_record(&r10, "GNU.sparse.minor", S("0"));
	tarmake_record(&r10, "GNU.sparse.name", S("sparse"));
	tarmake_record(&r10, "GNU.sparse.realsize", S("2000"));
	memcpy(map + 512, "ABCD", 4);
	sparse_tail(&v10, &r10, "GNUSparseFile.1/sparse", map, sizeof(map));
	ck_sparse(&v10);
}
END_TEST

START_TEST(an_archive_may_lack_its_end_and_its_last_padding)
{
	auto_buf struct buf b = { 0 }, got = { 0 };
	const struct tar_entry *en;
	struct err e = { 0 };

	tarmake(&b, (struct tarmake){ .path = "a", .data = "abc", .len = 3, .unpadded = true });
	auto_tar struct tar *t = over(&b);

	first(t);
	ck_ok(body(t, &got, &e), &e);
	ck_assert_str_eq(buf_str(&got), "abc");
	ck_assert_int_eq(tar_next(t, &en, &e), 0);
}
END_TEST

START_TEST(a_cut_archive_is_refused_by_name)
{
	auto_buf struct buf b = { 0 };

	tarmake(&b,
		(struct tarmake){
			.path = "usr/bin/x", .data = "abc", .len = 3, .size = 5, .unpadded = true });
	ck_fails(&b, "usr/bin/x: the archive ends inside this file");
	b.len = 300;
	ck_fails(&b, "the archive ends inside a header");
}
END_TEST

START_TEST(what_is_no_archive_is_refused)
{
	auto_buf struct buf b = { 0 }, zero = { 0 };

	tarmake(&b, (struct tarmake){ .path = "a" });
	b.data[0] = 'b';
	ck_fails(&b, "a header's checksum is wrong: this is no tar archive");
	for (int i = 0; i < 512; i++)
		buf_addch(&zero, '\0');
	tarmake(&zero, (struct tarmake){ .path = "a" });
	ck_fails(&zero, "something follows a lone zero block");
}
END_TEST

START_TEST(a_checksum_over_signed_bytes_is_accepted)
{
	auto_buf struct buf b = { 0 };
	int sum = 0;

	tarmake(&b, (struct tarmake){ .path = "caf\xe9" });
	memset(b.data + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (signed char)b.data[i];
	snprintf(b.data + 148, 8, "%06o", (unsigned)sum);
	auto_tar struct tar *t = over(&b);

	ck_assert_str_eq(first(t)->path, "caf\xe9");
}
END_TEST

START_TEST(types_are_what_the_flag_and_the_name_say)
{
	static const struct {
		char flag;
		const char *path;
		enum tar_type type;
	} rows[] = { { '0', "f", TAR_FILE }, { '7', "f", TAR_FILE },  { '0', "d/", TAR_DIR },
		     { '5', "d", TAR_DIR },  { '1', "l", TAR_LINK },  { '2', "l", TAR_SYMLINK },
		     { '3', "c", TAR_CHAR }, { '4', "b", TAR_BLOCK }, { '6', "p", TAR_FIFO } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b = { 0 };

		tarmake(&b, (struct tarmake){ .path = rows[i].path,
					      .type = rows[i].flag,
					      .link = "t",
					      .major = 259,
					      .minor = 300000,
					      .v7 = i % 2 });
		auto_tar struct tar *t = over(&b);
		const struct tar_entry *en = first(t);

		ck_assert_int_eq(en->type, rows[i].type);
		if (en->type == TAR_CHAR) {
			ck_assert_uint_eq(en->major, 259);
			ck_assert_uint_eq(en->minor, 300000);
		}
	}
}
END_TEST

START_TEST(hostile_headers_are_refused)
{
	static const struct {
		struct tarmake t;
		const char *text;
	} rows[] = {
		{ { .path = "x", .type = 'Q' }, "x: unknown tar entry type 0x51" },
		{ { .path = "" }, "an entry has no name" },
		{ { .path = "l", .type = '2' }, "l: a link without a target" },
		{ { .path = "x", .type = 'x', .size = 077777777777 },
		  "an extended header of 8589934591 bytes is over the limit of 4194304" },
		{ { .path = "x",
		    .raw = "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		    .raw_at = 124,
		    .raw_len = 12 },
		  "the size in a header is malformed" },
		{ { .path = "x", .raw = "9999999", .raw_at = 108, .raw_len = 7 },
		  "x: a number in its header is malformed" },
		{ { .path = "x", .type = 'x', .data = "99 a=b\n", .len = 7 },
		  "a PAX header is malformed" },
		{ { .path = "x", .type = 'x', .data = "6 abc\n", .len = 6 },
		  "a PAX header has a record without a key" },
		{ { .path = "x", .type = 'x', .data = "5 =b\n", .len = 5 },
		  "a PAX header has a record without a key" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b = { 0 };

		tarmake(&b, rows[i].t);
		ck_fails(&b, rows[i].text);
	}
}
END_TEST

START_TEST(hostile_records_are_refused_by_name)
{
	static const struct {
		const char *key, *value;
		size_t len;
		const char *text;
	} rows[] = {
		{ "uid", S("-1"), "f: the PAX value of uid is malformed" },
		{ "uid", S("4294967296"), "f: the PAX value of uid is malformed" },
		{ "size", S("12x"), "f: the PAX value of size is malformed" },
		{ "size", S("99999999999999999999"), "f: the PAX value of size is malformed" },
		{ "path", "a\0b", 3, "a: a name holds a NUL byte" },
		{ "GNU.sparse.size", S("1"), "f: its sparse map and its size disagree" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b = { 0 };

		tarmake_pax(&b, 'x', rows[i].key, rows[i].value, rows[i].len);
		tarmake(&b, (struct tarmake){ .path = "f", .data = "abc", .len = 3 });
		ck_fails(&b, rows[i].text);
	}
}
END_TEST

/* n records of one key each, or all of one. */
static void many_records(struct buf *rec, const char *key, bool numbered, int n)
{
	for (int i = 0; i < n; i++) {
		auto_free char *k = numbered ? xasprintf("%s%d", key, i) : xstrdup(key);

		tarmake_record(rec, k, S("1"));
	}
}

START_TEST(repeated_records_do_not_open_the_door_to_others)
{
	auto_buf struct buf b = { 0 }, rec = { 0 };

	many_records(&rec, "GNU.sparse.offset", false, 1500);
	many_records(&rec, "k", true, 1100);
	tarmake(&b, (struct tarmake){ .path = "x", .type = 'x', .data = rec.data, .len = rec.len });
	tarmake(&b, (struct tarmake){ .path = "f" });
	ck_fails(&b, "PAX headers hold more than 1024 records or 4194304 bytes");
}
END_TEST

START_TEST(many_global_headers_hold_no_more_than_one)
{
	auto_buf struct buf b = { 0 };
	auto_free char *big = xcalloc(1, 1 << 20);

	memset(big, 'v', 1 << 20);
	for (int i = 0; i < 5; i++) {
		char key[8];

		snprintf(key, sizeof(key), "k%d", i);
		tarmake_pax(&b, 'g', key, big, 1 << 20);
	}
	ck_fails(&b, "PAX headers hold more than 1024 records or 4194304 bytes");
}
END_TEST

START_TEST(a_global_header_may_be_replaced_for_ever)
{
	auto_buf struct buf b = { 0 };
	auto_free char *big = xcalloc(1, 1 << 20);

	memset(big, 'v', 1 << 20);
	for (int i = 0; i < 9; i++)
		tarmake_pax(&b, 'g', "comment", big, 1 << 20);
	tarmake(&b, (struct tarmake){ .path = "f" });
	auto_tar struct tar *t = over(&b);

	ck_assert_str_eq(first(t)->path, "f");
}
END_TEST

START_TEST(sparse_maps_must_rise_and_fit)
{
	static const char *const maps[] = { "0,2,1,1", "5,3,0,0", "1998,3" };

	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		auto_buf struct buf b = { 0 }, rec = { 0 };

		tarmake_record(&rec, "GNU.sparse.size", S("2000"));
		tarmake_record(&rec, "GNU.sparse.map", maps[i], strlen(maps[i]));
		sparse_tail(&b, &rec, "f", "abc", 3);
		ck_fails(&b, "f: the pieces of its sparse map overlap or lie outside the file");
	}
}
END_TEST

START_TEST(the_rest_of_the_stream_can_be_drained)
{
	auto_buf struct buf b = { 0 };
	const struct tar_entry *en;
	struct err e = { 0 };

	tarmake(&b, (struct tarmake){ .path = "a" });
	tarmake_end(&b);
	buf_adds(&b, "what nobody reads");
	auto_tar struct tar *t = over(&b);

	first(t);
	ck_assert_int_eq(tar_next(t, &en, &e), 0);
	ck_ok(tar_drain(t, &e), &e);
	ck_assert_int_eq(tar_next(t, &en, &e), 0);
}
END_TEST

UNIT(tar, a_ustar_entry_has_its_prefix_before_its_name, pax_records_override_the_header,
     global_records_last_until_an_entry_takes_them_back, an_empty_attribute_takes_back_a_global_one,
     gnu_long_names_go_with_the_next_entry_only, base_256_numbers_are_read,
     sparse_files_of_all_four_kinds_read_alike, an_archive_may_lack_its_end_and_its_last_padding,
     a_cut_archive_is_refused_by_name, what_is_no_archive_is_refused,
     a_checksum_over_signed_bytes_is_accepted, types_are_what_the_flag_and_the_name_say,
     hostile_headers_are_refused, hostile_records_are_refused_by_name,
     repeated_records_do_not_open_the_door_to_others, many_global_headers_hold_no_more_than_one,
     a_global_header_may_be_replaced_for_ever, sparse_maps_must_rise_and_fit,
     the_rest_of_the_stream_can_be_drained)
