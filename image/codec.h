/* codec: the decompressors that SquashFS names, one set a thread.
 *
 *	if (codec_check(super.compressor, e) < 0)
 *		return -1;
 *	n = codec_decode(CODEC_ZSTD, dst, sizeof(dst), src, len);
 *
 * Each thread makes its own decoder on first use and keeps it until it ends, so
 * a decode takes no lock and, after the first, allocates nothing (xz excepted).
 * Numbers are those of the SquashFS 4.0 superblock. */
#ifndef IMAGE_CODEC_H
#define IMAGE_CODEC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/err.h"

enum codec {
	CODEC_GZIP = 1, /* a zlib stream */
	CODEC_LZMA = 2,
	CODEC_LZO = 3,
	CODEC_XZ = 4,
	CODEC_LZ4 = 5,
	CODEC_ZSTD = 6
};

/* The name of a compressor number, NULL for one that nobody defined. */
const char *codec_name(unsigned id);
/* 0 when this build decodes id; ERR_UNSUPPORTED that names it and the remedy. */
int codec_check(unsigned id, struct err *e);
/* Decodes all of src into at most cap bytes.  Returns the bytes made, -1 with
 * errno EIO when src is damaged, makes more than cap, or id is not supported. */
ssize_t codec_decode(unsigned id, void *dst, size_t cap, const void *src, size_t n);
/* A gzip member (CODEC_GZIP) or a zstd frame of its own, for layers: those are no SquashFS blocks.
 * dst has codec_encode_bound(n) bytes; returns how many were made.  Aborts on ENOMEM. */
size_t codec_encode_stream(unsigned id, int level, void *dst, size_t cap, const void *src,
			   size_t n);
size_t codec_encode_bound(size_t n);
/* CRC-32 as gzip has it: tells damage, not malice. */
uint32_t codec_crc32(const void *p, size_t n);
/* At least n bytes that belong to this thread until its next call: where the
 * compressed form is read to.  n is bounded by the caller. */
void *codec_scratch(size_t n);

#endif
