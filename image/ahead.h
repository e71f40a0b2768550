/* ahead: a stream whose source runs in a thread of its own, a few MiB ahead of the reader, so
 * that inflating and hashing a layer overlap with what is done with its files.
 *
 *	s = stream_ahead(s);    // s and all below it are used by the new thread only
 *
 * Closing waits for the thread, which stops at the end of the read that it is in. */
#ifndef IMAGE_AHEAD_H
#define IMAGE_AHEAD_H

#include "src/base/stream.h"

/* Owns src.  An error of src may swallow some bytes before it.  Once the reader has seen the end
 * or an error, the thread does not touch src any more. */
struct stream *stream_ahead(struct stream *src);

#endif
