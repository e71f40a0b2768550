/* push_priv: what the files of push share.
 *
 * push.c decides what is sent where, push_layer.c makes the image's parts, push_to.c are the two
 * places that take them. */
#ifndef FLOW_PUSH_PRIV_H
#define FLOW_PUSH_PRIV_H

#include "image/image.h"
#include "image/squash.h"
#include "image/store.h"
#include "registry/manifest.h"
#include "registry/push.h"
#include "src/flow/push.h"

#define PUSH_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define PUSH_OCI_CONFIG	  "application/vnd.oci.image.config.v1+json"

/* Where parts go: a registry, or a layout. */
struct push_to {
	struct remote *remote; /* NULL: a layout ... */
	int dirfd;	       /* ... in this directory */
	const char *dir, *tag;
	const struct push_req *req;
	const char *subject_type; /* of what the pushed manifest refers to; NULL: nothing */
	struct digest subject;
	size_t subject_size;
	const char *type; /* of the manifest that was pushed, and its size */
	size_t size;
};

/* What push_file() wants to know of a file, all of it read. */
int push_hash(int fd, struct digest *d, uint64_t *size, struct err *e);
/* A blob whose bytes lie in a file. */
int push_file(struct push_to *to, const struct digest *d, int fd, off_t off, uint64_t size,
	      const char *label, struct err *e);
int push_memory(struct push_to *to, const struct digest *d, const void *p, size_t n, struct err *e);
/* A blob that only reading tells; *digest and *size are set at the end. */
int push_stream(struct push_to *to, struct stream *s, const char *label, struct digest *digest,
		uint64_t *size, struct err *e);
int push_manifest(struct push_to *to, const char *type, const void *p, size_t n, struct err *e);

/* The open image as one layer, config and manifest. */
int push_as_one_layer(struct push_to *to, struct image *im, struct squash *sq,
		      struct digest *digest, struct err *e);
/* The layers that the image was made from.  1: the store does not have them all, or the image is
 * not what they make. */
int push_original(struct push_to *to, struct image *im, struct store *store, struct digest *digest,
		  struct err *e);
/* What belongs to the image that was pushed as digest: --attach, and the signatures that the store
 * has for it.  To a registry only. */
int push_beside(struct push_to *to, const struct digest *digest, struct err *e);
/* Finds what --subject names, for the manifest that comes. */
int push_find_subject(struct push_to *to, struct err *e);
/* `,"subject":{...}`, or nothing. */
void push_add_subject(struct buf *out, const struct push_to *to);
/* One manifest, under its digest or name; what it refers to learns of it, where the registry keeps
 * no list by a list of our own. */
int push_referrer(struct push_to *to, const char *name, const char *artifact,
		  const struct buf *manifest, struct err *e);

/* "sha256:..." descriptor members into w. */
void push_descriptor(struct buf *out, const char *type, const struct digest *d, uint64_t size);

#endif
