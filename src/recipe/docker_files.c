/* RUN, COPY, ADD, WORKDIR: the instructions that become steps. */
#include <stdio.h>
#include <string.h>

#include "src/base/path.h"
#include "src/recipe/docker_walk.h"

const char *docker_flag_get(const struct docker_instr *i, const char *name)
{
	for (size_t k = 0; k < i->nflags; k++)
		if (!strcmp(i->flags[k].name, name))
			return i->flags[k].value ? i->flags[k].value : "";
	return NULL;
}

const char *docker_word(struct docker_walk *w, const char *text, struct err *e)
{
	auto_buf struct buf out = { 0 };

	return docker_expand(&w->scope, text, &out, e) < 0 ? NULL
							   : arena_strdup(w->a, buf_str(&out));
}

int docker_words(struct docker_walk *w, const struct docker_instr *i, struct strv *out,
		 struct err *e)
{
	auto_strv struct strv raw = { 0 };

	if (i->json) {
		for (const char *const *p = i->json; *p; p++) {
			auto_buf struct buf b = { 0 };

			if (docker_expand_text(&w->scope, *p, &b, e) < 0)
				return -1;
			strv_add(out, buf_str(&b));
		}
		return 0;
	}
	docker_split(i->words, w->f->escape, &raw);
	for (size_t k = 0; k < raw.n; k++) {
		const char *word = docker_word(w, raw.v[k], e);

		if (!word)
			return -1;
		strv_add(out, word);
	}
	return 0;
}

static const char *const *env_of(struct docker_walk *w)
{
	size_t n = 0;
	const char **v = arena_array(w->a, const char *, w->scope.args.n + w->c->env.n + 1);

	for (size_t i = 0; i < w->scope.args.n; i++) {
		auto_free char *key =
			xstrndup(w->scope.args.v[i], strcspn(w->scope.args.v[i], "="));

		if (!strv_env_get(&w->c->env, key))
			v[n++] = arena_strdup(w->a, w->scope.args.v[i]);
	}
	for (size_t i = 0; i < w->c->env.n; i++)
		v[n++] = arena_strdup(w->a, w->c->env.v[i]);
	return v;
}

static const char *workdir(const struct docker_walk *w)
{
	return w->c->workdir ? w->c->workdir : "/";
}

const char *const *docker_shell_argv(struct docker_walk *w, const char *text)
{
	const struct strv *sh = &w->c->shell;
	const char **v = arena_array(w->a, const char *, sh->n + 4);
	size_t n = 0;

	for (size_t i = 0; i < sh->n; i++)
		v[n++] = arena_strdup(w->a, sh->v[i]);
	if (!n) {
		v[n++] = "/bin/sh";
		v[n++] = "-c";
	}
	v[n] = text;
	return v;
}

/* The text that the shell gets: with here-documents, as it was written; or, when a lone one is the
 * whole command, its body. */
static int run_text(struct docker_walk *w, const struct docker_instr *i, const char **out,
		    struct err *e)
{
	auto_buf struct buf all = { 0 };
	const char *p = i->words;

	if (!i->nheredocs) {
		*out = i->words;
		return 0;
	}
	if (i->nheredocs == 1 && p[0] == '<' && p[1] == '<' && !strpbrk(p, " \t")) {
		*out = i->heredocs[0].body;
		return 0;
	}
	(void)w;
	(void)e;
	buf_printf(&all, "%s\n", p);
	for (size_t k = 0; k < i->nheredocs; k++)
		buf_printf(&all, "%s%s\n", i->heredocs[k].body, i->heredocs[k].name);
	*out = arena_strdup(w->a, buf_str(&all));
	return 0;
}

static const char *title(struct docker_walk *w, const char *name, const char *text)
{
	size_t n = strcspn(text, "\n");

	return arena_printf(w->a, "%s %.*s%s", name, (int)MIN(n, 120), text,
			    n > 120 || text[n] ? " ..." : "");
}

int docker_do_run(struct docker_walk *w, const struct docker_instr *i, struct err *e)
{
	struct step *s = steps_add(w->out, STEP_RUN, i->line, "RUN");
	const char *text, *net = docker_flag_get(i, "network"),
			  *security = docker_flag_get(i, "security");

	if (security && strcmp(security, "sandbox") != 0)
		return err_set(e, ERR_UNSUPPORTED, "RUN --security=%.40s is not supported",
			       security);
	if (net && strcmp(net, "default") != 0 && strcmp(net, "host") != 0 &&
	    strcmp(net, "none") != 0)
		return err_set(e, ERR_INPUT, "RUN --network=%.40s: it is default, host or none",
			       net);
	s->no_network = net && !strcmp(net, "none");
	if (i->json) {
		if (!*i->json)
			return err_set(e, ERR_INPUT, "RUN [] with nothing in it");
		s->argv = i->json;
	} else {
		if (run_text(w, i, &text, e) < 0)
			return -1;
		s->argv = docker_shell_argv(w, text);
	}
	s->title = title(w, "RUN", i->words);
	s->env = env_of(w);
	s->cwd = arena_strdup(w->a, workdir(w));
	s->user = w->c->user ? arena_strdup(w->a, w->c->user) : NULL;
	s->mounts = arena_array(w->a, struct step_mount, i->nflags + 1);
	for (size_t k = 0; k < i->nflags; k++) {
		struct step_mount *m = &s->mounts[s->nmounts];

		if (strcmp(i->flags[k].name, "mount") != 0)
			continue;
		if (docker_mount(w->a, &w->scope, i->flags[k].value, workdir(w), m, e) < 0)
			return -1;
		s->nmounts++;
	}
	return 0;
}

/* The target of COPY and ADD: below the working directory, with a slash for a directory. */
static const char *copy_target(struct docker_walk *w, const char *dst)
{
	auto_free char *clean = path_clean(workdir(w), dst);
	bool is_dir = str_has_suffix(dst, "/") || !strcmp(dst, ".") || str_has_suffix(dst, "/.");

	return arena_printf(w->a, "%s%s", clean, is_dir && strcmp(clean, "/") != 0 ? "/" : "");
}

static const struct docker_heredoc *heredoc_of(const struct docker_instr *i, const char *word)
{
	if (word[0] != '<' || word[1] != '<')
		return NULL;
	word += 2;
	word += *word == '-';
	for (size_t k = 0; k < i->nheredocs; k++)
		if (!strcmp(i->heredocs[k].name, word))
			return &i->heredocs[k];
	return NULL;
}

static int copy_item(struct docker_walk *w, const struct docker_instr *i, const char *src,
		     const char *dst, struct step_item *item, struct err *e)
{
	const struct docker_heredoc *h = heredoc_of(i, src);
	auto_buf struct buf body = { 0 };

	*item = (struct step_item){ .dst = dst, .line = i->line };
	if (!h) {
		item->src = arena_strdup(w->a, src);
		return 0;
	}
	if (!h->expand)
		buf_adds(&body, h->body);
	else if (docker_expand_text(&w->scope, h->body, &body, e) < 0)
		return -1;
	item->data = arena_strdup(w->a, buf_str(&body));
	if (str_has_suffix(dst, "/"))
		item->dst = arena_printf(w->a, "%s%s", dst, h->name);
	return 0;
}

static int copy_flags(struct docker_walk *w, const struct docker_instr *i, struct step *s,
		      struct err *e)
{
	const char **ex = arena_array(w->a, const char *, i->nflags + 1);
	size_t n = 0;

	for (size_t k = 0; k < i->nflags; k++) {
		const char *name = i->flags[k].name, *v = i->flags[k].value;

		if (v && !(v = docker_word(w, v, e)))
			return -1;
		if (!strcmp(name, "chown"))
			s->chown = v;
		else if (!strcmp(name, "chmod"))
			s->chmod = v;
		else if (!strcmp(name, "exclude") && v)
			ex[n++] = v;
		else if (!strcmp(name, "parents"))
			s->parents = !v || !strcmp(v, "true");
		else if (!strcmp(name, "from"))
			s->from = v;
		else if (!strcmp(name, "checksum"))
			s->checksum = v;
	}
	if (n)
		s->exclude = ex;
	return 0;
}

static int add_url(struct step_item *item, struct err *e)
{
	const char *src = item->src;
	size_t n = src ? strcspn(src, "?#") : 0;

	if (!src)
		return 0;
	if (str_has_prefix(src, "git@") || str_has_prefix(src, "git://") ||
	    (strstr(src, "://") && n > 4 && !strncmp(src + n - 4, ".git", 4)))
		return err_set(e, ERR_UNSUPPORTED,
			       "ADD of %.200s is not supported: git is not spoken; clone it in "
			       "RUN, or beside the Dockerfile",
			       src);
	item->url = str_has_prefix(src, "http://") || str_has_prefix(src, "https://");
	if (!item->url && strstr(src, "://"))
		return err_set(e, ERR_UNSUPPORTED, "ADD of %.200s: only http:// and https://", src);
	return 0;
}

int docker_do_copy(struct docker_walk *w, const struct docker_instr *i, struct err *e)
{
	auto_strv struct strv v = { 0 };
	struct step *s = steps_add(w->out, STEP_COPY, i->line, i->name);
	const char *dst;

	s->rules = i->verb == DOCKER_ADD ? COPY_ADD : COPY_DOCKER;
	s->title = title(w, i->name, i->words);
	if (copy_flags(w, i, s, e) < 0 || docker_words(w, i, &v, e) < 0)
		return -1;
	if (v.n < 2)
		return err_set(e, ERR_INPUT, "%s needs a source and a target", i->name);
	dst = copy_target(w, v.v[v.n - 1]);
	if (v.n > 2 && !str_has_suffix(dst, "/"))
		return err_set(e, ERR_INPUT,
			       "%s of several sources needs a target that ends with /", i->name);
	s->items = arena_array(w->a, struct step_item, v.n);
	for (; s->nitems + 1 < v.n; s->nitems++) {
		const char *src = v.v[s->nitems];

		if (copy_item(w, i, src, dst, &s->items[s->nitems], e) < 0)
			return -1;
		if (s->rules == COPY_ADD && add_url(&s->items[s->nitems], e) < 0)
			return -1;
	}
	if (s->checksum && (s->nitems != 1 || !s->items[0].url))
		return err_set(e, ERR_INPUT, "--checksum goes with ADD of one URL");
	return 0;
}

int docker_do_workdir(struct docker_walk *w, const struct docker_instr *i, struct err *e)
{
	const char *dir = docker_word(w, i->words, e);
	struct step *s;
	char *clean;

	if (!dir)
		return -1;
	clean = path_clean(workdir(w), dir);
	free(w->c->workdir);
	w->c->workdir = clean;
	s = steps_add(w->out, STEP_DIR, i->line, "WORKDIR");
	s->title = title(w, "WORKDIR", clean);
	s->dir = arena_strdup(w->a, clean);
	return 0;
}
