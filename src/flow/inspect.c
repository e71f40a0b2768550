/* inspect-metadata.json is in Apptainer's shape already, so it is cut down to what was asked
 * for and printed.  Images without it (bare SquashFS, directories, old SIFs) are read as files. */
#include "src/flow/inspect.h"

#include <string.h>
#include <sys/stat.h>

#include "image/image.h"
#include "image/sif.h"
#include "image/squash.h"
#include "src/base/json.h"
#include "src/base/path.h"

#define TEXT_MAX (16u << 20)

/* One text attribute: its bit, its key, and where it lies in a tree. */
static const struct part {
	unsigned bit;
	const char *key, *path;
} parts[] = {
	{ INSPECT_RUNSCRIPT, "runscript", "/.singularity.d/runscript" },
	{ INSPECT_STARTSCRIPT, "startscript", "/.singularity.d/startscript" },
	{ INSPECT_TEST, "test", "/.singularity.d/test" },
	{ INSPECT_HELPFILE, "helpfile", "/.singularity.d/runscript.help" },
	{ INSPECT_DEFFILE, "deffile", "/.singularity.d/Singularity" },
};

struct attributes {
	const struct json *env, *labels; /* objects of strings, or NULL */
	const char *text[ARRAY_LEN(parts)];
};

/* Where the parts come from; owns what the attributes point to. */
struct source_text {
	struct image *image;
	struct squash *squash;
	struct json *doc, *labels, *env;
	struct buf text[ARRAY_LEN(parts)];
};

static void source_text_fini(struct source_text *s)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		buf_fini(&s->text[i]);
	json_free(s->doc);
	json_free(s->labels);
	json_free(s->env);
	squash_close(s->squash);
	image_free(s->image);
}
#define auto_source_text auto_(source_text_fini)

static int from_object(struct source_text *s, struct attributes *a, struct err *e)
{
	const struct buf *b = &s->image->inspect;
	const struct json *at;

	if (json_parse(&s->doc, b->data, b->len, TEXT_MAX, e) < 0)
		return err_wrap(e, "%s: %s", s->image->path, IMAGE_INSPECT_NAME);
	at = json_get(json_get(s->doc, "data"), "attributes");
	a->env = json_get(at, "environment");
	a->labels = json_get(at, "labels");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		a->text[i] = json_str(json_get(at, parts[i].key));
	return 0;
}

static int env_from_tree(struct source_text *s, struct attributes *a, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct jw w = { .out = &text };

	if (image_load_scripts(s->image, s->squash, e) < 0)
		return -1;
	jw_obj(&w, NULL);
	for (size_t i = 0; i < s->image->nenv; i++) {
		const char *name = path_base(s->image->env[i].path);

		/* What an author wrote; the rest is the engine's. */
		if (str_has_prefix(name, "10-docker") || str_has_suffix(name, "-environment.sh"))
			jw_str(&w, s->image->env[i].path, s->image->env[i].text);
	}
	jw_end(&w);
	if (json_parse(&s->env, text.data, text.len, TEXT_MAX, e) < 0)
		return -1;
	a->env = s->env;
	return 0;
}

static int from_tree(struct source_text *s, struct attributes *a, struct err *e)
{
	auto_buf struct buf labels = { 0 };
	struct image *im = s->image;
	int r;

	if (im->kind != IMAGE_DIR &&
	    squash_open(&s->squash, im->fd, im->off, im->size, NULL, e) < 0)
		return err_wrap(e, "image %s", im->path);
	r = image_read_file(im, s->squash, "/.singularity.d/labels.json", TEXT_MAX, &labels, e);
	if (r < 0)
		return err_wrap(e, "image %s", im->path);
	if (r == 0 && labels.len &&
	    json_parse(&s->labels, labels.data, labels.len, TEXT_MAX, e) < 0)
		return err_wrap(e, "%s: labels.json", s->image->path);
	a->labels = s->labels;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		r = image_read_file(im, s->squash, parts[i].path, TEXT_MAX, &s->text[i], e);
		if (r < 0)
			return err_wrap(e, "image %s", im->path);
		a->text[i] = r == 0 ? buf_str(&s->text[i]) : NULL;
	}
	return env_from_tree(s, a, e);
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

static void print_json(const struct attributes *a, unsigned what, struct buf *out)
{
	struct jw w = { .out = out, .indent = -1, .html = true };

	jw_obj(&w, NULL);
	jw_obj(&w, "data");
	jw_obj(&w, "attributes");
	if (what & INSPECT_ENV)
		write_strings(&w, "environment", a->env);
	if (what & INSPECT_LABELS)
		write_strings(&w, "labels", a->labels);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (what & parts[i].bit && a->text[i] && *a->text[i])
			jw_str(&w, parts[i].key, a->text[i]);
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

static void print_text(const struct attributes *a, unsigned what, struct buf *out)
{
	if (what & INSPECT_LABELS)
		json_members(a->labels, print_label, out);
	if (what & INSPECT_ENV)
		json_members(a->env, print_env, out);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (what & parts[i].bit && a->text[i])
			add_line(out, a->text[i]);
}

/* The recipe is an object of its own in a SIF. */
static int deffile_from_sif(struct source_text *s, struct attributes *a, struct err *e)
{
	auto_sif struct sif *sif = NULL;
	const struct sif_object *o;
	size_t i = ARRAY_LEN(parts) - 1;

	if (a->text[i] || s->image->kind != IMAGE_SIF)
		return 0;
	if (sif_read(&sif, s->image->fd, e) != 0)
		return -1;
	o = sif_find(sif, SIF_DEFFILE, NULL);
	if (!o)
		return 0;
	if (sif_object_read(sif, s->image->fd, o, &s->text[i], TEXT_MAX, e) < 0)
		return err_wrap(e, "image %s", s->image->path);
	a->text[i] = buf_str(&s->text[i]);
	return 0;
}

int flow_inspect(const struct inspect_req *r, struct buf *text, struct err *e)
{
	auto_source_text struct source_text s = { 0 };
	struct attributes a = { 0 };
	unsigned what = r->what ? r->what : INSPECT_LABELS;
	int ret;

	if (image_open(&s.image, r->image, e) < 0)
		return -1;
	ret = s.image->inspect.len ? from_object(&s, &a, e) : from_tree(&s, &a, e);
	if (ret == 0 && what & INSPECT_DEFFILE)
		ret = deffile_from_sif(&s, &a, e);
	if (ret < 0)
		return -1;
	if (r->json)
		print_json(&a, what, text);
	else
		print_text(&a, what, text);
	return 0;
}
