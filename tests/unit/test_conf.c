#include <string.h>

#include "src/plan/conf.h"
#include "tests/unit/unit.h"

struct fixture {
	struct conf c;
	struct strv notes;
	struct err e;
};

static void fini(struct fixture *x)
{
	conf_fini(&x->c);
	strv_fini(&x->notes);
}

static int site(struct fixture *x, const char *text)
{
	return conf_parse(&x->c, text, "/site", CONF_SITE, &x->notes, &x->e);
}

static int user(struct fixture *x, const char *text)
{
	return conf_parse(&x->c, text, "/user", CONF_USER, &x->notes, &x->e);
}

static void ck_where(const struct fixture *x, enum conf_key k, const char *want)
{
	auto_free char *where = conf_where(&x->c, k);

	ck_assert_str_eq(where, want);
}

START_TEST(without_a_file_the_defaults_are_apptainers)
{
	struct fixture x = { 0 };

	ck_assert(conf_yes(&x.c, CONF_MOUNT_HOME) && conf_yes(&x.c, CONF_ALLOW_PID_NS));
	ck_assert(!conf_yes(&x.c, CONF_ALWAYS_NV) && !conf_yes(&x.c, CONF_ALWAYS_ROCM));
	ck_assert_str_eq(conf_word(&x.c, CONF_MOUNT_DEV), "yes");
	ck_assert_uint_eq(conf_list(&x.c, CONF_BIND_PATH)->n, 0);
	ck_assert(!conf_locked(&x.c, CONF_ALLOW_PID_NS));
	ck_where(&x, CONF_MOUNT_HOME, "the default");
	fini(&x);
}
END_TEST

START_TEST(blanks_capitals_comments_and_crlf_do_not_matter)
{
	struct fixture x = { 0 };

	ck_ok(site(&x, "# no = yes\n\n  Mount \t Home=no\r\n\tmount dev = minimal  \nlimit "
		       "container paths =\nbind path = /a , /b:/c:ro\nbind path=/d"),
	      &x.e);
	ck_assert(!conf_yes(&x.c, CONF_MOUNT_HOME));
	ck_assert_str_eq(conf_word(&x.c, CONF_MOUNT_DEV), "minimal");
	ck_assert_uint_eq(conf_list(&x.c, CONF_BIND_PATH)->n, 3);
	ck_assert_str_eq(conf_list(&x.c, CONF_BIND_PATH)->v[1], "/b:/c:ro");
	ck_where(&x, CONF_MOUNT_HOME, "/site:3");
	ck_where(&x, CONF_BIND_PATH, "/site:6");
	ck_assert(!conf_locked(&x.c, CONF_LIMIT_PATHS));
	ck_assert_uint_eq(x.notes.n, 0);
	fini(&x);
}
END_TEST

START_TEST(an_unknown_key_is_told_with_its_line_and_the_nearest)
{
	struct fixture x = { 0 };

	ck_ok(user(&x, "mount homes = no\nfrobnicate = 1\nallow setuid = yes\nmax loop devices = "
		       "256\n"),
	      &x.e);
	ck_assert_uint_eq(x.notes.n, 2);
	ck_assert_str_eq(
		x.notes.v[0],
		"/user:1: unknown key \"mount homes\" (did you mean \"mount home\"?); left out");
	ck_assert_str_eq(x.notes.v[1], "/user:2: unknown key \"frobnicate\"; left out");
	fini(&x);
}
END_TEST

START_TEST(a_wrong_value_is_an_error_that_names_file_and_line)
{
	static const char *const bad[][2] = {
		{ "mount home = maybe", "/user:1: mount home = maybe: it is one of yes,no" },
		{ "mount home =", "/user:1: mount home = : it is one of yes,no" },
		{ "mount dev = some", "/user:1: mount dev = some: it is one of yes,no,minimal" },
		{ "\nsessiondir max size = 64M",
		  "/user:2: sessiondir max size = 64M: it is a number" },
		{ "download concurrency = 1234567890",
		  "/user:1: download concurrency = 1234567890: it is a number" },
		{ "limit container paths = apps",
		  "/user:1: limit container paths = apps: paths begin with /, URIs with a scheme "
		  "(docker://registry.example.org/lab)" },
		{ "bind path = data",
		  "/user:1: bind path = data: write /SRC, /SRC:/DST or /SRC:/DST:ro" },
		{ "mount home", "/user:1: write \"key = value\", or # before a comment" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct fixture x = { 0 };

		ck_assert_int_eq(user(&x, bad[i][0]), -1);
		ck_assert_str_eq(x.e.text, bad[i][1]);
		ck_assert_int_eq(x.e.kind, ERR_USAGE);
		fini(&x);
	}
}
END_TEST

START_TEST(a_users_file_outranks_the_sites_and_adds_to_its_lists)
{
	struct fixture x = { 0 };

	ck_ok(site(&x, "mount tmp = no\nbind path = /site\n"), &x.e);
	ck_ok(user(&x, "mount tmp = yes\nmount tmp = yes\nbind path = /mine\n"), &x.e);
	ck_assert(conf_yes(&x.c, CONF_MOUNT_TMP));
	ck_assert_uint_eq(conf_list(&x.c, CONF_BIND_PATH)->n, 2);
	ck_assert_str_eq(conf_list(&x.c, CONF_BIND_PATH)->v[0], "/site");
	ck_where(&x, CONF_MOUNT_TMP, "/user:2");
	ck_assert_uint_eq(x.notes.n, 0);
	fini(&x);
}
END_TEST

START_TEST(what_the_site_locks_a_users_file_cannot_change)
{
	struct fixture x = { 0 };

	ck_ok(site(&x, "lock = Mount Tmp, mount sys\nmount tmp = no\n"), &x.e);
	ck_ok(user(&x, "mount tmp = yes\nmount sys = yes\nlock = mount home\n"), &x.e);
	ck_assert(!conf_yes(&x.c, CONF_MOUNT_TMP) && conf_locked(&x.c, CONF_MOUNT_TMP));
	ck_assert(conf_locked(&x.c, CONF_MOUNT_SYS) && !conf_locked(&x.c, CONF_MOUNT_HOME));
	ck_assert_uint_eq(x.notes.n, 2);
	ck_assert_str_eq(x.notes.v[0],
			 "/user:1: \"mount tmp\" is settled by \"mount tmp\" at /site:1; left out");
	ck_assert_str_eq(x.notes.v[1], "/user:3: only the site's file locks keys; left out");
	fini(&x);
}
END_TEST

START_TEST(policy_of_the_site_holds_without_a_lock)
{
	struct fixture x = { 0 };

	ck_ok(site(&x, "limit container paths = /apps\nuser bind control = no\n"), &x.e);
	ck_ok(user(&x,
		   "limit container paths = /\nuser bind control = yes\nbind path = /home\nallow "
		   "pid ns = no\n"),
	      &x.e);
	ck_assert_uint_eq(conf_list(&x.c, CONF_LIMIT_PATHS)->n, 1);
	ck_assert(!conf_yes(&x.c, CONF_USER_BIND_CONTROL));
	ck_assert_uint_eq(conf_list(&x.c, CONF_BIND_PATH)->n, 0);
	ck_assert(!conf_yes(&x.c, CONF_ALLOW_PID_NS)); /* of himself a user may ask more */
	ck_assert_uint_eq(x.notes.n, 3);
	fini(&x);
}
END_TEST

START_TEST(a_lock_of_what_is_no_key_is_an_error)
{
	struct fixture x = { 0 };

	ck_assert_int_eq(site(&x, "\nlock = mount hom\n"), -1);
	ck_assert_str_eq(x.e.text, "/site:2: lock: there is no key \"mount hom\" (did you mean "
				   "\"mount home\"?)");
	fini(&x);
}
END_TEST

UNIT(conf, without_a_file_the_defaults_are_apptainers,
     blanks_capitals_comments_and_crlf_do_not_matter,
     an_unknown_key_is_told_with_its_line_and_the_nearest,
     a_wrong_value_is_an_error_that_names_file_and_line,
     a_users_file_outranks_the_sites_and_adds_to_its_lists,
     what_the_site_locks_a_users_file_cannot_change, policy_of_the_site_holds_without_a_lock,
     a_lock_of_what_is_no_key_is_an_error)
