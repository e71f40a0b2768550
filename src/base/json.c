/* json-c parses, we bound: a document is refused by size and by the number of its
 * values before it is parsed (8 MB of "{}," would take 2 GB of memory) and by depth
 * while it is.  Numbers stay json-c's 64-bit integers. */
#include "src/base/json.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH  64
#define MAX_MEMORY (48u << 20)

/* json-c's own type is never const; nothing here changes a document. */
static json_object *raw(const struct json *j)
{
	return (json_object *)(uintptr_t)j;
}

static const struct json *wrap(json_object *o)
{
	return (const struct json *)o;
}

static int only_blanks(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr(" \t\r\n", p[i]) || !p[i])
			return 0;
	return 1;
}

/* Whether json-c would need more than MAX_MEMORY: an empty object is 700 bytes. */
static bool is_too_rich(const char *p, size_t n)
{
	size_t cost = 0;
	bool text = false;

	for (size_t i = 0; i < n && cost <= MAX_MEMORY; i++) {
		if (p[i] == '"')
			text = !text;
		else if (text)
			i += p[i] == '\\';
		else
			cost += p[i] == '{' ? 704 : p[i] == '[' ? 192 : p[i] == ',' ? 96 : 0;
	}
	return cost > MAX_MEMORY;
}

int json_parse(struct json **out, const char *p, size_t n, size_t max, struct err *e)
{
	json_tokener *t;
	json_object *o;
	enum json_tokener_error why;
	size_t end;

	*out = NULL;
	if (n > max || n > INT32_MAX)
		return err_set(e, ERR_LIMIT,
			       "JSON document of %zu bytes is larger than the limit of %zu", n,
			       max);
	if (is_too_rich(p, n))
		return err_set(
			e, ERR_LIMIT,
			"JSON document has too many values: they would take more than %u MiB",
			MAX_MEMORY >> 20);
	t = json_tokener_new_ex(MAX_DEPTH);
	if (!t)
		abort();
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	o = json_tokener_parse_ex(t, p, (int)n);
	why = json_tokener_get_error(t);
	end = json_tokener_get_parse_end(t);
	/* A bare number ends only at what follows it. */
	if (why == json_tokener_continue) {
		o = json_tokener_parse_ex(t, "", 1);
		why = json_tokener_get_error(t);
		end = n;
	}
	json_tokener_free(t);
	if (why == json_tokener_error_depth) {
		json_object_put(o);
		return err_set(e, ERR_LIMIT, "JSON is nested deeper than %d levels", MAX_DEPTH);
	}
	if (why != json_tokener_success || !only_blanks(p + end, n - end)) {
		json_object_put(o);
		return err_set(e, ERR_INPUT, "not valid JSON at byte %zu: %s", end,
			       why == json_tokener_success ? "text after the document"
							   : json_tokener_error_desc(why));
	}
	*out = (struct json *)o;
	return 0;
}

void json_free(struct json *j)
{
	json_object_put((json_object *)j);
}

enum json_kind json_kind(const struct json *j)
{
	switch (json_object_get_type(raw(j))) {
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_double:
	case json_type_int:
		return JSON_NUMBER;
	case json_type_string:
		return JSON_STRING;
	case json_type_array:
		return JSON_ARRAY;
	case json_type_object:
		return JSON_OBJECT;
	default:
		return JSON_NULL;
	}
}

const struct json *json_get(const struct json *j, const char *key)
{
	json_object *v = NULL;

	if (json_kind(j) != JSON_OBJECT)
		return NULL;
	json_object_object_get_ex(raw(j), key, &v);
	return wrap(v);
}

const char *json_str(const struct json *j)
{
	const char *s;

	if (json_kind(j) != JSON_STRING)
		return NULL;
	s = json_object_get_string(raw(j));
	return strlen(s) == (size_t)json_object_get_string_len(raw(j)) ? s : NULL;
}

int json_i64(const struct json *j, int64_t *out)
{
	if (json_object_get_type(raw(j)) != json_type_int)
		return 1;
	*out = json_object_get_int64(raw(j));
	/* json-c saturates: a value at the edge is one that did not fit, or as good as. */
	return *out == INT64_MAX || *out == INT64_MIN;
}

size_t json_len(const struct json *j)
{
	if (json_kind(j) == JSON_ARRAY)
		return json_object_array_length(raw(j));
	if (json_kind(j) == JSON_OBJECT)
		return (size_t)json_object_object_length(raw(j));
	return 0;
}

const struct json *json_at(const struct json *j, size_t i)
{
	return json_kind(j) == JSON_ARRAY ? wrap(json_object_array_get_idx(raw(j), i)) : NULL;
}

int json_members(const struct json *j, int (*f)(void *arg, const char *key, const struct json *v),
		 void *arg)
{
	if (json_kind(j) != JSON_OBJECT)
		return 0;
	json_object_object_foreach(raw(j), key, value)
	{
		int r = f(arg, key, wrap(value));

		if (r)
			return r;
	}
	return 0;
}

void json_dump(const struct json *j, struct buf *out)
{
	buf_adds(out, json_object_to_json_string_ext(
			      raw(j), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Bytes of the UTF-8 character at s (RFC 3629); 0 when it is none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong, a surrogate, beyond U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* A name of a file may hold any byte, a JSON text may not: U+FFFD stands for it. */
static void add_quoted(struct jw *w, const char *s)
{
	buf_addch(w->out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		const char *esc = strchr("\"\\\b\f\n\r\t", c);
		size_t n = utf8_length((const unsigned char *)s);

		if (esc && c)
			buf_printf(w->out, "\\%c", "\"\\bfnrt"[esc - "\"\\\b\f\n\r\t"]);
		else if (c < 0x20 || c == 0x7f || (w->html && strchr("<>&", c)))
			buf_printf(w->out, "\\u%04x", c);
		else if (n)
			buf_add(w->out, s, n), s += n - 1;
		else
			buf_adds(w->out, "\\ufffd");
	}
	buf_addch(w->out, '"');
}

static void new_line(struct jw *w)
{
	if (!w->indent)
		return;
	buf_addch(w->out, '\n');
	for (int i = 0; i < w->depth_; i++) {
		if (w->indent < 0)
			buf_addch(w->out, '\t');
		else
			buf_printf(w->out, "%*s", w->indent, "");
	}
}

static void begin_value(struct jw *w, const char *key)
{
	if (w->need_comma_)
		buf_addch(w->out, ',');
	if (w->depth_)
		new_line(w);
	if (key) {
		add_quoted(w, key);
		buf_adds(w->out, w->indent ? ": " : ":");
	}
	w->need_comma_ = true;
}

static void open_level(struct jw *w, const char *key, bool array)
{
	begin_value(w, key);
	buf_addch(w->out, array ? '[' : '{');
	w->depth_++;
	w->array_ = (w->array_ & ~(1ull << w->depth_)) | (uint64_t)array << w->depth_;
	w->need_comma_ = false;
}

void jw_obj(struct jw *w, const char *key)
{
	open_level(w, key, false);
}

void jw_arr(struct jw *w, const char *key)
{
	open_level(w, key, true);
}

void jw_end(struct jw *w)
{
	bool array = w->array_ >> w->depth_ & 1;

	w->depth_--;
	if (w->need_comma_)
		new_line(w);
	buf_addch(w->out, array ? ']' : '}');
	w->need_comma_ = true;
}

void jw_str(struct jw *w, const char *key, const char *v)
{
	begin_value(w, key);
	if (v)
		add_quoted(w, v);
	else
		buf_adds(w->out, "null");
}

void jw_int(struct jw *w, const char *key, int64_t v)
{
	begin_value(w, key);
	buf_printf(w->out, "%" PRId64, v);
}

void jw_bool(struct jw *w, const char *key, bool v)
{
	begin_value(w, key);
	buf_adds(w->out, v ? "true" : "false");
}
