#include "tests/unit/unit.h"

#include <string.h>

#include "bindings/yaml.h"

START_TEST(the_yaml_of_specs_becomes_json)
{
	static const struct {
		const char *yaml, *json;
	} rows[] = {
		{ "a: 1\nb: two # comment\nc: \"x: #y\"\nd: 'it''s'\n",
		  "{\"a\":1,\"b\":\"two\",\"c\":\"x: #y\",\"d\":\"it's\"}" },
		{ "---\ncdiVersion: 0.6.0\nkind: nvidia.com/gpu\n",
		  "{\"cdiVersion\":\"0.6.0\",\"kind\":\"nvidia.com/gpu\"}" },
		{ "devices:\n- name: \"0\"\n  containerEdits:\n    deviceNodes:\n    - path: "
		  "/dev/a\n"
		  "    - path: /dev/b\n- name: all\n",
		  "{\"devices\":[{\"name\":\"0\",\"containerEdits\":{\"deviceNodes\":[{\"path\":\"/"
		  "dev/"
		  "a\"},{\"path\":\"/dev/b\"}]}},{\"name\":\"all\"}]}" },
		{ "args:\n    - nvidia-cdi-hook\n    - --link\n    - a::b\nlast: true\n",
		  "{\"args\":[\"nvidia-cdi-hook\",\"--link\",\"a::b\"],\"last\":true}" },
		{ "o: [ro, nosuid, \"a,b\", 3]\nm: {x: 1, y: [p, q], 'z': }\ne: []\nf: {}\n",
		  "{\"o\":[\"ro\",\"nosuid\",\"a,b\",3],\"m\":{\"x\":1,\"y\":[\"p\",\"q\"],\"z\":"
		  "null},"
		  "\"e\":[],\"f\":{}}" },
		{ "t: |\n  one\n    two\n\n  three\nu: >-\n  a\n  b\n",
		  "{\"t\":\"one\\n  two\\n\\nthree\\n\",\"u\":\"a b\"}" },
		{ "n: null\nt: ~\nv:\nw: -5\nx: 0o17\ny: 1.5\nz: 08x\n",
		  "{\"n\":null,\"t\":null,\"v\":null,\"w\":-5,\"x\":15,\"y\":\"1.5\",\"z\":"
		  "\"08x\"}" },
		{ "- - a\n  - b\n-\n  - c\n", "[[\"a\",\"b\"],[\"c\"]]" },
		{ "\"quoted key\": v\nurl: http://x/y\n",
		  "{\"quoted key\":\"v\",\"url\":\"http://x/y\"}" },
		{ "{\"a\": [1, 2]}\n", "{\"a\":[1,2]}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf out = { 0 };
		struct err e;

		ck_ok(yaml_to_json(&out, rows[i].yaml, strlen(rows[i].yaml), &e), &e);
		ck_assert_str_eq(buf_str(&out), rows[i].json);
	}
}
END_TEST

START_TEST(what_is_not_read_is_refused_with_its_line)
{
	static const struct {
		const char *yaml, *why;
	} rows[] = {
		{ "", "line 1: there is nothing in it" },
		{ "# only a comment\n", "line 1: there is nothing in it" },
		{ "a: 1\nb: &x 2\n", "line 2: anchors, aliases and tags are not read" },
		{ "a: *x\n", "line 1: anchors, aliases and tags are not read" },
		{ "a: !!str 1\n", "line 1: anchors, aliases and tags are not read" },
		{ "<<: {a: 1}\n", "line 1: anchors, aliases and tags are not read" },
		{ "a: \"open\n", "line 1: a quote without its end" },
		{ "a: [1, 2\n", "line 1: a bracket that is not closed on its line" },
		{ "a: 1\n   b: 2\n", "line 2: indented more than its neighbours" },
		{ "a: 1\njust text\n", "line 2: not \"name: value\"" },
		{ "a:\n\tb: 1\n", "line 2: a tab as indentation" },
		{ "a: 1\n---\nb: 2\n", "line 2: not \"name: value\"" },
		{ "a: \"\\q\"\n", "line 1: an escape that is not known" },
		{ "a: \"x\" y\n", "line 1: text behind a value" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf out = { 0 };
		struct err e;

		ck_assert_int_eq(yaml_to_json(&out, rows[i].yaml, strlen(rows[i].yaml), &e), -1);
		ck_assert_int_eq(e.kind, ERR_INPUT);
		ck_assert_str_eq(e.text, rows[i].why);
	}
}
END_TEST

START_TEST(nesting_has_an_end)
{
	auto_buf struct buf deep = { 0 }, out = { 0 }, flow = { 0 };
	struct err e;

	for (int i = 0; i < 100; i++)
		buf_printf(&deep, "%*sa:\n", i, "");
	ck_assert_int_eq(yaml_to_json(&out, buf_str(&deep), deep.len, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "nested too deep"));
	buf_adds(&flow, "a: ");
	for (int i = 0; i < 100; i++)
		buf_addch(&flow, '[');
	ck_assert_int_eq(yaml_to_json(&out, buf_str(&flow), flow.len, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "nested too deep"));
}
END_TEST

UNIT(yaml, the_yaml_of_specs_becomes_json, what_is_not_read_is_refused_with_its_line,
     nesting_has_an_end)
