#include "registry/regconf.h"

#include <string.h>

#include "tests/unit/unit.h"

static const char conf[] = "unqualified-search-registries = ['a.example', 'docker.io']\n"
			   "[aliases]\n"
			   "box = 'reg.example/tools/box'\n"
			   "[[registry]]\n"
			   "prefix = 'docker.io'\n"
			   "[[registry.mirror]]\n"
			   "location = 'mirror.example:5000/hub'\n"
			   "[[registry.mirror]]\n"
			   "location = 'tags.example'\n"
			   "pull-from-mirror = 'tag-only'\n"
			   "[[registry]]\n"
			   "prefix = 'docker.io/library'\n"
			   "location = 'lib.example'\n"
			   "insecure = true\n"
			   "[[registry]]\n"
			   "prefix = '*.bad.example'\n"
			   "blocked = true\n"
			   "[[registry]]\n"
			   "location = 'host.example'\n"
			   "mirror-by-digest-only = true\n"
			   "[[registry.mirror]]\n"
			   "location = 'm.example'\n";

#define DG "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* The places that name is asked for at, "!" behind insecure and "-" behind plain ones. */
static const char *routes(const char *text, const char *name)
{
	static struct buf out;
	auto_regconf struct regconf *c = regconf_new();
	auto_routes struct routes r = { 0 };
	auto_ref struct ref ref = { 0 };
	static struct err e;

	e = (struct err){ 0 };
	ck_ok(ref_parse(&ref, name, &e), &e);
	buf_clear(&out);
	if (regconf_add(c, text, strlen(text), "t.conf", &e) < 0 ||
	    regconf_route(c, &ref, &r, &e) < 0)
		return e.text;
	for (size_t i = 0; i < r.n; i++)
		buf_printf(&out, "%s%s%s%s%s", i ? " " : "", r.v[i].ref.text,
			   r.v[i].mirror ? "(m)" : "", r.v[i].insecure ? "!" : "",
			   r.v[i].plain ? "-" : "");
	return buf_str(&out);
}

START_TEST(mirrors_come_first_then_the_place_itself)
{
	ck_assert_str_eq(routes(conf, "lab/x:1"),
			 "mirror.example:5000/hub/lab/x:1(m) tags.example/lab/x:1(m) "
			 "docker.io/lab/x:1");
	ck_assert_str_eq(routes(conf, "other.example/x:1"), "other.example/x:1");
}
END_TEST

START_TEST(the_longest_prefix_holds)
{
	ck_assert_str_eq(routes(conf, "debian:12"),
			 "lib.example/debian:12! lib.example/debian:12!-");
	ck_assert_str_eq(routes(conf, "host.example:5000/x:1"), "host.example:5000/x:1");
}
END_TEST

START_TEST(mirrors_for_tags_or_digests_only_are_left_out_for_the_others)
{
	ck_assert_str_eq(routes(conf, "lab/x" DG),
			 "mirror.example:5000/hub/lab/x" DG "(m) docker.io/lab/x" DG);
	ck_assert_str_eq(routes(conf, "host.example/x:1"), "host.example/x:1");
	ck_assert_str_eq(routes(conf, "host.example/x" DG),
			 "m.example/x" DG "(m) host.example/x" DG);
}
END_TEST

START_TEST(a_blocked_registry_is_refused_by_name)
{
	ck_assert_str_eq(routes(conf, "a.bad.example/x:1"),
			 "a.bad.example/x:1: registries.conf blocks *.bad.example");
	ck_assert_str_eq(routes(conf, "bad.example/x:1"), "bad.example/x:1");
}
END_TEST

START_TEST(what_makes_no_sense_is_named)
{
	ck_assert_str_eq(routes("x = ", "a"), "t.conf: line 1: a value was expected");
	ck_assert_str_eq(routes("[[registry]]\nlocation='https://x'", "a"),
			 "t.conf: location = \"https://x\" is no registry: HOST[:PORT][/PATH] is "
			 "expected");
	ck_assert_str_eq(routes("[[registry]]\ninsecure=true", "a"),
			 "t.conf: a [[registry]] without prefix and location");
	ck_assert_str_eq(routes("[[registry]]\nlocation='a'\nblocked='yes'", "a"),
			 "t.conf: blocked is neither true nor false");
}
END_TEST

static const char *expanded(const char *name)
{
	static struct buf out;
	auto_regconf struct regconf *c = regconf_new();
	auto_strv struct strv names = { 0 };
	struct err e = { 0 };

	ck_ok(regconf_add(c, conf, strlen(conf), "t.conf", &e), &e);
	regconf_expand(c, name, &names);
	buf_clear(&out);
	for (size_t i = 0; i < names.n; i++)
		buf_printf(&out, "%s%s", i ? " " : "", names.v[i]);
	return buf_str(&out);
}

START_TEST(short_names_follow_aliases_then_the_search_list)
{
	ck_assert_str_eq(expanded("box:2"), "reg.example/tools/box:2");
	ck_assert_str_eq(expanded("debian:12"), "a.example/debian:12 docker.io/debian:12");
	ck_assert_str_eq(expanded("x.example/debian"), "x.example/debian");
	ck_assert_str_eq(expanded("localhost/debian"), "localhost/debian");
}
END_TEST

UNIT(regconf, mirrors_come_first_then_the_place_itself, the_longest_prefix_holds,
     mirrors_for_tags_or_digests_only_are_left_out_for_the_others,
     a_blocked_registry_is_refused_by_name, what_makes_no_sense_is_named,
     short_names_follow_aliases_then_the_search_list)
