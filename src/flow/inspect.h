/* inspect: what an image says about itself, from its metadata object; nothing is mounted.
 *
 *	struct inspect_req r = { .image = "a.sif", .what = INSPECT_LABELS };
 *	auto_buf struct buf text = { 0 };
 *	if (flow_inspect(&r, &text, e) < 0) ... */
#ifndef FLOW_INSPECT_H
#define FLOW_INSPECT_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"

enum inspect_what { /* bits; 0: labels */
		    INSPECT_LABELS = 1,
		    INSPECT_ENV = 2,
		    INSPECT_RUNSCRIPT = 4,
		    INSPECT_DEFFILE = 8,
		    INSPECT_STARTSCRIPT = 16,
		    INSPECT_TEST = 32,
		    INSPECT_HELPFILE = 64,
		    INSPECT_ALL = 127
};

struct inspect_req {
	const char *image;
	unsigned what;
	bool json; /* {"data":{"attributes":{...}},"type":"container"}, as Apptainer prints it */
};

/* Adds the text, each part ending in a newline. */
int flow_inspect(const struct inspect_req *r, struct buf *text, struct err *e);

#endif
