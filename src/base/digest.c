#include "src/base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "src/base/dl.h"

static struct {
	__typeof__(&EVP_MD_CTX_new) ctx_new;
	__typeof__(&EVP_MD_CTX_free) ctx_free;
	__typeof__(&EVP_DigestInit_ex) init;
	__typeof__(&EVP_DigestUpdate) update;
	__typeof__(&EVP_DigestFinal_ex) final;
	__typeof__(&EVP_sha256) sha256;
	__typeof__(&EVP_sha512) sha512;
} evp;

static const struct dl_symbol evp_symbols[] = {
	DL_SYMBOL(evp.ctx_new, "EVP_MD_CTX_new"),   DL_SYMBOL(evp.ctx_free, "EVP_MD_CTX_free"),
	DL_SYMBOL(evp.init, "EVP_DigestInit_ex"),   DL_SYMBOL(evp.update, "EVP_DigestUpdate"),
	DL_SYMBOL(evp.final, "EVP_DigestFinal_ex"), DL_SYMBOL(evp.sha256, "EVP_sha256"),
	DL_SYMBOL(evp.sha512, "EVP_sha512"),
};

static struct dl_library libcrypto = { "libcrypto.so.3", "libssl3", evp_symbols,
				       ARRAY_LEN(evp_symbols), 0 };

struct digest_ctx {
	EVP_MD_CTX *md;
	enum digest_algo algo;
};

static const struct {
	const char *name;
	size_t bytes;
} algos[] = {
	[DIGEST_NONE] = { "", 0 },
	[DIGEST_SHA256] = { "sha256", 32 },
	[DIGEST_SHA512] = { "sha512", 64 },
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static int hex_parse(uint8_t *out, size_t n, const char *hex)
{
	if (strlen(hex) != 2 * n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_value(hex[2 * i]), lo = hex_value(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

int digest_parse(struct digest *out, const char *text, struct err *e)
{
	memset(out, 0, sizeof(*out));
	for (enum digest_algo a = DIGEST_SHA256; a < ARRAY_LEN(algos); a++) {
		size_t len = strlen(algos[a].name);

		if (strncmp(text, algos[a].name, len) != 0 || text[len] != ':')
			continue;
		if (hex_parse(out->raw, algos[a].bytes, text + len + 1) < 0)
			break;
		out->algo = a;
		return 0;
	}
	memset(out, 0, sizeof(*out));
	return err_set(e, ERR_INPUT, "\"%.160s\" is no digest (sha256:<64 hex digits>)", text);
}

const char *digest_algo_name(enum digest_algo a)
{
	return algos[a].name;
}

const char *digest_hex(const struct digest *d, char out[static DIGEST_TEXT_MAX])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = algos[d->algo].bytes;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex[d->raw[i] >> 4];
		out[2 * i + 1] = hex[d->raw[i] & 15];
	}
	out[2 * n] = '\0';
	return out;
}

const char *digest_text(const struct digest *d, char out[static DIGEST_TEXT_MAX])
{
	char hex[DIGEST_TEXT_MAX];

	if (d->algo == DIGEST_NONE)
		out[0] = '\0';
	else
		snprintf(out, DIGEST_TEXT_MAX, "%s:%.128s", algos[d->algo].name,
			 digest_hex(d, hex));
	return out;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return a->algo == b->algo && !memcmp(a->raw, b->raw, algos[a->algo].bytes);
}

int digest_ready(struct err *e)
{
	return dl_load(&libcrypto, e);
}

struct digest_ctx *digest_begin(enum digest_algo a)
{
	struct digest_ctx *c = xcalloc(1, sizeof(*c));
	struct err e;

	if (digest_ready(&e) < 0)
		abort();
	c->algo = a;
	c->md = evp.ctx_new();
	if (!c->md || !evp.init(c->md, a == DIGEST_SHA512 ? evp.sha512() : evp.sha256(), NULL))
		abort();
	return c;
}

void digest_update(struct digest_ctx *c, const void *p, size_t n)
{
	if (!evp.update(c->md, p, n))
		abort();
}

const struct digest *digest_end(struct digest_ctx *c, struct digest *out)
{
	memset(out, 0, sizeof(*out));
	out->algo = c->algo;
	if (!evp.final(c->md, out->raw, NULL))
		abort();
	return out;
}

void digest_free(struct digest_ctx *c)
{
	if (!c)
		return;
	evp.ctx_free(c->md);
	free(c);
}

void digest_of(struct digest *out, enum digest_algo a, const void *p, size_t n)
{
	auto_digest_ctx struct digest_ctx *c = digest_begin(a);

	digest_update(c, p, n);
	digest_end(c, out);
}
