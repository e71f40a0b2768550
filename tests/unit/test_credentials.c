#include "registry/credentials.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/base64.h"
#include "registry/url.h"
#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/base/log.h"
#include "tests/unit/unit.h"

static char said[4096];

static void keep_line(enum log_level l, const char *line)
{
	size_t n = strlen(said);

	(void)l;
	snprintf(said + n, sizeof(said) - n, "%s\n", line);
}

/* Whose password is meant, "-" when there is none. */
static const char *user_for(const char *json, const char *host, const char *repo)
{
	static char user[64];
	auto_credential struct credential c = { 0 };
	int r;

	log_set_printer(keep_line);
	said[0] = '\0';
	r = credential_from_json(&c, json, strlen(json), "/h/config.json", host, repo);
	snprintf(user, sizeof(user), "%s", c.user ? c.user : "-");
	ck_assert_int_eq(r, c.user || c.identity_token || c.registry_token ? 0 : 1);
	if (r == 0)
		ck_assert_str_eq(c.source, "/h/config.json");
	return user;
}

#define AUTH(u) "{\"auth\":\"" u "\"}" /* base64 of x:p */
#define A	"YTpw"		       /* a:p */
#define B	"Yjpw"		       /* b:p */
#define C	"Yzpw"		       /* c:p */

START_TEST(the_entry_of_the_registry_is_found_by_any_of_its_keys)
{
	static const struct {
		const char *json, *host, *repo, *user;
	} rows[] = {
		{ "{\"auths\":{\"ghcr.io\":" AUTH(A) "}}", "ghcr.io", "x/y", "a" },
		{ "{\"auths\":{\"https://ghcr.io\":" AUTH(A) "}}", "ghcr.io", "x/y", "a" },
		{ "{\"auths\":{\"https://ghcr.io/v2/\":" AUTH(A) "}}", "ghcr.io", "x/y", "a" },
		{ "{\"auths\":{\"https://index.docker.io/v1/\":" AUTH(A) "}}", "docker.io",
		  "library/debian", "a" },
		{ "{\"auths\":{\"docker.io\":" AUTH(A) "}}", "docker.io", "library/debian", "a" },
		{ "{\"auths\":{\"localhost:5000\":" AUTH(A) "}}", "localhost:5001", "x", "-" },
		{ "{\"auths\":{\"localhost\":" AUTH(A) "}}", "localhost:5000", "x", "-" },
		{ "{\"auths\":{\"evil-ghcr.io\":" AUTH(A) "}}", "ghcr.io", "x", "-" },
		{ "{\"auths\":{\"h\":" AUTH(A) ",\"h/g\":" AUTH(B) ",\"h/g/p\":" AUTH(C) "}}", "h",
		  "g/p", "c" },
		{ "{\"auths\":{\"h/g/p\":" AUTH(C) ",\"h/g\":" AUTH(B) ",\"h\":" AUTH(A) "}}", "h",
		  "g/q", "b" },
		{ "{\"auths\":{\"h/g\":" AUTH(B) ",\"h\":" AUTH(A) "}}", "h", "gg/q", "a" },
		{ "{\"auths\":{\"h\":{\"username\":\"u\",\"password\":\"p\"}}}", "h", "x", "u" },
		{ "{\"auths\":{\"h\":{}}}", "h", "x", "-" },
		{ "{}", "h", "x", "-" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_str_eq(user_for(rows[i].json, rows[i].host, rows[i].repo), rows[i].user);
		ck_assert_str_eq(said, "");
	}
}
END_TEST

START_TEST(wrong_types_are_left_out_with_file_and_key_named)
{
	static const struct {
		const char *json, *line;
	} rows[] = {
		{ "{\"auths\":[]}", "/h/config.json: auths is no object; the file is left out\n" },
		{ "[]", "/h/config.json: the document is no object; the file is left out\n" },
		{ "{\"auths\":{\"h\":7}}",
		  "/h/config.json: auths[\"h\"] is no object; the entry is left out\n" },
		{ "{\"auths\":{\"h\":{\"auth\":7}}}",
		  "/h/config.json: auths[\"h\"].auth is no string; the entry is left out\n" },
		{ "{\"auths\":{\"h\":{\"auth\":\"!!\"}}}",
		  "/h/config.json: auths[\"h\"].auth is not user:password in base64; the entry is "
		  "left out\n" },
		{ "{\"auths\":{\"h\":{\"auth\":\"YQ==\"}}}",
		  "/h/config.json: auths[\"h\"].auth is not user:password in base64; the entry is "
		  "left out\n" },
		{ "{\"auths\":{\"h\":{\"auth\":\"" A "\",\"identitytoken\":{}}}}",
		  "/h/config.json: auths[\"h\"].identitytoken is no string; the entry is left "
		  "out\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_str_eq(user_for(rows[i].json, "h", "x"), "-");
		ck_assert_ptr_nonnull(strstr(said, rows[i].line));
	}
	ck_assert_str_eq(user_for("{\"auths\":{\"h\":{\"auth\":\"c2VjcmV0OnNlY3JldA", "h", "x"),
			 "-");
	ck_assert_ptr_nonnull(strstr(said, "/h/config.json: not valid JSON"));
	ck_assert_ptr_null(strstr(said, "secret"));
}
END_TEST

START_TEST(a_password_may_hold_colons_and_padding_is_dropped)
{
	/* "u:p:q\0\0" */
	static const char json[] = "{\"auths\":{\"h\":{\"auth\":\"dTpwOnEAAA==\"}}}";
	auto_credential struct credential c = { 0 };
	auto_free char *basic = NULL;

	ck_assert_int_eq(credential_from_json(&c, json, strlen(json), "f", "h", "x"), 0);
	ck_assert_str_eq(c.user, "u");
	ck_assert_str_eq(c.password, "p:q");
	basic = credential_basic(&c);
	ck_assert_str_eq(basic, "dTpwOnE=");
}
END_TEST

START_TEST(a_login_of_nothing_is_no_login)
{
	static const char json[] = "{\"auths\":{\"h\":{\"auth\":\"Og==\"}}}"; /* ":" */
	auto_credential struct credential c = { 0 };

	ck_assert_int_eq(credential_from_json(&c, json, strlen(json), "f", "h", "x"), 1);
	ck_assert_ptr_null(c.user);
}
END_TEST

START_TEST(tokens_and_helpers_are_noted)
{
	setenv("PATH", "/nowhere", 1); /* no helper of this machine's */
	static const char json[] = "{\"auths\":{\"h\":{\"identitytoken\":\"I\"},\"g\":{"
				   "\"registrytoken\":\"R\"}},\"credsStore\":\"pass\","
				   "\"credHelpers\":{\"h\":\"gcloud\"}}";
	auto_credential struct credential h = { 0 }, g = { 0 };

	ck_assert_int_eq(credential_from_json(&h, json, strlen(json), "f", "h", "x"), 0);
	ck_assert_str_eq(h.identity_token, "I");
	ck_assert_str_eq(h.helper, "gcloud");
	ck_assert_int_eq(credential_from_json(&g, json, strlen(json), "f", "g", "x"), 0);
	ck_assert_str_eq(g.registry_token, "R");
	ck_assert_str_eq(g.helper, "pass");
}
END_TEST

static void write_file(const char *path, const char *text)
{
	struct err e = { 0 };

	ck_ok(file_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, &e), &e);
}

START_TEST(files_are_searched_in_order_and_the_callers_alone)
{
	char dir[] = "/tmp/berth-cred-XXXXXX", path[128];
	auto_credential struct credential a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 }, v = { 0 };
	struct err e = { 0 };

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/.docker", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/.docker/config.json", dir);
	write_file(path, "{\"auths\":{\"h\":" AUTH(A) "}}");
	setenv("HOME", dir, 1);
	unsetenv("DOCKER_CONFIG");
	unsetenv("DOCKER_AUTH_CONFIG");
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("XDG_RUNTIME_DIR");
	ck_ok(credential_find(&a, "h", "x", NULL, &e), &e);
	ck_assert_str_eq(a.user, "a");
	ck_assert_str_eq(a.source, path);

	snprintf(path, sizeof(path), "%s/config.json", dir);
	write_file(path, "{\"auths\":{\"h\":" AUTH(B) "}}");
	setenv("DOCKER_CONFIG", dir, 1);
	ck_ok(credential_find(&b, "h", "x", NULL, &e), &e);
	ck_assert_str_eq(b.user, "b");

	snprintf(path, sizeof(path), "%s/auth.json", dir);
	write_file(path, "{\"auths\":{\"h\":" AUTH(C) "}}");
	setenv("REGISTRY_AUTH_FILE", path, 1);
	ck_ok(credential_find(&c, "h", "x", NULL, &e), &e);
	ck_assert_str_eq(c.user, "c");
	setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{\"h\":" AUTH(A) "}}", 1);
	ck_ok(credential_find(&v, "h", "x", NULL, &e), &e);
	ck_assert_str_eq(v.source, "DOCKER_AUTH_CONFIG");

	snprintf(path, sizeof(path), "%s/none.json", dir);
	ck_assert_int_eq(credential_find(&d, "h", "x", path, &e), -1);
	write_file(path, "{}");
	ck_ok(credential_find(&d, "h", "x", path, &e), &e);
	ck_assert_ptr_null(d.user);
	snprintf(path, sizeof(path), "rm -r %s", dir);
	ck_assert_int_eq(system(path), 0);
}
END_TEST

START_TEST(base64_goes_both_ways)
{
	static const struct {
		const char *plain, *coded;
	} rows[] = { { "", "" },
		     { "f", "Zg==" },
		     { "fo", "Zm8=" },
		     { "foo", "Zm9v" },
		     { "foob", "Zm9vYg==" },
		     { "fooba", "Zm9vYmE=" },
		     { "foobar", "Zm9vYmFy" },
		     { "\xff\xfe\xfd", "//79" } };
	static const char *const bad[] = { "Z", "Zg=a", "Zg===", "Z g=", "Zm9vY", "Zm-_" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf to = { 0 }, from = { 0 };

		base64_add(&to, rows[i].plain, strlen(rows[i].plain));
		ck_assert_str_eq(buf_str(&to), rows[i].coded);
		ck_assert_int_eq(base64_decode(&from, rows[i].coded), 0);
		ck_assert_str_eq(buf_str(&from), rows[i].plain);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_buf struct buf b = { 0 };

		ck_assert_msg(base64_decode(&b, bad[i]) == -1, "%s", bad[i]);
	}
}
END_TEST

START_TEST(addresses_are_shown_without_what_is_secret)
{
	static const struct {
		const char *url, *shown, *host;
	} rows[] = {
		{ "https://s3/x/y?sig=SECRET", "https://s3/x/y", "s3" },
		{ "https://u:p@h:1/x#f", "https://h:1/x", "h:1" },
		{ "https://h?a@b", "https://h", "h" },
		{ "h/x", "h/x", "h" },
		{ "https://h\x1b[0m/", "https://h\\x1b[0m/", "h\\x1b[0m" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *shown = url_shown(rows[i].url);
		auto_free char *host = url_host(rows[i].url);

		ck_assert_str_eq(shown, rows[i].shown);
		ck_assert_str_eq(host, rows[i].host);
	}
}
END_TEST

UNIT(credentials, the_entry_of_the_registry_is_found_by_any_of_its_keys,
     wrong_types_are_left_out_with_file_and_key_named,
     a_password_may_hold_colons_and_padding_is_dropped, a_login_of_nothing_is_no_login,
     tokens_and_helpers_are_noted, files_are_searched_in_order_and_the_callers_alone,
     base64_goes_both_ways, addresses_are_shown_without_what_is_secret)
