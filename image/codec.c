/* gzip goes through libdeflate: 3 times zlib's speed on whole buffers, and a
 * SquashFS block is always a whole buffer.  The decoders hang off a thread-local
 * pointer; a pthread key exists only to free them when a thread ends. */
#include "image/codec.h"

#include <errno.h>
#include <libdeflate.h>
#include <limits.h>
#include <lz4.h>
#include <lzma.h>
#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>

#include "src/base/mem.h"

/* A dictionary is never larger than the block, 1 MiB; the rest is the decoder. */
#define XZ_MEMORY (16u << 20)

struct decoders {
	struct libdeflate_decompressor *deflate;
	ZSTD_DCtx *zstd;
	lzma_stream xz;
	void *scratch;
	size_t scratch_size;
};

static _Thread_local struct decoders *mine;
static pthread_key_t at_thread_end;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static const char *const names[] = {
	[CODEC_GZIP] = "gzip", [CODEC_LZMA] = "lzma", [CODEC_LZO] = "lzo",
	[CODEC_XZ] = "xz",     [CODEC_LZ4] = "lz4",   [CODEC_ZSTD] = "zstd",
};

static void decoders_free(void *p)
{
	struct decoders *d = p;

	libdeflate_free_decompressor(d->deflate);
	ZSTD_freeDCtx(d->zstd);
	lzma_end(&d->xz);
	free(d->scratch);
	free(d);
}

static void make_key(void)
{
	pthread_key_create(&at_thread_end, decoders_free);
}

static struct decoders *decoders(void)
{
	if (!mine) {
		pthread_once(&key_once, make_key);
		mine = xcalloc(1, sizeof(*mine));
		mine->xz = (lzma_stream)LZMA_STREAM_INIT;
		pthread_setspecific(at_thread_end, mine);
	}
	return mine;
}

static ssize_t decode_gzip(struct decoders *d, void *dst, size_t cap, const void *src, size_t n)
{
	size_t made = 0;

	if (!d->deflate)
		d->deflate = libdeflate_alloc_decompressor();
	if (!d->deflate)
		abort();
	if (libdeflate_zlib_decompress(d->deflate, src, n, dst, cap, &made) != LIBDEFLATE_SUCCESS)
		return -1;
	return (ssize_t)made;
}

static ssize_t decode_zstd(struct decoders *d, void *dst, size_t cap, const void *src, size_t n)
{
	size_t made;

	if (!d->zstd)
		d->zstd = ZSTD_createDCtx();
	if (!d->zstd)
		abort();
	made = ZSTD_decompressDCtx(d->zstd, dst, cap, src, n);
	return ZSTD_isError(made) ? -1 : (ssize_t)made;
}

static ssize_t decode_xz(struct decoders *d, void *dst, size_t cap, const void *src, size_t n)
{
	if (lzma_stream_decoder(&d->xz, XZ_MEMORY, 0) != LZMA_OK)
		return -1;
	d->xz.next_in = src;
	d->xz.avail_in = n;
	d->xz.next_out = dst;
	d->xz.avail_out = cap;
	if (lzma_code(&d->xz, LZMA_FINISH) != LZMA_STREAM_END)
		return -1;
	return (ssize_t)(cap - d->xz.avail_out);
}

static ssize_t decode_lz4(void *dst, size_t cap, const void *src, size_t n)
{
	if (n > INT_MAX || cap > INT_MAX)
		return -1;
	return LZ4_decompress_safe(src, dst, (int)n, (int)cap);
}

const char *codec_name(unsigned id)
{
	return id < ARRAY_LEN(names) ? names[id] : NULL;
}

int codec_check(unsigned id, struct err *e)
{
	const char *name = codec_name(id);

	switch (id) {
	case CODEC_GZIP:
	case CODEC_XZ:
	case CODEC_LZ4:
	case CODEC_ZSTD:
		return 0;
	}
	if (name)
		return err_set(
			e, ERR_UNSUPPORTED,
			"SquashFS with compressor %s: not supported; rebuild with zstd or gzip",
			name);
	return err_set(
		e, ERR_UNSUPPORTED,
		"SquashFS with compressor number %u: not supported; rebuild with zstd or gzip", id);
}

ssize_t codec_decode(unsigned id, void *dst, size_t cap, const void *src, size_t n)
{
	struct decoders *d = decoders();
	ssize_t made = -1;

	switch (id) {
	case CODEC_GZIP:
		made = decode_gzip(d, dst, cap, src, n);
		break;
	case CODEC_ZSTD:
		made = decode_zstd(d, dst, cap, src, n);
		break;
	case CODEC_XZ:
		made = decode_xz(d, dst, cap, src, n);
		break;
	case CODEC_LZ4:
		made = decode_lz4(dst, cap, src, n);
		break;
	}
	if (made < 0) {
		errno = EIO;
		return -1;
	}
	return made;
}

size_t codec_encode_bound(size_t n)
{
	return MAX(libdeflate_gzip_compress_bound(NULL, n), ZSTD_compressBound(n));
}

size_t codec_encode_stream(unsigned id, int level, void *dst, size_t cap, const void *src, size_t n)
{
	struct libdeflate_compressor *c;
	size_t made;

	if (id == CODEC_ZSTD) {
		made = ZSTD_compress(dst, cap, src, n, level);
		if (ZSTD_isError(made))
			abort();
		return made;
	}
	c = libdeflate_alloc_compressor(level);
	if (!c)
		abort();
	made = libdeflate_gzip_compress(c, src, n, dst, cap);
	libdeflate_free_compressor(c);
	return made;
}

void *codec_scratch(size_t n)
{
	struct decoders *d = decoders();

	if (d->scratch_size < n) {
		free(d->scratch);
		d->scratch = xmalloc(n);
		d->scratch_size = n;
	}
	return d->scratch;
}

uint32_t codec_crc32(const void *p, size_t n)
{
	return libdeflate_crc32(0, p, n);
}
