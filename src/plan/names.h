/* names: the passwd and group files that the container sees.
 *
 *	names_passwd(&buf, image_text, &facts, home);
 *
 * The image's own file, with the caller's entry in it once: no name and no id
 * stands there twice because of us.  Pure text. */
#ifndef PLAN_NAMES_H
#define PLAN_NAMES_H

#include "src/base/buf.h"
#include "src/plan/facts.h"

/* Adds the passwd file.  image may be NULL.  home is the caller's in the
 * container.  A caller whom the host does not know keeps the image's line for
 * his id, or gets the name "user". */
void names_passwd(struct buf *out, const char *image, const struct facts *f, const char *home);
/* Adds the group file: the names of the caller's groups as the host says them,
 * each with him as member. */
void names_group(struct buf *out, const char *image, const struct facts *f);

#endif
