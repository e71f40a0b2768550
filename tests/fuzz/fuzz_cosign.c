/* What stands beside an image: manifests, lists, payloads, envelopes, bundles, the store's record.
 * No signature is ever good for random bytes, so what is read behind one is given them as well. */
#include <stdint.h>
#include <string.h>

#include "registry/beside.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char pem[] = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEibji/tr"
			  "O6uuvZrhRvKOyQn4KHVV0\nzReuN4eldrxjy49cJD6LVKZ4wzkY/q0ovcGKHjlM3JJBJn8h"
			  "tEH62c8ixw==\n-----END PUBLIC KEY-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const types[] = { "application/vnd.dev.cosign.simplesigning.v1+json",
					     "application/vnd.dsse.envelope.v1+json",
					     COSIGN_BUNDLE_TYPE ".v0.3+json" };
	static struct pubkey *key;
	auto_cosign_doc struct cosign_doc doc = { 0 };
	auto_cosign_refs struct cosign_refs refs = { 0 };
	auto_beside struct beside record = { 0 };
	struct buf document = { 0 };
	struct digest image;
	enum cosign_kind kind;
	struct err e;

	if (!key && pubkey_parse(&key, pem, strlen(pem), "key", &e) < 0)
		__builtin_trap();
	digest_of(&image, DIGEST_SHA256, "", 0);
	cosign_doc_parse(&doc, (const char *)p, n, &e);
	cosign_refs_parse(&refs, (const char *)p, n, &e);
	beside_parse(&record, (const char *)p, n, &e);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct cosign_part part = { .type = (char *)types[i], .signature = (char *)"AAAA" };

		cosign_check(&part, (const char *)p, n, &image, &document, key, &kind, &e);
	}
	cosign_payload_names(&image, (const char *)p, n, &e);
	cosign_statement_names(&image, (const char *)p, n, &kind, &e);
	return 0;
}
