#include "src/recipe/step.h"

#include <string.h>

#include "src/base/json.h"

struct step *steps_add(struct steps *s, enum step_kind kind, unsigned line, const char *name)
{
	if (s->n == s->cap) {
		struct step *v = arena_array(s->arena, struct step, s->cap * 2 + 8);

		if (s->n)
			memcpy(v, s->v, s->n * sizeof(*v));
		s->v = v;
		s->cap = s->cap * 2 + 8;
	}
	s->v[s->n] = (struct step){ .kind = kind, .line = line, .name = name, .title = name };
	return &s->v[s->n++];
}

int step_script_argv(const char *name, const char *args, const char *path, struct strv *out,
		     struct err *e)
{
	auto_strv struct strv words = { 0 };
	auto_free char *plain = xstrndup(args ? args : "", args ? strcspn(args, "#") : 0);

	for (char *p = plain; *p; p++)
		if (*p == '\t')
			*p = ' ';
	strv_split(&words, plain, ' ');
	strv_add(out, "/bin/sh");
	strv_add(out, "-ex");
	for (size_t i = 0; i < words.n; i++) {
		auto_buf struct buf rest = { 0 };

		strv_add(out, words.v[i]);
		if (strcmp(words.v[i], "-c") != 0)
			continue;
		if (i + 1 == words.n)
			return err_set(e, ERR_INPUT, "%s %s: no command behind -c", name, plain);
		for (i++; i < words.n; i++)
			buf_printf(&rest, "%s ", words.v[i]);
		buf_adds(&rest, path);
		strv_add(out, buf_str(&rest));
		return 0;
	}
	strv_add(out, path);
	return 0;
}

static const char *kind_name(enum step_kind k)
{
	static const char *const names[] = { "host", "copy", "run", "dir" };

	return names[k];
}

static void str_or_nothing(struct jw *w, const char *key, const char *v)
{
	if (v)
		jw_str(w, key, v);
}

static void list(struct jw *w, const char *key, const char *const *v)
{
	if (!v || !*v)
		return;
	jw_arr(w, key);
	for (; *v; v++)
		jw_str(w, NULL, *v);
	jw_end(w);
}

static void mounts_json(const struct step *s, struct jw *w)
{
	static const char *const types[] = { "bind", "cache", "tmpfs", "secret" };

	if (!s->nmounts)
		return;
	jw_arr(w, "mounts");
	for (size_t i = 0; i < s->nmounts; i++) {
		const struct step_mount *m = &s->mounts[i];

		jw_obj(w, NULL);
		jw_str(w, "type", types[m->type]);
		str_or_nothing(w, "from", m->from);
		str_or_nothing(w, "source", m->source);
		str_or_nothing(w, "target", m->target);
		str_or_nothing(w, "id", m->id);
		str_or_nothing(w, "env", m->env);
		str_or_nothing(w, "size", m->size);
		if (m->ro)
			jw_bool(w, "ro", true);
		if (m->required)
			jw_bool(w, "required", true);
		if (m->mode)
			jw_int(w, "mode", m->mode);
		jw_end(w);
	}
	jw_end(w);
}

static void copy_json(const struct step *s, struct jw *w)
{
	static const char *const rules[] = { "host", "stage", "copy", "add" };

	if (s->kind != STEP_COPY)
		return;
	jw_str(w, "rules", rules[s->rules]);
	str_or_nothing(w, "from", s->from);
	jw_arr(w, "items");
	for (size_t i = 0; i < s->nitems; i++) {
		jw_obj(w, NULL);
		str_or_nothing(w, "src", s->items[i].src);
		str_or_nothing(w, "data", s->items[i].data);
		str_or_nothing(w, "dst", s->items[i].dst);
		if (s->items[i].url)
			jw_bool(w, "url", true);
		jw_end(w);
	}
	jw_end(w);
	str_or_nothing(w, "chown", s->chown);
	str_or_nothing(w, "chmod", s->chmod);
	str_or_nothing(w, "checksum", s->checksum);
	list(w, "exclude", s->exclude);
	if (s->parents)
		jw_bool(w, "parents", true);
}

static void what_json(const struct step *s, struct jw *w)
{
	jw_str(w, "kind", kind_name(s->kind));
	str_or_nothing(w, "script", s->script);
	str_or_nothing(w, "args", s->args);
	list(w, "argv", s->argv);
	list(w, "env", s->env);
	str_or_nothing(w, "cwd", s->cwd);
	str_or_nothing(w, "user", s->user);
	str_or_nothing(w, "dir", s->dir);
	if (s->no_network)
		jw_bool(w, "no_network", true);
	mounts_json(s, w);
	copy_json(s, w);
}

void step_key(const struct step *s, struct buf *out)
{
	struct jw w = { .out = out };

	jw_obj(&w, NULL);
	what_json(s, &w);
	jw_end(&w);
}

void steps_json(const struct steps *s, struct jw *w, const char *key)
{
	jw_arr(w, key);
	for (size_t i = 0; i < s->n; i++) {
		jw_obj(w, NULL);
		jw_int(w, "line", s->v[i].line);
		jw_str(w, "title", s->v[i].title);
		what_json(&s->v[i], w);
		jw_end(w);
	}
	jw_end(w);
}
