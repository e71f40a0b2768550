#include "registry/reply.h"

#include <string.h>

#include "tests/unit/unit.h"

/* The sentence about docker.io/library/x:1 for a reply of status and body. */
static const char *sentence(struct http_xfer x, struct reply_about about, const char *body)
{
	static struct err e;
	struct credential nobody = { 0 };
	auto_ref struct ref ref = { 0 };

	ck_ok(ref_parse(&ref, "x:1", &e), &e);
	about.what = ref.text;
	about.ref = &ref;
	if (!about.cred)
		about.cred = &nobody;
	x.host = (char *)"auth.example";
	if (!x.end)
		x.end = HTTP_DONE;
	buf_adds(&x.body, body);
	ck_assert_int_eq(reply_error(&x, &about, &e), -1);
	buf_fini(&x.body);
	return e.text;
}

#define SAID(text) "{\"errors\":[{\"code\":\"CODE\",\"message\":\"" text "\"}]}"

START_TEST(every_status_has_a_sentence_with_its_remedy)
{
	static char file[] = "/h/.docker/config.json", gcloud[] = "gcloud", user[] = "u";
	struct credential known = { .user = user, .source = file };
	struct credential helped = { .helper = gcloud };
	const struct {
		int status;
		struct reply_about about;
		const char *body, *want;
	} rows[] = {
		{ 401,
		  { .manifest = true },
		  SAID("authentication required"),
		  "401 Unauthorized: authentication required (the image is private or does not "
		  "exist; set BERTH_DOCKER_USERNAME and BERTH_DOCKER_PASSWORD, or run berth "
		  "registry login docker://docker.io)" },
		{ 401,
		  { .cred = &known },
		  "",
		  "401 Unauthorized (the credentials from /h/.docker/config.json were refused)" },
		{ 403,
		  { .cred = &helped },
		  SAID("denied"),
		  "403 Forbidden: denied (the login for docker.io is kept by "
		  "docker-credential-gcloud, which failed; set BERTH_DOCKER_USERNAME and "
		  "BERTH_DOCKER_PASSWORD)" },
		{ 401,
		  { .cred = &known, .token = true },
		  "{\"details\":\"incorrect username or password\"}",
		  "the token server auth.example says 401 Unauthorized: incorrect username or "
		  "password (the credentials from /h/.docker/config.json were refused)" },
		{ 404,
		  { .manifest = true },
		  SAID("manifest unknown"),
		  "404 Not Found: manifest unknown (docker.io has no repository library/x, or it "
		  "has no tag 1)" },
		{ 404,
		  { .manifest = false },
		  "<html>",
		  "404 Not Found (the registry no longer has this part of the image)" },
		{ 429,
		  { .manifest = true },
		  SAID("pull limit"),
		  "429 Too Many Requests: pull limit (the registry's rate limit; a login usually "
		  "has a higher one; try again later)" },
		{ 503,
		  { .tries = 5 },
		  "",
		  "503 Service Unavailable (trouble at the registry, not here; try again later) (5 "
		  "tries)" },
		{ 400,
		  { .plain = true },
		  "Client sent an HTTP request to an HTTPS server.",
		  "400 Bad Request (perhaps it speaks https: leave out --no-https)" },
		{ 418, { .manifest = true }, SAID("\\u001b[31mtea\\n"), "418: \\x1b[31mtea\\x0a" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = sentence((struct http_xfer){ .status = rows[i].status },
					   rows[i].about, rows[i].body);

		ck_assert_int_eq(strncmp(got, "docker.io/library/x:1: ", 23), 0);
		ck_assert_str_eq(got + 23, rows[i].want);
	}
}
END_TEST

START_TEST(a_certificate_is_named_with_host_reason_and_what_helps)
{
	static const struct {
		const char *reason, *remedy;
	} rows[] = {
		{ "unable to get local issuer certificate",
		  " (for a private CA set SSL_CERT_FILE or give --tls-ca)" },
		{ "certificate has expired",
		  " (the registry must renew it, or the clock of this machine is wrong)" },
		{ "no alternative certificate subject name matches target host name 'h'",
		  " (it was made for another host name)" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_xfer x = { .end = HTTP_UNTRUSTED };
		auto_free char *want =
			xasprintf("docker.io/library/x:1: certificate of auth.example not "
				  "trusted: %s%s",
				  rows[i].reason, rows[i].remedy);

		strcpy(x.reason, rows[i].reason);
		ck_assert_str_eq(sentence(x, (struct reply_about){ .manifest = true }, ""), want);
	}
}
END_TEST

START_TEST(messages_of_registries_are_read_from_whatever_they_send)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ SAID("no"), "no" },
		{ "{\"errors\":[{\"code\":\"DENIED\"}]}", "DENIED" },
		{ "{\"errors\":[{\"code\":7,\"message\":[]}]}", "" },
		{ "{\"errors\":{}}", "" },
		{ "{\"message\":\"m\"}", "m" },
		{ "[]", "" },
		{ "<html>", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b = { 0 };

		reply_message(&b, rows[i].body, strlen(rows[i].body));
		ck_assert_str_eq(buf_str(&b), rows[i].want);
	}
}
END_TEST

UNIT(reply, every_status_has_a_sentence_with_its_remedy,
     a_certificate_is_named_with_host_reason_and_what_helps,
     messages_of_registries_are_read_from_whatever_they_send)
