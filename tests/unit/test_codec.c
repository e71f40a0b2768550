#include "image/codec.h"

#include <errno.h>
#include <libdeflate.h>
#include <lz4.h>
#include <lzma.h>
#include <string.h>
#include <zstd.h>

#include "tests/unit/unit.h"

enum { N = 20000, ROOM = 2 * N };

static const unsigned ids[] = { CODEC_GZIP, CODEC_XZ, CODEC_LZ4, CODEC_ZSTD };

static void make_text(uint8_t *p)
{
	for (size_t k = 0; k < N; k++)
		p[k] = (uint8_t)("a line of text, over and over\n"[k % 30] + (k % 997 == 0));
}

static size_t encode(unsigned id, uint8_t *out, const uint8_t *in)
{
	struct libdeflate_compressor *c;
	size_t n = 0;

	switch (id) {
	case CODEC_GZIP:
		c = libdeflate_alloc_compressor(6);
		n = libdeflate_zlib_compress(c, in, N, out, ROOM);
		libdeflate_free_compressor(c);
		break;
	case CODEC_XZ:
		ck_assert_int_eq(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, in, N, out, &n,
							 ROOM),
				 LZMA_OK);
		break;
	case CODEC_LZ4:
		n = (size_t)LZ4_compress_default((const char *)in, (char *)out, N, ROOM);
		break;
	case CODEC_ZSTD:
		n = ZSTD_compress(out, ROOM, in, N, 3);
		break;
	}
	ck_assert(n > 0 && n < N);
	return n;
}

START_TEST(what_each_library_packs_is_unpacked)
{
	uint8_t in[N], packed[ROOM], out[N];

	make_text(in);
	for (size_t k = 0; k < ARRAY_LEN(ids); k++) {
		size_t n = encode(ids[k], packed, in);

		/* Twice: the second decode reuses the thread's decoder. */
		for (int twice = 0; twice < 2; twice++) {
			memset(out, 0, sizeof(out));
			ck_assert_int_eq(codec_decode(ids[k], out, N, packed, n), N);
			ck_assert_int_eq(memcmp(in, out, N), 0);
		}
	}
}
END_TEST

START_TEST(output_larger_than_the_room_is_damage)
{
	uint8_t in[N], packed[ROOM], out[N];

	make_text(in);
	for (size_t k = 0; k < ARRAY_LEN(ids); k++) {
		size_t n = encode(ids[k], packed, in);

		errno = 0;
		ck_assert_int_eq(codec_decode(ids[k], out, N - 1, packed, n), -1);
		ck_assert_int_eq(errno, EIO);
	}
}
END_TEST

START_TEST(cut_input_is_damage)
{
	uint8_t in[N], packed[ROOM], out[N];

	make_text(in);
	for (size_t k = 0; k < ARRAY_LEN(ids); k++) {
		size_t n = encode(ids[k], packed, in);

		ck_assert_int_ne(codec_decode(ids[k], out, N, packed, n / 2), N);
		ck_assert_int_eq(codec_decode(ids[k], out, N, packed, n), N);
	}
}
END_TEST

START_TEST(a_compressor_that_is_not_built_in_is_refused_by_name)
{
	struct err e = { 0 };

	ck_assert_int_eq(codec_check(CODEC_LZO, &e), -1);
	ck_assert_int_eq(e.kind, ERR_UNSUPPORTED);
	ck_assert_str_eq(e.text, "SquashFS with compressor lzo: not supported; rebuild with zstd "
				 "or gzip");
	ck_assert_int_eq(codec_check(99, &e), -1);
	ck_assert_str_eq(e.text, "SquashFS with compressor number 99: not supported; rebuild with "
				 "zstd or gzip");
	ck_assert_int_eq(codec_decode(CODEC_LZO, &e, 1, &e, 1), -1);
}
END_TEST

UNIT(codec, what_each_library_packs_is_unpacked, output_larger_than_the_room_is_damage,
     cut_input_is_damage, a_compressor_that_is_not_built_in_is_refused_by_name)
