/* inspect: what an image says about itself, from its metadata object or its files; nothing is
 * mounted, and no program of the image runs.
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
		    INSPECT_APPS = 128, /* the applications of the image (SCIF) */
		    INSPECT_ALL = 255
};

struct inspect_req {
	const char *image;
	const char *app; /* of this application instead of the image; not with INSPECT_ALL */
	unsigned what;
	bool json; /* {"data":{"attributes":{...}},"type":"container"}, as Apptainer prints it */
};

/* Adds the text, each part ending in a newline.  ERR_NOTFOUND with the names there are for an
 * application that the image lacks. */
int flow_inspect(const struct inspect_req *r, struct buf *text, struct err *e);
/* Adds the help text of the image, or of its application app unless NULL.  1: there is none. */
int flow_run_help(const char *image, const char *app, struct buf *text, struct err *e);

#endif
