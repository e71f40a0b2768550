/* decode_filter: the decoders that decode.c chooses from, one adapter file a library.  Each owns
 * src, also when it fails. */
#ifndef IMAGE_DECODE_FILTER_H
#define IMAGE_DECODE_FILTER_H

#include "src/base/stream.h"

#define DECODE_BUFFER ((size_t)128 << 10) /* compressed bytes asked for at a time */

int decode_gzip(struct stream **out, struct stream *src, struct err *e);    /* ISA-L */
int decode_zstd(struct stream **out, struct stream *src, struct err *e);    /* libzstd */
int decode_archive(struct stream **out, struct stream *src, struct err *e); /* libarchive */

#endif
