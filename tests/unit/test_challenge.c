#include "registry/challenge.h"

#include "registry/auth.h"
#include "tests/unit/unit.h"

static const char *text(const char *s)
{
	return s ? s : "-";
}

START_TEST(challenges_are_read_as_servers_write_them)
{
	static const struct {
		const char *in;
		bool basic, bearer;
		const char *realm, *service, *scope;
	} rows[] = {
		{ "Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x/y:pull\"", false,
		  true, "https://a/t", "s", "repository:x/y:pull" },
		{ "bearer Realm=https://a/t , SERVICE=s", false, true, "https://a/t", "s", "-" },
		{ "Basic realm=\"lab, \\\"one\\\"\"", true, false, "-", "-", "-" },
		{ "Basic realm=\"x\", Bearer realm=\"y\"", true, true, "y", "-", "-" },
		{ "Bearer realm=\"y\", Basic realm=\"x\",service=no", true, true, "y", "-", "-" },
		{ "Bearer realm=\"y\", Bearer realm=\"z\",service=\"z\"", false, true, "y", "-",
		  "-" },
		{ "Negotiate YII==, Bearer realm=y", false, true, "y", "-", "-" },
		{ "Negotiate a/b+c=, Basic", true, false, "-", "-", "-" },
		{ "Digest realm=x,nonce=\"a,b\"", false, false, "-", "-", "-" },
		{ "Bearer", false, true, "-", "-", "-" },
		{ "Bearer realm=\"open", false, true, "open", "-", "-" },
		{ "Bearer realm=", false, true, "", "-", "-" },
		{ "Bearer realm=\"a\\", false, true, "a\\", "-", "-" },
		{ ",,;;=\"\", ", false, false, "-", "-", "-" },
		{ "", false, false, "-", "-", "-" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_challenge struct challenge c = { 0 };

		challenge_add(&c, rows[i].in);
		ck_assert_msg(c.basic == rows[i].basic && c.bearer == rows[i].bearer, "%s",
			      rows[i].in);
		ck_assert_str_eq(text(c.realm), rows[i].realm);
		ck_assert_str_eq(text(c.service), rows[i].service);
		ck_assert_str_eq(text(c.scope), rows[i].scope);
	}
}
END_TEST

START_TEST(several_header_lines_add_up)
{
	auto_challenge struct challenge c = { 0 };

	challenge_add(&c, "Basic realm=\"x\"");
	challenge_add(&c, "Bearer realm=\"https://t\"");
	ck_assert(c.basic && c.bearer);
	ck_assert_str_eq(c.realm, "https://t");
}
END_TEST

static struct credential alice(void)
{
	return (struct credential){ .user = xstrdup("alice"), .password = xstrdup("p:w") };
}

START_TEST(a_token_is_asked_for_service_and_all_scopes_so_far)
{
	struct auth a = { 0 };
	auto_credential struct credential who = alice();
	auto_challenge struct challenge c = { 0 }, more = { 0 };
	auto_buf struct buf url = { 0 }, again = { 0 };
	struct err e = { 0 };

	challenge_add(&c, "Bearer realm=\"https://a/t?x=1\",service=\"re gistry\"");
	ck_assert_int_eq(auth_challenged(&a, &c, &who, "lab/t", false, &e), 1);
	ck_assert(a.new_scope);
	auth_token_url(&a, &who, &url);
	ck_assert_str_eq(buf_str(&url), "https://a/t?x=1&service=re%20gistry&scope="
					"repository%3Alab%2Ft%3Apull&account=alice");
	challenge_add(&more, "Bearer realm=\"https://a/t\",scope=\"repository:lab/t:pull other\"");
	ck_assert_int_eq(auth_challenged(&a, &more, &who, "lab/t", false, &e), 1);
	ck_assert(a.new_scope);
	auth_token_url(&a, &who, &again);
	ck_assert_str_eq(buf_str(&again), "https://a/t?scope=repository%3Alab%2Ft%3Apull"
					  "&scope=other&account=alice");
	ck_assert_int_eq(auth_challenged(&a, &more, &who, "lab/t", false, &e), 1);
	ck_assert(!a.new_scope);
	auth_fini(&a);
}
END_TEST

START_TEST(basic_credentials_that_were_refused_are_not_sent_again)
{
	struct auth a = { 0 };
	auto_credential struct credential who = alice(), nobody = { 0 };
	auto_challenge struct challenge c = { 0 };
	struct err e = { 0 };

	challenge_add(&c, "Basic realm=\"lab\"");
	ck_assert_int_eq(auth_challenged(&a, &c, &nobody, "lab/t", false, &e), 2);
	ck_assert_int_eq(auth_challenged(&a, &c, &who, "lab/t", false, &e), 0);
	ck_assert_str_eq(a.value, "Basic YWxpY2U6cDp3");
	ck_assert_int_eq(auth_challenged(&a, &c, &who, "lab/t", false, &e), 2);
	auth_fini(&a);
	/* a Bearer that says not where does not stand in the way */
	challenge_add(&c, "Bearer");
	ck_assert_int_eq(auth_challenged(&a, &c, &who, "lab/t", false, &e), 0);
	auth_fini(&a);
}
END_TEST

START_TEST(a_token_server_without_tls_is_refused)
{
	struct auth a = { 0 };
	auto_credential struct credential who = alice();
	auto_challenge struct challenge c = { 0 }, odd = { 0 };
	struct err e = { 0 };

	challenge_add(&c, "Bearer realm=\"http://u:p@a/t?secret=1\"");
	ck_assert_int_eq(auth_challenged(&a, &c, &who, "lab/t", false, &e), -1);
	ck_assert_str_eq(e.text, "the registry names http://a/t for tokens, which is not https");
	ck_assert_int_eq(auth_challenged(&a, &c, &who, "lab/t", true, &e), 1);
	challenge_add(&odd, "Bearer realm=\"file:///etc/passwd\"");
	ck_assert_int_eq(auth_challenged(&a, &odd, &who, "lab/t", true, &e), -1);
	auth_fini(&a);
}
END_TEST

START_TEST(tokens_are_renewed_before_they_end)
{
	static const struct {
		const char *body, *value;
		int64_t life;
	} rows[] = {
		{ "{\"token\":\"T\",\"expires_in\":100}", "Bearer T", 90 },
		{ "{\"access_token\":\"A\"}", "Bearer A", 54 },
		{ "{\"token\":\"T\",\"access_token\":\"A\",\"expires_in\":\"9\"}", "Bearer T", 54 },
		{ "{\"token\":\"T\",\"expires_in\":-5}", "Bearer T", 54 },
		{ "{\"token\":\"T\",\"expires_in\":1}", "Bearer T", 1 },
		{ "{\"token\":\"T\",\"expires_in\":9000000000}", "Bearer T", 77760 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct auth a = { 0 };
		struct err e = { 0 };

		ck_ok(auth_take_token(&a, rows[i].body, strlen(rows[i].body), 1000, &e), &e);
		ck_assert_str_eq(a.value, rows[i].value);
		ck_assert(!auth_is_stale(&a, 1000 + rows[i].life - 1));
		ck_assert(auth_is_stale(&a, 1000 + rows[i].life));
		auth_fini(&a);
	}
}
END_TEST

START_TEST(a_reply_without_a_usable_token_is_an_error)
{
	static const char *const rows[] = {
		"{}",	  "[]", "{\"token\":7}", "{\"token\":\"\"}", "{\"token\":\"a\\r\\nX: y\"}",
		"<html>", ""
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct auth a = { 0 };
		struct err e = { 0 };

		ck_assert_int_eq(auth_take_token(&a, rows[i], strlen(rows[i]), 0, &e), -1);
		ck_assert_ptr_null(a.value);
		ck_assert_ptr_nonnull(strstr(e.text, "token server"));
	}
}
END_TEST

UNIT(challenge, challenges_are_read_as_servers_write_them, several_header_lines_add_up,
     a_token_is_asked_for_service_and_all_scopes_so_far,
     basic_credentials_that_were_refused_are_not_sent_again, a_token_server_without_tls_is_refused,
     tokens_are_renewed_before_they_end, a_reply_without_a_usable_token_is_an_error)
