#include "image/oci.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define ID "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char real[] =
	"{\"architecture\":\"arm64\",\"variant\":\"v8\",\"os\":\"linux\","
	"\"created\":\"2025-01-02T10:11:12.5Z\",\"config\":{\"Env\":[\"PATH=/bin\",\"A=b=c\"],"
	"\"Entrypoint\":null,\"Cmd\":[\"bash\",\"-l\"],\"WorkingDir\":\"/w\",\"User\":\"1:2\","
	"\"Labels\":{\"b\":\"2\",\"a\":\"1\"},\"StopSignal\":\"SIGINT\",\"Volumes\":{\"/v\":{}}},"
	"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" ID "\"]},\"history\":[{}]}";

START_TEST(an_image_config_is_read_whole)
{
	auto_oci struct oci_config *c = NULL;
	struct err e = { 0 };

	ck_ok(oci_parse_image(&c, real, strlen(real), &e), &e);
	ck_assert_str_eq(c->arch, "arm64");
	ck_assert_str_eq(c->variant, "v8");
	ck_assert_str_eq(c->os, "linux");
	ck_assert_uint_eq(c->env.n, 2);
	ck_assert_str_eq(c->env.v[1], "A=b=c");
	ck_assert_uint_eq(c->entrypoint.n, 0);
	ck_assert_str_eq(c->cmd.v[1], "-l");
	ck_assert_str_eq(c->workdir, "/w");
	ck_assert_str_eq(c->user, "1:2");
	ck_assert_str_eq(c->labels[0].key, "b");
	ck_assert_uint_eq(c->nlabels, 2);
	ck_assert_uint_eq(c->ndiff, 1);
	ck_assert_int_eq(oci_created(c), 1735812672);
	ck_assert_ptr_nonnull(strstr(c->inner, "\"Volumes\":{\"/v\":{}}"));
}
END_TEST

START_TEST(the_inner_config_reads_back_alike)
{
	auto_oci struct oci_config *c = NULL, *d = NULL;
	struct err e = { 0 };

	ck_ok(oci_parse_image(&c, real, strlen(real), &e), &e);
	ck_ok(oci_parse_config(&d, c->inner, strlen(c->inner), &e), &e);
	ck_assert_str_eq(d->cmd.v[0], "bash");
	ck_assert_str_eq(d->inner, c->inner);
	ck_assert_str_eq(d->arch, "");
}
END_TEST

START_TEST(an_empty_document_is_an_empty_config)
{
	auto_oci struct oci_config *c = NULL;
	struct err e = { 0 };

	ck_ok(oci_parse_image(&c, "{\"config\":null}", 15, &e), &e);
	ck_assert_str_eq(c->inner, "{}");
	ck_assert_str_eq(c->user, "");
	ck_assert_int_eq(oci_created(c), 0);
}
END_TEST

START_TEST(a_lone_string_is_a_list_of_one)
{
	auto_oci struct oci_config *c = NULL;
	struct err e = { 0 };

	ck_ok(oci_parse_config(&c, "{\"Cmd\":\"x y\"}", 13, &e), &e);
	ck_assert_uint_eq(c->cmd.n, 1);
	ck_assert_str_eq(c->cmd.v[0], "x y");
}
END_TEST

START_TEST(hostile_documents_are_refused_by_name)
{
	static const struct {
		const char *json, *text;
	} t[] = {
		{ "[]", "image config: no JSON object" },
		{ "", "image config: " },
		{ "{\"config\":[]}", "image config: config is no object" },
		{ "{\"architecture\":7}", "image config: architecture is no string" },
		{ "{\"os\":\"a\\u0000b\"}", "image config: os is no string" },
		{ "{\"config\":{\"Env\":{}}}", "image config: Env is no list" },
		{ "{\"config\":{\"Env\":[\"A=1\",2]}}", "image config: Env[1] is no string" },
		{ "{\"config\":{\"Cmd\":[null]}}", "image config: Cmd[0] is no string" },
		{ "{\"config\":{\"Labels\":[]}}", "image config: Labels is no object" },
		{ "{\"config\":{\"Labels\":{\"k\":1}}}", "image config: label k is no string" },
		{ "{\"rootfs\":{\"diff_ids\":{}}}", "image config: rootfs.diff_ids is no list" },
		{ "{\"rootfs\":{\"diff_ids\":[\"x\"]}}", "image config: diff_ids[0]: \"x\" is no" },
		{ "{\"rootfs\":{\"diff_ids\":[3]}}", "image config: diff_ids[0] is no string" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct oci_config *c = NULL;
		struct err e = { 0 };

		ck_assert_int_eq(oci_parse_image(&c, t[i].json, strlen(t[i].json), &e), -1);
		ck_assert_ptr_null(c);
		ck_assert_msg(str_has_prefix(e.text, t[i].text), "%s: %s", t[i].json, e.text);
	}
}
END_TEST

START_TEST(a_huge_document_is_refused_by_its_size)
{
	size_t n = 100u << 20;
	auto_free char *p = xcalloc(1, n);
	struct oci_config *c = NULL;
	struct err e = { 0 };

	ck_assert_int_eq(oci_parse_image(&c, p, n, &e), -1);
	ck_assert_int_eq(e.kind, ERR_LIMIT);
}
END_TEST

START_TEST(times_are_read_in_any_zone)
{
	static const struct {
		const char *text;
		int64_t want;
	} t[] = {
		{ "2025-01-02T10:11:12Z", 1735812672 },
		{ "2025-01-02T10:11:12.123456789Z", 1735812672 },
		{ "2025-01-02T12:11:12+02:00", 1735812672 },
		{ "2025-01-02T04:41:12.5-05:30", 1735812672 },
		{ "1970-01-01T00:00:00Z", 0 },
		{ "0001-01-01T00:00:00Z", 0 },
		{ "9999-12-31T23:59:59Z", 0 },
		{ "yesterday", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct oci_config c = { .created = t[i].text };

		ck_assert_int_eq(oci_created(&c), t[i].want);
	}
}
END_TEST

UNIT(oci, an_image_config_is_read_whole, the_inner_config_reads_back_alike,
     an_empty_document_is_an_empty_config, a_lone_string_is_a_list_of_one,
     hostile_documents_are_refused_by_name, a_huge_document_is_refused_by_its_size,
     times_are_read_in_any_zone)
