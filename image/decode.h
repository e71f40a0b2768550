/* decode: the bytes of a layer blob, whatever it was compressed with.
 *
 *	auto_stream struct stream *blob = ...;
 *	if (stream_decode(&plain, take_ptr(blob), e) < 0) ...
 *
 * The blob's first bytes decide, not its media type: registries and builders get that wrong.
 * gzip (any number of members), zstd (any number of frames, skippable ones between), xz, bzip2;
 * anything else passes as it is. */
#ifndef IMAGE_DECODE_H
#define IMAGE_DECODE_H

#include "src/base/stream.h"

/* Makes *out from src and owns src from now on, also when it fails.  Reading *out says ERR_INPUT
 * when the compressed data is damaged or cut; checksums inside it are checked.  ERR_HOST when the
 * library for its format is not there. */
int stream_decode(struct stream **out, struct stream *src, struct err *e);

#endif
