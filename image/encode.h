/* encode: bytes compressed as a layer blob, pulled as a stream.
 *
 *	s = stream_encode(plain, ENCODE_GZIP, 6, threads);    // owns plain
 *
 * The input is cut into pieces of 1 MiB, each a gzip member or a zstd frame of its own, which any
 * reader takes for one whole.  Pieces are compressed side by side; the bytes do not depend on the
 * number of threads. */
#ifndef IMAGE_ENCODE_H
#define IMAGE_ENCODE_H

#include "src/base/stream.h"

enum encode { ENCODE_NONE, ENCODE_GZIP, ENCODE_ZSTD };

struct stream *stream_encode(struct stream *src, enum encode how, int level, unsigned threads);

#endif
