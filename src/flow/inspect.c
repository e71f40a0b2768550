/* inspect-metadata.json is in Apptainer's shape already, and images without it are read into
 * that shape.  So it is cut down to what was asked for and printed. */
#include "src/flow/inspect.h"

#include <string.h>

#include "image/image.h"
#include "image/sif.h"
#include "image/squash.h"
#include "src/base/json.h"
#include "src/flow/inspect_tree.h"

/* What is known; owns what at points into. */
struct known {
	struct image *image;
	struct squash *squash;
	struct json *doc;
	const struct json *at; /* data.attributes */
	struct buf deffile;    /* the SIF object's, empty without one */
};

static void known_fini(struct known *k)
{
	buf_fini(&k->deffile);
	json_free(k->doc);
	squash_close(k->squash);
	image_free(k->image);
}
#define auto_known auto_(known_fini)

static int from_tree(struct known *k, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct image *im = k->image;

	if (im->kind != IMAGE_DIR &&
	    squash_open(&k->squash, im->fd, im->off, im->size, NULL, e) < 0)
		return err_wrap(e, "image %s", im->path);
	if (inspect_tree(im, k->squash, &text, e) < 0 ||
	    json_parse(&k->doc, text.data, text.len, SIZE_MAX, e) < 0)
		return err_wrap(e, "image %s", im->path);
	return 0;
}

/* The recipe is an object of its own in a SIF. */
static int deffile_from_sif(struct known *k, struct err *e)
{
	auto_sif struct sif *sif = NULL;
	const struct sif_object *o;

	if (k->image->kind != IMAGE_SIF || json_str(json_get(k->at, "deffile")))
		return 0;
	if (sif_read(&sif, k->image->fd, e) != 0)
		return -1;
	o = sif_find(sif, SIF_DEFFILE, NULL);
	if (o && sif_object_read(sif, k->image->fd, o, &k->deffile, INSPECT_TEXT_MAX, e) < 0)
		return err_wrap(e, "image %s", k->image->path);
	return 0;
}

static int know(struct known *k, const char *path, struct err *e)
{
	const struct buf *b;

	if (image_open(&k->image, path, e) < 0)
		return -1;
	b = &k->image->inspect;
	if (!b->len) {
		if (from_tree(k, e) < 0)
			return -1;
	} else if (json_parse(&k->doc, b->data, b->len, INSPECT_TEXT_MAX, e) < 0) {
		return err_wrap(e, "%s: %s", k->image->path, IMAGE_INSPECT_NAME);
	}
	k->at = json_get(json_get(k->doc, "data"), "attributes");
	return 0;
}

static int add_name(void *arg, const char *key, const struct json *v)
{
	(void)v;
	strv_add(arg, key);
	return 0;
}

static void app_names(const struct known *k, struct strv *names)
{
	json_members(json_get(k->at, "apps"), add_name, names);
	strv_sort(names);
}

static int find_app(const struct known *k, const char *name, const struct json **out, struct err *e)
{
	auto_strv struct strv names = { 0 };
	auto_buf struct buf list = { 0 };

	*out = json_get(json_get(k->at, "apps"), name);
	if (*out)
		return 0;
	app_names(k, &names);
	for (size_t i = 0; i < names.n; i++) {
		buf_adds(&list, i ? ", " : "");
		buf_add_escaped(&list, names.v[i], strlen(names.v[i]));
	}
	return err_set(e, ERR_NOTFOUND, "%s: the image has no application \"%s\" (%s%s)",
		       k->image->path, name, names.n ? "it has: " : "it has none", buf_str(&list));
}

static const char *part_text(const struct known *k, const struct json *at, size_t i)
{
	const char *text = json_str(json_get(at, inspect_parts[i].key));

	if (!text && at == k->at && inspect_parts[i].bit == INSPECT_DEFFILE && k->deffile.len)
		return buf_str(&k->deffile);
	return text && *text ? text : NULL;
}

static int copy_string(void *arg, const char *key, const struct json *v)
{
	if (json_str(v))
		jw_str(arg, key, json_str(v));
	return 0;
}

static void write_strings(struct jw *w, const char *key, const struct json *obj)
{
	if (!json_len(obj))
		return;
	jw_obj(w, key);
	json_members(obj, copy_string, w);
	jw_end(w);
}

static void write_attributes(const struct known *k, const struct json *at, unsigned what,
			     struct jw *w)
{
	if (what & INSPECT_ENV)
		write_strings(w, "environment", json_get(at, "environment"));
	if (what & INSPECT_LABELS)
		write_strings(w, "labels", json_get(at, "labels"));
	for (size_t i = 0; i < INSPECT_NPARTS; i++)
		if (what & inspect_parts[i].bit && part_text(k, at, i))
			jw_str(w, inspect_parts[i].key, part_text(k, at, i));
}

static void write_apps(const struct known *k, struct jw *w)
{
	auto_strv struct strv names = { 0 };

	app_names(k, &names);
	if (!names.n)
		return;
	jw_obj(w, "apps");
	for (size_t i = 0; i < names.n; i++) {
		jw_obj(w, names.v[i]);
		write_attributes(k, json_get(json_get(k->at, "apps"), names.v[i]), INSPECT_ALL, w);
		jw_end(w);
	}
	jw_end(w);
}

static void print_json(const struct known *k, const char *app, const struct json *at, unsigned what,
		       struct buf *out)
{
	struct jw w = { .out = out, .indent = -1, .html = true };

	jw_obj(&w, NULL);
	jw_obj(&w, "data");
	jw_obj(&w, "attributes");
	if (what & INSPECT_APPS) {
		write_apps(k, &w);
	} else if (app) {
		jw_obj(&w, "apps");
		jw_obj(&w, app);
		write_attributes(k, at, what, &w);
		jw_end(&w);
		jw_end(&w);
	}
	if (!app)
		write_attributes(k, at, what, &w);
	jw_end(&w);
	jw_end(&w);
	jw_str(&w, "type", "container");
	jw_end(&w);
	buf_addch(out, '\n');
}

static void add_line(struct buf *out, const char *text)
{
	buf_adds(out, text);
	if (!str_has_suffix(text, "\n"))
		buf_addch(out, '\n');
}

static int print_label(void *arg, const char *key, const struct json *v)
{
	struct buf *out = arg;
	const char *value = json_str(v);

	if (!value)
		return 0;
	buf_add_escaped(out, key, strlen(key));
	buf_adds(out, ": ");
	buf_add_escaped(out, value, strlen(value));
	buf_addch(out, '\n');
	return 0;
}

static int print_env(void *arg, const char *key, const struct json *v)
{
	struct buf *out = arg;

	if (!json_str(v))
		return 0;
	buf_adds(out, "=== ");
	buf_add_escaped(out, key, strlen(key));
	buf_adds(out, " ===\n");
	add_line(out, json_str(v));
	buf_addch(out, '\n');
	return 0;
}

static void print_text(const struct known *k, const struct json *at, unsigned what, struct buf *out)
{
	auto_strv struct strv names = { 0 };

	if (what & INSPECT_APPS)
		app_names(k, &names);
	for (size_t i = 0; i < names.n; i++) {
		buf_add_escaped(out, names.v[i], strlen(names.v[i]));
		buf_addch(out, '\n');
	}
	for (size_t i = 0; i < INSPECT_NPARTS; i++)
		if (what & inspect_parts[i].bit && part_text(k, at, i))
			add_line(out, part_text(k, at, i));
	if (what & INSPECT_ENV)
		json_members(json_get(at, "environment"), print_env, out);
	if (what & INSPECT_LABELS)
		json_members(json_get(at, "labels"), print_label, out);
}

int flow_inspect(const struct inspect_req *r, struct buf *text, struct err *e)
{
	auto_known struct known k = { 0 };
	unsigned what = r->what ? r->what : INSPECT_LABELS;
	const char *app = what == INSPECT_ALL ? NULL : r->app;
	const struct json *at;

	if (know(&k, r->image, e) < 0)
		return -1;
	at = k.at;
	if (app && find_app(&k, app, &at, e) < 0)
		return -1;
	if (!app && what & INSPECT_DEFFILE && deffile_from_sif(&k, e) < 0)
		return -1;
	if (r->json)
		print_json(&k, app, at, what, text);
	else
		print_text(&k, at, what, text);
	return 0;
}

int flow_run_help(const char *image, const char *app, struct buf *text, struct err *e)
{
	auto_known struct known k = { 0 };
	const struct json *at;
	const char *help;

	if (know(&k, image, e) < 0)
		return -1;
	at = k.at;
	if (app && find_app(&k, app, &at, e) < 0)
		return -1;
	help = json_str(json_get(at, "helpfile"));
	if (!help || !*help)
		return 1;
	add_line(text, help);
	return 0;
}
