#include "src/flow/inspect_tree.h"

#include <string.h>

#include "src/base/json.h"
#include "src/flow/inspect.h"

const struct inspect_part inspect_parts[INSPECT_NPARTS] = {
	{ INSPECT_DEFFILE, "deffile", "Singularity" },
	{ INSPECT_RUNSCRIPT, "runscript", "runscript" },
	{ INSPECT_STARTSCRIPT, "startscript", "startscript" },
	{ INSPECT_TEST, "test", "test" },
	{ INSPECT_HELPFILE, "helpfile", "runscript.help" },
};

struct tree {
	struct image *image;
	struct squash *squash;
	struct jw *out;
};

/* A member with the text of a file.  1: there is no such file. */
static int add_text(const struct tree *t, const char *key, const char *path, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = image_read_file(t->image, t->squash, path, INSPECT_TEXT_MAX, &text, e);

	if (r == 0 && text.len)
		jw_str(t->out, key, buf_str(&text));
	return r;
}

static int add_label(void *arg, const char *key, const struct json *v)
{
	if (json_str(v))
		jw_str(arg, key, json_str(v));
	return 0;
}

static int add_labels(const struct tree *t, const char *dir, struct err *e)
{
	auto_free char *path = xasprintf("%s/labels.json", dir);
	auto_buf struct buf text = { 0 };
	auto_json struct json *doc = NULL;
	int r = image_read_file(t->image, t->squash, path, INSPECT_TEXT_MAX, &text, e);

	if (r < 0)
		return -1;
	if (r == 1 || !text.len)
		return 0;
	if (json_parse(&doc, text.data, text.len, INSPECT_TEXT_MAX, e) < 0)
		return err_wrap(e, "%s", path);
	jw_obj(t->out, "labels");
	json_members(doc, add_label, t->out);
	jw_end(t->out);
	return 0;
}

/* What an author wrote; the rest is the engine's. */
static bool authors(const char *name)
{
	return str_has_prefix(name, "10-docker") || str_has_suffix(name, "-environment.sh");
}

static int add_env(const struct tree *t, const char *dir, struct err *e)
{
	auto_free char *env = xasprintf("%s/env", dir);
	auto_strv struct strv names = { 0 };

	if (image_list_dir(t->image, t->squash, env, &names, e) < 0)
		return -1;
	jw_obj(t->out, "environment");
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = xasprintf("%s/%s", env, names.v[i]);

		if (authors(names.v[i]) && add_text(t, path, path, e) < 0)
			return -1;
	}
	jw_end(t->out);
	return 0;
}

static int add_attributes(const struct tree *t, const char *dir, struct err *e)
{
	if (add_env(t, dir, e) < 0 || add_labels(t, dir, e) < 0)
		return -1;
	for (size_t i = 0; i < INSPECT_NPARTS; i++) {
		auto_free char *path = xasprintf("%s/%s", dir, inspect_parts[i].file);

		if (add_text(t, inspect_parts[i].key, path, e) < 0)
			return -1;
	}
	return 0;
}

static int add_apps(const struct tree *t, struct err *e)
{
	auto_strv struct strv names = { 0 };
	int r = image_list_dir(t->image, t->squash, "/scif/apps", &names, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	jw_obj(t->out, "apps");
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *dir = xasprintf("/scif/apps/%s/scif", names.v[i]);
		auto_strv struct strv inside = { 0 };

		r = image_list_dir(t->image, t->squash, dir, &inside, e);
		if (r < 0)
			return -1;
		if (r == 1 || names.v[i][0] == '.')
			continue;
		jw_obj(t->out, names.v[i]);
		if (add_attributes(t, dir, e) < 0)
			return -1;
		jw_end(t->out);
	}
	jw_end(t->out);
	return 0;
}

int inspect_tree(struct image *im, struct squash *sq, struct buf *out, struct err *e)
{
	struct jw w = { .out = out };
	const struct tree t = { im, sq, &w };

	jw_obj(&w, NULL);
	jw_obj(&w, "data");
	jw_obj(&w, "attributes");
	if (add_apps(&t, e) < 0 || add_attributes(&t, "/.singularity.d", e) < 0)
		return -1;
	jw_end(&w);
	jw_end(&w);
	jw_str(&w, "type", "container");
	jw_end(&w);
	return 0;
}
