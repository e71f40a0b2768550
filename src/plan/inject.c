#include "src/plan/inject.h"

#include <string.h>

#include "src/plan/csv.h"
#include "src/plan/script.h"

/* In the order in which they win. */
static const char *const prefixes[] = { "SINGULARITYENV_", "APPTAINERENV_", "BERTHENV_" };

/* What nobody may replace: the caller's identity. */
static const char *const refused[] = { "HOME", "UID", "GID" };

void inject_fini(struct inject *in)
{
	for (size_t i = 0; i < in->n; i++) {
		free(in->v[i].key);
		free(in->v[i].value);
	}
	free(in->v);
	*in = (struct inject){ 0 };
}

/* Replaces or adds; a replaced variable moves to the end, so that its value may
 * refer to the ones before it. */
static void inject_put(struct inject *in, const char *key, size_t keylen, const char *value,
		       const char *from, bool literal, struct strv *notes)
{
	size_t i = 0;

	for (size_t k = 0; k < ARRAY_LEN(refused); k++) {
		if (strlen(refused[k]) == keylen && !memcmp(refused[k], key, keylen)) {
			strv_addf(notes, "%s: %s cannot be replaced; left as it is", from,
				  refused[k]);
			return;
		}
	}
	while (i < in->n && (strncmp(in->v[i].key, key, keylen) || in->v[i].key[keylen]))
		i++;
	if (i < in->n) {
		struct inject_var old = in->v[i];

		if (str_has_suffix(old.from, "ENV_") && str_has_suffix(from, "ENV_") &&
		    strcmp(old.value, value))
			strv_addf(notes, "%s%s and %s%s differ; %s%s is used", old.from, old.key,
				  from, old.key, from, old.key);
		free(old.key);
		free(old.value);
		memmove(in->v + i, in->v + i + 1, (--in->n - i) * sizeof(*in->v));
	}
	xgrow(&in->v, &in->cap, in->n + 1, sizeof(*in->v));
	in->v[in->n++] =
		(struct inject_var){ xstrndup(key, keylen), xstrdup(value), literal, from };
}

static void collect_environ(struct inject *in, const struct facts *f, struct strv *notes)
{
	for (size_t k = 0; k < ARRAY_LEN(prefixes); k++) {
		for (char *const *v = f->environ; v && *v; v++) {
			const char *key = *v + strlen(prefixes[k]);
			const char *eq;

			if ((*v)[0] != prefixes[k][0] || !str_has_prefix(*v, prefixes[k]))
				continue;
			eq = strchr(key, '=');
			if (eq && shell_name_is_valid(key, (size_t)(eq - key)))
				inject_put(in, key, (size_t)(eq - key), eq + 1, prefixes[k], false,
					   notes);
		}
	}
}

static void inject_list(struct inject *in, const struct strv *list, struct strv *notes)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *eq = strchr(list->v[i], '=');

		inject_put(in, list->v[i], (size_t)(eq - list->v[i]), eq + 1, "--env-file", true,
			   notes);
	}
}

/* Puts the value of line n of text into quotes, when it is NAME=VALUE and the value has
 * none and no dollar: what other engines take as it stands ("A=x (y)").  False when it is not. */
static bool quote_line(struct buf *text, unsigned n)
{
	auto_buf struct buf out = { 0 };
	const char *line = buf_str(text), *end, *eq;

	while (--n)
		line = strchr(line, '\n') + 1;
	end = strchrnul(line, '\n');
	eq = memchr(line, '=', (size_t)(end - line));
	if (!eq || !shell_name_is_valid(line, (size_t)(eq - line)) ||
	    eq + strcspn(eq, "'\"`$\\") < end)
		return false;
	buf_add(&out, text->data, (size_t)(eq + 1 - text->data));
	buf_printf(&out, "'%.*s'%s", (int)(end - eq - 1), eq + 1, end);
	buf_clear(text);
	buf_adds(text, buf_str(&out));
	return true;
}

/* A file is read as a shell would with `set -a`, over the host's variables. */
static int collect_file(struct inject *in, const struct facts *f, const struct fact_file *file,
			struct strv *notes, struct err *e)
{
	struct strv host = { .v = (char **)f->environ };
	auto_buf struct buf text = { 0 };
	auto_shvars struct shvars v = { .outer = &host };
	unsigned line;

	while (host.v && host.v[host.n])
		host.n++;
	if (!file->text)
		return err_set(e, ERR_NOTFOUND, "--env-file %s: %s", file->path,
			       strerror(file->error));
	buf_adds(&text, file->text);
	while (script_run(&v, buf_str(&text), &line))
		if (!quote_line(&text, line))
			return err_set(e, ERR_USAGE,
				       "--env-file %s: line %u is not NAME=VALUE as it can be read "
				       "without a shell",
				       file->path, line);
	inject_list(in, &v.local, notes);
	inject_list(in, &v.exported, notes);
	return 0;
}

static int put_pair(struct inject *in, const char *pair, struct strv *notes, struct err *e)
{
	const char *eq = strchr(pair, '=');

	if (!eq)
		return err_set(e, ERR_USAGE, "--env %s: write NAME=VALUE", pair);
	if (!shell_name_is_valid(pair, (size_t)(eq - pair)))
		return err_set(e, ERR_USAGE, /* without the value: it may be a secret */
			       "--env: \"%.*s\" is not a variable's name (letters, digits and _)",
			       (int)(eq - pair), pair);
	inject_put(in, pair, (size_t)(eq - pair), eq + 1, "--env", false, notes);
	return 0;
}

/* A value with a single '=' is one pair, commas and all; more make it a list. */
static int collect_option(struct inject *in, const char *text, struct strv *notes, struct err *e)
{
	const char *first = strchr(text, '=');
	bool list = first && strchr(first + 1, '=');
	size_t n = strlen(text);
	char end;

	if (!list && n >= 2 && text[0] == '"' && text[n - 1] == '"') {
		auto_free char *inner = xstrndup(text + 1, n - 2);

		return put_pair(in, inner, notes, e);
	}
	if (!list)
		return put_pair(in, text, notes, e);
	do {
		auto_free char *pair = csv_field(&text, ",", &end);

		if (put_pair(in, pair, notes, e) < 0)
			return -1;
	} while (end == ',');
	return 0;
}

int inject_collect(struct inject *in, const struct run_req *req, const struct facts *f,
		   struct strv *notes, struct err *e)
{
	collect_environ(in, f, notes);
	for (size_t i = 0; i < f->nenv_files; i++)
		if (collect_file(in, f, &f->env_files[i], notes, e) < 0)
			return -1;
	for (size_t i = 0; i < req->env.n; i++)
		if (collect_option(in, req->env.v[i], notes, e) < 0)
			return -1;
	return 0;
}
