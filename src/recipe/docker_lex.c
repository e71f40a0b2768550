/* Lines -> instructions.  A logical line ends where no escape character stands before the end of
 * the line; comment lines and, as a courtesy to old files, empty lines inside of it are dropped.
 * Here-documents follow their instruction (RUN, COPY, ADD). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/base/json.h"
#include "src/base/near.h"
#include "src/recipe/docker.h"
#include "src/recipe/docker_priv.h"

#define MAX_STAGES 1000

/* clang-format off */
static const char *const verbs[] = {
	[DOCKER_ADD] = "ADD", [DOCKER_ARG] = "ARG", [DOCKER_CMD] = "CMD", [DOCKER_COPY] = "COPY",
	[DOCKER_ENTRYPOINT] = "ENTRYPOINT", [DOCKER_ENV] = "ENV", [DOCKER_EXPOSE] = "EXPOSE",
	[DOCKER_FROM] = "FROM", [DOCKER_HEALTHCHECK] = "HEALTHCHECK", [DOCKER_LABEL] = "LABEL",
	[DOCKER_MAINTAINER] = "MAINTAINER", [DOCKER_ONBUILD] = "ONBUILD", [DOCKER_RUN] = "RUN",
	[DOCKER_SHELL] = "SHELL", [DOCKER_STOPSIGNAL] = "STOPSIGNAL", [DOCKER_USER] = "USER",
	[DOCKER_VOLUME] = "VOLUME", [DOCKER_WORKDIR] = "WORKDIR",
};

/* The flags of each instruction, separated by blanks. */
static const char *const flags[ARRAY_LEN(verbs)] = {
	[DOCKER_ADD] = " chown chmod link checksum exclude ",
	[DOCKER_COPY] = " from chown chmod link parents exclude ",
	[DOCKER_FROM] = " platform ",
	[DOCKER_HEALTHCHECK] = " interval timeout start-period start-interval retries ",
	[DOCKER_RUN] = " mount network security ",
};
/* clang-format on */

struct lexer {
	struct dockerfile *f;
	struct arena *a;
	const char *at;
	unsigned line; /* of at, from 1 */
};

static const char *skip_blank(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* The next line without its end; false at the end of the text. */
static bool next_line(struct lexer *l, const char **text, size_t *n)
{
	const char *nl;

	if (!*l->at)
		return false;
	nl = strchr(l->at, '\n');
	*text = l->at;
	*n = nl ? (size_t)(nl - l->at) : strlen(l->at);
	l->at += *n + (nl ? 1 : 0);
	l->line++;
	if (*n && (*text)[*n - 1] == '\r')
		--*n;
	return true;
}

static bool is_comment(const char *p, size_t n)
{
	while (n && isspace((unsigned char)*p))
		p++, n--;
	return n && *p == '#';
}

static bool is_blank(const char *p, size_t n)
{
	while (n && isspace((unsigned char)*p))
		p++, n--;
	return !n;
}

/* "# name=value" lines at the very top. */
static int directives(struct lexer *l, struct err *e)
{
	for (;;) {
		struct lexer ahead = *l;
		const char *p, *eq;
		size_t n;

		if (!next_line(&ahead, &p, &n) || !n || *p != '#')
			return 0;
		p = skip_blank(p + 1);
		eq = p + strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (eq == p || *skip_blank(eq) != '=')
			return 0;
		*l = ahead;
		if (strncasecmp(p, "escape", 6) != 0 || eq - p != 6)
			continue;
		p = skip_blank(skip_blank(eq) + 1);
		if (*p != '\\' && *p != '`')
			return err_set(e, ERR_INPUT, "%s:%u: escape is \\ or `", l->f->name,
				       l->line);
		l->f->escape = *p;
	}
}

/* One logical line without its escapes; false at the end. */
static bool logical_line(struct lexer *l, struct buf *out, unsigned *number)
{
	const char *p;
	size_t n;

	for (;;) {
		size_t end;

		if (!next_line(l, &p, &n))
			return out->len > 0;
		if (is_comment(p, n) || is_blank(p, n))
			continue;
		if (!out->len)
			*number = l->line;
		for (end = n; end && (p[end - 1] == ' ' || p[end - 1] == '\t');)
			end--;
		if (!end || p[end - 1] != l->f->escape) {
			buf_add(out, p, n);
			return true;
		}
		buf_add(out, p, end - 1);
	}
}

static int fail_at(const struct lexer *l, unsigned line, const char *text, struct err *e)
{
	size_t n = strcspn(text, "\n");

	err_wrap(e, "%s:%u", l->f->name, line);
	if (strlen(e->text) + 8 < sizeof(e->text))
		snprintf(e->text + strlen(e->text), sizeof(e->text) - strlen(e->text),
			 ": \"%.*s%s\"", (int)MIN(n, 100), text, n > 100 ? "..." : "");
	return -1;
}

static int find_verb(const char *word, size_t n, struct docker_instr *i, struct err *e)
{
	auto_free char *upper = xstrndup(word, n);
	const char *hint;

	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	for (size_t k = 0; k < ARRAY_LEN(verbs); k++) {
		if (strcmp(upper, verbs[k]) != 0)
			continue;
		i->verb = (enum docker_verb)k;
		i->name = verbs[k];
		return 0;
	}
	hint = near_word(upper, verbs, ARRAY_LEN(verbs));
	if (hint)
		return err_set(e, ERR_INPUT, "unknown instruction %.40s (did you mean %s?)", upper,
			       hint);
	return err_set(e, ERR_INPUT, "unknown instruction %.40s", upper);
}

static int flag_error(const struct docker_instr *i, const char *name, struct err *e)
{
	return err_set(e, ERR_INPUT, "%s has no flag --%.40s%s%s", i->name, name,
		       flags[i->verb] ? "; it has" : "", flags[i->verb] ? flags[i->verb] : "");
}

/* Takes the --name=value words at the start of p. */
static int take_flags(struct lexer *l, struct docker_instr *i, const char **p, struct err *e)
{
	while ((*p)[0] == '-' && (*p)[1] == '-' && flags[i->verb]) {
		size_t n = strcspn(*p, " \t");
		char *word = arena_strndup(l->a, *p + 2, n - 2);
		char *eq = strchr(word, '=');
		auto_free char *key = NULL;

		if (eq)
			*eq = '\0';
		key = xasprintf(" %s ", word);
		if (!strstr(flags[i->verb], key) || !*word)
			return flag_error(i, word, e);
		i->flags = docker_grow(l->a, i->flags, i->nflags, &i->flags_cap, sizeof(*i->flags));
		i->flags[i->nflags++] = (struct docker_flag){ word, eq ? eq + 1 : NULL };
		*p = skip_blank(*p + n);
	}
	return 0;
}

/* A here-document's mark at p ("<<EOF", "<<-'EOF'"): its length, 0 for none. */
static size_t heredoc_mark(const char *p, const char **name, size_t *n, bool *strip, bool *expand)
{
	const char *q = p + 2;
	char quote = '\0';

	if (p[0] != '<' || p[1] != '<')
		return 0;
	*strip = *q == '-';
	q += *strip;
	if (*q == '"' || *q == '\'')
		quote = *q++;
	*name = q;
	while (isalnum((unsigned char)*q) || *q == '_' || *q == '.' || *q == '-')
		q++;
	*n = (size_t)(q - *name);
	*expand = !quote;
	if (!*n || (quote && *q != quote))
		return 0;
	return (size_t)(q - p) + (quote ? 1 : 0);
}

static int read_heredoc(struct lexer *l, struct docker_instr *i, const char *name, size_t n,
			bool strip, bool expand, struct err *e)
{
	auto_buf struct buf body = { 0 };
	const char *p;
	size_t len;

	while (next_line(l, &p, &len)) {
		while (strip && len && *p == '\t')
			p++, len--;
		if (len == n && !strncmp(p, name, n)) {
			i->heredocs = docker_grow(l->a, i->heredocs, i->nheredocs, &i->heredocs_cap,
						  sizeof(*i->heredocs));
			i->heredocs[i->nheredocs++] =
				(struct docker_heredoc){ arena_strndup(l->a, name, n),
							 arena_strdup(l->a, buf_str(&body)),
							 expand };
			return 0;
		}
		buf_add(&body, p, len);
		buf_addch(&body, '\n');
	}
	return err_set(e, ERR_INPUT, "the here-document %.*s has no end", (int)MIN(n, 60), name);
}

static int read_heredocs(struct lexer *l, struct docker_instr *i, struct err *e)
{
	char quote = '\0';

	if (i->verb != DOCKER_RUN && i->verb != DOCKER_COPY && i->verb != DOCKER_ADD)
		return 0;
	for (const char *p = i->words; *p; p++) {
		const char *name;
		bool strip, expand;
		size_t n, len;

		if (*p == l->f->escape && p[1]) {
			p++;
			continue;
		}
		if (quote || *p == '"' || *p == '\'') {
			quote = !quote ? *p : *p == quote ? '\0' : quote;
			continue;
		}
		/* "<<<" is a here-string, and "1<<2" arithmetic. */
		if (p[0] == '<' && p[1] == '<' && p[2] == '<') {
			p += 2;
			continue;
		}
		if (p > i->words && !strchr(" \t;&|(0123456789", p[-1]))
			continue;
		len = heredoc_mark(p, &name, &n, &strip, &expand);
		if (!len)
			continue;
		if (read_heredoc(l, i, name, n, strip, expand, e) < 0)
			return -1;
		p += len - 1;
	}
	return 0;
}

/* The exec form; anything else that begins with a bracket is the shell's. */
static void take_json(struct lexer *l, struct docker_instr *i)
{
	auto_json struct json *doc = NULL;
	const struct json *el;
	const char **v;
	struct err ignored;

	if (*i->words != '[' ||
	    json_parse(&doc, i->words, strlen(i->words), DOCKERFILE_MAX, &ignored) < 0 ||
	    json_kind(doc) != JSON_ARRAY)
		return;
	v = arena_array(l->a, const char *, json_len(doc) + 1);
	json_each (doc, k, el) {
		if (!json_str(el))
			return;
		v[k] = arena_strdup(l->a, json_str(el));
	}
	i->json = v;
}

static int instruction(struct lexer *l, const char *text, unsigned line, struct docker_instr *i,
		       struct err *e)
{
	const char *p = text;
	size_t n;

	while (isspace((unsigned char)*p))
		p++;
	n = strcspn(p, " \t\n");
	*i = (struct docker_instr){ .line = line };
	if (find_verb(p, n, i, e) < 0)
		return -1;
	p = skip_blank(p + n);
	if (take_flags(l, i, &p, e) < 0)
		return -1;
	n = strlen(p);
	while (n && isspace((unsigned char)p[n - 1]))
		n--;
	i->words = arena_strndup(l->a, p, n);
	if (!n && i->verb != DOCKER_CMD && i->verb != DOCKER_ENTRYPOINT)
		return err_set(e, ERR_INPUT, "%s with nothing behind it", i->name);
	take_json(l, i);
	return i->json ? 0 : read_heredocs(l, i, e);
}

int docker_instruction(struct dockerfile *f, const char *text, unsigned line,
		       struct docker_instr *out, struct err *e)
{
	struct lexer l = { .f = f, .a = &f->arena, .at = "", .line = line };

	return instruction(&l, text, line, out, e);
}

static int begin_stage(struct lexer *l, const struct docker_instr *i, struct err *e)
{
	struct dockerfile *f = l->f;
	auto_strv struct strv words = { 0 };
	struct docker_stage *s;

	for (char *p = (char *)i->words; *p; p++)
		if (*p == '\t')
			*p = ' ';
	strv_split(&words, i->words, ' ');
	if (words.n != 1 && (words.n != 3 || strcasecmp(words.v[1], "as") != 0))
		return err_set(e, ERR_INPUT, "it is \"FROM image\" or \"FROM image AS name\"");
	if (f->nstages == MAX_STAGES)
		return err_set(e, ERR_LIMIT, "more than %d stages", MAX_STAGES);
	if (words.n == 3 && dockerfile_find_stage(f, words.v[2], f->nstages) >= 0)
		return err_set(e, ERR_INPUT, "two stages are called %.100s", words.v[2]);
	f->stages = docker_grow(l->a, f->stages, f->nstages, &f->stages_cap, sizeof(*f->stages));
	s = &f->stages[f->nstages++];
	*s = (struct docker_stage){ .from = arena_strdup(l->a, words.v[0]), .line = i->line };
	if (words.n == 3)
		s->name = arena_strdup(l->a, words.v[2]);
	for (size_t k = 0; k < i->nflags; k++)
		s->platform = i->flags[k].value;
	return 0;
}

static int place(struct lexer *l, const struct docker_instr *i, struct err *e)
{
	struct dockerfile *f = l->f;
	struct docker_stage *s;

	if (i->verb == DOCKER_FROM)
		return begin_stage(l, i, e);
	if (!f->nstages) {
		if (i->verb != DOCKER_ARG)
			return err_set(e, ERR_INPUT, "before the first FROM only ARG may stand");
		f->args = docker_grow(l->a, f->args, f->nargs, &f->args_cap, sizeof(*f->args));
		f->args[f->nargs++] = *i;
		return 0;
	}
	s = &f->stages[f->nstages - 1];
	s->v = docker_grow(l->a, s->v, s->n, &s->cap, sizeof(*s->v));
	s->v[s->n++] = *i;
	return 0;
}

int dockerfile_parse(struct dockerfile **out, const char *text, size_t n, const char *name,
		     struct err *e)
{
	auto_dockerfile struct dockerfile *f = xcalloc(1, sizeof(*f));
	struct lexer l = { .f = f, .a = &f->arena };

	f->name = arena_strdup(&f->arena, name);
	f->escape = '\\';
	if (n > DOCKERFILE_MAX)
		return err_set(e, ERR_LIMIT, "%s: larger than %d bytes: this is no Dockerfile",
			       name, DOCKERFILE_MAX);
	if (memchr(text, '\0', n))
		return err_set(e, ERR_INPUT, "%s: a NUL byte: this is no Dockerfile", name);
	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		text += 3, n -= 3;
	f->text = l.at = arena_strndup(&f->arena, text, n);
	if (directives(&l, e) < 0)
		return -1;
	for (;;) {
		auto_buf struct buf line = { 0 };
		struct docker_instr i;
		unsigned number = 0;

		if (!logical_line(&l, &line, &number))
			break;
		if (instruction(&l, buf_str(&line), number, &i, e) < 0 || place(&l, &i, e) < 0)
			return fail_at(&l, number, buf_str(&line), e);
	}
	if (!f->nstages)
		return err_set(e, ERR_INPUT, "%s: there is no FROM", name);
	*out = take_ptr(f);
	return 0;
}

void dockerfile_free(struct dockerfile *f)
{
	if (!f)
		return;
	arena_fini(&f->arena);
	free(f);
}

int dockerfile_find_stage(const struct dockerfile *f, const char *name, size_t end)
{
	for (size_t i = 0; i < end; i++)
		if (f->stages[i].name && !strcasecmp(f->stages[i].name, name))
			return (int)i;
	for (size_t i = 0; i < end; i++)
		if (str_is_u32(name, strlen(name), (uint32_t)i))
			return (int)i;
	return -1;
}
