/* RUN --mount=type=cache,target=/x,...: comma-separated fields, quotes around a field as in CSV. */
#include <stdlib.h>
#include <string.h>

#include "src/base/near.h"
#include "src/base/path.h"
#include "src/recipe/docker_priv.h"

static void split_fields(const char *text, struct strv *out)
{
	auto_buf struct buf field = { 0 };
	bool quoted = false;

	for (; *text; text++) {
		if (*text == '"') {
			quoted = !quoted;
		} else if (*text == ',' && !quoted) {
			strv_add(out, buf_str(&field));
			buf_clear(&field);
		} else {
			buf_addch(&field, *text);
		}
	}
	if (field.len)
		strv_add(out, buf_str(&field));
}

static int set_type(struct step_mount *m, const char *v, struct err *e)
{
	static const char *const names[] = { "bind", "cache", "tmpfs", "secret" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(v, names[i]) != 0)
			continue;
		m->type = (enum step_mount_type)i;
		return 0;
	}
	if (!strcmp(v, "ssh"))
		return err_set(e, ERR_UNSUPPORTED,
			       "--mount=type=ssh is not supported; a secret can hold a key");
	return err_set(e, ERR_INPUT, "--mount=type=%.40s: it is bind, cache, tmpfs or secret", v);
}

static bool truth(const char *v)
{
	return !v || !strcmp(v, "true") || !strcmp(v, "1");
}

static int set_field(struct arena *a, struct step_mount *m, const char *key, const char *v,
		     const char *workdir, struct err *e)
{
	static const char *const known[] = { "type", "target", "source", "from",     "id",
					     "env",  "size",   "mode",	 "readonly", "required",
					     "uid",  "gid",    "sharing" };
	auto_free char *clean = NULL;
	const char *hint;

	if (!strcmp(key, "readonly") || !strcmp(key, "ro"))
		m->ro = truth(v);
	else if (!strcmp(key, "readwrite") || !strcmp(key, "rw"))
		m->ro = !truth(v);
	else if (!strcmp(key, "required"))
		m->required = truth(v);
	else if (!v)
		return err_set(e, ERR_INPUT, "--mount: %.60s needs a value", key);
	else if (!strcmp(key, "type"))
		return 0;
	else if (!strcmp(key, "target") || !strcmp(key, "dst") || !strcmp(key, "destination")) {
		clean = path_clean(workdir, v);
		m->target = arena_strdup(a, clean);
	} else if (!strcmp(key, "source") || !strcmp(key, "src"))
		m->source = arena_strdup(a, v);
	else if (!strcmp(key, "from"))
		m->from = arena_strdup(a, v);
	else if (!strcmp(key, "id"))
		m->id = arena_strdup(a, v);
	else if (!strcmp(key, "env"))
		m->env = arena_strdup(a, v);
	else if (!strcmp(key, "size"))
		m->size = arena_strdup(a, v);
	else if (!strcmp(key, "mode"))
		m->mode = (unsigned)strtoul(v, NULL, 8) & 07777;
	else if (strcmp(key, "uid") != 0 && strcmp(key, "gid") != 0 &&
		 strcmp(key, "sharing") != 0) {
		hint = near_word(key, known, ARRAY_LEN(known));
		return err_set(e, ERR_INPUT, "--mount has no field %.60s%s%s%s", key,
			       hint ? " (did you mean " : "", hint ? hint : "", hint ? "?)" : "");
	}
	return 0;
}

static int finish(struct arena *a, struct step_mount *m, struct err *e)
{
	if (m->type == STEP_MOUNT_SECRET) {
		if (!m->id && m->target)
			m->id = path_base(m->target);
		if (!m->id || !*m->id)
			return err_set(e, ERR_INPUT, "--mount=type=secret needs id=NAME");
		if (!m->target && !m->env)
			m->target = arena_printf(a, "/run/secrets/%s", path_base(m->id));
	}
	if (!m->target && !m->env)
		return err_set(e, ERR_INPUT, "--mount needs target=/PATH");
	if (m->target && !strcmp(m->target, "/"))
		return err_set(e, ERR_INPUT, "--mount: the target cannot be / itself");
	if (m->type == STEP_MOUNT_CACHE && !m->id)
		m->id = m->target;
	return 0;
}

int docker_mount(struct arena *a, const struct docker_scope *s, const char *text,
		 const char *workdir, struct step_mount *m, struct err *e)
{
	auto_strv struct strv fields = { 0 };
	auto_buf struct buf plain = { 0 };

	*m = (struct step_mount){ .type = STEP_MOUNT_BIND, .ro = true };
	if (!text || !*text)
		return err_set(e, ERR_INPUT, "--mount needs a value");
	if (docker_expand_text(s, text, &plain, e) < 0)
		return -1;
	split_fields(buf_str(&plain), &fields);
	for (size_t i = 0; i < fields.n; i++)
		if (str_has_prefix(fields.v[i], "type=") && set_type(m, fields.v[i] + 5, e) < 0)
			return -1;
	m->ro = m->type == STEP_MOUNT_BIND || m->type == STEP_MOUNT_SECRET;
	for (size_t i = 0; i < fields.n; i++) {
		char *eq = strchr(fields.v[i], '=');

		if (eq)
			*eq = '\0';
		if (set_field(a, m, fields.v[i], eq ? eq + 1 : NULL, workdir, e) < 0)
			return -1;
	}
	return finish(a, m, e);
}
