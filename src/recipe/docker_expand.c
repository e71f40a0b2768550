/* Variables and quotes of a Dockerfile's words.  The forms are BuildKit's: $N, ${N}, the modifiers
 * :- - :+ + :? ?, # ## % %% and / //; quotes and the escape character go away. */
#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "src/recipe/docker_priv.h"

#define DEPTH_MAX    16
#define EXPANDED_MAX (1 << 20)

struct walk {
	const struct docker_scope *s;
	struct buf *out;
	const char *p;
	unsigned depth;
	bool keep_quotes; /* a here-document */
};

static int until(struct walk *w, char end, struct err *e);

const char *docker_scope_get(const struct docker_scope *s, const char *key, size_t n)
{
	for (size_t i = s->env ? s->env->n : 0; i-- > 0;)
		if (!strncmp(s->env->v[i], key, n) && s->env->v[i][n] == '=')
			return s->env->v[i] + n + 1;
	for (size_t i = s->args.n; i-- > 0;)
		if (!strncmp(s->args.v[i], key, n) && s->args.v[i][n] == '=')
			return s->args.v[i] + n + 1;
	return NULL;
}

static size_t name_len(const char *p)
{
	size_t n = 0;

	if (isdigit((unsigned char)*p))
		return 0;
	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

/* What stands up to the closing brace, expanded. */
static int operand(struct walk *w, char end, struct buf *out, struct err *e)
{
	struct walk in = { w->s, out, w->p, w->depth + 1, false };

	if (in.depth > DEPTH_MAX)
		return err_set(e, ERR_INPUT, "${...} nests more than %d deep", DEPTH_MAX);
	if (until(&in, end, e) < 0)
		return -1;
	w->p = in.p;
	return 0;
}

/* ${N#pat} and ${N%pat}: the shortest match, or the longest when the sign stands twice. */
static void strip(struct buf *out, const char *value, const char *pattern, bool front, bool longest)
{
	size_t n = strlen(value), best = longest ? 0 : n + 1;
	bool found = false;

	for (size_t i = 0; i <= n; i++) {
		auto_free char *part = front ? xstrndup(value, i) : xstrdup(value + n - i);

		if (fnmatch(pattern, part, 0) != 0)
			continue;
		found = true;
		best = i;
		if (!longest)
			break;
	}
	if (!found)
		best = 0;
	if (front)
		buf_adds(out, value + best);
	else
		buf_add(out, value, n - best);
}

/* ${N/pat/with}: fixed text and globs; the first match, or all. */
static void replace(struct buf *out, const char *value, const char *pattern, const char *with,
		    bool all)
{
	while (*value) {
		size_t n = strlen(value), len;

		for (len = n; len > 0; len--) {
			auto_free char *part = xstrndup(value, len);

			if (fnmatch(pattern, part, 0) == 0)
				break;
		}
		if (!len) {
			buf_addch(out, *value++);
			continue;
		}
		buf_adds(out, with);
		value += len;
		if (!all)
			break;
	}
	buf_adds(out, value);
}

static int close_brace(struct walk *w, struct err *e)
{
	if (*w->p != '}')
		return err_set(e, ERR_INPUT, "${ without its }");
	w->p++;
	return 0;
}

static int modified(struct walk *w, const char *name, size_t n, struct err *e)
{
	const char *value = docker_scope_get(w->s, name, n), *set;
	auto_buf struct buf word = { 0 }, with = { 0 };
	bool colon = *w->p == ':', twice;
	char op;

	w->p += colon;
	op = *w->p;
	if (!op)
		return close_brace(w, e);
	if (!strchr(colon ? "-+?" : "-+?#%/", op))
		return err_set(e, ERR_INPUT, "${%.*s%s%c: unknown modifier", (int)MIN(n, 60), name,
			       colon ? ":" : "", op);
	w->p++;
	twice = !colon && strchr("#%/", op) && *w->p == op;
	w->p += twice;
	if (operand(w, op == '/' ? '/' : '}', &word, e) < 0)
		return -1;
	if (op == '/' && *w->p == '/') {
		w->p++;
		if (operand(w, '}', &with, e) < 0)
			return -1;
	}
	if (close_brace(w, e) < 0)
		return -1;
	set = value && (!colon || *value) ? value : NULL;
	/* Matching costs the product of the lengths. */
	if (value && strchr("#%/", op) && strlen(value) > 16384)
		return err_set(e, ERR_LIMIT, "${%.*s%c: the value is longer than 16384 bytes",
			       (int)MIN(n, 60), name, op);
	if (op == '-')
		buf_adds(w->out, set ? set : buf_str(&word));
	else if (op == '+')
		buf_adds(w->out, set ? buf_str(&word) : "");
	else if (op == '?' && !set)
		return err_set(e, ERR_INPUT, "%.*s: %.200s", (int)MIN(n, 60), name,
			       word.len ? buf_str(&word) : "not set");
	else if (op == '?')
		buf_adds(w->out, set);
	else if (op == '/')
		replace(w->out, value ? value : "", buf_str(&word), buf_str(&with), twice);
	else
		strip(w->out, value ? value : "", buf_str(&word), op == '#', twice);
	return 0;
}

/* At a dollar sign. */
static int variable(struct walk *w, struct err *e)
{
	size_t n = name_len(w->p + 1);
	const char *name = w->p + 1, *v;

	if (w->p[1] == '{') {
		name++;
		n = name_len(name);
		w->p = name + n;
		if (!n)
			return err_set(e, ERR_INPUT, "${ without a name");
		if (*w->p != '}')
			return modified(w, name, n, e);
		w->p++;
	} else if (n) {
		w->p = name + n;
	} else {
		buf_addch(w->out, *w->p++);
		return 0;
	}
	v = docker_scope_get(w->s, name, n);
	buf_adds(w->out, v ? v : "");
	return 0;
}

/* One character, quote or variable; *quote is the quote that is open. */
static int one(struct walk *w, char *quote, struct err *e)
{
	char c = *w->p;

	if (w->out->len > EXPANDED_MAX)
		return err_set(e, ERR_LIMIT, "its variables make more than %d bytes of it",
			       EXPANDED_MAX);
	if (c == '$' && *quote != '\'')
		return variable(w, e);
	if (!w->keep_quotes && c == *quote) {
		*quote = '\0';
		w->p++;
		return 0;
	}
	if (!w->keep_quotes && !*quote && (c == '"' || c == '\'')) {
		*quote = c;
		w->p++;
		return 0;
	}
	if (c == w->s->escape && *quote != '\'' && w->p[1] &&
	    (w->keep_quotes ? w->p[1] == '$'
	     : *quote	    ? strchr("\"$", w->p[1]) || w->p[1] == c
			    : true))
		w->p++;
	buf_addch(w->out, *w->p++);
	return 0;
}

/* Up to end outside of quotes (or a closing brace), which is not taken. */
static int until(struct walk *w, char end, struct err *e)
{
	char quote = '\0';

	while (*w->p && (quote || (*w->p != end && !(end && *w->p == '}'))))
		if (one(w, &quote, e) < 0)
			return -1;
	return 0;
}

int docker_expand(const struct docker_scope *s, const char *word, struct buf *out, struct err *e)
{
	struct walk w = { s, out, word, 0, false };

	return until(&w, '\0', e);
}

int docker_expand_text(const struct docker_scope *s, const char *text, struct buf *out,
		       struct err *e)
{
	struct walk w = { s, out, text, 0, true };

	return until(&w, '\0', e);
}

void docker_split(const char *text, char escape, struct strv *out)
{
	while (*text) {
		auto_buf struct buf word = { 0 };
		char quote = '\0';

		while (isspace((unsigned char)*text))
			text++;
		if (!*text)
			break;
		for (; *text && (quote || !isspace((unsigned char)*text)); text++) {
			if (*text == escape && quote != '\'' && text[1])
				buf_addch(&word, *text++);
			else if (*text == quote)
				quote = '\0';
			else if (!quote && (*text == '"' || *text == '\''))
				quote = *text;
			buf_addch(&word, *text);
		}
		strv_add(out, buf_str(&word));
	}
}
