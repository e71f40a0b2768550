/* cosign's specs/SIGNATURE_SPEC.md and ATTESTATION_SPEC.md; DSSE's protocol.md; sigstore's
 * protobuf-specs, sigstore_bundle.proto, in its JSON form. */
#include "registry/cosign.h"

#include <string.h>

#include "registry/base64.h"
#include "src/base/json.h"

#define SIMPLE_TYPE    "application/vnd.dev.cosign.simplesigning.v1+json"
#define DSSE_TYPE      "application/vnd.dsse.envelope.v1+json"
#define INTOTO_TYPE    "application/vnd.in-toto+json"
#define ARTIFACT_TYPES "application/vnd.dev.cosign.artifact."
#define SIGN_PREDICATE "https://sigstore.dev/cosign/sign/v1"
#define ANNOTATION     "dev.cosignproject.cosign/signature"
#define SIGNATURES_MAX 16 /* in one envelope */

void cosign_doc_fini(struct cosign_doc *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].type);
		free(d->v[i].signature);
	}
	free(d->v);
	*d = (struct cosign_doc){ 0 };
}

void cosign_refs_fini(struct cosign_refs *r)
{
	free(r->v);
	*r = (struct cosign_refs){ 0 };
}

char *cosign_tag(const struct digest *d, const char *suffix)
{
	char hex[DIGEST_TEXT_MAX];

	return xasprintf("%s-%s%s", digest_algo_name(d->algo), digest_hex(d, hex), suffix);
}

static bool is_known(const char *type)
{
	return !strcmp(type, SIMPLE_TYPE) || !strcmp(type, DSSE_TYPE) ||
	       str_has_prefix(type, COSIGN_BUNDLE_TYPE);
}

/* type NULL: a config. */
static int part_parse(struct cosign_part *out, const struct json *layer, const char *type,
		      struct err *e)
{
	const char *digest = json_str(json_get(layer, "digest"));
	const char *sig = json_str(json_get(json_get(layer, "annotations"), ANNOTATION));
	int64_t size;

	if (!digest || json_i64(json_get(layer, "size"), &size) != 0 || size < 0)
		return err_set(e, ERR_INPUT, "a signature without digest or size");
	if (digest_parse(&out->digest, digest, e) < 0)
		return -1;
	if (size > COSIGN_PART_MAX)
		return err_set(e, ERR_LIMIT, "a signature or attestation of more than %u MiB",
			       COSIGN_PART_MAX >> 20);
	out->size = (uint64_t)size;
	out->type = type ? xstrdup(type) : NULL;
	if (sig)
		out->signature = xstrdup(sig);
	return 0;
}

/* The list of that name in a document, which is called what.  0 or -1. */
static int list_parse(struct json **doc, const struct json **list, const char *name, const char *p,
		      size_t n, const char *what, struct err *e)
{
	if (json_parse(doc, p, n, COSIGN_DOC_MAX, e) < 0)
		return err_wrap(e, "%s", what);
	*list = json_get(*doc, name);
	if (json_kind(*list) == JSON_ARRAY)
		return 0;
	return err_set(e, ERR_INPUT, "%s has no list of %s", what, name);
}

int cosign_doc_parse(struct cosign_doc *out, const char *p, size_t n, struct err *e)
{
	auto_json struct json *doc = NULL;
	const struct json *layers, *layer;

	*out = (struct cosign_doc){ 0 };
	if (list_parse(&doc, &layers, "layers", p, n, "the manifest of signatures", e) < 0)
		return -1;
	out->v = xcalloc(COSIGN_MAX_PARTS, sizeof(*out->v));
	if (json_get(doc, "config") &&
	    part_parse(&out->v[out->n++], json_get(doc, "config"), NULL, e) < 0)
		return -1;
	json_each (layers, i, layer) {
		const char *type = json_str(json_get(layer, "mediaType"));

		if (!type || !is_known(type))
			continue;
		if (out->n == COSIGN_MAX_PARTS)
			return err_set(e, ERR_LIMIT, "more than %d signatures in one manifest",
				       COSIGN_MAX_PARTS);
		if (part_parse(&out->v[out->n++], layer, type, e) < 0)
			return -1;
	}
	return 0;
}

int cosign_refs_parse(struct cosign_refs *out, const char *p, size_t n, struct err *e)
{
	auto_json struct json *doc = NULL;
	const struct json *list, *entry;

	if (list_parse(&doc, &list, "manifests", p, n, "the list of referrers", e) < 0)
		return -1;
	json_each (list, i, entry) {
		const char *type = json_str(json_get(entry, "artifactType"));
		const char *digest = json_str(json_get(entry, "digest"));
		struct digest d;

		if (!type || !digest || (!is_known(type) && !str_has_prefix(type, ARTIFACT_TYPES)))
			continue;
		if (digest_parse(&d, digest, e) < 0)
			return -1;
		xgrow(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
		out->v[out->n++] = d;
	}
	return 0;
}

/* What is checked, and against what. */
struct check {
	const struct digest *image;
	const struct buf *document;
	const struct pubkey *key;
};

static int wrong_image(const struct digest *image, const char *said, struct err *e)
{
	auto_buf struct buf shown = { 0 };
	char text[DIGEST_TEXT_MAX];

	buf_add_escaped(&shown, said, strnlen(said, 80));
	err_set(e, ERR_INPUT, "the signature is for %s and not for %s", buf_str(&shown),
		digest_text(image, text));
	return 2;
}

/* {"critical":{"identity":...,"image":{"docker-manifest-digest":...},"type":...},"optional":...} */
int cosign_payload_names(const struct digest *image, const char *p, size_t n, struct err *e)
{
	auto_json struct json *doc = NULL;
	const struct json *critical;
	const char *type, *digest;
	char text[DIGEST_TEXT_MAX];

	if (json_parse(&doc, p, n, COSIGN_PART_MAX, e) < 0)
		return err_wrap(e, "the signed payload");
	critical = json_get(doc, "critical");
	type = json_str(json_get(critical, "type"));
	digest = json_str(json_get(json_get(critical, "image"), "docker-manifest-digest"));
	if (!type || !digest)
		return err_set(e, ERR_INPUT, "the signed payload is no simple signing document");
	if (strcmp(type, "cosign container image signature") != 0 &&
	    strcmp(type, "atomic container signature") != 0)
		return err_set(e, ERR_INPUT, "the signed payload is no signature of an image");
	return strcmp(digest, digest_text(image, text)) ? wrong_image(image, digest, e) : 0;
}

static int check_simple(const struct check *c, const char *sig, const char *p, size_t n,
			struct err *e)
{
	auto_buf struct buf raw = { 0 };

	if (!sig || base64_decode(&raw, sig) < 0)
		return err_set(e, ERR_INPUT, "a payload without its signature (%s)", ANNOTATION);
	if (!pubkey_verify(c->key, buf_str(&raw), raw.len, p, n))
		return 1;
	return cosign_payload_names(c->image, p, n, e);
}

static bool statement_names(const struct json *statement, const struct digest *image,
			    const char **first)
{
	const struct json *subject, *list = json_get(statement, "subject");
	char hex[DIGEST_TEXT_MAX];

	digest_hex(image, hex);
	*first = "nothing";
	json_each (list, i, subject) {
		const char *is = json_str(
			json_get(json_get(subject, "digest"), digest_algo_name(image->algo)));

		if (is && !strcmp(is, hex))
			return true;
		if (is && i == 0)
			*first = is;
	}
	return false;
}

/* What DSSE signs: the type and the body, each with its length. */
static void add_pae(struct buf *out, const char *type, const struct buf *body)
{
	buf_printf(out, "DSSEv1 %zu %s %zu ", strlen(type), type, body->len);
	buf_add(out, buf_str(body), body->len);
}

static bool envelope_signed(const struct check *c, const struct json *sigs, const struct buf *pae)
{
	const struct json *s;

	json_each (sigs, i, s) {
		const char *sig = json_str(json_get(s, "sig"));
		auto_buf struct buf raw = { 0 };

		if (i >= SIGNATURES_MAX)
			return false;
		if (sig && base64_decode(&raw, sig) == 0 &&
		    pubkey_verify(c->key, buf_str(&raw), raw.len, buf_str(pae), pae->len))
			return true;
	}
	return false;
}

int cosign_statement_names(const struct digest *image, const char *p, size_t n,
			   enum cosign_kind *kind, struct err *e)
{
	auto_json struct json *statement = NULL;
	const char *first, *predicate;

	if (json_parse(&statement, p, n, COSIGN_PART_MAX, e) < 0)
		return err_wrap(e, "the attestation's statement");
	if (!statement_names(statement, image, &first))
		return wrong_image(image, first, e);
	/* Whoever signs an image in the bundle's form states nothing but that. */
	predicate = json_str(json_get(statement, "predicateType"));
	*kind = predicate && !strcmp(predicate, SIGN_PREDICATE) ? COSIGN_SIGNATURE
								: COSIGN_ATTESTATION;
	return 0;
}

static int check_envelope(const struct check *c, const struct json *env, enum cosign_kind *kind,
			  struct err *e)
{
	const char *type = json_str(json_get(env, "payloadType"));
	const char *payload = json_str(json_get(env, "payload"));
	auto_buf struct buf body = { 0 }, pae = { 0 };

	if (!type || !payload || base64_decode(&body, payload) < 0)
		return err_set(e, ERR_INPUT, "the attestation is no DSSE envelope");
	add_pae(&pae, type, &body);
	if (!envelope_signed(c, json_get(env, "signatures"), &pae))
		return 1;
	if (strcmp(type, INTOTO_TYPE) != 0)
		return err_set(e, ERR_INPUT, "the attestation holds no in-toto statement");
	return cosign_statement_names(c->image, buf_str(&body), body.len, kind, e);
}

static int check_bundle(const struct check *c, const struct json *doc, enum cosign_kind *kind,
			struct err *e)
{
	const struct json *env = json_get(doc, "dsseEnvelope"),
			  *ms = json_get(doc, "messageSignature");
	const char *sig = json_str(json_get(ms, "signature"));
	auto_buf struct buf raw = { 0 };

	if (env)
		return check_envelope(c, env, kind, e);
	if (!sig || base64_decode(&raw, sig) < 0)
		return err_set(e, ERR_INPUT, "the bundle holds no signature");
	/* The message is the image's own document. */
	return pubkey_verify(c->key, buf_str(&raw), raw.len, buf_str(c->document), c->document->len)
		       ? 0
		       : 1;
}

int cosign_check(const struct cosign_part *part, const char *p, size_t n,
		 const struct digest *image, const struct buf *document, const struct pubkey *key,
		 enum cosign_kind *kind, struct err *e)
{
	struct check c = { image, document, key };
	auto_json struct json *doc = NULL;

	*kind = COSIGN_SIGNATURE;
	if (!strcmp(part->type, SIMPLE_TYPE))
		return check_simple(&c, part->signature, p, n, e);
	if (json_parse(&doc, p, n, COSIGN_PART_MAX, e) < 0)
		return err_wrap(e, "the %s",
				strcmp(part->type, DSSE_TYPE) ? "bundle" : "attestation");
	if (!strcmp(part->type, DSSE_TYPE))
		return check_envelope(&c, doc, kind, e);
	return check_bundle(&c, doc, kind, e);
}
