/* admit: may this image be used?  What berth.conf says of images by place, owner, group and kind.
 *
 *	bool listed;
 *	admit_uri(&conf, "docker://debian:12", &listed, e);     // before anything is fetched
 *	struct admit a = { .kind = POLICY_SIF, .fd = fd, .name = path, .listed = listed };
 *	admit_file(&conf, &a, e);                               // the file that was opened
 *
 * A URI is started from the store's file, and, as in Apptainer, it is that file which is judged,
 * unless "limit container paths" lists the URI or its beginning. */
#ifndef FLOW_ADMIT_H
#define FLOW_ADMIT_H

#include <stdbool.h>

#include "image/image.h"
#include "src/base/err.h"
#include "src/plan/policy.h"

/* *listed: the URI needs no further look at its place.  ERR_USAGE: neither it nor the store is
 * listed, so that fetching it would be in vain.  A word that is no URI says nothing. */
int admit_uri(const struct conf *c, const char *word, bool *listed, struct err *e);

struct admit {
	enum policy_kind kind;
	int fd;
	const char *name; /* for messages about fd itself */
	bool listed;	  /* of admit_uri() */
};

/* ERR_USAGE names what forbids it.  Asks the name service only when a file limits owners. */
int admit_file(const struct conf *c, const struct admit *a, struct err *e);
/* The same of an open image. */
int admit_image(const struct conf *c, const struct image *im, const char *name, bool listed,
		struct err *e);

#endif
