/* beside: the signatures and attestations that stand beside an image in its repository.
 *
 *	auto_beside struct beside b = { 0 };
 *	remote_beside(r, &digest, true, &b, e);
 *	r = beside_check(&b, &digest, &document, key, &found, e);
 *
 * Looked for where cosign puts them: the tags sha256-<hex>.sig and .att, and the list of referrers
 * (distribution-spec 1.1), which a registry answers itself or keeps under the tag sha256-<hex>. */
#ifndef REGISTRY_BESIDE_H
#define REGISTRY_BESIDE_H

#include "registry/cosign.h"
#include "registry/remote.h"

#define BESIDE_MAX	 64	     /* manifests of one image */
#define BESIDE_BYTES_MAX (24u << 20) /* of all of them */
#define BESIDE_TEXT_MAX	 (40u << 20) /* as text */

struct beside_doc {
	char *tag; /* NULL: a referrer */
	struct buf manifest;
	struct cosign_doc doc;
	struct buf *parts; /* doc.n of them */
};
struct beside {
	struct beside_doc *v;
	size_t n, cap;
	size_t bytes;
};
void beside_fini(struct beside *b);
#define auto_beside auto_(beside_fini)

/* Adds what there is; nothing is no error.  Impatient: each question once, and what fails or is no
 * signature is left out; else that is an error. */
int remote_beside(struct remote *r, const struct digest *image, bool patient, struct beside *b,
		  struct err *e);

/* As one JSON text and back.  What comes back hashes to what its manifests say: ERR_INPUT. */
void beside_dump(const struct beside *b, struct buf *out);
int beside_parse(struct beside *b, const char *p, size_t n, struct err *e);

struct beside_found {
	size_t signatures, attestations; /* by the key, for the image */
	size_t others;			 /* by other keys */
};
/* Counts what vouches for image.  -1: something that is signed with the key is for another image,
 * or is malformed, and no signature is good. */
int beside_check(const struct beside *b, const struct digest *image, const struct buf *document,
		 const struct pubkey *key, struct beside_found *found, struct err *e);

#endif
