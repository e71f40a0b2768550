/* push: an image of this machine goes to a registry, or into an OCI layout.
 *
 *	struct push_req r = { .image = "a.sif", .uri = "oras://reg/lab/a:1" };
 *	flow_push(&r, &digest, e);
 *
 * oras://     the SIF file as it is, as Apptainer pushes it
 * docker://   an OCI image: the layers that it was pulled from where the store still has them,
 *             else one layer, made while it is sent
 * oci:DIR:TAG the same, into a directory; oci-archive:FILE:TAG into a tar of one
 *
 * What the registry has is not sent again; another repository's blobs are mounted. */
#ifndef FLOW_PUSH_H
#define FLOW_PUSH_H

#include "src/base/buf.h"
#include "src/base/digest.h"
#include "src/base/err.h"
#include "src/base/progress.h"
#include "src/flow/access.h"

struct push_req {
	const char *image; /* SIF, SquashFS or directory */
	const char *uri;
	const char *compress;	/* of a layer made here: "gzip" (NULL), "zstd", "none" */
	const char *mount_from; /* a repository of that registry whose blobs may be used; NULL */
	const char *cachedir;	/* of the store; NULL: store_default_dir() */
	const char *subject;	/* tag or digest in that repository that the SIF belongs to; NULL */
	struct strv attach;	/* "TYPE=FILE": artifacts that belong to what is pushed */
	bool force;		/* an archive that is there is replaced */
	struct access access;
	struct progress *progress;
};

/* digest: of the manifest that stands there now. */
int flow_push(const struct push_req *r, struct digest *digest, struct err *e);

struct tag_req {
	const char *uri, *tag;
	struct access access;
};
/* Gives what uri names another tag in its repository. */
int flow_tag(const struct tag_req *r, struct digest *digest, struct err *e);
/* Removes the manifest that uri names, with all its tags (that is what registries do). */
int flow_delete(const struct tag_req *r, struct digest *digest, struct err *e);
/* The digest that uri stands for: of the index where there is one. */
int flow_resolve(const struct tag_req *r, struct digest *digest, struct err *e);

#endif
