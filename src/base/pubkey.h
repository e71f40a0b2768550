/* pubkey: signatures, checked with a public key.  libcrypto, loaded when first used.
 *
 *	auto_pubkey struct pubkey *k = NULL;
 *	pubkey_parse(&k, pem, n, "cosign.pub", e);
 *	pubkey_verify(k, sig, nsig, text, ntext);     // true: made with the private half
 *
 * The text is hashed with SHA-256 for ECDSA and RSA (PKCS #1 v1.5, or PSS with a salt as long as
 * the hash), as cosign does; Ed25519 takes it as it is. */
#ifndef BASE_PUBKEY_H
#define BASE_PUBKEY_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/err.h"
#include "src/base/mem.h"

struct pubkey;

/* A PEM text: "PUBLIC KEY", "RSA PUBLIC KEY", or a certificate, of which only the key counts.  name
 * is for messages.  ERR_INPUT when it is none of these, ERR_UNSUPPORTED for another algorithm or an
 * RSA key of less than 2048 bits. */
int pubkey_parse(struct pubkey **out, const char *pem, size_t n, const char *name, struct err *e);
void pubkey_free(struct pubkey *k);
static inline void pubkey_free_p_(struct pubkey **k)
{
	pubkey_free(*k);
}
#define auto_pubkey auto_(pubkey_free_p_)

bool pubkey_verify(const struct pubkey *k, const void *sig, size_t nsig, const void *text,
		   size_t n);

#endif
