#include "tests/unit/unit.h"

#include <string.h>

#include "src/base/json.h"

static int parse(struct json **out, const char *text, struct err *e)
{
	return json_parse(out, text, strlen(text), 1 << 20, e);
}

START_TEST(members_of_the_wrong_type_read_as_absent)
{
	auto_json struct json *j = NULL;
	struct err e = { 0 };
	int64_t n = 0;

	ck_ok(parse(&j, "{\"s\":\"x\",\"n\":7,\"a\":[1,2],\"o\":{\"k\":null}}", &e), &e);
	ck_assert_str_eq(json_str(json_get(j, "s")), "x");
	ck_assert_ptr_null(json_str(json_get(j, "n")));
	ck_assert_int_eq(json_i64(json_get(j, "n"), &n), 0);
	ck_assert_int_eq(n, 7);
	ck_assert_int_eq(json_i64(json_get(j, "s"), &n), 1);
	ck_assert_uint_eq(json_len(json_get(j, "a")), 2);
	ck_assert_ptr_null(json_get(json_get(j, "o"), "k"));
	ck_assert_ptr_null(json_get(json_get(j, "nothing"), "k"));
	ck_assert_ptr_null(json_at(json_get(j, "o"), 0));
}
END_TEST

START_TEST(what_is_not_json_is_refused_with_its_place)
{
	static const char *const bad[] = { "",	  "{",	 "{\"a\":1,}", "[1] x", "['a']",
					   "nul", "\"a", "{\"a\" 1}",  "\x01" };
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_json struct json *j = NULL;

		ck_assert_msg(parse(&j, bad[i], &e) == -1, "accepted %s", bad[i]);
		ck_assert_int_eq(e.kind, ERR_INPUT);
		ck_assert_int_eq(strncmp(e.text, "not valid JSON at byte ", 23), 0);
	}
}
END_TEST

START_TEST(a_document_of_countless_values_is_not_parsed)
{
	static const char *const units[] = { "{},", "[],", "0," };
	auto_free char *text = xmalloc(8 << 20);

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		auto_json struct json *j = NULL;
		struct err e = { 0 };
		size_t u = strlen(units[i]), n = 1;

		text[0] = '[';
		for (; n + u < 8 << 20; n += u)
			memcpy(text + n, units[i], u);
		text[n - 1] = ']';
		ck_assert_int_eq(json_parse(&j, text, n, 8 << 20, &e), -1);
		ck_assert_str_eq(e.text, "JSON document has too many values: they would take more "
					 "than 48 MiB");
	}
}
END_TEST

START_TEST(a_long_string_of_brackets_is_one_value)
{
	auto_json struct json *j = NULL;
	auto_free char *text = xmalloc(1 << 20);
	struct err e = { 0 };

	memset(text, '{', 1 << 20);
	memcpy(text, "[\"\\\"", 4);
	memcpy(text + (1 << 20) - 2, "\"]", 2);
	ck_ok(json_parse(&j, text, 1 << 20, 1 << 20, &e), &e);
	ck_assert_uint_eq(json_len(j), 1);
}
END_TEST

START_TEST(depth_and_size_are_bounded_before_trust)
{
	auto_json struct json *j = NULL;
	struct err e = { 0 };
	char deep[4096];

	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	ck_assert_int_eq(parse(&j, deep, &e), -1);
	ck_assert_int_eq(e.kind, ERR_LIMIT);
	ck_assert_str_eq(e.text, "JSON is nested deeper than 64 levels");
	ck_assert_int_eq(json_parse(&j, "[1,2]", 5, 4, &e), -1);
	ck_assert_int_eq(e.kind, ERR_LIMIT);
}
END_TEST

START_TEST(a_bare_number_is_a_document)
{
	auto_json struct json *j = NULL;
	struct err e = { 0 };
	int64_t n = 0;

	ck_ok(parse(&j, "12", &e), &e);
	ck_assert_int_eq(json_i64(j, &n), 0);
	ck_assert_int_eq(n, 12);
}
END_TEST

START_TEST(numbers_that_do_not_fit_are_no_integers)
{
	auto_json struct json *j = NULL;
	struct err e = { 0 };
	int64_t n = 0;

	ck_ok(parse(&j, "[99999999999999999999999, 1.5]", &e), &e);
	ck_assert_int_eq(json_i64(json_at(j, 0), &n), 1);
	ck_assert_int_eq(json_i64(json_at(j, 1), &n), 1);
}
END_TEST

static void write_sample(struct jw *w)
{
	jw_obj(w, NULL);
	jw_str(w, "a", "x\"\n<");
	jw_arr(w, "l");
	jw_int(w, NULL, 1);
	jw_bool(w, NULL, true);
	jw_end(w);
	jw_obj(w, "e");
	jw_end(w);
	jw_end(w);
}

START_TEST(written_text_is_stable_in_every_layout)
{
	auto_buf struct buf b = { 0 };

	write_sample(&(struct jw){ .out = &b, .html = true });
	ck_assert_str_eq(buf_str(&b), "{\"a\":\"x\\\"\\n\\u003c\",\"l\":[1,true],\"e\":{}}");
	buf_clear(&b);
	write_sample(&(struct jw){ .out = &b, .indent = 2 });
	ck_assert_str_eq(buf_str(&b), "{\n  \"a\": \"x\\\"\\n<\",\n  \"l\": [\n    1,\n    true\n"
				      "  ],\n  \"e\": {}\n}");
}
END_TEST

START_TEST(what_is_no_utf_8_is_written_as_a_replacement)
{
	auto_buf struct buf b = { 0 };
	struct jw w = { .out = &b };

	jw_arr(&w, NULL);
	jw_str(&w, NULL, "\xc3\xa9 \xf0\x9f\x90\xb3");
	jw_str(&w, NULL,
	       "a\xff"
	       "b\xc3");
	jw_str(&w, NULL, "\xc0\xaf\xed\xa0\x80");
	jw_end(&w);
	ck_assert_str_eq(buf_str(&b), "[\"\xc3\xa9 \xf0\x9f\x90\xb3\",\"a\\ufffdb\\ufffd\","
				      "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"]");
}
END_TEST

UNIT(json, what_is_no_utf_8_is_written_as_a_replacement, members_of_the_wrong_type_read_as_absent,
     what_is_not_json_is_refused_with_its_place, a_document_of_countless_values_is_not_parsed,
     a_long_string_of_brackets_is_one_value, depth_and_size_are_bounded_before_trust,
     a_bare_number_is_a_document, numbers_that_do_not_fit_are_no_integers,
     written_text_is_stable_in_every_layout)
