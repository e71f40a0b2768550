#include "registry/remotes.h"

#include <string.h>

#include "tests/unit/unit.h"

static const char text[] = "Active: \"Site\"\n"
			   "Remotes:\n"
			   "  DefaultRemote:\n"
			   "    URI: cloud.apptainer.org\n"
			   "    System: true\n"
			   "  Site:\n"
			   "    URI: lib.example.org\n"
			   "    Token: t0ken\n"
			   "    Keyservers:\n"
			   "    - URI: https://keys.example.org\n"
			   "      Skip: false\n"
			   "Credentials: []\n";

START_TEST(the_active_remote_is_read)
{
	auto_remote_endpoint struct remote_endpoint r = { 0 };
	struct err e = { 0 };

	ck_ok(remote_endpoint_parse(&r, text, &e), &e);
	ck_assert_str_eq(r.name, "Site");
	ck_assert_str_eq(r.uri, "https://lib.example.org");
	ck_assert_str_eq(r.token, "t0ken");
}
END_TEST

START_TEST(no_active_remote_is_no_error)
{
	auto_remote_endpoint struct remote_endpoint r = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(remote_endpoint_parse(&r, "Remotes:\n  X:\n    URI: x\n", &e), 1);
	ck_assert_int_eq(remote_endpoint_parse(&r, "", &e), 1);
	ck_assert_int_eq(remote_endpoint_parse(&r, "Active: Y\nRemotes:\n  X:\n    URI: x\n", &e),
			 -1);
	ck_assert_str_eq(e.text, "the active remote \"Y\" has no URI");
}
END_TEST

UNIT(remotes, the_active_remote_is_read, no_active_remote_is_no_error)
