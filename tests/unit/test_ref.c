#include "registry/ref.h"

#include <string.h>

#include "tests/unit/unit.h"

#define SHA "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

START_TEST(names_get_the_host_and_tag_that_people_leave_out)
{
	static const struct {
		const char *in, *out, *api;
	} rows[] = {
		{ "debian", "docker.io/library/debian:latest", "registry-1.docker.io" },
		{ "docker://debian:12", "docker.io/library/debian:12", "registry-1.docker.io" },
		{ "index.docker.io/debian", "docker.io/library/debian:latest",
		  "registry-1.docker.io" },
		{ "docker.io/rocker/r-ver:4.3", "docker.io/rocker/r-ver:4.3",
		  "registry-1.docker.io" },
		{ "rocker/r-ver", "docker.io/rocker/r-ver:latest", "registry-1.docker.io" },
		{ "localhost/x", "localhost/x:latest", "localhost" },
		{ "localhost:5000/x/y:1", "localhost:5000/x/y:1", "localhost:5000" },
		{ "[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000" },
		{ "ghcr.io/a/b_c/d__e/f--g", "ghcr.io/a/b_c/d__e/f--g:latest", "ghcr.io" },
		{ "debian@" SHA, "docker.io/library/debian@" SHA, "registry-1.docker.io" },
		{ "debian:12@" SHA, "docker.io/library/debian:12@" SHA, "registry-1.docker.io" },
		{ "Host.example/x", "Host.example/x:latest", "Host.example" },
		{ "a:5/b:6", "a:5/b:6", "a:5" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_ref struct ref r = { 0 };
		struct err e = { 0 };

		ck_ok(ref_parse(&r, rows[i].in, &e), &e);
		ck_assert_str_eq(r.text, rows[i].out);
		ck_assert_str_eq(ref_api_host(&r), rows[i].api);
	}
}
END_TEST

START_TEST(what_is_no_reference_is_refused_with_the_reason)
{
	static const struct {
		const char *in, *why;
	} rows[] = {
		{ "", "it is empty" },
		{ "docker://", "it is empty" },
		{ "Debian", "lower-case" },
		{ "a//b", "lower-case" },
		{ "/a", "lower-case" },
		{ "a/", "lower-case" },
		{ "a..b", "lower-case" },
		{ "a___b", "lower-case" },
		{ "-a", "lower-case" },
		{ "a/../b", "lower-case" },
		{ "debian:", "a tag has up to 128" },
		{ "debian:.x", "a tag has up to 128" },
		{ "debian:a b", "a tag has up to 128" },
		{ "debian@sha256:12", "after @ comes sha256:" },
		{ "debian@", "after @ comes sha256:" },
		{ "ho_st.x/a", "no host name" },
		{ "host:99999/a", "no host name" },
		{ "host:/a", "no host name" },
		{ "host..x/a", "no host name" },
		{ "[::1/a", "no host name" },
		{ "a b", "lower-case" },
		{ "a\nb", "lower-case" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_ref struct ref r = { 0 };
		struct err e = { 0 };

		ck_assert_int_eq(ref_parse(&r, rows[i].in, &e), -1);
		ck_assert_int_eq(e.kind, ERR_USAGE);
		ck_assert_msg(strstr(e.text, rows[i].why), "%s: %s", rows[i].in, e.text);
		ck_assert_ptr_null(strchr(e.text, '\n'));
	}
}
END_TEST

START_TEST(an_error_quotes_what_was_written)
{
	auto_ref struct ref r = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(ref_parse(&r, "docker://Debian:12", &e), -1);
	ck_assert_str_eq(e.text,
			 "\"docker://Debian:12\" is no image reference: a name has "
			 "lower-case letters and digits, separated by '/', '.', '_' or '-'");
}
END_TEST

START_TEST(another_transport_is_named_as_not_supported)
{
	auto_ref struct ref r = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(ref_parse(&r, "oras://ghcr.io/a/b:1", &e), -1);
	ck_assert_int_eq(e.kind, ERR_UNSUPPORTED);
	ck_assert_str_eq(e.text, "oras:// is not supported: registries are named docker://");
}
END_TEST

START_TEST(a_digest_wins_over_the_tag_beside_it)
{
	auto_ref struct ref r = { 0 }, t = { 0 };
	char buf[DIGEST_TEXT_MAX];
	struct err e = { 0 };

	ck_ok(ref_parse(&r, "debian:12@" SHA, &e), &e);
	ck_assert_str_eq(digest_text(&r.digest, buf), SHA);
	ck_assert_str_eq(r.tag, "12");
	ck_ok(ref_parse(&t, "debian:12", &e), &e);
	ck_assert_int_eq(t.digest.algo, DIGEST_NONE);
	ck_assert_str_eq(t.tag, "12");
}
END_TEST

START_TEST(names_and_tags_have_a_longest_length)
{
	char name[300] = "x.y/", tag[300] = "x:";
	auto_ref struct ref r = { 0 };
	struct err e = { 0 };

	memset(name + 4, 'a', 252);
	ck_assert_int_eq(ref_parse(&r, name, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "longer than 255 characters"));
	name[255] = '\0';
	ck_ok(ref_parse(&r, name, &e), &e);
	ref_fini(&r);
	memset(tag + 2, 'a', 129);
	ck_assert_int_eq(ref_parse(&r, tag, &e), -1);
	tag[130] = '\0';
	ck_ok(ref_parse(&r, tag, &e), &e);
}
END_TEST

UNIT(ref, names_get_the_host_and_tag_that_people_leave_out,
     what_is_no_reference_is_refused_with_the_reason, an_error_quotes_what_was_written,
     another_transport_is_named_as_not_supported, a_digest_wins_over_the_tag_beside_it,
     names_and_tags_have_a_longest_length)
