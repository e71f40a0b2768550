/* build_fetch: the file that ADD of a URL puts into the image.
 *
 *	build_fetch_key(b, step, item, &key, e);     // fetches, unless a checksum says what it is
 *	build_fetch(b, step, item, &file, e);        // ... and then it is here
 *
 * One transfer for a URL and a build.  Without --checksum the server is asked in every build, since
 * what lies there may have changed; with it only a build that needs the file asks. */
#ifndef FLOW_BUILD_FETCH_H
#define FLOW_BUILD_FETCH_H

#include "src/flow/build_state.h"

/* Adds what the file's content is to a step's key. */
int build_fetch_key(struct build *b, const struct step *step, const struct step_item *item,
		    struct buf *key, struct err *e);
/* The file in the build's private directory; heap string. */
int build_fetch(struct build *b, const struct step *step, const struct step_item *item, char **file,
		struct err *e);
/* The name that the file has in a directory.  ERR_INPUT when the URL ends without one. */
int build_fetch_name(const struct step_item *item, char **name, struct err *e);

#endif
