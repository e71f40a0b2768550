#include <string.h>

#include "src/plan/oci_user.h"
#include "src/plan/security.h"
#include "tests/unit/unit.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/ash\n"
			     "# a comment\n"
			     "app:x:1001:1002:App,,:/srv/app:/bin/false\n"
			     "55:x:7:8::/seven:\n"
			     "broken:x:many:1::/:\n";
static const char group[] = "root:x:0:\nwww:x:33:app\nown:x:1002:app\nlog:x:34:bin,app\n";

static void is(const char *user, uint32_t uid, uint32_t gid, const char *name, const char *home,
	       const char *of)
{
	auto_oci_user struct oci_user u = { 0 };
	struct err e = { 0 };

	ck_assert_msg(oci_user_find(&u, user, passwd, group, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(u.uid, uid);
	ck_assert_uint_eq(u.gid, gid);
	ck_assert_pstr_eq(u.name, name);
	ck_assert_pstr_eq(u.home, home);
	ck_assert_pstr_eq(u.group, of);
}

START_TEST(each_form_of_user_is_looked_up_in_the_images_files)
{
	is("app", 1001, 1002, "app", "/srv/app", "own");
	is("1001", 1001, 1002, "app", "/srv/app", "own");
	is("app:www", 1001, 33, "app", "/srv/app", "www");
	is("app:5", 1001, 5, "app", "/srv/app", NULL);
	is("1001:33", 1001, 33, "app", "/srv/app", "www");
	is("root", 0, 0, "root", "/root", "root");
	is("4000", 4000, 0, NULL, NULL, "root");
	is("4000:4001", 4000, 4001, NULL, NULL, NULL);
	is("55", 7, 8, "55", "/seven", NULL);
	is("7:34", 7, 34, "55", "/seven", "log");
}
END_TEST

START_TEST(names_that_the_image_lacks_are_errors_that_name_the_file)
{
	static const struct {
		const char *user, *text;
	} bad[] = {
		{ "nobody", "User nobody of the image: its /etc/passwd has no user nobody" },
		{ "nobody:www",
		  "User nobody:www of the image: its /etc/passwd has no user nobody" },
		{ "app:none", "User app:none of the image: its /etc/group has no group none" },
		{ "app:", "User app: of the image: its /etc/group has no group " },
		{ ":www", "User :www of the image: its /etc/passwd has no user " },
		{ "broken", "User broken of the image: its /etc/passwd has no user broken" },
		{ "4294967295",
		  "User 4294967295 of the image: its /etc/passwd has no user 4294967295" },
		{ "-1", "User -1 of the image: its /etc/passwd has no user -1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_oci_user struct oci_user u = { 0 };
		struct err e = { 0 };

		ck_assert_int_eq(oci_user_find(&u, bad[i].user, passwd, group, &e), -1);
		ck_assert_int_eq(e.kind, ERR_INPUT);
		ck_assert_str_eq(e.text, bad[i].text);
	}
}
END_TEST

START_TEST(an_image_without_these_files_has_numbers_only)
{
	auto_oci_user struct oci_user u = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(oci_user_find(&u, "12:13", NULL, NULL, &e), 0);
	ck_assert_uint_eq(u.uid, 12);
	ck_assert_uint_eq(u.gid, 13);
	ck_assert_pstr_eq(u.name, NULL);
}
END_TEST

START_TEST(further_groups_count_unless_one_is_named)
{
	auto_oci_user struct oci_user all = { 0 }, one = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(oci_user_find(&all, "app", passwd, group, &e), 0);
	ck_assert_uint_eq(all.more.n, 2);
	ck_assert_str_eq(all.more.v[0], "www");
	ck_assert_str_eq(all.more.v[1], "log");
	ck_assert_int_eq(oci_user_find(&one, "app:www", passwd, group, &e), 0);
	ck_assert_uint_eq(one.more.n, 0);
}
END_TEST

static int parse(struct security *s, const char *words, bool fakeroot, struct err *e)
{
	struct run_req r = { .fakeroot = fakeroot };
	int n;

	strv_add(&r.security, words);
	n = security_parse(s, &r, e);
	strv_fini(&r.security);
	return n;
}

START_TEST(security_takes_one_user_and_one_group)
{
	struct security s;
	struct err e = { 0 };

	ck_assert_int_eq(parse(&s, "uid:1000,gid:7", false, &e), 0);
	ck_assert(s.has_uid && s.has_gid);
	ck_assert_uint_eq(s.uid, 1000);
	ck_assert_uint_eq(s.gid, 7);
	ck_assert_int_eq(parse(&s, "gid:5:5", false, &e), 0);
	ck_assert(!s.has_uid && s.gid == 5);
}
END_TEST

START_TEST(what_security_cannot_be_had_without_root_is_refused)
{
	static const struct {
		const char *words, *text;
	} bad[] = {
		{ "gid:5:6",
		  "--security gid:5:6: more than one group takes root; give one, gid:5" },
		{ "uid:ada", "--security uid:ada: an id is a number below 4294967295" },
		{ "uid:", "--security uid:: an id is a number below 4294967295" },
		{ "gid:", "--security gid:: an id is a number below 4294967295" },
		{ "seccomp:/p.json", "--security seccomp:/p.json: profiles are not read; the "
				     "program has no more rights than you" },
		{ "selinux:a_t", "--security selinux:a_t: a context is set by the site's policy; "
				 "start Berth with runcon" },
		{ "color:red", "--security color:red: there are uid:N and gid:N" },
	};
	struct security s;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = { 0 };

		ck_assert_int_eq(parse(&s, bad[i].words, false, &e), -1);
		ck_assert_str_eq(e.text, bad[i].text);
	}
	struct err e = { 0 };

	ck_assert_int_eq(parse(&s, "uid:1", true, &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
}
END_TEST

UNIT(oci_user, each_form_of_user_is_looked_up_in_the_images_files,
     names_that_the_image_lacks_are_errors_that_name_the_file,
     an_image_without_these_files_has_numbers_only, further_groups_count_unless_one_is_named,
     security_takes_one_user_and_one_group, what_security_cannot_be_had_without_root_is_refused)
