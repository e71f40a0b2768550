/* Instructions -> steps.  Walks a stage once, with the variables as they stand at each line; what
 * changes files becomes a step, what does not changes the configuration. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/base/json.h"
#include "src/recipe/docker_walk.h"

static void set_list(struct strv *to, const char *const *v)
{
	strv_fini(to);
	*to = (struct strv){ 0 };
	for (; v && *v; v++)
		strv_add(to, *v);
}

/* --build-arg for name: its value, NULL when it was not given. */
static const char *given(const struct docker_opts *o, const char *name, size_t n)
{
	const char *v = NULL;

	for (size_t i = 0; o->args && i < o->args->n; i++) {
		const char *kv = o->args->v[i];

		if (strncmp(kv, name, n) != 0 || (kv[n] && kv[n] != '='))
			continue;
		if (o->used)
			o->used[i] = true;
		v = kv[n] ? kv + n + 1 : NULL;
		for (char *const *env = o->environ; !kv[n] && env && *env; env++)
			if (!strncmp(*env, name, n) && (*env)[n] == '=')
				v = *env + n + 1;
	}
	return v;
}

/* What BuildKit defines by itself. */
static const char *automatic(struct docker_walk *w, const char *name, size_t n)
{
	static const char *const same[] = { "TARGET", "BUILD" };
	const char *arch = w->o->arch ? w->o->arch : "amd64";

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		size_t len = strlen(same[i]);

		if (n <= len || strncmp(name, same[i], len) != 0)
			continue;
		if (n == len + 4 && !strncmp(name + len, "ARCH", 4))
			return arch;
		if (n == len + 2 && !strncmp(name + len, "OS", 2))
			return "linux";
		if (n == len + 8 && !strncmp(name + len, "PLATFORM", 8))
			return arena_printf(w->a, "linux/%s", arch);
	}
	return NULL;
}

static int do_arg(struct docker_walk *w, const struct docker_instr *i, struct strv *into,
		  struct err *e)
{
	auto_strv struct strv raw = { 0 };

	docker_split(i->words, w->f->escape, &raw);
	for (size_t k = 0; k < raw.n; k++) {
		const char *eq = strchr(raw.v[k], '='), *v;
		size_t n = eq ? (size_t)(eq - raw.v[k]) : strlen(raw.v[k]);
		auto_free char *key = xstrndup(raw.v[k], n);

		if (!n)
			return err_set(e, ERR_INPUT, "ARG needs a name");
		v = given(w->o, key, n);
		if (!v && eq)
			v = docker_word(w, eq + 1, e);
		if (!v && eq)
			return -1;
		if (!v)
			v = strv_env_get(&w->global, key);
		if (!v)
			v = automatic(w, key, n);
		if (v)
			strv_env_set(into, key, v);
	}
	return 0;
}

/* ENV and LABEL: K=V words, or the old form "K the rest". */
static int do_pairs(struct docker_walk *w, const struct docker_instr *i, struct strv *into,
		    struct err *e)
{
	auto_strv struct strv raw = { 0 }, new = { 0 };

	docker_split(i->words, w->f->escape, &raw);
	if (raw.n && !strchr(raw.v[0], '=')) {
		size_t n = strcspn(i->words, " \t");
		const char *value = i->words + n + strspn(i->words + n, " \t");

		value = docker_word(w, value, e);
		if (!value)
			return -1;
		if (raw.n < 2)
			return err_set(e, ERR_INPUT, "%s is NAME=VALUE", i->name);
		strv_env_set(into, raw.v[0], value);
		return 0;
	}
	/* All values are expanded before any of this line is set. */
	for (size_t k = 0; k < raw.n; k++) {
		const char *eq = strchr(raw.v[k], '='), *key, *value;

		if (!eq || eq == raw.v[k])
			return err_set(e, ERR_INPUT, "%s: \"%.60s\" is not NAME=VALUE", i->name,
				       raw.v[k]);
		value = docker_word(w, eq + 1, e);
		if (!value)
			return -1;
		key = docker_word(w, arena_strndup(w->a, raw.v[k], (size_t)(eq - raw.v[k])), e);
		if (!key)
			return -1;
		if (!*key || strchr(key, '='))
			return err_set(e, ERR_INPUT, "%s: \"%.60s\" is no name", i->name, key);
		strv_addf(&new, "%s=%s", key, value);
	}
	for (size_t k = 0; k < new.n; k++) {
		char *eq = strchr(new.v[k], '=');

		*eq = '\0';
		strv_env_set(into, new.v[k], eq + 1);
	}
	return 0;
}

static int set_text(struct docker_walk *w, char **field, const struct docker_instr *i,
		    struct err *e)
{
	const char *v = docker_word(w, i->words, e);

	if (!v)
		return -1;
	free(*field);
	*field = xstrdup(v);
	return 0;
}

/* CMD, ENTRYPOINT: the exec form, or the shell with the text. */
static void do_command(struct docker_walk *w, const struct docker_instr *i, struct strv *into)
{
	if (i->json)
		set_list(into, i->json);
	else if (*i->words)
		set_list(into, docker_shell_argv(w, i->words));
	else
		set_list(into, NULL);
}

static int add_set(struct docker_walk *w, const struct docker_instr *i, struct strv *set, bool port,
		   struct err *e)
{
	auto_strv struct strv v = { 0 };

	if (docker_words(w, i, &v, e) < 0)
		return -1;
	for (size_t k = 0; k < v.n; k++) {
		auto_free char *full = port && !strchr(v.v[k], '/') ? xasprintf("%s/tcp", v.v[k])
								    : xstrdup(v.v[k]);

		if (!strv_has(set, full))
			strv_add(set, full);
	}
	strv_sort(set);
	return 0;
}

/* "1m30s", "500ms" in nanoseconds. */
static int duration(const char *v, int64_t *out, struct err *e)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ms", 1e6 },   { "us", 1e3 }, { "ns", 1 },
		      { "h", 3600e9 }, { "m", 60e9 }, { "s", 1e9 } };
	double sum = 0;
	const char *p = v;

	while (*p) {
		char *end;
		double n = strtod(p, &end);
		size_t k;

		for (k = 0; k < ARRAY_LEN(units); k++)
			if (end > p && str_has_prefix(end, units[k].unit))
				break;
		if (k == ARRAY_LEN(units) || !(n >= 0 && n < 1e9))
			return err_set(e, ERR_INPUT, "HEALTHCHECK: \"%.40s\" is no time as 30s", v);
		sum += n * units[k].ns;
		p = end + strlen(units[k].unit);
	}
	*out = sum < 9e18 ? (int64_t)sum : INT64_MAX;
	return 0;
}

static int do_health(struct docker_walk *w, const struct docker_instr *i, struct err *e)
{
	struct docker_config *c = w->c;
	const struct {
		const char *name;
		int64_t *to;
	} times[] = { { "interval", &c->interval },
		      { "timeout", &c->timeout },
		      { "start-period", &c->start_period },
		      { "start-interval", &c->start_interval } };
	const char *retries = docker_flag_get(i, "retries"), *p = i->words;
	struct docker_instr cmd = *i;

	strv_fini(&c->health);
	c->health = (struct strv){ 0 };
	for (size_t k = 0; k < ARRAY_LEN(times); k++) {
		const char *v = docker_flag_get(i, times[k].name);

		if (v && duration(v, times[k].to, e) < 0)
			return -1;
	}
	if (retries)
		c->retries = strtol(retries, NULL, 10);
	if (!strcasecmp(p, "none")) {
		strv_add(&c->health, "NONE");
		return 0;
	}
	if (strncasecmp(p, "cmd", 3) != 0 || (p[3] != ' ' && p[3] != '\t'))
		return err_set(e, ERR_INPUT, "it is HEALTHCHECK NONE or HEALTHCHECK CMD command");
	if (docker_instruction(w->f, p, i->line, &cmd, e) < 0)
		return -1;
	strv_add(&c->health, cmd.json ? "CMD" : "CMD-SHELL");
	for (const char *const *v = cmd.json; v && *v; v++)
		strv_add(&c->health, *v);
	if (!cmd.json)
		strv_add(&c->health, cmd.words);
	return 0;
}

static int do_shell(struct docker_walk *w, const struct docker_instr *i, struct err *e)
{
	if (!i->json || !*i->json)
		return err_set(e, ERR_INPUT, "SHELL takes the form [\"program\", \"argument\"]");
	set_list(&w->c->shell, i->json);
	return 0;
}

static int do_onbuild(struct docker_walk *w, const struct docker_instr *i, struct err *e)
{
	struct docker_instr t;

	if (docker_instruction(w->f, i->words, i->line, &t, e) < 0)
		return -1;
	if (t.verb == DOCKER_ONBUILD || t.verb == DOCKER_FROM || t.verb == DOCKER_MAINTAINER)
		return err_set(e, ERR_INPUT, "ONBUILD cannot hold %s", t.name);
	strv_add(&w->c->onbuild, i->words);
	return 0;
}

static int instruction(struct docker_walk *w, const struct docker_instr *i, struct err *e)
{
	struct docker_config *c = w->c;

	switch (i->verb) {
	case DOCKER_ADD:
	case DOCKER_COPY:
		return docker_do_copy(w, i, e);
	case DOCKER_ARG:
		return do_arg(w, i, &w->scope.args, e);
	case DOCKER_CMD:
		do_command(w, i, &c->cmd);
		w->cmd_is_ours = true;
		return 0;
	case DOCKER_ENTRYPOINT:
		do_command(w, i, &c->entrypoint);
		/* The base's CMD was meant for the base's program. */
		if (!w->cmd_is_ours)
			set_list(&c->cmd, NULL);
		return 0;
	case DOCKER_ENV:
		return do_pairs(w, i, &c->env, e);
	case DOCKER_LABEL:
		return do_pairs(w, i, &c->labels, e);
	case DOCKER_EXPOSE:
		return add_set(w, i, &c->ports, true, e);
	case DOCKER_VOLUME:
		return add_set(w, i, &c->volumes, false, e);
	case DOCKER_HEALTHCHECK:
		return do_health(w, i, e);
	case DOCKER_ONBUILD:
		return do_onbuild(w, i, e);
	case DOCKER_RUN:
		return docker_do_run(w, i, e);
	case DOCKER_SHELL:
		return do_shell(w, i, e);
	case DOCKER_STOPSIGNAL:
		return set_text(w, &c->stop_signal, i, e);
	case DOCKER_USER:
		return set_text(w, &c->user, i, e);
	case DOCKER_WORKDIR:
		return docker_do_workdir(w, i, e);
	case DOCKER_MAINTAINER:
	case DOCKER_FROM:
		return 0;
	}
	return 0;
}

static int fail_at(const struct docker_walk *w, const struct docker_instr *i, struct err *e)
{
	return err_wrap(e, "%s:%u", w->f->name, i->line);
}

static int read_global(struct docker_walk *w, struct err *e)
{
	const char *const names[] = { "TARGETPLATFORM", "TARGETOS", "TARGETARCH",
				      "BUILDPLATFORM",	"BUILDOS",  "BUILDARCH" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		strv_env_set(&w->scope.args, names[i], automatic(w, names[i], strlen(names[i])));
	for (size_t i = 0; i < w->f->nargs; i++) {
		const struct docker_instr *a = &w->f->args[i];

		if (do_arg(w, a, &w->scope.args, e) < 0 || do_arg(w, a, &w->global, e) < 0)
			return fail_at(w, a, e);
	}
	return 0;
}

/* ARGs that nobody has to declare: they reach RUN, but no image. */
static void predefined(struct docker_walk *w)
{
	static const char *const names[] = { "HTTP_PROXY",  "http_proxy", "HTTPS_PROXY",
					     "https_proxy", "FTP_PROXY",  "ftp_proxy",
					     "NO_PROXY",    "no_proxy",	  "ALL_PROXY",
					     "all_proxy" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *v = given(w->o, names[i], strlen(names[i]));

		if (v)
			strv_env_set(&w->scope.args, names[i], v);
	}
}

static void walk_fini(struct docker_walk *w)
{
	strv_fini(&w->scope.args);
	strv_fini(&w->global);
}

int dockerfile_base(struct dockerfile *f, size_t i, const struct docker_opts *o, const char **base,
		    struct err *e)
{
	auto_(walk_fini) struct docker_walk w = { .f = f, .o = o, .a = &f->arena, .stage = i };

	w.scope.escape = f->escape;
	if (read_global(&w, e) < 0)
		return -1;
	*base = docker_word(&w, f->stages[i].from, e);
	if (!*base || !**base) {
		if (*base)
			err_set(e, ERR_INPUT,
				"FROM %.100s names nothing; ARGs that it uses stand before the "
				"first FROM and need a value",
				f->stages[i].from);
		return err_wrap(e, "%s:%u", f->name, f->stages[i].line);
	}
	return 0;
}

int dockerfile_steps(struct steps *out, struct docker_config *config, struct dockerfile *f,
		     size_t i, const struct docker_opts *o, struct err *e)
{
	auto_(walk_fini) struct docker_walk w = {
		.out = out, .c = config, .f = f, .o = o, .a = out->arena, .stage = i
	};
	struct docker_stage *s = &f->stages[i];
	auto_strv struct strv triggers = config->onbuild;
	const char *text;

	config->onbuild = (struct strv){ 0 };
	w.scope.escape = f->escape;
	if (read_global(&w, e) < 0)
		return -1;
	strv_fini(&w.scope.args);
	w.scope.args = (struct strv){ 0 };
	w.scope.env = &config->env;
	predefined(&w);
	for (size_t k = 0; k < triggers.n; k++) {
		struct docker_instr t;

		if (docker_instruction(f, triggers.v[k], s->line, &t, e) < 0 ||
		    instruction(&w, &t, e) < 0)
			return err_wrap(e, "%s:%u: ONBUILD of the base", f->name, s->line);
	}
	for (size_t k = 0; k < s->n; k++) {
		text = s->v[k].words;
		if (instruction(&w, &s->v[k], e) < 0) {
			size_t n = strcspn(text, "\n");

			fail_at(&w, &s->v[k], e);
			if (strlen(e->text) + 8 < sizeof(e->text))
				snprintf(e->text + strlen(e->text),
					 sizeof(e->text) - strlen(e->text), ": \"%s %.*s\"",
					 s->v[k].name, (int)MIN(n, 100), text);
			return -1;
		}
	}
	return 0;
}

void dockerfile_json(struct dockerfile *f, const struct docker_opts *o, struct jw *w,
		     const char *key)
{
	jw_arr(w, key);
	for (size_t i = 0; i < f->nstages; i++) {
		auto_arena struct arena a = { 0 };
		auto_docker_config struct docker_config c = { 0 };
		auto_buf struct buf json = { 0 };
		struct steps steps = { .arena = &a };
		const char *base;
		struct err e;

		jw_obj(w, NULL);
		jw_int(w, "line", f->stages[i].line);
		jw_str(w, "from",
		       dockerfile_base(f, i, o, &base, &e) == 0 ? base : f->stages[i].from);
		if (f->stages[i].name)
			jw_str(w, "name", f->stages[i].name);
		/* The base's own environment is not known here. */
		if (dockerfile_steps(&steps, &c, f, i, o, &e) < 0)
			jw_str(w, "error", e.text);
		steps_json(&steps, w, "steps");
		docker_config_json(&c, &json);
		jw_str(w, "config", buf_str(&json));
		jw_end(w);
	}
	jw_end(w);
}
