/* Three passes over the lines: find the stages and read %arguments; fill in the templates; parse.
 * Apptainer does the same, and it has to be so: a template may stand anywhere, in the header too. */
#include "src/recipe/def.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/recipe/def_known.h"
#include "src/recipe/def_template.h"
#include "src/recipe/def_words.h"

#define MAX_STAGES 1000

struct line {
	const char *text;
	unsigned number, stage;
};

struct parser {
	const struct def_opts *opts;
	struct def *def;
	struct arena *a;
	struct line *lines;
	size_t n;
	const char *name; /* of the file */

	/* The section that lines go to; NULL in the header. */
	const struct def_section *section;
	const char *section_args;
	struct def_app *app;
	struct buf body;
	unsigned body_line;
};

static int fail_at(const struct parser *p, const struct line *l, struct err *e)
{
	size_t n = strcspn(l->text, "\n");

	err_wrap(e, "%s:%u", p->name, l->number);
	/* The text comes last, so that a long one hides nothing. */
	if (strlen(e->text) + 8 < sizeof(e->text))
		snprintf(e->text + strlen(e->text), sizeof(e->text) - strlen(e->text),
			 ": \"%.*s%s\"", (int)MIN(n, 100), l->text, n > 100 ? "..." : "");
	return -1;
}

static const char *skip_blank(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* "%post  -c x": the name into name, what follows into *args.  A line of a script may well start
 * with a percent sign (a printf format, a rpm macro): indented, it is one only when it is known. */
static bool section_line(const char *text, char name[64], const char **args)
{
	const char *p = skip_blank(text), *end = p + strcspn(p, " \t");
	size_t n = (size_t)(end - p);

	if (*p != '%' || !isalpha((unsigned char)p[1]) || n >= 64)
		return false;
	memcpy(name, p, n);
	name[n] = '\0';
	*args = skip_blank(end);
	return p == text || def_section_find(name);
}

static bool is_bootstrap(const char *text)
{
	if (strncasecmp(text, "bootstrap", 9) != 0)
		return false;
	return *skip_blank(text + 9) == ':';
}

static bool is_nothing(const char *text)
{
	text = skip_blank(text);
	return !*text || *text == '#';
}

static int split_lines(struct parser *p, const char *text, size_t n, struct err *e)
{
	size_t count = 1;
	unsigned number = 0, stage = 0;
	bool begun = false;

	for (size_t i = 0; i < n; i++) {
		if (!text[i])
			return err_set(e, ERR_INPUT, "%s: a NUL byte: this is no definition file",
				       p->name);
		count += text[i] == '\n';
	}
	p->lines = arena_array(p->a, struct line, count);
	for (const char *at = text, *end = text + n; at < end;) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((nl ? nl : end) - at);
		struct line *l = &p->lines[p->n++];

		if (len && at[len - 1] == '\r')
			len--;
		l->text = arena_strndup(p->a, at, len);
		l->number = ++number;
		if (is_bootstrap(l->text)) {
			stage += begun;
			begun = true;
		}
		if (stage >= MAX_STAGES)
			return err_set(e, ERR_LIMIT, "%s:%u: more than %d stages", p->name, number,
				       MAX_STAGES);
		l->stage = stage;
		at = nl ? nl + 1 : end;
	}
	return 0;
}

static void read_arguments(struct parser *p, struct def_stage *stages)
{
	bool in = false;
	const char *args;
	char name[64];

	for (size_t i = 0; i < p->n; i++) {
		const struct line *l = &p->lines[i];

		if (i && l->stage != p->lines[i - 1].stage)
			in = false;
		if (section_line(l->text, name, &args))
			in = !strcmp(name, "%arguments");
		else if (in)
			def_pair_line(p->a, &stages[l->stage].arguments, l->text, l->number, '=');
	}
}

static int fill_templates(struct parser *p, struct err *e)
{
	const struct strv *args = p->opts->args;
	size_t nstages = p->n ? p->lines[p->n - 1].stage + 1 : 1, nargs = args ? args->n : 0;
	struct def_stage *stages = arena_array(p->a, struct def_stage, nstages);
	bool *used = arena_array(p->a, bool, nargs + 1);
	struct def_template t = { args, used, stages, nstages, 0 };
	auto_buf struct buf all = { 0 };
	bool in_arguments = false;
	const char *rest;
	char name[64];

	read_arguments(p, stages);
	for (size_t i = 0; i < p->n; i++) {
		struct line *l = &p->lines[i];
		auto_buf struct buf out = { 0 };

		if (i && l->stage != p->lines[i - 1].stage)
			in_arguments = false;
		if (section_line(l->text, name, &rest))
			in_arguments = !strcmp(name, "%arguments");
		t.stage = l->stage;
		/* Defaults are filled in where they are used. */
		if (!in_arguments) {
			if (def_template_line(&t, l->text, strlen(l->text), &out, e) < 0)
				return fail_at(p, l, e);
			l->text = arena_strdup(p->a, buf_str(&out));
		}
		if (all.len > DEF_MAX)
			return err_set(e, ERR_LIMIT, "%s: its templates make more than %d bytes",
				       p->name, DEF_MAX);
		buf_printf(&all, "%s\n", l->text);
	}
	p->def->text = arena_strdup(p->a, buf_str(&all));
	for (size_t i = 0; i < nargs; i++)
		if (!used[i])
			strv_add(&p->def->unused, args->v[i]);
	return 0;
}

static struct def_stage *stage(struct parser *p)
{
	return &p->def->stages[p->def->nstages - 1];
}

static void begin_stage(struct parser *p, unsigned line)
{
	struct def *d = p->def;

	d->stages = def_grow(p->a, d->stages, d->nstages, &d->stages_cap, sizeof(*d->stages));
	d->stages[d->nstages++] = (struct def_stage){ .line = line };
	p->section = NULL;
	p->app = NULL;
}

static void add_text(struct parser *p, struct def_text *t)
{
	const char *body = buf_str(&p->body);

	t->text = t->text ? arena_printf(p->a, "%s%s", t->text, body) : arena_strdup(p->a, body);
	if (!t->args || *p->section_args)
		t->args = p->section_args;
	if (!t->line)
		t->line = p->body_line;
}

static void end_section(struct parser *p)
{
	if (!p->section)
		return;
	if (p->section->kind == SECTION_SCRIPT)
		add_text(p, &stage(p)->script[p->section->script]);
	else if (p->section->kind == SECTION_APP_TEXT)
		add_text(p, (struct def_text *)(void *)((char *)p->app + p->section->app));
	buf_clear(&p->body);
}

/* The name becomes part of paths and of shell scripts. */
static bool app_name_is_good(const char *s)
{
	const char *first = s;

	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_-.+", *s))
			return false;
	return s > first && *first != '.' && *first != '-' && s - first < 128;
}

static int find_app(struct parser *p, struct err *e)
{
	struct def_stage *s = stage(p);
	const char *name = arena_strndup(p->a, p->section_args, strcspn(p->section_args, " \t#"));

	if (!app_name_is_good(name))
		return err_set(e, ERR_INPUT,
			       "%s needs the name of an app: letters, digits and _ - . +",
			       p->section->name);
	/* Only the name: what follows it is no argument of an interpreter. */
	p->section_args = "";
	for (size_t i = 0; i < s->napps; i++) {
		if (!strcmp(s->apps[i].name, name)) {
			p->app = &s->apps[i];
			return 0;
		}
	}
	s->apps = def_grow(p->a, s->apps, s->napps, &s->apps_cap, sizeof(*s->apps));
	p->app = &s->apps[s->napps++];
	*p->app = (struct def_app){ .name = name };
	return 0;
}

static int begin_files(struct parser *p, unsigned line, struct err *e)
{
	struct def_stage *s = stage(p);
	const char *args = p->section_args, *from = NULL;
	size_t n = strcspn(args, " \t");

	if (*args && *args != '#') {
		const char *rest = skip_blank(args + n);
		size_t len = strcspn(rest, " \t#");

		if (n != 4 || strncmp(args, "from", 4) != 0 || !len || *skip_blank(rest + len))
			return err_set(e, ERR_INPUT, "%%files takes nothing, or \"from STAGE\"");
		from = arena_strndup(p->a, rest, len);
		if (def_find_stage(p->def, from, p->def->nstages - 1) < 0)
			return err_set(
				e, ERR_INPUT,
				"no earlier stage is called %.100s; files can only come from "
				"a stage above this one",
				from);
	}
	s->files = def_grow(p->a, s->files, s->nfiles, &s->files_cap, sizeof(*s->files));
	s->files[s->nfiles++] = (struct def_files){ .from = from, .line = line };
	return 0;
}

static int begin_section(struct parser *p, const struct line *l, const char *name, const char *args,
			 struct err *e)
{
	auto_buf struct buf hint = { 0 };

	end_section(p);
	p->section = def_section_find(name);
	if (!p->section) {
		def_section_hint(name, &hint);
		return err_set(e, ERR_INPUT, "unknown section %s%s", name, buf_str(&hint));
	}
	p->section_args = args;
	p->body_line = l->number;
	switch (p->section->kind) {
	case SECTION_FILES:
		return begin_files(p, l->number, e);
	case SECTION_APP_TEXT:
	case SECTION_APP_LABELS:
	case SECTION_APP_FILES:
		return find_app(p, e);
	default:
		return 0;
	}
}

/* One header line, whose continuations were joined. */
static int header_line(struct parser *p, const char *text, unsigned number, struct err *e)
{
	struct def_stage *s = stage(p);
	const char *colon = strchr(text, ':'), *end = text + strlen(text), *hash;
	auto_buf struct buf hint = { 0 };
	char *key;

	for (hash = text; (hash = strchr(hash, '#')); hash++)
		if (hash == text || isspace((unsigned char)hash[-1]))
			break;
	if (hash)
		end = hash;
	if (!colon || colon >= end)
		return err_set(
			e, ERR_INPUT,
			"a line of the header is \"Key: value\", and sections start with %%");
	def_pair_line(p->a, &s->header, arena_strndup(p->a, text, (size_t)(end - text)), number,
		      ':');
	key = (char *)s->header.v[s->header.n - 1].key;
	for (char *k = key; *k; k++)
		*k = (char)tolower((unsigned char)*k);
	for (size_t i = 0; i + 1 < s->header.n; i++)
		if (!strcmp(s->header.v[i].key, key))
			return err_set(e, ERR_INPUT, "%.100s stands twice in this header (line %u)",
				       key, s->header.v[i].line);
	if (!def_key_is_known(key)) {
		def_key_hint(key, &hint);
		return err_set(e, ERR_INPUT, "unknown header key \"%.100s\"%s", key,
			       buf_str(&hint));
	}
	if (!strcmp(key, "stage"))
		s->name = s->header.v[s->header.n - 1].value;
	return 0;
}

/* Takes lines[i] and those that it continues on; *i is the last of them afterwards. */
static int header(struct parser *p, size_t *i, struct err *e)
{
	unsigned number = p->lines[*i].number;
	auto_buf struct buf all = { 0 };

	for (;; (*i)++) {
		const char *t = p->lines[*i].text;
		size_t n = strlen(t);

		while (n && isspace((unsigned char)t[n - 1]))
			n--;
		if (!n || t[n - 1] != '\\' || *i + 1 == p->n ||
		    p->lines[*i + 1].stage != p->lines[*i].stage) {
			buf_add(&all, t, n);
			break;
		}
		buf_add(&all, t, n - 1);
		buf_addch(&all, ' ');
	}
	return header_line(p, buf_str(&all), number, e);
}

static int section_text(struct parser *p, const struct line *l, struct err *e)
{
	struct def_stage *s = stage(p);
	auto_free char *root = NULL;

	switch (p->section->kind) {
	case SECTION_SCRIPT:
	case SECTION_APP_TEXT:
		buf_printf(&p->body, "%s\n", l->text);
		return 0;
	case SECTION_LABELS:
		def_pair_line(p->a, &s->labels, l->text, l->number, '\0');
		return 0;
	case SECTION_APP_LABELS:
		def_pair_line(p->a, &p->app->labels, l->text, l->number, '\0');
		return 0;
	case SECTION_ARGUMENTS:
		if (!is_nothing(l->text) && !strchr(l->text, '='))
			return err_set(e, ERR_INPUT, "a line of %%arguments is NAME=VALUE");
		def_pair_line(p->a, &s->arguments, l->text, l->number, '=');
		return 0;
	case SECTION_FILES:
		return def_files_line(p->a, &s->files[s->nfiles - 1], l->text, l->number, NULL, e) <
				       0
			       ? -1
			       : 0;
	case SECTION_APP_FILES:
		root = xasprintf("/scif/apps/%s", p->app->name);
		return def_files_line(p->a, &p->app->files, l->text, l->number, root, e) < 0 ? -1
											     : 0;
	}
	return 0;
}

static int end_stage(struct parser *p, struct err *e)
{
	struct def_stage *s = stage(p);

	end_section(p);
	p->section = NULL;
	if (s->name && def_find_stage(p->def, s->name, p->def->nstages - 1) >= 0)
		return err_set(e, ERR_INPUT, "%s:%u: two stages are called %.100s", p->name,
			       s->line, s->name);
	if (def_agent_check(s, e) < 0)
		return err_wrap(e, "%s:%u", p->name, s->line);
	return 0;
}

static int parse(struct parser *p, struct err *e)
{
	const char *args;
	char name[64];

	for (size_t i = 0; i < p->n; i++) {
		const struct line *l = &p->lines[i];
		int r = 0;

		if (i && l->stage != p->lines[i - 1].stage) {
			if (end_stage(p, e) < 0)
				return -1;
			begin_stage(p, l->number);
		} else if (!p->def->nstages) {
			if (is_nothing(l->text))
				continue;
			begin_stage(p, l->number);
		}
		if (section_line(l->text, name, &args))
			r = begin_section(p, l, name, args, e);
		else if (p->section)
			r = section_text(p, l, e);
		else if (!is_nothing(l->text))
			r = header(p, &i, e);
		if (r < 0)
			return fail_at(p, l, e);
	}
	if (!p->def->nstages)
		return err_set(
			e, ERR_INPUT,
			"%s: nothing in it; a definition file begins with \"Bootstrap: ...\"",
			p->name);
	return end_stage(p, e);
}

int def_parse(struct def **out, const char *text, size_t n, const struct def_opts *o, struct err *e)
{
	auto_def struct def *d = xcalloc(1, sizeof(*d));
	struct parser p = { .opts = o, .def = d, .a = &d->arena, .name = o->name };
	int r;

	if (n > DEF_MAX)
		return err_set(e, ERR_LIMIT, "%s: larger than %d bytes: this is no definition file",
			       o->name, DEF_MAX);
	r = split_lines(&p, text, n, e);
	if (r == 0)
		r = fill_templates(&p, e);
	if (r == 0)
		r = parse(&p, e);
	buf_fini(&p.body);
	if (r == 0)
		*out = take_ptr(d);
	return r;
}

void def_free(struct def *d)
{
	if (!d)
		return;
	strv_fini(&d->unused);
	arena_fini(&d->arena);
	free(d);
}

const char *def_header(const struct def_stage *s, const char *key)
{
	for (size_t i = 0; i < s->header.n; i++)
		if (!strcmp(s->header.v[i].key, key))
			return s->header.v[i].value;
	return NULL;
}

int def_find_stage(const struct def *d, const char *name, size_t end)
{
	for (size_t i = 0; i < end; i++)
		if (d->stages[i].name && !strcmp(d->stages[i].name, name))
			return (int)i;
	for (size_t i = 0; i < end; i++)
		if (str_is_u32(name, strlen(name), (uint32_t)i))
			return (int)i;
	return -1;
}

int def_argument_line(const char *line, size_t n, struct strv *out)
{
	auto_arena struct arena a = { 0 };
	struct def_pairs p = { 0 };
	auto_free char *text = xstrndup(line, n);

	if (is_nothing(text))
		return 0;
	if (!strchr(text, '='))
		return 1;
	def_pair_line(&a, &p, text, 0, '=');
	if (!*p.v[0].key)
		return 1;
	strv_addf(out, "%s=%s", p.v[0].key, p.v[0].value);
	return 0;
}
