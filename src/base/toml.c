/* TOML 1.0.0.  Tables come in any order and may be reopened by dotted keys, so the document is
 * first a tree of nodes; its JSON text is then read by json.c, which bounds it once more. */
#include "src/base/toml.h"

#include <stdio.h>
#include <string.h>

#include "src/base/arena.h"

#define DEPTH_MAX 32

enum kind { TABLE, ARRAY, VALUE };

struct node {
	struct node *next, *first, *last;
	const char *key;   /* in a table */
	const char *value; /* JSON text of a VALUE */
	enum kind kind;
	bool defined; /* [table] was there, or it is inline: no second header may name it */
	bool closed;  /* an inline table or array: nothing can be added */
};

struct reader {
	struct arena arena;
	const char *p, *end;
	unsigned line, depth;
	struct err *e;
};

#define bad(r, ...) bad_(r, xasprintf(__VA_ARGS__))

static int bad_(struct reader *r, char *why)
{
	err_set(r->e, ERR_INPUT, "line %u: %s", r->line, why);
	free(why);
	return -1;
}

static int look(const struct reader *r, size_t i)
{
	return r->p + i < r->end ? (unsigned char)r->p[i] : -1;
}

static bool starts(const struct reader *r, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(r->end - r->p) >= n && !memcmp(r->p, s, n);
}

static void skip_blanks(struct reader *r)
{
	while (look(r, 0) == ' ' || look(r, 0) == '\t')
		r->p++;
}

static void skip_comment(struct reader *r)
{
	if (look(r, 0) == '#')
		while (r->p < r->end && *r->p != '\n')
			r->p++;
}

/* Blanks, comments and line ends. */
static void skip_lines(struct reader *r)
{
	for (;;) {
		skip_blanks(r);
		skip_comment(r);
		if (look(r, 0) == '\r' && look(r, 1) == '\n')
			r->p++;
		if (look(r, 0) != '\n')
			return;
		r->p++;
		r->line++;
	}
}

static struct node *child_new(struct reader *r, struct node *in, const char *key, enum kind kind)
{
	struct node *n = arena_alloc(&r->arena, sizeof(*n));

	*n = (struct node){ .key = key, .kind = kind };
	if (in->last)
		in->last->next = n;
	else
		in->first = n;
	in->last = n;
	return n;
}

static struct node *child_find(const struct node *in, const char *key)
{
	struct node *n;

	for (n = in->first; n && strcmp(n->key, key) != 0; n = n->next)
		;
	return n;
}

/* ---- strings ---- */

static int add_utf8(struct buf *out, uint32_t c)
{
	if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return -1;
	if (c < 0x80) {
		buf_addch(out, (char)c);
		return 0;
	}
	if (c < 0x800) {
		buf_addch(out, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_addch(out, (char)(0xe0 | c >> 12));
		} else {
			buf_addch(out, (char)(0xf0 | c >> 18));
			buf_addch(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_addch(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_addch(out, (char)(0x80 | (c & 0x3f)));
	return 0;
}

static int hex_of(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

static int unicode(struct reader *r, unsigned digits, struct buf *out)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < digits; i++, r->p++) {
		int h = hex_of(look(r, 0));

		if (h < 0)
			return bad(r, "\\%c needs %u hex digits", digits == 4 ? 'u' : 'U', digits);
		v = v << 4 | (uint32_t)h;
	}
	return add_utf8(out, v) < 0 ? bad(r, "no such character") : 0;
}

/* Behind a backslash. */
static int escape(struct reader *r, bool multi, struct buf *out)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	int c = look(r, 0);
	const char *at = c > 0 ? strchr(from, c) : NULL;

	if (multi && (c == '\n' || c == '\r' || c == ' ' || c == '\t')) {
		unsigned line = r->line;

		while ((c = look(r, 0)) == '\n' || c == '\r' || c == ' ' || c == '\t') {
			r->line += c == '\n';
			r->p++;
		}
		return r->line > line ? 0 : bad(r, "a backslash before a blank");
	}
	r->p++;
	if (c == 'u' || c == 'U')
		return unicode(r, c == 'u' ? 4 : 8, out);
	if (!at)
		return bad(r, "an unknown escape in a string");
	buf_addch(out, to[at - from]);
	return 0;
}

/* Any of the four kinds; the reader stands at the quote. */
static int string(struct reader *r, struct buf *out, bool may_multi)
{
	char quote = *r->p;
	const char three[] = { quote, quote, quote, '\0' };
	bool multi = may_multi && starts(r, three), basic = quote == '"';

	r->p += multi ? 3 : 1;
	if (multi && look(r, 0) == '\r' && look(r, 1) == '\n')
		r->p++;
	if (multi && look(r, 0) == '\n') {
		r->p++;
		r->line++;
	}
	for (;;) {
		int c = look(r, 0);

		if (c < 0 || (!multi && c == '\n'))
			return bad(r, "a string without its end");
		if ((c < ' ' && c != '\t' && !(multi && (c == '\n' || c == '\r'))) || c == 0x7f)
			return bad(r, "a control character in a string");
		/* Quotes before the closing three belong to the text. */
		if (multi ? starts(r, three) && look(r, 3) != quote : c == quote)
			break;
		r->p++;
		if (basic && c == '\\') {
			if (escape(r, multi, out) < 0)
				return -1;
			continue;
		}
		r->line += c == '\n';
		buf_addch(out, (char)c);
	}
	r->p += multi ? 3 : 1;
	return 0;
}

static const char *json_text(struct reader *r, const char *s)
{
	auto_buf struct buf b = { 0 };
	struct jw w = { .out = &b };

	jw_str(&w, NULL, s);
	return arena_strdup(&r->arena, buf_str(&b));
}

/* ---- keys ---- */

static bool is_bare(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c == '-';
}

static int key(struct reader *r, const char **out)
{
	auto_buf struct buf b = { 0 };
	const char *start = r->p;

	if (look(r, 0) == '"' || look(r, 0) == '\'') {
		if (string(r, &b, false) < 0)
			return -1;
	} else {
		while (is_bare(look(r, 0)))
			r->p++;
		if (r->p == start)
			return bad(r, "a key was expected");
		buf_add(&b, start, (size_t)(r->p - start));
	}
	*out = arena_strdup(&r->arena, buf_str(&b));
	return 0;
}

/* The table that key leads into from t, made when it is not there. */
static int step(struct reader *r, struct node **t, const char *name)
{
	struct node *n = child_find(*t, name);

	if (!n)
		n = child_new(r, *t, name, TABLE);
	if (n->kind == ARRAY && !n->closed && n->last)
		n = n->last; /* the latest of [[name]] */
	if (n->kind != TABLE || n->closed)
		return bad(r, "%.60s is no table that can be added to", name);
	*t = n;
	return 0;
}

/* Reads "a.b.c": *t becomes the table of the last part, whose name is *last. */
static int dotted(struct reader *r, struct node **t, const char **last)
{
	for (unsigned parts = 1;; parts++) {
		if (key(r, last) < 0)
			return -1;
		skip_blanks(r);
		if (look(r, 0) != '.')
			return 0;
		if (parts == DEPTH_MAX)
			return err_set(r->e, ERR_LIMIT, "line %u: more than %d levels", r->line,
				       DEPTH_MAX);
		r->p++;
		skip_blanks(r);
		if (step(r, t, *last) < 0)
			return -1;
	}
}

/* ---- values ---- */

static int value(struct reader *r, struct node *into);

static int pair(struct reader *r, struct node *t)
{
	const char *last;

	if (dotted(r, &t, &last) < 0)
		return -1;
	if (look(r, 0) != '=')
		return bad(r, "\"=\" was expected behind %.60s", last);
	r->p++;
	skip_blanks(r);
	if (child_find(t, last))
		return bad(r, "%.60s is set twice", last);
	return value(r, child_new(r, t, last, VALUE));
}

static int array(struct reader *r, struct node *into)
{
	into->kind = ARRAY;
	into->closed = true;
	for (r->p++;;) {
		skip_lines(r);
		if (look(r, 0) == ']')
			break;
		if (value(r, child_new(r, into, NULL, VALUE)) < 0)
			return -1;
		skip_lines(r);
		if (look(r, 0) == ',')
			r->p++;
		else if (look(r, 0) != ']')
			return bad(r, "\",\" or \"]\" was expected in an array");
	}
	r->p++;
	return 0;
}

static int inline_table(struct reader *r, struct node *into)
{
	into->kind = TABLE;
	r->p++;
	skip_blanks(r);
	while (look(r, 0) != '}') {
		if (pair(r, into) < 0)
			return -1;
		skip_blanks(r);
		if (look(r, 0) == ',') {
			r->p++;
			skip_blanks(r);
		} else if (look(r, 0) != '}') {
			return bad(r, "\",\" or \"}\" was expected in an inline table");
		}
	}
	r->p++;
	into->closed = true;
	return 0;
}

/* 0x, 0o, 0b: the value as decimal text.  -1 when it is none. */
static int based(const char *s, char *out, size_t size)
{
	unsigned base = s[1] == 'x' ? 16 : s[1] == 'o' ? 8 : 2;
	uint64_t v = 0;

	for (s += 2; *s; s++) {
		int h = hex_of(*s);

		if (h < 0 || (unsigned)h >= base || v > (uint64_t)INT64_MAX / base)
			return -1;
		v = v * base + (unsigned)h;
	}
	if (v > (uint64_t)INT64_MAX)
		return -1;
	snprintf(out, size, "%llu", (unsigned long long)v);
	return 0;
}

/* A decimal number as JSON has it: [-]digits[.digits][e[+-]digits], no leading zeros. */
static bool is_decimal(const char *s)
{
	size_t n;

	s += *s == '-';
	n = strspn(s, "0123456789");
	if (!n || (n > 1 && *s == '0'))
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(s + 1, "0123456789");
		if (!n)
			return false;
		s += n + 1;
	}
	if (*s == 'e' || *s == 'E') {
		s += s[1] == '+' || s[1] == '-' ? 2 : 1;
		n = strspn(s, "0123456789");
		if (!n)
			return false;
		s += n;
	}
	return !*s;
}

/* Every '_' stands between two digits. */
static bool take_underscores(const char *s, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] != '_')
			*out++ = s[i];
		else if (!i || i + 1 == n || hex_of(s[i - 1]) < 0 || hex_of(s[i + 1]) < 0)
			return false;
	}
	*out = '\0';
	return true;
}

static bool is_date(const char *s, size_t n)
{
	return (n >= 10 && s[4] == '-' && s[7] == '-' && strspn(s, "0123456789-:.TtZz+ ") >= n) ||
	       (n >= 8 && s[2] == ':' && s[5] == ':' && strspn(s, "0123456789:.") >= n);
}

static int word(struct reader *r, struct node *into)
{
	const char *s = r->p;
	char text[80], plain[80];
	size_t n = 0;

	while (is_bare(look(r, n)) || look(r, n) == '+' || look(r, n) == '.' || look(r, n) == ':')
		n++;
	/* "1979-05-27 07:32:00" */
	if (n == 10 && s[4] == '-' && look(r, n) == ' ' && hex_of(look(r, n + 1)) >= 0)
		for (n++; is_bare(look(r, n)) || (look(r, n) > 0 && strchr("+.:", look(r, n))); n++)
			;
	if (!n || n >= sizeof(text))
		return bad(r, "a value was expected");
	r->p += n;
	snprintf(text, sizeof(text), "%.*s", (int)n, s);
	if (!strcmp(text, "true") || !strcmp(text, "false")) {
		into->value = arena_strdup(&r->arena, text);
	} else if (is_date(text, n) || !strcmp(text + strspn(text, "+-"), "inf") ||
		   !strcmp(text + strspn(text, "+-"), "nan")) {
		into->value = json_text(r, text);
	} else {
		const char *number = plain;

		if (!take_underscores(text, n, plain))
			return bad(r, "\"%s\" is no value", text);
		if (plain[0] == '0' && plain[1] && strchr("xob", plain[1]) && plain[2]) {
			if (based(plain, text, sizeof(text)) < 0)
				return bad(r, "\"%s\" is no number", plain);
			number = text;
		} else {
			number += *plain == '+';
			if (!is_decimal(number) || (*plain == '+' && *number == '-'))
				return bad(r, "\"%s\" is no value (text needs quotes)", text);
		}
		into->value = arena_strdup(&r->arena, number);
	}
	return 0;
}

static int value(struct reader *r, struct node *into)
{
	auto_buf struct buf b = { 0 };
	int ret;

	if (r->depth == DEPTH_MAX)
		return err_set(r->e, ERR_LIMIT, "line %u: more than %d levels", r->line, DEPTH_MAX);
	r->depth++;
	switch (look(r, 0)) {
	case '"':
	case '\'':
		ret = string(r, &b, true);
		into->value = ret == 0 ? json_text(r, buf_str(&b)) : "null";
		break;
	case '[':
		ret = array(r, into);
		break;
	case '{':
		ret = inline_table(r, into);
		break;
	default:
		ret = word(r, into);
	}
	r->depth--;
	return ret;
}

/* ---- headers ---- */

/* "[a.b]" and "[[a.b]]": the table that the following pairs go into. */
static int header(struct reader *r, struct node *root, struct node **out)
{
	bool many = look(r, 1) == '[';
	struct node *t = root, *n;
	const char *last;

	r->p += many ? 2 : 1;
	skip_blanks(r);
	if (dotted(r, &t, &last) < 0)
		return -1;
	if (look(r, 0) != ']' || (many && look(r, 1) != ']'))
		return bad(r, "a table header without its end");
	r->p += many ? 2 : 1;
	n = child_find(t, last);
	if (many) {
		if (!n)
			n = child_new(r, t, last, ARRAY);
		if (n->kind != ARRAY || n->closed)
			return bad(r, "[[%.60s]] is something else already", last);
		*out = child_new(r, n, NULL, TABLE);
		return 0;
	}
	if (!n)
		n = child_new(r, t, last, TABLE);
	if (n->kind != TABLE || n->closed || n->defined)
		return bad(r, "[%.60s] is there twice", last);
	n->defined = true;
	*out = n;
	return 0;
}

static void dump(const struct node *n, struct buf *out)
{
	struct jw w = { .out = out };

	if (n->kind == VALUE) {
		buf_adds(out, n->value);
		return;
	}
	buf_addch(out, n->kind == TABLE ? '{' : '[');
	for (const struct node *c = n->first; c; c = c->next) {
		if (n->kind == TABLE) {
			w = (struct jw){ .out = out };
			jw_str(&w, NULL, c->key);
			buf_addch(out, ':');
		}
		dump(c, out);
		if (c->next)
			buf_addch(out, ',');
	}
	buf_addch(out, n->kind == TABLE ? '}' : ']');
}

static int document(struct reader *r, struct node *root)
{
	struct node *t = root;

	for (skip_lines(r); r->p < r->end; skip_lines(r)) {
		if ((look(r, 0) == '[' ? header(r, root, &t) : pair(r, t)) < 0)
			return -1;
		skip_blanks(r);
		skip_comment(r);
		if (r->p < r->end && *r->p != '\n' && !starts(r, "\r\n"))
			return bad(r, "more text behind a value");
	}
	return 0;
}

int toml_parse(struct json **out, const char *p, size_t n, size_t max, struct err *e)
{
	struct reader r = { .p = p, .end = p + n, .line = 1, .e = e };
	struct node root = { .kind = TABLE };
	auto_buf struct buf text = { 0 };
	int ret;

	*out = NULL;
	if (n > max)
		return err_set(e, ERR_LIMIT, "%zu bytes are more than the limit of %zu", n, max);
	if (starts(&r, "\xef\xbb\xbf"))
		r.p += 3;
	ret = memchr(p, '\0', n) ? bad(&r, "a NUL byte") : document(&r, &root);
	if (ret == 0) {
		dump(&root, &text);
		ret = json_parse(out, buf_str(&text), text.len, 8 * max + 64, e);
	}
	arena_fini(&r.arena);
	return ret;
}
