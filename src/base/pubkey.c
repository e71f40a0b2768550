#include "src/base/pubkey.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "src/base/dl.h"

static struct {
	__typeof__(&BIO_new_mem_buf) mem;
	__typeof__(&BIO_free) bio_free;
	__typeof__(&PEM_read_bio_PUBKEY) pem_pubkey;
	__typeof__(&PEM_read_bio_X509) pem_x509;
	__typeof__(&X509_get_pubkey) x509_key;
	__typeof__(&X509_free) x509_free;
	__typeof__(&EVP_PKEY_get_base_id) id;
	__typeof__(&EVP_PKEY_get_bits) bits;
	__typeof__(&EVP_PKEY_free) key_free;
	__typeof__(&EVP_MD_CTX_new) ctx_new;
	__typeof__(&EVP_MD_CTX_free) ctx_free;
	__typeof__(&EVP_DigestVerifyInit) verify_init;
	__typeof__(&EVP_DigestVerify) verify;
	__typeof__(&EVP_sha256) sha256;
	__typeof__(&EVP_PKEY_CTX_set_rsa_padding) padding;
	__typeof__(&EVP_PKEY_CTX_set_rsa_pss_saltlen) saltlen;
	__typeof__(&ERR_clear_error) clear;
} ssl;

static const struct dl_symbol ssl_symbols[] = {
	DL_SYMBOL(ssl.mem, "BIO_new_mem_buf"),
	DL_SYMBOL(ssl.bio_free, "BIO_free"),
	DL_SYMBOL(ssl.pem_pubkey, "PEM_read_bio_PUBKEY"),
	DL_SYMBOL(ssl.pem_x509, "PEM_read_bio_X509"),
	DL_SYMBOL(ssl.x509_key, "X509_get_pubkey"),
	DL_SYMBOL(ssl.x509_free, "X509_free"),
	DL_SYMBOL(ssl.id, "EVP_PKEY_get_base_id"),
	DL_SYMBOL(ssl.bits, "EVP_PKEY_get_bits"),
	DL_SYMBOL(ssl.key_free, "EVP_PKEY_free"),
	DL_SYMBOL(ssl.ctx_new, "EVP_MD_CTX_new"),
	DL_SYMBOL(ssl.ctx_free, "EVP_MD_CTX_free"),
	DL_SYMBOL(ssl.verify_init, "EVP_DigestVerifyInit"),
	DL_SYMBOL(ssl.verify, "EVP_DigestVerify"),
	DL_SYMBOL(ssl.sha256, "EVP_sha256"),
	DL_SYMBOL(ssl.padding, "EVP_PKEY_CTX_set_rsa_padding"),
	DL_SYMBOL(ssl.saltlen, "EVP_PKEY_CTX_set_rsa_pss_saltlen"),
	DL_SYMBOL(ssl.clear, "ERR_clear_error"),
};

static struct dl_library libcrypto = { "libcrypto.so.3", "libssl3", ssl_symbols,
				       ARRAY_LEN(ssl_symbols), 0 };

struct pubkey {
	EVP_PKEY *key;
	int id;
};

/* A PEM of another kind leaves the reader at its end: each kind reads from the start. */
static EVP_PKEY *read_key(const char *pem, size_t n)
{
	BIO *bio = ssl.mem(pem, (int)n);
	EVP_PKEY *key = ssl.pem_pubkey(bio, NULL, NULL, NULL);
	X509 *cert;

	ssl.bio_free(bio);
	if (key)
		return key;
	bio = ssl.mem(pem, (int)n);
	cert = ssl.pem_x509(bio, NULL, NULL, NULL);
	ssl.bio_free(bio);
	if (cert) {
		key = ssl.x509_key(cert);
		ssl.x509_free(cert);
	}
	return key;
}

int pubkey_parse(struct pubkey **out, const char *pem, size_t n, const char *name, struct err *e)
{
	auto_pubkey struct pubkey *k = xcalloc(1, sizeof(*k));

	if (dl_load(&libcrypto, e) < 0)
		return -1;
	if (n > INT_MAX || !(k->key = read_key(pem, n))) {
		ssl.clear();
		return err_set(e, ERR_INPUT,
			       "%s is no public key in PEM form (-----BEGIN PUBLIC KEY-----)%s",
			       name,
			       n < INT_MAX && memmem(pem, n, "PRIVATE KEY", 11)
				       ? "; it is the private half: keep that at home"
				       : "");
	}
	k->id = ssl.id(k->key);
	if (k->id != EVP_PKEY_EC && k->id != EVP_PKEY_ED25519 && k->id != EVP_PKEY_RSA)
		return err_set(e, ERR_UNSUPPORTED,
			       "%s: ECDSA, RSA and Ed25519 keys are used, no others", name);
	if (k->id == EVP_PKEY_RSA && ssl.bits(k->key) < 2048)
		return err_set(e, ERR_UNSUPPORTED,
			       "%s: an RSA key of %d bits proves nothing; 2048 are "
			       "the least",
			       name, ssl.bits(k->key));
	*out = take_ptr(k);
	return 0;
}

void pubkey_free(struct pubkey *k)
{
	if (!k)
		return;
	if (k->key)
		ssl.key_free(k->key);
	free(k);
}

static bool check(const struct pubkey *k, bool pss, const void *sig, size_t nsig, const void *text,
		  size_t n)
{
	EVP_MD_CTX *c = ssl.ctx_new();
	EVP_PKEY_CTX *param = NULL;
	bool good = c && ssl.verify_init(c, &param, k->id == EVP_PKEY_ED25519 ? NULL : ssl.sha256(),
					 NULL, k->key) == 1;

	if (good && pss)
		good = ssl.padding(param, RSA_PKCS1_PSS_PADDING) == 1 &&
		       ssl.saltlen(param, RSA_PSS_SALTLEN_DIGEST) == 1;
	good = good && ssl.verify(c, sig, nsig, text, n) == 1;
	ssl.ctx_free(c);
	ssl.clear();
	return good;
}

bool pubkey_verify(const struct pubkey *k, const void *sig, size_t nsig, const void *text, size_t n)
{
	return check(k, false, sig, nsig, text, n) ||
	       (k->id == EVP_PKEY_RSA && check(k, true, sig, nsig, text, n));
}
