/* One pass over lines that know their indentation.  A block is parsed by what its first line looks
 * like, and ends at the first line that is indented less. */
#include "bindings/yaml.h"

#include <ctype.h>
#include <string.h>

#include "src/base/json.h"
#include "src/base/mem.h"

#define DEPTH_MAX 32
#define LINES_MAX 200000u

struct line {
	const char *text; /* behind the indentation, len bytes, without a comment or blanks at the
			     end */
	size_t len;
	unsigned indent;
	unsigned number;
	const char *raw; /* the whole line, for literal blocks */
	size_t raw_len;
};

struct parser {
	struct line *v;
	size_t n, cap, at;
	struct jw w;
	struct err *e;
};

static int fail(struct parser *p, unsigned number, const char *what)
{
	return err_set(p->e, ERR_INPUT, "line %u: %s", number, what);
}

/* The length without a comment (a '#' at the start or behind a blank, outside quotes). */
static size_t strip(const char *s, size_t n)
{
	char quote = 0;

	for (size_t i = 0; i < n; i++) {
		if (quote == '"' && s[i] == '\\')
			i++;
		else if (quote && s[i] == quote)
			quote = 0;
		else if (!quote && (s[i] == '"' || s[i] == '\'') &&
			 (i == 0 || strchr(" [{,:", s[i - 1])))
			quote = s[i];
		else if (!quote && s[i] == '#' && (i == 0 || s[i - 1] == ' ' || s[i - 1] == '\t'))
			n = i;
	}
	while (n && strchr(" \t\r", s[n - 1]))
		n--;
	return n;
}

static int lines_split(struct parser *p, const char *text, size_t n)
{
	unsigned number = 0;

	for (size_t i = 0; i < n;) {
		const char *s = text + i, *nl = memchr(s, '\n', n - i);
		size_t len = nl ? (size_t)(nl - s) : n - i, indent = 0;
		struct line *l;

		i += len + 1;
		number++;
		while (indent < len && s[indent] == ' ')
			indent++;
		if (memchr(s, 0, len))
			return fail(p, number, "a NUL byte");
		if (number > LINES_MAX || indent > 1000)
			return fail(p, number, "too much text");
		xgrow(&p->v, &p->cap, p->n + 1, sizeof(*p->v));
		l = &p->v[p->n++];
		*l = (struct line){
			s + indent, strip(s + indent, len - indent), (unsigned)indent, number, s,
			len
		};
		if (l->len && l->text[0] == '\t')
			return fail(p, number, "a tab as indentation");
	}
	return 0;
}

/* The next line that says something; NULL at the end. */
static struct line *peek(struct parser *p)
{
	while (p->at < p->n && !p->v[p->at].len)
		p->at++;
	return p->at < p->n ? &p->v[p->at] : NULL;
}

static bool is_item(const struct line *l)
{
	return l->text[0] == '-' && (l->len == 1 || l->text[1] == ' ');
}

/* One character of a double-quoted scalar behind its backslash; what it took of s, 0: unknown. */
static size_t unescape(const char *s, size_t n, struct buf *out)
{
	static const char from[] = "ntr0abefv\"\\/ ", to[] = "\n\t\r\0\a\b\x1b\f\v\"\\/ ";
	const char *c = n ? memchr(from, s[0], sizeof(from) - 1) : NULL;
	unsigned v = 0;

	if (c && *c != '0') {
		buf_addch(out, to[c - from]);
		return 1;
	}
	if (n < 3 || s[0] != 'x' || !isxdigit((unsigned char)s[1]) ||
	    !isxdigit((unsigned char)s[2]))
		return 0;
	for (int i = 1; i < 3; i++)
		v = v * 16 +
		    (unsigned)(isdigit((unsigned char)s[i]) ? s[i] - '0' : (s[i] | 32) - 'a' + 10);
	if (!v || v > 0x7f)
		return 0;
	buf_addch(out, (char)v);
	return 3;
}

/* A quoted scalar at s; *used covers both quotes. */
static int quoted(struct parser *p, const char *s, size_t n, unsigned number, struct buf *out,
		  size_t *used)
{
	char q = s[0];

	for (size_t i = 1; i < n; i++) {
		if (s[i] == q && q == '\'' && i + 1 < n && s[i + 1] == q) {
			buf_addch(out, q);
			i++;
		} else if (s[i] == q) {
			*used = i + 1;
			return 0;
		} else if (q == '"' && s[i] == '\\') {
			size_t took = unescape(s + i + 1, n - i - 1, out);

			if (!took)
				return fail(p, number, "an escape that is not known");
			i += took;
		} else {
			buf_addch(out, s[i]);
		}
	}
	return fail(p, number, "a quote without its end");
}

static void put_plain(struct parser *p, const char *key, const char *s)
{
	size_t digits = strspn(s + (*s == '-' || *s == '+'), "0123456789");

	if (!strcmp(s, "null") || !strcmp(s, "~") || !*s)
		jw_str(&p->w, key, NULL);
	else if (!strcmp(s, "true") || !strcmp(s, "false"))
		jw_bool(&p->w, key, *s == 't');
	else if (digits && digits < 18 && !s[digits + (*s == '-' || *s == '+')])
		jw_int(&p->w, key, strtoll(s, NULL, 10));
	else if (!strncmp(s, "0o", 2) && strspn(s + 2, "01234567") == strlen(s + 2) && s[2] &&
		 strlen(s) < 18)
		jw_int(&p->w, key, strtoll(s + 2, NULL, 8));
	else
		jw_str(&p->w, key, s);
}

static int flow(struct parser *p, const char *key, const char *s, size_t n, unsigned number,
		size_t *used, int depth);

/* A scalar inside a flow collection, up to one of stop. */
static int flow_scalar(struct parser *p, struct buf *out, bool *was_quoted, const char *s, size_t n,
		       unsigned number, const char *stop, size_t *used)
{
	size_t i = 0;

	*was_quoted = n && (s[0] == '"' || s[0] == '\'');
	if (*was_quoted)
		return quoted(p, s, n, number, out, used);
	while (i < n && !strchr(stop, s[i]))
		i++;
	*used = i;
	while (i && s[i - 1] == ' ')
		i--;
	if (i && strchr("&*!|>%@`", s[0]))
		return fail(p, number, "anchors, aliases and tags are not read");
	buf_add(out, s, i);
	return 0;
}

static size_t blanks(const char *s, size_t n, size_t i)
{
	while (i < n && s[i] == ' ')
		i++;
	return i;
}

/* [a, b] or {k: v} that begins at s, written as key. */
static int flow(struct parser *p, const char *key, const char *s, size_t n, unsigned number,
		size_t *used, int depth)
{
	bool map = s[0] == '{';
	char end = map ? '}' : ']';
	size_t i = 1;

	if (depth > DEPTH_MAX)
		return fail(p, number, "nested too deep");
	if (map)
		jw_obj(&p->w, key);
	else
		jw_arr(&p->w, key);
	for (;;) {
		auto_buf struct buf name = { 0 }, value = { 0 };
		bool was_quoted;
		size_t took;

		i = blanks(s, n, i);
		if (i < n && s[i] == end)
			break;
		if (i >= n)
			return fail(p, number, "a bracket that is not closed on its line");
		if (map) {
			if (flow_scalar(p, &name, &was_quoted, s + i, n - i, number, ":,}]{[",
					&took) < 0)
				return -1;
			i = blanks(s, n, i + took);
			if (i >= n || s[i] != ':')
				return fail(p, number, "a name without ':'");
			i = blanks(s, n, i + 1);
		}
		if (i < n && (s[i] == '[' || s[i] == '{')) {
			if (flow(p, map ? buf_str(&name) : NULL, s + i, n - i, number, &took,
				 depth + 1) < 0)
				return -1;
		} else {
			if (flow_scalar(p, &value, &was_quoted, s + i, n - i, number, ",]}[{",
					&took) < 0)
				return -1;
			if (was_quoted)
				jw_str(&p->w, map ? buf_str(&name) : NULL, buf_str(&value));
			else
				put_plain(p, map ? buf_str(&name) : NULL, buf_str(&value));
		}
		i = blanks(s, n, i + took);
		if (i < n && s[i] == ',')
			i++;
		else if (i < n && s[i] != end)
			return fail(p, number, "',' or the closing bracket is missing");
	}
	jw_end(&p->w);
	*used = i + 1;
	return 0;
}

/* "|" keeps line ends, ">" joins lines; "-" behind it drops the last one. */
static void literal(struct parser *p, const char *key, char style, bool keep_end, unsigned parent)
{
	auto_buf struct buf text = { 0 };
	unsigned indent = 0;

	for (; p->at < p->n; p->at++) {
		const struct line *l = &p->v[p->at];
		bool empty = l->raw_len == l->indent;

		if (!empty && !indent)
			indent = l->indent;
		if (!empty && (l->indent <= parent || l->indent < indent))
			break;
		if (!empty)
			buf_add(&text, l->raw + indent, l->raw_len - indent);
		buf_addch(&text, style == '|' || empty ? '\n' : ' ');
	}
	while (text.len && strchr(" \n", text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	if (keep_end && text.len)
		buf_addch(&text, '\n');
	jw_str(&p->w, key, buf_str(&text));
}

/* The value that stands on its key's or dash's own line. */
static int inline_value(struct parser *p, const char *key, const char *s, size_t n,
			const struct line *l, unsigned parent, int depth)
{
	auto_buf struct buf text = { 0 };
	size_t used = n;

	if (s[0] == '[' || s[0] == '{') {
		if (flow(p, key, s, n, l->number, &used, depth + 1) < 0)
			return -1;
	} else if (s[0] == '"' || s[0] == '\'') {
		if (quoted(p, s, n, l->number, &text, &used) < 0)
			return -1;
		jw_str(&p->w, key, buf_str(&text));
	} else if (s[0] == '|' || s[0] == '>') {
		if (n > 2 || (n == 2 && s[1] != '-' && s[1] != '+'))
			return fail(p, l->number, "this kind of text block is not read");
		literal(p, key, s[0], n == 1 || s[1] == '+', parent);
	} else if (strchr("&*!%@`", s[0])) {
		return fail(p, l->number, "anchors, aliases and tags are not read");
	} else {
		buf_add(&text, s, n);
		put_plain(p, key, buf_str(&text));
	}
	return blanks(s, n, used) == n ? 0 : fail(p, l->number, "text behind a value");
}

/* Splits "key: value"; 1 when there is no key.  *rest is where the value starts. */
static int key_of(struct parser *p, const struct line *l, struct buf *key, size_t *rest)
{
	size_t i = 0;

	if (l->text[0] == '"' || l->text[0] == '\'') {
		if (quoted(p, l->text, l->len, l->number, key, &i) < 0)
			return -1;
		if (i >= l->len || l->text[i] != ':')
			return 1;
	} else {
		while (i < l->len &&
		       !(l->text[i] == ':' && (i + 1 == l->len || l->text[i + 1] == ' ')))
			i++;
		if (i == l->len || strchr("[{", l->text[0]))
			return 1;
		if (strchr("&*!?%@`", l->text[0]) || !strncmp(l->text, "<<", 2))
			return fail(p, l->number, "anchors, aliases and tags are not read");
		buf_add(key, l->text, i);
	}
	*rest = blanks(l->text, l->len, i + 1);
	return 0;
}

static int block(struct parser *p, const char *key, unsigned indent, int depth);

/* The value below a key or dash that stands alone on its line. */
static int value_below(struct parser *p, const char *key, unsigned indent, bool item_too, int depth)
{
	const struct line *next = peek(p);

	if (next &&
	    (next->indent > indent || (item_too && next->indent == indent && is_item(next))))
		return block(p, key, next->indent, depth + 1);
	jw_str(&p->w, key, NULL);
	return 0;
}

static int mapping(struct parser *p, const char *key, unsigned indent, int depth)
{
	jw_obj(&p->w, key);
	for (;;) {
		struct line *l = peek(p);
		auto_buf struct buf name = { 0 };
		size_t rest;
		int r;

		if (!l || l->indent < indent || (l->indent == indent && is_item(l)))
			break;
		if (l->indent > indent)
			return fail(p, l->number, "indented more than its neighbours");
		r = key_of(p, l, &name, &rest);
		if (r)
			return r < 0 ? -1 : fail(p, l->number, "not \"name: value\"");
		p->at++;
		if (rest >= l->len)
			r = value_below(p, buf_str(&name), indent, true, depth);
		else
			r = inline_value(p, buf_str(&name), l->text + rest, l->len - rest, l,
					 indent, depth);
		if (r < 0)
			return -1;
	}
	jw_end(&p->w);
	return 0;
}

static int sequence(struct parser *p, const char *key, unsigned indent, int depth)
{
	jw_arr(&p->w, key);
	for (;;) {
		struct line *l = peek(p);
		auto_buf struct buf ignored = { 0 };
		size_t skip, rest;
		int r;

		if (!l || l->indent < indent || (l->indent == indent && !is_item(l)))
			break;
		if (l->indent > indent)
			return fail(p, l->number, "indented more than its neighbours");
		skip = blanks(l->text, l->len, 1);
		if (skip >= l->len) {
			p->at++;
			if (value_below(p, NULL, indent, false, depth) < 0)
				return -1;
			continue;
		}
		/* What follows the dash is a block of its own, indented to where it stands. */
		l->text += skip;
		l->len -= skip;
		l->indent += (unsigned)skip;
		r = is_item(l) ? 0 : key_of(p, l, &ignored, &rest);
		if (r < 0)
			return -1;
		if (r == 0) {
			r = block(p, NULL, l->indent, depth + 1);
		} else {
			p->at++;
			r = inline_value(p, NULL, l->text, l->len, l, indent, depth);
		}
		if (r < 0)
			return -1;
	}
	jw_end(&p->w);
	return 0;
}

static int block(struct parser *p, const char *key, unsigned indent, int depth)
{
	const struct line *l = peek(p);

	if (depth > DEPTH_MAX)
		return fail(p, l->number, "nested too deep");
	return is_item(l) ? sequence(p, key, indent, depth) : mapping(p, key, indent, depth);
}

static int document(struct parser *p)
{
	struct line *l = peek(p);

	if (l && l->len == 3 && !memcmp(l->text, "---", 3)) {
		p->at++;
		l = peek(p);
	}
	if (!l)
		return fail(p, p->n ? p->v[p->n - 1].number : 1, "there is nothing in it");
	if (l->text[0] == '{' || l->text[0] == '[') {
		p->at++;
		if (inline_value(p, NULL, l->text, l->len, l, 0, 0) < 0)
			return -1;
	} else if (block(p, NULL, l->indent, 0) < 0) {
		return -1;
	}
	l = peek(p);
	if (l && l->len == 3 && !memcmp(l->text, "...", 3)) {
		p->at++;
		l = peek(p);
	}
	return l ? fail(p, l->number, "text behind the document's end") : 0;
}

int yaml_to_json(struct buf *out, const char *text, size_t n, struct err *e)
{
	struct parser p = { .w = { .out = out }, .e = e };
	int r = lines_split(&p, text, n);

	if (!r)
		r = document(&p);
	free(p.v);
	return r;
}
