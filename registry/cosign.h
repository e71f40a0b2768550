/* cosign: what stands beside an image in a registry and says that somebody vouches for it.
 *
 *	auto_cosign_doc struct cosign_doc doc = { 0 };
 *	cosign_doc_parse(&doc, manifest, n, e);              // one manifest, its parts
 *	... fetch doc.v[i].digest ...
 *	r = cosign_check(&doc.v[i], bytes, n, &image, key, &kind, e);
 *
 * Three forms: a signature over a "simple signing" payload (containers-signature(5), cosign's
 * SIGNATURE_SPEC), an attestation in a DSSE envelope (an in-toto statement), and Sigstore's bundle,
 * which holds either.  What is checked is the signature under a key and the digest that is signed;
 * certificates, time stamps and transparency logs are not: all of them want the network or a root
 *of trust, and a key needs neither.  Pure: no network, no files. */
#ifndef REGISTRY_COSIGN_H
#define REGISTRY_COSIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/buf.h"
#include "src/base/digest.h"
#include "src/base/err.h"
#include "src/base/mem.h"
#include "src/base/pubkey.h"

#define COSIGN_PART_MAX	 (16u << 20) /* bytes of one payload or envelope */
#define COSIGN_DOC_MAX	 (1u << 20)  /* bytes of one manifest */
#define COSIGN_MAX_PARTS 64	     /* signatures in one manifest */

#define COSIGN_BUNDLE_TYPE "application/vnd.dev.sigstore.bundle"

enum cosign_kind { COSIGN_SIGNATURE, COSIGN_ATTESTATION };

struct cosign_part {
	char *type; /* media type; NULL: the manifest's config, which says nothing */
	struct digest digest;
	uint64_t size;
	char *signature; /* base64, of a simple signing payload; NULL */
};
struct cosign_doc {
	struct cosign_part *v;
	size_t n;
};
void cosign_doc_fini(struct cosign_doc *d);
#define auto_cosign_doc auto_(cosign_doc_fini)

/* Parts of types that are not known are left out.  ERR_INPUT, ERR_LIMIT. */
int cosign_doc_parse(struct cosign_doc *out, const char *p, size_t n, struct err *e);

/* Does the part vouch for image (the digest of a manifest or an index, whose bytes are document)?
 * 0 it does, *kind says as what; 1 it is signed with another key; 2 it is signed with this key, for
 * another image (e names that); -1 it is malformed. */
int cosign_check(const struct cosign_part *part, const char *p, size_t n,
		 const struct digest *image, const struct buf *document, const struct pubkey *key,
		 enum cosign_kind *kind, struct err *e);

/* What is read once the signature is good: a payload, a statement.  0, 2, -1 as above. */
int cosign_payload_names(const struct digest *image, const char *p, size_t n, struct err *e);
int cosign_statement_names(const struct digest *image, const char *p, size_t n,
			   enum cosign_kind *kind, struct err *e);

/* "sha256-4f53....sig": the tag under which cosign puts what belongs to d.  suffix ".sig", ".att";
 * "" for the list of referrers (distribution-spec 1.1, "Referrers Tag Schema").  Heap string. */
char *cosign_tag(const struct digest *d, const char *suffix);

/* The entries of a list of referrers that are signatures or attestations. */
struct cosign_refs {
	struct digest *v;
	size_t n, cap;
};
void cosign_refs_fini(struct cosign_refs *r);
#define auto_cosign_refs auto_(cosign_refs_fini)
int cosign_refs_parse(struct cosign_refs *out, const char *p, size_t n, struct err *e);

#endif
