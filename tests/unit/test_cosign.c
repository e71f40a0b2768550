#include "registry/cosign.h"

#include <string.h>

#include "registry/beside.h"
#include "tests/unit/unit.h"

/* Made once with openssl: a P-256 key, and what it signed. */
static const char key_pem[] =
	"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEibji/tr"
	"O6uuvZrhRvKOyQn4KHVV0\nzReuN4eldrxjy49cJD6LVKZ4wzkY/q0ovcGKHjlM3JJBJn8h"
	"tEH62c8ixw==\n-----END PUBLIC KEY-----\n";
#define IMAGE "sha256:" FOURS
#define FOURS "4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f"
static const char payload[] =
	"{\"critical\":{\"identity\":{\"docker-reference\":\"r/x\"},\"image\":{\"docker-ma"
	"nifest-digest\":\"sha256:4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4"
	"f4f4f4f4f4f4f4f4f\"},\"type\":\"cosign container image signature\"},\"option"
	"al\":null}";
#define PAYLOAD_SIG                                                                               \
	"MEUCIQCoofna+HN4LzVjzf5Lxvxzw804Y3lThPYORXecqI0VaAIgY5n8FO2ci6qKPXmGDRbxvP678e0VtFDoZZ+" \
	"Y8Lnpl9c="
static const char envelope[] =
	"{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"eyJfdHlwZSI6I"
	"mh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjAuMSIsInByZWRpY2F0ZVR5cGUiOiJ"
	"odHRwczovL3NwZHguZGV2L0RvY3VtZW50Iiwic3ViamVjdCI6W3sibmFtZSI6IngiLCJka"
	"Wdlc3QiOnsic2hhMjU2IjoiNGY0ZjRmNGY0ZjRmNGY0ZjRmNGY0ZjRmNGY0ZjRmNGY0ZjR"
	"mNGY0ZjRmNGY0ZjRmNGY0ZjRmNGY0ZjRmNGY0ZiJ9fV0sInByZWRpY2F0ZSI6e319\",\"si"
	"gnatures\":[{\"sig\":\"MEUCIGxE5+Q1ydumkLANGgMXWsvDPt6Vq9CrB6b+Bl0TfOrIAiE"
	"AlxG0Zu4dbH8Oc0bqhq82YvBxAU7vItTTSknYLTlARNY=\"}]}";
#define NOTHING "{\"critical\":{\"type\":7}}"
#define NOTHING_SIG                                                                \
	"MEYCIQDWuh7G+pS7JkxFHgry8uh92NJdGWi5MV2nEg6UH2BzFQIhAJg+/hYybybXJTayuM8/" \
	"Qmlc0KcTKOk9591Wx64Na5RP"

static struct pubkey *key(void)
{
	struct pubkey *k = NULL;
	struct err e;

	ck_ok(pubkey_parse(&k, key_pem, strlen(key_pem), "key", &e), &e);
	return k;
}

/* The outcome of cosign_check(); the text of an error in said. */
static char said[sizeof(((struct err *)0)->text)];
static enum cosign_kind kind;

static int check(const char *type, const char *sig, const char *bytes, const char *image)
{
	auto_free char *t = xstrdup(type), *s = sig ? xstrdup(sig) : NULL;
	struct cosign_part part = { .type = t, .signature = s };
	auto_pubkey struct pubkey *k = key();
	struct buf document = { 0 };
	struct err e = { 0 };
	struct digest d;
	int r;

	ck_ok(digest_parse(&d, image, &e), &e);
	r = cosign_check(&part, bytes, strlen(bytes), &d, &document, k, &kind, &e);
	strcpy(said, e.text);
	return r;
}

#define SIMPLE "application/vnd.dev.cosign.simplesigning.v1+json"
#define DSSE   "application/vnd.dsse.envelope.v1+json"
#define BUNDLE "application/vnd.dev.sigstore.bundle.v0.3+json"
#define OTHER  "sha256:0000000000000000000000000000000000000000000000000000000000000000"

START_TEST(a_signature_is_good_for_its_key_its_payload_and_its_image)
{
	ck_assert_int_eq(check(SIMPLE, PAYLOAD_SIG, payload, IMAGE), 0);
	ck_assert_int_eq(kind, COSIGN_SIGNATURE);
	ck_assert_int_eq(check(SIMPLE, PAYLOAD_SIG, payload, OTHER), 2);
	ck_assert_ptr_nonnull(strstr(said, "is for " IMAGE " and not for " OTHER));
	ck_assert_int_eq(check(SIMPLE, NOTHING_SIG, payload, IMAGE), 1);
	ck_assert_int_eq(check(SIMPLE, PAYLOAD_SIG, NOTHING, IMAGE), 1);
}
END_TEST

START_TEST(what_is_signed_must_be_a_simple_signing_document)
{
	ck_assert_int_eq(check(SIMPLE, NOTHING_SIG, NOTHING, IMAGE), -1);
	ck_assert_str_eq(said, "the signed payload is no simple signing document");
	ck_assert_int_eq(check(SIMPLE, NULL, payload, IMAGE), -1);
	ck_assert_int_eq(check(SIMPLE, "no base64!", payload, IMAGE), -1);
	ck_assert_int_eq(check(SIMPLE, "", payload, IMAGE), 1);
}
END_TEST

START_TEST(an_attestation_is_no_signature_and_is_signed_with_its_type)
{
	auto_free char *text = xasprintf("{\"dsseEnvelope\":%s}", envelope);

	ck_assert_int_eq(check(DSSE, NULL, envelope, IMAGE), 0);
	ck_assert_int_eq(kind, COSIGN_ATTESTATION);
	ck_assert_int_eq(check(DSSE, NULL, envelope, OTHER), 2);
	ck_assert_int_eq(check(BUNDLE, NULL, text, IMAGE), 0);
	*strstr(text, "in-toto") = 'I';
	ck_assert_int_eq(check(BUNDLE, NULL, text, IMAGE), 1);
	ck_assert_int_eq(check(BUNDLE, NULL, "{}", IMAGE), -1);
	ck_assert_str_eq(said, "the bundle holds no signature");
	ck_assert_int_eq(check(DSSE, NULL, "[", IMAGE), -1);
	ck_assert_int_eq(check(DSSE, NULL, "{}", IMAGE), -1);
}
END_TEST

START_TEST(a_key_is_public_and_of_a_known_kind)
{
	auto_pubkey struct pubkey *k = NULL;
	struct err e = { 0 };

	ck_assert_int_eq(pubkey_parse(&k, "hello", 5, "x", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "x is no public key in PEM form"));
	ck_assert_int_eq(pubkey_parse(&k, "-----BEGIN PRIVATE KEY-----", 27, "x", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "private half"));
}
END_TEST

#define LAYER(type, digest, size)                                              \
	"{\"mediaType\":\"" type "\",\"digest\":\"" digest "\",\"size\":" size \
	",\"annotations\":{\"dev.cosignproject.cosign/signature\":\"AAAA\"}}"

START_TEST(a_manifest_of_signatures_is_bounded_and_strangers_are_left_out)
{
	static const char doc[] =
		"{\"layers\":[" LAYER("text/plain", IMAGE, "1") "," LAYER(SIMPLE, IMAGE, "9") "]}";
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "{}", "no list of layers" },
		{ "{\"layers\":[" LAYER(SIMPLE, "sha256:xy", "9") "]}", "is no digest" },
		{ "{\"layers\":[" LAYER(SIMPLE, IMAGE, "-1") "]}", "without digest or size" },
		{ "{\"layers\":[" LAYER(DSSE, IMAGE, "99999999") "]}", "more than 16 MiB" },
		{ "{", "the manifest of signatures" },
	};
	auto_cosign_doc struct cosign_doc d = { 0 };
	struct err e = { 0 };

	ck_ok(cosign_doc_parse(&d, doc, strlen(doc), &e), &e);
	ck_assert_uint_eq(d.n, 1);
	ck_assert_uint_eq(d.v[0].size, 9);
	ck_assert_str_eq(d.v[0].signature, "AAAA");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_cosign_doc struct cosign_doc b = { 0 };

		ck_assert_int_eq(cosign_doc_parse(&b, bad[i].text, strlen(bad[i].text), &e), -1);
		ck_assert_msg(strstr(e.text, bad[i].why) != NULL, "%s", e.text);
	}
}
END_TEST

START_TEST(a_record_comes_back_as_it_was_and_not_changed)
{
	auto_beside struct beside b = { 0 }, back = { 0 }, none = { 0 };
	auto_buf struct buf text = { 0 }, again = { 0 };
	struct beside_doc d = { .tag = xstrdup("sha256-4f.sig") };
	char hash[DIGEST_TEXT_MAX];
	struct err e = { 0 };
	struct digest is;
	char *at;

	digest_of(&is, DIGEST_SHA256, payload, strlen(payload));
	buf_printf(&d.manifest,
		   "{\"layers\":[{\"mediaType\":\"" SIMPLE "\",\"digest\":\"%s\",\"size\":%zu}]}",
		   digest_text(&is, hash), strlen(payload));
	ck_ok(cosign_doc_parse(&d.doc, buf_str(&d.manifest), d.manifest.len, &e), &e);
	d.parts = xcalloc(1, sizeof(*d.parts));
	buf_adds(&d.parts[0], payload);
	b.v = xcalloc(1, sizeof(*b.v));
	b.v[0] = d;
	b.n = b.cap = 1;
	beside_dump(&b, &text);
	ck_ok(beside_parse(&back, buf_str(&text), text.len, &e), &e);
	beside_dump(&back, &again);
	ck_assert_str_eq(buf_str(&text), buf_str(&again));
	at = strstr(text.data, "\"parts\":[\"") + 12;
	*at = *at == 'A' ? 'B' : 'A';
	ck_assert_int_eq(beside_parse(&none, buf_str(&text), text.len, &e), -1);
}
END_TEST

UNIT(cosign, a_signature_is_good_for_its_key_its_payload_and_its_image,
     what_is_signed_must_be_a_simple_signing_document,
     an_attestation_is_no_signature_and_is_signed_with_its_type,
     a_key_is_public_and_of_a_known_kind,
     a_manifest_of_signatures_is_bounded_and_strangers_are_left_out,
     a_record_comes_back_as_it_was_and_not_changed)
