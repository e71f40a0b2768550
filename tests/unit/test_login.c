#include "registry/login.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/credentials.h"
#include "registry/helper.h"
#include "src/base/fd.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/test_login.XXXXXX";

static char *in_dir(const char *name)
{
	if (strstr(dir, "XXXXXX"))
		ck_assert_ptr_nonnull(mkdtemp(dir));
	return xasprintf("%s/%s", dir, name);
}

static void add(void *arg, const char *key, const char *user)
{
	buf_printf(arg, "%s=%s ", key, user);
}

START_TEST(a_login_is_kept_with_mode_0600_and_all_else_in_the_file)
{
	auto_free char *path = in_dir("auth.json");
	auto_credential struct credential c = { 0 };
	auto_buf struct buf list = { 0 };
	static const char before[] =
		"{\"HttpHeaders\":{\"X\":\"1\"},\"auths\":{\"old\":{\"auth\":\"YTpi\"}}}";
	struct err e = { 0 };
	struct stat st;

	ck_ok(file_write_atomic(AT_FDCWD, path, before, strlen(before), 0644, &e), &e);
	ck_ok(login_store(path, "reg.example", "me", "se:cret", &e), &e);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_ok(credential_find(&c, "reg.example", "x", path, &e), &e);
	ck_assert_str_eq(c.user, "me");
	ck_assert_str_eq(c.password, "se:cret");
	ck_ok(login_list(path, add, &list, &e), &e);
	ck_assert_str_eq(buf_str(&list), "old=a reg.example=me ");
	buf_clear(&list);
	ck_ok(file_read(AT_FDCWD, path, &list, 1 << 16, &e), &e);
	ck_assert_ptr_nonnull(strstr(buf_str(&list), "\"X\":\"1\""));
	ck_assert_int_eq(login_remove(path, "reg.example", &e), 0);
	ck_assert_int_eq(login_remove(path, "reg.example", &e), 1);
}
END_TEST

static void write_helper(const char *body)
{
	auto_free char *path = in_dir("docker-credential-lab");
	auto_free char *text = xasprintf("#!/bin/sh\n%s\n", body);
	auto_free char *bin = xasprintf("%s:/usr/bin:/bin", dir);
	struct err e = { 0 };

	ck_ok(file_write_atomic(AT_FDCWD, path, text, strlen(text), 0755, &e), &e);
	setenv("PATH", bin, 1);
}

START_TEST(a_helper_is_asked_on_standard_input_and_answers_in_json)
{
	auto_credential struct credential c = { 0 };
	struct err e = { 0 };

	write_helper("read s; [ \"$1 $s\" = 'get reg.example' ] || exit 1\n"
		     "echo '{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"p\"}'");
	ck_assert_int_eq(helper_get(&c, "lab", "reg.example", &e), 0);
	ck_assert_str_eq(c.user, "u");
	ck_assert_str_eq(c.password, "p");
}
END_TEST

START_TEST(a_helper_without_credentials_is_no_error_and_a_failing_one_is_quoted)
{
	auto_credential struct credential c = { 0 };
	struct err e = { 0 };

	write_helper("echo 'credentials not found in native keychain'; exit 1");
	ck_assert_int_eq(helper_get(&c, "lab", "reg.example", &e), 1);
	write_helper("echo 'the keychain is locked'; exit 1");
	ck_assert_int_eq(helper_get(&c, "lab", "reg.example", &e), -1);
	ck_assert_str_eq(e.text, "docker-credential-lab: the keychain is locked");
	ck_assert_int_eq(helper_get(&c, "../x", "reg.example", &e), -1);
	ck_assert_int_eq(helper_get(&c, "not-there-at-all", "reg.example", &e), -1);
}
END_TEST

START_TEST(a_token_user_makes_an_identity_token)
{
	auto_credential struct credential c = { 0 };
	static const char text[] = "{\"Username\":\"<token>\",\"Secret\":\"t\"}";
	struct err e = { 0 };

	ck_assert_int_eq(helper_parse(&c, text, strlen(text), &e), 0);
	ck_assert_str_eq(c.identity_token, "t");
	ck_assert_ptr_null(c.user);
}
END_TEST

UNIT(login, a_login_is_kept_with_mode_0600_and_all_else_in_the_file,
     a_helper_is_asked_on_standard_input_and_answers_in_json,
     a_helper_without_credentials_is_no_error_and_a_failing_one_is_quoted,
     a_token_user_makes_an_identity_token)
