/* push: blobs and manifests into a repository (distribution-spec 1.1, "Push").
 *
 *	struct upload u = { .digest = d, .size = n, .read = ..., .arg = ... };
 *	remote_push_blob(r, &u, e);                      // 0 sent, 1 it was there, 2 mounted
 *	remote_push_manifest(r, "1.2", type, p, n, e);
 *
 * A blob goes as chunks; when a connection breaks, the registry is asked how far it got and the
 * rest is sent.  A blob whose digest only the last byte tells is sent the same way. */
#ifndef REGISTRY_PUSH_H
#define REGISTRY_PUSH_H

#include "registry/remote.h"

#define UPLOAD_CHUNK (16u << 20) /* of a stream, which is kept in memory until it has arrived */

struct upload {
	struct digest digest; /* DIGEST_NONE: not known yet, digest_at_end is asked */
	uint64_t size;	      /* BLOB_ANY_SIZE: with next */
	/* Bytes anywhere in the blob ... */
	int (*read)(void *arg, uint64_t off, void *p, size_t n, struct err *e);
	/* ... or, when read is NULL, the next ones: up to n, 0 at the end. */
	ssize_t (*next)(void *arg, void *p, size_t n, struct err *e);
	void (*digest_at_end)(void *arg, struct digest *out);
	void (*sent)(void *arg, uint64_t bytes); /* progress; may be NULL */
	void *arg;
	const char *mount_from; /* a repository of the same registry that has it; NULL: none */
};

int remote_push_blob(struct remote *r, const struct upload *u, struct err *e);
/* 1 it is there, 0 not. */
int remote_has_blob(struct remote *r, const struct digest *d, struct err *e);
/* *subject_kept (may be NULL): the registry has entered it in its list of referrers. */
int remote_push_manifest(struct remote *r, const char *tag_or_digest, const char *type,
			 const void *p, size_t n, bool *subject_kept, struct err *e);
/* ERR_UNSUPPORTED where the registry deletes nothing. */
int remote_delete_manifest(struct remote *r, const struct digest *d, struct err *e);

#endif
