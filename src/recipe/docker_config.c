#include "src/recipe/docker_config.h"

#include <string.h>

#include "src/base/json.h"

#define CONFIG_MAX (8 << 20)

void docker_config_fini(struct docker_config *c)
{
	struct strv *const lists[] = { &c->env,	  &c->entrypoint, &c->cmd,
				       &c->shell, &c->onbuild,	  &c->labels,
				       &c->ports, &c->volumes,	  &c->health };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		strv_fini(lists[i]);
	free(c->user);
	free(c->workdir);
	free(c->stop_signal);
	*c = (struct docker_config){ 0 };
}

static int wrong(const char *key, struct err *e)
{
	return err_set(e, ERR_INPUT, "the base's image config: %s is of the wrong type", key);
}

static int list(const struct json *doc, const char *key, struct strv *out, struct err *e)
{
	const struct json *v = json_get(doc, key), *el;

	if (json_kind(v) == JSON_NULL)
		return 0;
	/* Old images have Entrypoint and Cmd as one word. */
	if (json_str(v)) {
		strv_add(out, json_str(v));
		return 0;
	}
	if (json_kind(v) != JSON_ARRAY)
		return wrong(key, e);
	json_each (v, i, el) {
		if (!json_str(el))
			return wrong(key, e);
		strv_add(out, json_str(el));
	}
	return 0;
}

static int text(const struct json *doc, const char *key, char **out, struct err *e)
{
	const struct json *v = json_get(doc, key);

	if (json_kind(v) == JSON_NULL)
		return 0;
	if (!json_str(v))
		return wrong(key, e);
	if (*json_str(v))
		*out = xstrdup(json_str(v));
	return 0;
}

static int add_key(void *arg, const char *key, const struct json *v)
{
	(void)v;
	strv_add(arg, key);
	return 0;
}

static int add_label(void *arg, const char *key, const struct json *v)
{
	if (!json_str(v))
		return 1;
	strv_addf(arg, "%s=%s", key, json_str(v));
	return 0;
}

static int health(struct docker_config *c, const struct json *h, struct err *e)
{
	json_i64(json_get(h, "Interval"), &c->interval);
	json_i64(json_get(h, "Timeout"), &c->timeout);
	json_i64(json_get(h, "StartPeriod"), &c->start_period);
	json_i64(json_get(h, "StartInterval"), &c->start_interval);
	json_i64(json_get(h, "Retries"), &c->retries);
	return list(h, "Test", &c->health, e);
}

int docker_config_parse(struct docker_config *c, const char *json, struct err *e)
{
	auto_json struct json *doc = NULL;

	if (json_parse(&doc, json, strlen(json), CONFIG_MAX, e) < 0)
		return err_wrap(e, "the base's image config");
	if (list(doc, "Env", &c->env, e) < 0 || list(doc, "Entrypoint", &c->entrypoint, e) < 0 ||
	    list(doc, "Cmd", &c->cmd, e) < 0 || list(doc, "Shell", &c->shell, e) < 0 ||
	    list(doc, "OnBuild", &c->onbuild, e) < 0 || text(doc, "User", &c->user, e) < 0 ||
	    text(doc, "WorkingDir", &c->workdir, e) < 0 ||
	    text(doc, "StopSignal", &c->stop_signal, e) < 0)
		return -1;
	json_members(json_get(doc, "ExposedPorts"), add_key, &c->ports);
	json_members(json_get(doc, "Volumes"), add_key, &c->volumes);
	if (json_members(json_get(doc, "Labels"), add_label, &c->labels))
		return wrong("Labels", e);
	if (json_kind(json_get(doc, "Healthcheck")) == JSON_OBJECT)
		return health(c, json_get(doc, "Healthcheck"), e);
	return 0;
}

static void put_list(struct jw *w, const char *key, const struct strv *v)
{
	if (!v->n)
		return;
	jw_arr(w, key);
	for (size_t i = 0; i < v->n; i++)
		jw_str(w, NULL, v->v[i]);
	jw_end(w);
}

static void put_set(struct jw *w, const char *key, const struct strv *v)
{
	if (!v->n)
		return;
	jw_obj(w, key);
	for (size_t i = 0; i < v->n; i++) {
		jw_obj(w, v->v[i]);
		jw_end(w);
	}
	jw_end(w);
}

static void put_text(struct jw *w, const char *key, const char *v)
{
	if (v && *v)
		jw_str(w, key, v);
}

static void put_int(struct jw *w, const char *key, int64_t v)
{
	if (v)
		jw_int(w, key, v);
}

static void put_health(struct jw *w, const struct docker_config *c)
{
	if (!c->health.n)
		return;
	jw_obj(w, "Healthcheck");
	put_list(w, "Test", &c->health);
	put_int(w, "Interval", c->interval);
	put_int(w, "Timeout", c->timeout);
	put_int(w, "StartPeriod", c->start_period);
	put_int(w, "StartInterval", c->start_interval);
	put_int(w, "Retries", c->retries);
	jw_end(w);
}

void docker_config_json(const struct docker_config *c, struct buf *out)
{
	struct jw w = { .out = out };

	jw_obj(&w, NULL);
	put_text(&w, "User", c->user);
	put_set(&w, "ExposedPorts", &c->ports);
	put_list(&w, "Env", &c->env);
	put_list(&w, "Entrypoint", &c->entrypoint);
	put_list(&w, "Cmd", &c->cmd);
	put_health(&w, c);
	put_set(&w, "Volumes", &c->volumes);
	put_text(&w, "WorkingDir", c->workdir);
	put_list(&w, "OnBuild", &c->onbuild);
	if (c->labels.n) {
		jw_obj(&w, "Labels");
		for (size_t i = 0; i < c->labels.n; i++) {
			size_t n = strcspn(c->labels.v[i], "=");
			auto_free char *key = xstrndup(c->labels.v[i], n);

			jw_str(&w, key, c->labels.v[i] + n + 1);
		}
		jw_end(&w);
	}
	put_text(&w, "StopSignal", c->stop_signal);
	put_list(&w, "Shell", &c->shell);
	jw_end(&w);
}
