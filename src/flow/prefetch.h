/* prefetch: many images into the store, or the digests that their names stand for. */
#ifndef FLOW_PREFETCH_H
#define FLOW_PREFETCH_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/flow/access.h"

struct prefetch_req {
	const char *file; /* of URIs, "-" for standard input; or one URI itself */
	const char *arch;
	bool resolve;
	struct access access;
};

/* One line an image in text.  What fails is said at once and does not stop the others: 1 then. */
int flow_prefetch(const struct prefetch_req *r, struct buf *text, struct err *e);

#endif
