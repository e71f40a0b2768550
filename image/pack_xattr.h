/* pack_xattr: the attributes of one file, in the form that SquashFS stores.  Used by pack.c. */
#ifndef IMAGE_PACK_XATTR_H
#define IMAGE_PACK_XATTR_H

#include "image/tree.h"
#include "src/base/err.h"

/* Attributes of dirfd/name, no link followed, with more (which win over the file's own), sorted
 * by name; NULL when there are none.  security.capability is stored as version 2, whatever user
 * namespace it was written in; security.selinux and user.overlay.* are this host's business and
 * left out.  *acl: there was one that SquashFS cannot hold. */
int pack_xattrs(struct tree *t, int dirfd, const char *name, const struct xattr *more, size_t n,
		const struct xattrs **out, bool *acl, struct err *e);

#endif
