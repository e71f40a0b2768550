/* digest: content digests as OCI writes them, "sha256:<64 hex>" and
 * "sha512:<128 hex>" (image-spec 1.1, descriptor.md).  The one user of libcrypto's
 * EVP interface.
 *
 *	struct digest d;
 *	if (digest_parse(&d, "sha256:4f53...", e) < 0) ...
 *	auto_digest_ctx struct digest_ctx *c = digest_begin(d.algo);
 *	digest_update(c, p, n);
 *	if (!digest_equal(&d, digest_end(c, &got))) ...  */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/mem.h"

enum digest_algo { DIGEST_NONE = 0, DIGEST_SHA256, DIGEST_SHA512 };

struct digest {
	enum digest_algo algo;
	uint8_t raw[64]; /* bytes behind the algorithm's length are zero */
};

#define DIGEST_TEXT_MAX 136 /* "sha512:" + 128 + NUL */

/* ERR_INPUT when text is no digest of a known algorithm in lower-case hex. */
int digest_parse(struct digest *out, const char *text, struct err *e);
/* Writes "algo:hex" into out and returns it; "" for DIGEST_NONE. */
const char *digest_text(const struct digest *d, char out[static DIGEST_TEXT_MAX]);
/* "sha256" or "sha512". */
const char *digest_algo_name(enum digest_algo a);
/* Writes only the hex part, returns out. */
const char *digest_hex(const struct digest *d, char out[static DIGEST_TEXT_MAX]);
bool digest_equal(const struct digest *a, const struct digest *b);

/* Loads libcrypto.  A command that will verify something calls it first, for its
 * ERR_HOST; the functions below abort where it is missing. */
int digest_ready(struct err *e);

struct digest_ctx;
struct digest_ctx *digest_begin(enum digest_algo a);
void digest_update(struct digest_ctx *c, const void *p, size_t n);
/* Writes the result and returns out.  The context takes no more bytes. */
const struct digest *digest_end(struct digest_ctx *c, struct digest *out);
void digest_free(struct digest_ctx *c);
static inline void digest_free_p_(struct digest_ctx **c)
{
	digest_free(*c);
}
#define auto_digest_ctx auto_(digest_free_p_)

/* Digest of one piece of memory. */
void digest_of(struct digest *out, enum digest_algo a, const void *p, size_t n);

#endif
