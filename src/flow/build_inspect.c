#include "src/flow/build_inspect.h"

#include <fcntl.h>
#include <string.h>

#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/flow/build_names.h"

#define TEXT_MAX (8 << 20)

/* A member with the text of a file; nothing when there is none. */
static int text(struct jw *w, const struct build_tree *t, const char *key, const char *path,
		struct err *e)
{
	auto_buf struct buf b = { 0 };
	int r = build_tree_read(t, path, TEXT_MAX, &b, e);

	if (r == 0 && b.len)
		jw_str(w, key, buf_str(&b));
	return r < 0 ? -1 : 0;
}

static int text_in(struct jw *w, const struct build_tree *t, const char *key, const char *dir,
		   const char *name, struct err *e)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	return text(w, t, key, path, e);
}

static int put_label(void *arg, const char *key, const struct json *v)
{
	if (json_str(v))
		jw_str(arg, key, json_str(v));
	return 0;
}

static int labels(struct jw *w, const struct build_tree *t, const char *path, struct err *e)
{
	auto_buf struct buf b = { 0 };
	auto_json struct json *doc = NULL;
	struct err ignored;
	int r = build_tree_read(t, path, TEXT_MAX, &b, e);

	if (r < 0)
		return -1;
	if (r == 1 || json_parse(&doc, buf_str(&b), b.len, TEXT_MAX, &ignored) < 0 ||
	    !json_len(doc))
		return 0;
	jw_obj(w, "labels");
	json_members(doc, put_label, w);
	jw_end(w);
	return 0;
}

/* The scripts of a directory of environment files, under their paths. */
static int environment(struct jw *w, const struct build_tree *t, const char *dir, struct err *e)
{
	auto_close int fd = open_in_root(t->fd, dir, O_RDONLY | O_DIRECTORY, 0);
	auto_strv struct strv names = { 0 };

	if (fd < 0 || build_names_list(fd, &names) < 0 || !names.n)
		return 0;
	jw_obj(w, "environment");
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = xasprintf("%s/%s", dir, names.v[i]);

		/* The engine's own are in every image. */
		if (!str_has_suffix(names.v[i], ".sh") || names.v[i][0] == '0' ||
		    strcmp(names.v[i], "92") > 0)
			continue;
		if (text(w, t, path, path, e) < 0)
			return -1;
	}
	jw_end(w);
	return 0;
}

static int apps(struct jw *w, const struct build_tree *t, struct err *e)
{
	auto_close int fd = open_in_root(t->fd, "/scif/apps", O_RDONLY | O_DIRECTORY, 0);
	auto_strv struct strv names = { 0 };

	if (fd < 0 || build_names_list(fd, &names) < 0 || !names.n)
		return 0;
	jw_obj(w, "apps");
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *dir = xasprintf("/scif/apps/%s/scif", names.v[i]);
		auto_free char *env = xasprintf("%s/env", dir),
			       *l = xasprintf("%s/labels.json", dir);

		jw_obj(w, names.v[i]);
		if (environment(w, t, env, e) < 0 || labels(w, t, l, e) < 0 ||
		    text_in(w, t, "runscript", dir, "runscript", e) < 0 ||
		    text_in(w, t, "startscript", dir, "startscript", e) < 0 ||
		    text_in(w, t, "test", dir, "test", e) < 0 ||
		    text_in(w, t, "helpfile", dir, "runscript.help", e) < 0)
			return -1;
		jw_end(w);
	}
	jw_end(w);
	return 0;
}

int build_inspect_make(const struct build_tree *t, struct buf *out, struct err *e)
{
	static const char d[] = "/.singularity.d";
	struct jw w = { .out = out, .html = true };

	jw_obj(&w, NULL);
	jw_obj(&w, "data");
	jw_obj(&w, "attributes");
	if (apps(&w, t, e) < 0 || environment(&w, t, "/.singularity.d/env", e) < 0 ||
	    labels(&w, t, "/.singularity.d/labels.json", e) < 0 ||
	    text_in(&w, t, "runscript", d, "runscript", e) < 0 ||
	    text_in(&w, t, "test", d, "test", e) < 0 ||
	    text_in(&w, t, "helpfile", d, "runscript.help", e) < 0 ||
	    text_in(&w, t, "deffile", d, "Singularity", e) < 0 ||
	    text_in(&w, t, "startscript", d, "startscript", e) < 0)
		return -1;
	jw_end(&w);
	jw_end(&w);
	jw_str(&w, "type", "container");
	jw_end(&w);
	return 0;
}
