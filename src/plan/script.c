/* Commands are tried on a copy of the variables, which replaces the caller's only
 * when the whole text was understood: a shell that reads the file afterwards must
 * not find half of it done. */
#include "src/plan/script.h"

#include <ctype.h>
#include <string.h>

#include "src/plan/script_word.h"

#define IF_DEPTH_MAX  16
#define VARIABLES_MAX 4096 /* look-up is linear; nobody sets so many */

void shvars_fini(struct shvars *v)
{
	strv_fini(&v->exported);
	strv_fini(&v->local);
	strv_fini(&v->marked);
}

void shvars_copy(struct shvars *to, const struct shvars *from)
{
	for (size_t i = 0; i < from->exported.n; i++)
		strv_add(&to->exported, from->exported.v[i]);
	for (size_t i = 0; i < from->local.n; i++)
		strv_add(&to->local, from->local.v[i]);
	to->outer = from->outer;
	for (size_t i = 0; i < from->marked.n; i++)
		strv_add(&to->marked, from->marked.v[i]);
}

/* strv_env_get() with the first byte compared first: a start asks thousands of times. */
static const char *list_get(const struct strv *list, const char *key, size_t n)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *s = list->v[i];

		if (s[0] == key[0] && !strncmp(s, key, n) && s[n] == '=')
			return s + n + 1;
	}
	return NULL;
}

const char *shvars_get(const struct shvars *v, const char *key)
{
	size_t n = strlen(key);
	const char *value = list_get(&v->exported, key, n);

	if (!value)
		value = list_get(&v->local, key, n);
	if (!value && v->outer)
		value = list_get(v->outer, key, n);
	return value;
}

void shvars_set(struct shvars *v, const char *key, const char *value, bool exported)
{
	if (exported || strv_env_get(&v->exported, key) || strv_has(&v->marked, key)) {
		strv_env_set(&v->exported, key, value);
		strv_env_set(&v->local, key, NULL);
	} else {
		strv_env_set(&v->local, key, value);
	}
}

void shvars_unset(struct shvars *v, const char *key)
{
	strv_env_set(&v->exported, key, NULL);
	strv_env_set(&v->local, key, NULL);
}

bool shell_name_is_valid(const char *key, size_t n)
{
	if (!n || isdigit((unsigned char)key[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)key[i]) && key[i] != '_')
			return false;
	return true;
}

static void skip_blanks(struct cursor *c)
{
	for (;;) {
		if (*c->p == ' ' || *c->p == '\t')
			c->p++;
		else if (c->p[0] == '\\' && c->p[1] == '\n')
			c->p += 2;
		else
			return;
	}
}

/* Past blanks, newlines, single semicolons and comments. */
static void skip_to_command(struct cursor *c)
{
	for (;;) {
		skip_blanks(c);
		if (*c->p == '#')
			c->p = strchrnul(c->p, '\n');
		else if (*c->p == '\n' || (c->p[0] == ';' && c->p[1] != ';'))
			c->p++;
		else
			return;
	}
}

/* True when the command has no more words. */
static bool at_end(struct cursor *c)
{
	skip_blanks(c);
	return !*c->p || *c->p == '\n' || *c->p == '#' || (c->p[0] == ';' && c->p[1] != ';');
}

/* Takes the plain word w when it stands here. */
static bool take_word(struct cursor *c, const char *w)
{
	size_t n = strlen(w);

	if (strncmp(c->p, w, n) || (c->p[n] && !strchr(" \t\n;#", c->p[n])))
		return false;
	c->p += n;
	return true;
}

/* NAME at the cursor: its length when '=' or the end of a word follows. */
static size_t name_here(const struct cursor *c)
{
	size_t n = 0;

	while (isalnum((unsigned char)c->p[n]) || c->p[n] == '_')
		n++;
	return shell_name_is_valid(c->p, n) ? n : 0;
}

/* NAME=word at the cursor.  0 done, 1 something else. */
static int assign(struct cursor *c, struct shvars *v, bool exported)
{
	auto_buf struct buf value = { 0 };
	auto_free char *key = NULL;
	size_t n = name_here(c);

	if (!n || c->p[n] != '=')
		return 1;
	key = xstrndup(c->p, n);
	c->p += n + 1;
	if (script_word(c, v, &value))
		return 1;
	c->spent += value.len;
	if (c->spent > SCRIPT_VALUES_MAX)
		return 1;
	shvars_set(v, key, buf_str(&value), exported);
	return 0;
}

/* The words behind export (exported) or unset. */
static int names(struct cursor *c, struct shvars *v, bool exported)
{
	while (!at_end(c)) {
		auto_free char *key = NULL;
		const char *value;
		size_t n = name_here(c);

		if (!n)
			return 1;
		if (exported && c->p[n] == '=') {
			if (assign(c, v, true))
				return 1;
			continue;
		}
		if (c->p[n] && !strchr(" \t\n;", c->p[n]))
			return 1;
		key = xstrndup(c->p, n);
		c->p += n;
		value = shvars_get(v, key);
		if (!exported) {
			shvars_unset(v, key);
		} else if (value) {
			auto_free char *keep = xstrdup(value);

			shvars_set(v, key, keep, true);
		} else {
			strv_add(&v->marked, key);
		}
	}
	return 0;
}

/* [ -n W ], [ W = W ] and the like up to the end of the command. */
static int test_command(struct cursor *c, const struct shvars *v, bool *truth)
{
	auto_strv struct strv w = { 0 };
	bool bracket = *c->p == '[';

	if (!(bracket ? take_word(c, "[") : take_word(c, "test")))
		return 1;
	while (!at_end(c)) {
		auto_buf struct buf word = { 0 };

		if (strchr("&|()<>;", *c->p))
			return 1;
		/* Unquoted, an empty value is no word at all: leave that to a shell. */
		c->bare = c->glob = false;
		if (script_word(c, v, &word) || c->bare || c->glob)
			return 1;
		strv_add(&w, buf_str(&word));
	}
	if (bracket) {
		if (!w.n || strcmp(w.v[w.n - 1], "]"))
			return 1;
		free(w.v[--w.n]);
	}
	if (w.n == 2 && (!strcmp(w.v[0], "-n") || !strcmp(w.v[0], "-z")))
		*truth = !*w.v[1] == (w.v[0][1] == 'z');
	else if (w.n == 3 && (!strcmp(w.v[1], "=") || !strcmp(w.v[1], "==")))
		*truth = !strcmp(w.v[0], w.v[2]);
	else if (w.n == 3 && !strcmp(w.v[1], "!="))
		*truth = strcmp(w.v[0], w.v[2]) != 0;
	else
		return 1;
	return 0;
}

/* Past one word that is not run, quotes respected.  1: a shell has to read it. */
static int skip_word(struct cursor *c)
{
	for (; *c->p && !strchr(" \t\n;&|", *c->p); c->p++) {
		char q = *c->p;

		if (q == '\\' && c->p[1])
			c->p++;
		if (q == '`' || q == '<' || (q == '$' && c->p[1] == '('))
			return 1;
		if (q != '\'' && q != '"')
			continue;
		for (c->p++; *c->p != q; c->p++) {
			if (q == '"' && (*c->p == '`' || (c->p[0] == '$' && c->p[1] == '(')))
				return 1;
			if (q == '"' && *c->p == '\\' && c->p[1])
				c->p++;
			if (!*c->p)
				return 1;
		}
	}
	return 0;
}

/* Past a branch that is not taken, up to its own elif, else or fi. */
static int skip_branch(struct cursor *c)
{
	bool command = true; /* the next word is one that may be a keyword */

	for (unsigned depth = 0;;) {
		const char *start;
		size_t n;

		skip_blanks(c);
		if (!*c->p)
			return 1;
		if (strchr("\n;&|", *c->p)) {
			c->p++;
			command = true;
			continue;
		}
		if (*c->p == '#') {
			c->p = strchrnul(c->p, '\n');
			continue;
		}
		start = c->p;
		if (skip_word(c))
			return 1;
		n = (size_t)(c->p - start);
		if (!command)
			continue;
#define IS(w) (n == strlen(w) && !memcmp(start, w, n))
		if (IS("case") || IS("{") || IS("function"))
			return 1;
		if (!depth && (IS("fi") || IS("else") || IS("elif"))) {
			c->p = start;
			return 0;
		}
		depth += IS("if");
		depth -= IS("fi");
		command = IS("if") || IS("then") || IS("else") || IS("elif") || IS("do") ||
			  IS("while") || IS("until") || IS("!");
#undef IS
	}
}

/* The state of each if that is open: whether a branch of it was taken. */
struct ifs {
	bool taken[IF_DEPTH_MAX];
	unsigned n;
};

/* Behind if or elif: the condition, then; a false one is skipped. */
static int if_condition(struct cursor *c, const struct shvars *v, bool *taken)
{
	if (at_end(c) || test_command(c, v, taken))
		return 1;
	skip_to_command(c);
	if (!take_word(c, "then"))
		return 1;
	return *taken ? 0 : skip_branch(c);
}

/* if, elif, else or fi at the cursor.  -1: none of them. */
static int if_keyword(struct cursor *c, const struct shvars *v, struct ifs *ifs)
{
	if (take_word(c, "if")) {
		if (ifs->n == IF_DEPTH_MAX)
			return 1;
		return if_condition(c, v, &ifs->taken[ifs->n++]);
	}
	if (take_word(c, "fi")) {
		if (!ifs->n || !at_end(c))
			return 1;
		ifs->n--;
		return 0;
	}
	bool is_elif = take_word(c, "elif");

	if (!is_elif && !take_word(c, "else"))
		return -1;
	if (!ifs->n)
		return 1;
	if (ifs->taken[ifs->n - 1])
		return skip_branch(c);
	if (is_elif)
		return if_condition(c, v, &ifs->taken[ifs->n - 1]);
	ifs->taken[ifs->n - 1] = true;
	return 0;
}

static int command(struct cursor *c, struct shvars *v, struct ifs *ifs)
{
	int r = if_keyword(c, v, ifs);

	if (r >= 0)
		return r;
	if (take_word(c, "export"))
		return names(c, v, true);
	if (take_word(c, "unset"))
		return names(c, v, false);
	if (take_word(c, ":") || take_word(c, "true"))
		return !at_end(c);
	while (!at_end(c))
		if (assign(c, v, false))
			return 1;
	return 0;
}

int script_run(struct shvars *v, const char *text, unsigned *line)
{
	auto_shvars struct shvars copy = { 0 };
	struct cursor c = { .p = text };
	struct ifs ifs = { 0 };
	int r = 0;

	shvars_copy(&copy, v);
	for (skip_to_command(&c); *c.p && !r; skip_to_command(&c)) {
		if (c.p[0] == ';' || copy.exported.n + copy.local.n + copy.marked.n > VARIABLES_MAX)
			r = 1;
		else
			r = command(&c, &copy, &ifs);
	}
	if (!r && !ifs.n) {
		struct shvars old = *v;

		*v = copy;
		copy = old;
		return 0;
	}
	if (line) {
		*line = 1;
		for (const char *p = text; p < c.p; p++)
			*line += *p == '\n';
	}
	return 1;
}

int script_expand(const struct shvars *v, const char *word, struct buf *out)
{
	auto_buf struct buf b = { 0 };
	struct cursor c = { .p = word };

	if (script_word_quoted(&c, v, &b))
		return 1;
	buf_adds(out, buf_str(&b));
	return 0;
}

int script_words(const char *text, struct strv *out)
{
	struct cursor c = { .p = text };
	size_t before = out->n;

	for (;;) {
		auto_buf struct buf word = { 0 };

		c.p += strspn(c.p, " \t\n");
		if (!*c.p)
			return 0;
		c.glob = false;
		if (*c.p == '#' || script_word(&c, NULL, &word) || c.glob ||
		    (*c.p && !strchr(" \t\n", *c.p)))
			break;
		strv_add(out, buf_str(&word));
	}
	while (out->n > before)
		free(out->v[--out->n]);
	if (out->v)
		out->v[out->n] = NULL;
	return 1;
}

void script_quote(struct buf *out, const char *s)
{
	buf_addch(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addch(out, *s);
	}
	buf_addch(out, '\'');
}
