#include "src/base/toml.h"

#include <string.h>

#include "tests/unit/unit.h"

/* The document as compact JSON, or the error's text. */
static const char *read(const char *text)
{
	static struct buf out;
	auto_json struct json *doc = NULL;
	struct err e = { 0 };

	buf_clear(&out);
	if (toml_parse(&doc, text, strlen(text), 1 << 16, &e) < 0)
		buf_adds(&out, e.text);
	else
		json_dump(doc, &out);
	return buf_str(&out);
}

START_TEST(values_have_the_kind_that_they_look_like)
{
	static const struct {
		const char *toml, *json;
	} rows[] = {
		{ "", "{}" },
		{ "# only a comment", "{}" },
		{ "a = 1", "{\"a\":1}" },
		{ "a = -17\nb = +4\nc = 1_000", "{\"a\":-17,\"b\":4,\"c\":1000}" },
		{ "a = 0xff\nb = 0o17\nc = 0b101", "{\"a\":255,\"b\":15,\"c\":5}" },
		{ "a = true # yes\r\nb = false\r\n", "{\"a\":true,\"b\":false}" },
		{ "a = 'C:\\x'", "{\"a\":\"C:\\\\x\"}" },
		{ "a = \"t\\tq\\\"\\u00e9\"", "{\"a\":\"t\\tq\\\"\u00e9\"}" },
		{ "a = \"\"\"\none\\\n   two\"\"\"", "{\"a\":\"onetwo\"}" },
		{ "a = '''\nx'y\n'''", "{\"a\":\"x'y\\n\"}" },
		{ "a = 1979-05-27T07:32:00Z", "{\"a\":\"1979-05-27T07:32:00Z\"}" },
		{ "a = 1979-05-27 07:32:00", "{\"a\":\"1979-05-27 07:32:00\"}" },
		{ "a = [1, 2, # two\n 3,\n]", "{\"a\":[1,2,3]}" },
		{ "a = { b = 1, c.d = 2 }", "{\"a\":{\"b\":1,\"c\":{\"d\":2}}}" },
		{ "a.b.c = 1\na.d = 2", "{\"a\":{\"b\":{\"c\":1},\"d\":2}}" },
		{ "\"a.b\" = 1", "{\"a.b\":1}" },
		{ "[a]\nx = 1\n[a.b]\ny = 2\n[c]", "{\"a\":{\"x\":1,\"b\":{\"y\":2}},\"c\":{}}" },
		{ "[[r]]\nn = 1\n[[r.m]]\nk = 1\n[[r.m]]\nk = 2\n[[r]]\nn = 2",
		  "{\"r\":[{\"n\":1,\"m\":[{\"k\":1},{\"k\":2}]},{\"n\":2}]}" },
		{ "\xef\xbb\xbf"
		  "a = 1",
		  "{\"a\":1}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_str_eq(read(rows[i].toml), rows[i].json);
}
END_TEST

START_TEST(what_is_wrong_is_said_with_its_line)
{
	static const struct {
		const char *toml, *error;
	} rows[] = {
		{ "a = 1\na = 2", "line 2: a is set twice" },
		{ "a = word", "line 1: \"word\" is no value (text needs quotes)" },
		{ "a = \"x", "line 1: a string without its end" },
		{ "\n\na 1", "line 3: \"=\" was expected behind a" },
		{ "[a]\n[a]", "line 2: [a] is there twice" },
		{ "a = {b = 1}\na.c = 2", "line 2: a is no table that can be added to" },
		{ "a = [1 2]", "line 1: \",\" or \"]\" was expected in an array" },
		{ "a = 1 2", "line 1: more text behind a value" },
		{ "a = 01", "line 1: \"01\" is no value (text needs quotes)" },
		{ "a = \"\\q\"", "line 1: an unknown escape in a string" },
		{ "[[a]]\n[a.b]\n[a]", "line 3: [a] is there twice" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_str_eq(read(rows[i].toml), rows[i].error);
}
END_TEST

START_TEST(depth_and_size_are_bounded)
{
	auto_buf struct buf deep = { 0 };

	buf_adds(&deep, "a = ");
	for (int i = 0; i < 100; i++)
		buf_addch(&deep, '[');
	ck_assert_ptr_nonnull(strstr(read(buf_str(&deep)), "more than 32 levels"));
}
END_TEST

UNIT(toml, values_have_the_kind_that_they_look_like, what_is_wrong_is_said_with_its_line,
     depth_and_size_are_bounded)
