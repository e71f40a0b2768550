/* image_owners: whom the files of an image file belong to.  Its server says that all is the
 * caller's; root emulation is told with this.
 *
 *	auto_image_owners struct image_owners o = { 0 };
 *	image_owners_read(&o, "a.sif", e);        // outside
 *	image_owners_fill(&o, table);             // with the image at "/"
 *
 * A served file has its number in the image as inode number (image/serve_ops.c), and so has a file
 * seen through an overlay, on a device of its own; a directory seen through one has not, and stays
 * root's. */
#ifndef FLOW_IMAGE_OWNERS_H
#define FLOW_IMAGE_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/enter/emul_table.h"

struct image_owner {
	uint32_t number, uid, gid;
	bool is_dir;
};

struct image_owners {
	struct image_owner *v; /* of all that are not root's */
	size_t n, cap;
	struct strv samples; /* absolute paths of some of the files */
	uint32_t *numbers;   /* theirs */
	size_t numbers_cap;
};

/* ERR_INPUT: the image is damaged. */
int image_owners_read(struct image_owners *o, const char *path, struct err *e);
/* What cannot be found stays root's. */
void image_owners_fill(const struct image_owners *o, struct emul_table *t);
void image_owners_fini(struct image_owners *o);
#define auto_image_owners auto_(image_owners_fini)

#endif
