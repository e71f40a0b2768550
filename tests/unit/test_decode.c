#include "image/decode.h"

#include <libdeflate.h>
#include <lzma.h>
#include <string.h>
#include <zstd.h>

#include "image/ahead.h"
#include "image/guard.h"
#include "src/base/buf.h"
#include "tests/unit/unit.h"

/* printf 'hello bzip2\n' | bzip2 */
static const unsigned char bz[] = {
	0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0xab, 0x6b, 0xa1, 0xf1,
	0x00, 0x00, 0x02, 0xd9, 0x80, 0x00, 0x10, 0x40, 0x00, 0x10, 0x00, 0x12, 0x64, 0xc0,
	0x10, 0x20, 0x00, 0x31, 0x00, 0xd3, 0x4d, 0x04, 0x00, 0x1e, 0xa3, 0xef, 0x4e, 0x51,
	0xa2, 0x07, 0x8b, 0xb9, 0x22, 0x9c, 0x28, 0x48, 0x55, 0xb5, 0xd0, 0xf8, 0x80,
};

static void add_gzip(struct buf *b, const void *p, size_t n)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);

	buf_reserve(b, n + 1000);
	b->len += libdeflate_gzip_compress(c, p, n, b->data + b->len, n + 1000);
	libdeflate_free_compressor(c);
}

static void add_zstd(struct buf *b, const void *p, size_t n)
{
	buf_reserve(b, ZSTD_compressBound(n));
	b->len += ZSTD_compress(b->data + b->len, ZSTD_compressBound(n), p, n, 3);
}

/* A source that ends once and must not be asked again. */
struct strict {
	struct stream s;
	struct stream *src;
	bool ended;
};

static ssize_t strict_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct strict *t = (struct strict *)s;
	ssize_t r;

	ck_assert(!t->ended);
	r = stream_read(t->src, buf, n, e);
	t->ended = r == 0;
	return r;
}

static void strict_close(struct stream *s)
{
	stream_close(((struct strict *)s)->src);
}

/* Decodes b into out, in small and odd pieces. */
static int decode(const struct buf *b, struct buf *out, struct err *e)
{
	static const struct stream_ops ops = { strict_read, strict_close };
	struct strict src = { { &ops }, stream_mem(b->data, b->len), false };
	auto_stream struct stream *s = NULL;
	char piece[777];
	ssize_t n;

	if (stream_decode(&s, &src.s, e) < 0)
		return -1;
	while ((n = stream_read(s, piece, sizeof(piece), e)) > 0)
		buf_add(out, piece, (size_t)n);
	return n < 0 ? -1 : 0;
}

static void ck_decodes(const struct buf *b, const char *want, size_t n)
{
	auto_buf struct buf out = { 0 };
	struct err e = { 0 };

	ck_ok(decode(b, &out, &e), &e);
	ck_assert_uint_eq(out.len, n);
	ck_assert_mem_eq(out.data, want, n);
}

static void ck_fails(const struct buf *b, const char *text)
{
	auto_buf struct buf out = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(decode(b, &out, &e), -1);
	ck_assert_int_eq(e.kind, ERR_INPUT);
	ck_assert_msg(!strncmp(e.text, text, strlen(text)), "%s", e.text);
}

/* Half a MiB that compresses, but not to nothing. */
static void make_text(struct buf *b)
{
	for (unsigned i = 0, x = 1; i < 512 << 10; i++) {
		x = x * 1103515245 + 12345;
		buf_addch(b, (char)('a' + (x >> 16) % (i & 4096 ? 3 : 20)));
	}
}

START_TEST(plain_bytes_pass_even_few_of_them)
{
	struct buf none = { 0 }, one = { (char[]){ "x" }, 1, 1 };

	ck_decodes(&one, "x", 1);
	auto_buf struct buf out = { 0 };
	struct err e = { 0 };

	ck_ok(decode(&none, &out, &e), &e);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(gzip_members_follow_each_other)
{
	auto_buf struct buf text = { 0 }, b = { 0 };

	make_text(&text);
	add_gzip(&b, text.data, 1000);
	add_gzip(&b, "", 0);
	add_gzip(&b, text.data + 1000, text.len - 1000);
	ck_decodes(&b, text.data, text.len);
	for (int i = 0; i < 100; i++)
		buf_addch(&b, '\0');
	ck_decodes(&b, text.data, text.len);
	buf_adds(&b, "junk");
	ck_fails(&b, "something follows the end of the gzip data");
}
END_TEST

START_TEST(damaged_gzip_is_refused)
{
	auto_buf struct buf text = { 0 }, b = { 0 };

	make_text(&text);
	add_gzip(&b, text.data, text.len);
	b.data[b.len - 7] ^= 1; /* the CRC */
	ck_fails(&b, "the gzip data is damaged");
	b.data[b.len - 7] ^= 1;
	for (size_t cut = 1; cut < 12; cut++) {
		b.len--;
		ck_fails(&b, "the gzip data ends too early");
	}
	b.len = 9;
	ck_fails(&b, "the gzip data ends too early");
}
END_TEST

START_TEST(zstd_frames_follow_each_other_and_some_are_skipped)
{
	auto_buf struct buf text = { 0 }, b = { 0 };

	make_text(&text);
	buf_add(&b, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
	add_zstd(&b, text.data, 1000);
	buf_add(&b, "\x5f\x2a\x4d\x18\x00\0\0\0", 8);
	add_zstd(&b, text.data + 1000, text.len - 1000);
	ck_decodes(&b, text.data, text.len);
	b.len -= 5;
	ck_fails(&b, "the zstd data ends too early");
	memset(b.data + 15, 0xff, 20); /* the header of the first real frame */
	ck_fails(&b, "the zstd data is damaged");
}
END_TEST

START_TEST(xz_and_bzip2_are_decoded)
{
	auto_buf struct buf text = { 0 }, b = { 0 };
	struct buf bzip2 = { (char *)(uintptr_t)bz, sizeof(bz), 0 };

	make_text(&text);
	buf_reserve(&b, text.len * 2);
	ck_assert_int_eq(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, (uint8_t *)text.data,
						 text.len, (uint8_t *)b.data, &b.len, text.len * 2),
			 LZMA_OK);
	ck_decodes(&b, text.data, text.len);
	b.len -= 100;
	ck_fails(&b, "the compressed data is damaged");
	ck_decodes(&bzip2, "hello bzip2\n", 12);
}
END_TEST

static ssize_t broken_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	(void)s;
	(void)buf;
	(void)n;
	return err_set(e, ERR_NET, "the connection was cut");
}

static void broken_close(struct stream *s)
{
	(void)s;
}

START_TEST(an_error_of_the_source_comes_through_as_it_is)
{
	static const struct stream_ops ops = { broken_read, broken_close };
	struct stream src = { &ops }, *s;
	struct err e = { 0 };
	char c;

	ck_assert_int_eq(stream_decode(&s, &src, &e), -1);
	ck_assert_str_eq(e.text, "the connection was cut");
	e.kind = ERR_NONE;
	s = stream_ahead(&src);
	ck_assert_int_eq(stream_read(s, &c, 1, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NET);
	ck_assert_int_eq(stream_read(s, &c, 1, &e), -1);
	stream_close(s);
}
END_TEST

START_TEST(reading_ahead_changes_nothing)
{
	auto_buf struct buf text = { 0 }, out = { 0 };
	struct err e = { 0 };
	char piece[1000];
	ssize_t n;

	for (int i = 0; i < 8; i++)
		make_text(&text);
	struct stream *s = stream_ahead(stream_mem(text.data, text.len));

	while ((n = stream_read(s, piece, 1 + out.len % sizeof(piece), &e)) > 0)
		buf_add(&out, piece, (size_t)n);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(stream_read(s, piece, 1, &e), 0);
	stream_close(s);
	ck_assert_uint_eq(out.len, text.len);
	ck_assert_mem_eq(out.data, text.data, text.len);
	/* Closed with most of it unread. */
	s = stream_ahead(stream_mem(text.data, text.len));
	ck_assert_int_eq(stream_read(s, piece, 1, &e), 1);
	stream_close(s);
}
END_TEST

START_TEST(a_bomb_is_stopped_with_its_limit_and_option)
{
	auto_buf struct buf text = { 0 };
	struct guard g = { .max_bytes = 1000, .max_ratio = 10 };
	struct err e = { 0 };

	make_text(&text);
	auto_stream struct stream *s =
		guard_limit(&g, guard_count(&g, stream_mem(text.data, text.len)));

	ck_assert_int_eq(stream_drain(s, &e), -1);
	ck_assert_int_eq(e.kind, ERR_LIMIT);
	ck_assert_str_eq(e.text,
			 "it unpacks to more than 1000 bytes; --max-layer-size raises this limit");
	g.max_bytes = UINT64_MAX;
	g.decoded = GUARD_RATIO_FROM;
	ck_assert_int_eq(stream_drain(s, &e), -1);
	ck_assert_str_eq(e.text,
			 "it unpacks to more than 10 times its size; --max-layer-size lifts "
			 "this limit");
}
END_TEST

UNIT(decode, plain_bytes_pass_even_few_of_them, gzip_members_follow_each_other,
     damaged_gzip_is_refused, zstd_frames_follow_each_other_and_some_are_skipped,
     xz_and_bzip2_are_decoded, an_error_of_the_source_comes_through_as_it_is,
     reading_ahead_changes_nothing, a_bomb_is_stopped_with_its_limit_and_option)
