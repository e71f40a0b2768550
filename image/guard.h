/* guard: keeps a small blob from becoming a huge one.
 *
 *	auto_stream ... blob = guard_count(&g, blob);   // below the decoder
 *	plain = guard_limit(&g, plain);                 // above it
 *
 * The ratio is looked at only beyond GUARD_RATIO_FROM decoded bytes: a log of zeros compresses
 * a thousand times and harms nobody while it is small. */
#ifndef IMAGE_GUARD_H
#define IMAGE_GUARD_H

#include <stdint.h>

#include "src/base/stream.h"

#define GUARD_RATIO_FROM ((uint64_t)4 << 30)

/* Lives as long as both streams.  The caller sets the limits. */
struct guard {
	uint64_t max_bytes;
	double max_ratio;
	uint64_t stored, decoded; /* so far */
};

/* Both own src. */
struct stream *guard_count(struct guard *g, struct stream *src);
/* Reading says ERR_LIMIT with the limit and the option that raises it. */
struct stream *guard_limit(struct guard *g, struct stream *src);

#endif
