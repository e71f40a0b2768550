#include "src/plan/script_word.h"

#include <ctype.h>
#include <string.h>

/* Where a piece of a word stands: decides which bytes are special and which end it. */
enum place {
	BARE,	     /* outside quotes; ends before a blank or an operator */
	QUOTED,	     /* between double quotes; ends before the closing one */
	QUOTED_ALL,  /* double-quote rules up to the end of the text */
	BRACE,	     /* the w of ${K:-w} outside quotes; ends before } */
	BRACE_QUOTED /* the same inside double quotes */
};

static int piece(struct cursor *c, const struct shvars *v, enum place where, struct buf *out);

static bool is_quoted(enum place w)
{
	return w == QUOTED || w == QUOTED_ALL || w == BRACE_QUOTED;
}

static bool ends(enum place w, char ch)
{
	if (!ch)
		return true;
	if (w == BARE)
		return strchr(" \t\n;&|()<>", ch) != NULL;
	if (w == QUOTED)
		return ch == '"';
	return (w == BRACE || w == BRACE_QUOTED) && ch == '}';
}

static size_t name_length(const char *p)
{
	size_t n = 0;

	if (!isalpha((unsigned char)*p) && *p != '_')
		return 0;
	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

/* The rest of ${K<op>w}; c stands behind K. */
static int brace_rest(struct cursor *c, const struct shvars *v, enum place where, const char *value,
		      struct buf *out)
{
	auto_buf struct buf word = { 0 };
	bool colon = *c->p == ':';
	char op = c->p[colon];
	bool use_word;

	if (op != '-' && op != '+')
		return 1;
	c->p += colon + 1;
	if (piece(c, v, is_quoted(where) ? BRACE_QUOTED : BRACE, &word))
		return 1;
	if (*c->p != '}')
		return 1;
	c->p++;
	use_word = !value || (colon && !*value);
	if (op == '+')
		use_word = !use_word, value = "";
	buf_adds(out, use_word ? buf_str(&word) : value);
	return 0;
}

/* c stands on a $. */
static int dollar(struct cursor *c, const struct shvars *v, enum place where, struct buf *out)
{
	bool brace = c->p[1] == '{';
	size_t n = name_length(c->p + 1 + brace);
	auto_free char *key = NULL;
	const char *value;
	int r = 0;

	if (!n) {
		/* $( ), $1, $@, $$, ${#K} and $'...' are the shell's; a lone $ is itself. */
		if (c->p[1] &&
		    (strchr("({@*#?$!-'\"", c->p[1]) || isdigit((unsigned char)c->p[1])) &&
		    !(is_quoted(where) && strchr("'\"", c->p[1])))
			return 1;
		buf_addch(out, *c->p++);
		return 0;
	}
	if (!v)
		return 1;
	key = xstrndup(c->p + 1 + brace, n);
	value = shvars_get(v, key);
	c->p += 1 + brace + n;
	c->bare |= !is_quoted(where);
	if (!brace) {
		buf_adds(out, value ? value : "");
		return 0;
	}
	if (*c->p == '}') {
		c->p++;
		buf_adds(out, value ? value : "");
		return 0;
	}
	if (++c->depth > SCRIPT_DEPTH_MAX)
		return 1;
	r = brace_rest(c, v, where, value, out);
	c->depth--;
	return r;
}

/* c stands on a backslash. */
static void backslash(struct cursor *c, enum place where, struct buf *out)
{
	char next = c->p[1];

	if (next == '\n') {
		c->p += 2;
		return;
	}
	/* Between double quotes only these lose it; } is one inside ${ }. */
	if (is_quoted(where) && (!next || !strchr("$`\"\\", next)) &&
	    !(where == BRACE_QUOTED && next == '}')) {
		buf_addch(out, '\\');
		c->p++;
		return;
	}
	if (next)
		buf_addch(out, next);
	c->p += next ? 2 : 1;
}

static int double_quotes(struct cursor *c, const struct shvars *v, struct buf *out)
{
	if (++c->depth > SCRIPT_DEPTH_MAX)
		return 1;
	c->p++;
	if (piece(c, v, QUOTED, out) || *c->p != '"')
		return 1;
	c->p++;
	c->depth--;
	return 0;
}

static int single_quotes(struct cursor *c, struct buf *out)
{
	const char *end = strchr(c->p + 1, '\'');

	if (!end)
		return 1;
	buf_add(out, c->p + 1, (size_t)(end - c->p - 1));
	c->p = end + 1;
	return 0;
}

/* One byte or construct that is no plain text.  -1: it is plain after all. */
static int special(struct cursor *c, const struct shvars *v, enum place where, struct buf *out)
{
	switch (*c->p) {
	case '$':
		return dollar(c, v, where, out);
	case '`':
		return 1;
	case '\\':
		backslash(c, where, out);
		return 0;
	case '"':
		return where == QUOTED_ALL ? -1 : double_quotes(c, v, out);
	case '\'':
		return is_quoted(where) ? -1 : single_quotes(c, out);
	case '*':
	case '?':
	case '[':
		c->glob |= !is_quoted(where);
		return -1;
	case '~':
	case '{':
		/* Home directories and brace expansion. */
		return is_quoted(where) ? -1 : 1;
	default:
		return -1;
	}
}

static int piece(struct cursor *c, const struct shvars *v, enum place where, struct buf *out)
{
	while (!ends(where, *c->p)) {
		int r = special(c, v, where, out);

		/* A="$A$A" over and over must not eat the memory. */
		if (r > 0 || out->len > SCRIPT_VALUE_MAX)
			return 1;
		if (r < 0)
			buf_addch(out, *c->p++);
	}
	return 0;
}

int script_word(struct cursor *c, const struct shvars *v, struct buf *out)
{
	return piece(c, v, BARE, out);
}

int script_word_quoted(struct cursor *c, const struct shvars *v, struct buf *out)
{
	return piece(c, v, QUOTED_ALL, out);
}
